"""Connections that must not be shared, and addresses that must not be dialled."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.client.conftest import MakeSession
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace.errors import ClientConnectorError, InvalidUrlClientError
from httptrace.testing import response_bytes
from httptrace.testing.certificates import CertificateAuthority, self_signed
from httptrace.testing.scripted import responding

OK = response_bytes(200, b"ok")


async def get(session: httptrace.ClientSession, url: str, **options: Any) -> int | None:
    """The connection that served the request, or None if TLS failed."""
    try:
        async with session.get(url, **options) as response:
            await response.read()
            return response.timeline.hops[-1].connection_id
    except (httptrace.ClientSSLError, httptrace.ServerFingerprintMismatch):
        return None


async def test_a_connection_without_verification_serves_a_verified_request(
    session: httptrace.ClientSession, scripted: ScriptedFactory, client_ssl: ssl.SSLContext
) -> None:
    """An untrusted server is refused, even if there are idle connections to it."""
    certificate = self_signed("localhost", "127.0.0.1")
    server = await scripted(OK, ssl=certificate.server_context())
    fingerprint = httptrace.Fingerprint(certificate.fingerprint)
    for option in (False, fingerprint):
        assert await get(session, server.url, ssl=option) is not None
        assert await get(session, server.url, ssl=option) is not None
        for verified in (True, client_ssl, httptrace.Fingerprint(b"\0" * 32)):
            assert await get(session, server.url, ssl=verified) is None
    assert len(server.requests) == 4


async def test_a_connection_serves_another_mode_name_context_or_client(
    session: httptrace.ClientSession,
    scripted: ScriptedFactory,
    ca: CertificateAuthority,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """Verification mode, name and context with the client's certificate are parts of the key."""
    server = await scripted(OK, ssl=server_ssl)
    one_client = ca.client_context(ca.issue("client"))
    ways: list[dict[str, Any]] = [
        {"ssl": False},
        {"ssl": client_ssl},
        {"ssl": ca.client_context()},
        {"ssl": one_client},
        {"ssl": client_ssl, "server_hostname": "localhost"},
        {"ssl": False, "server_hostname": "localhost"},
    ]
    first = [await get(session, server.url, **way) for way in ways]
    again = [await get(session, server.url, **way) for way in ways]
    assert None not in first and len(set(first)) == len(ways)
    assert again == first


async def test_a_name_that_was_asked_for_is_not_verified_on_a_reused_connection(
    session: httptrace.ClientSession,
    scripted: ScriptedFactory,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """A connection to the same address is not reused for another server name."""
    server = await scripted(OK, ssl=server_ssl)
    assert await get(session, server.url, ssl=client_ssl) is not None
    options: dict[str, Any] = {"ssl": client_ssl, "server_hostname": "other.test"}
    assert await get(session, server.url, **options) is None


# --- what a program does with address_filter ------------------------------------------------------


def public_only(address: Any) -> bool:
    """The filter that docs/security.md has."""
    if "public_only" not in _documented:
        page = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
        (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
        exec(code, _documented)
    return bool(_documented["public_only"](address))


_documented: dict[str, Any] = {}


class Pointing(httptrace.abc.AbstractResolver):
    """A resolver that has the same addresses for every name."""

    def __init__(self, address: str, family: int) -> None:
        self.address, self.family = address, family

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[Any]:
        return [
            {
                "hostname": host,
                "host": self.address,
                "port": port,
                "family": self.family,
                "proto": 0,
                "flags": 0,
            }
        ]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
async def guarded(make_session: MakeSession) -> AsyncIterator[httptrace.ClientSession]:
    """A session that reaches public addresses only."""
    yield make_session(connector=httptrace.TCPConnector(address_filter=public_only))


INTERNAL = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("0.0.0.0", "255.255.255.255", "224.0.0.1", "[::1]", "[::]", "[fe80::1%25lo]", "[fd00::1]"),
    *(
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:a9fe:a9fe]",
        "[2002:7f00:1::]",
        "[64:ff9b::7f00:1]",
    ),
    *("localhost", "localhost.", "LOCALHOST", "127.0.0.1.", "\u2460\u2461\u2466.0.0.1"),
]


async def test_an_internal_host_is_dialled(guarded: httptrace.ClientSession) -> None:
    """Literals in every notation and addresses of names are filtered before they are dialled."""
    for host in INTERNAL:
        with pytest.raises((ClientConnectorError, InvalidUrlClientError)) as caught:
            await guarded.get(f"http://{host}:9/")
        if not host.endswith("."):  # of which some resolvers know nothing
            assert "not allowed by address_filter" in str(caught.value), host
    assert guarded.connector is not None and guarded.connector.stats().created == 0


OLD = ["127.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "0", "127.0.1", "1"]


@pytest.mark.parametrize("host", OLD)
async def test_an_old_spelling_is_dialled(
    guarded: httptrace.ClientSession, scripted: ScriptedFactory, host: str
) -> None:
    """Old notations of IPv4 addresses are refused, also in a redirect."""
    with pytest.raises(InvalidUrlClientError, match="canonical"):
        await guarded.get(f"http://{host}/")
    server = await scripted(responding(response_bytes(302, b"", ("Location", f"http://{host}/"))))
    async with httptrace.ClientSession() as session:
        with pytest.raises(InvalidUrlClientError, match="canonical"):
            await session.get(server.url)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254"])
async def test_a_name_that_leads_inside_is_dialled(make_session: MakeSession, address: str) -> None:
    """Addresses from DNS are filtered each time, from the cache too: rebinding has no effect."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    resolver = Pointing(address, family)
    connector = httptrace.TCPConnector(resolver=resolver, address_filter=public_only)
    session = make_session(connector=connector)
    for _ in range(2):
        with pytest.raises(ClientConnectorError, match="not allowed by address_filter"):
            await session.get("http://public.test:9/")
    assert connector.stats().created == 0


async def test_a_veto_that_is_no_bool_lets_pass(make_session: MakeSession) -> None:
    """Any result but True and None forbids: a filter with a mistake allows nothing."""
    for verdict in (0, 1, "yes", [], object()):
        connector = httptrace.TCPConnector(address_filter=lambda _to, v=verdict: v)  # type: ignore[misc]
        with pytest.raises(ClientConnectorError, match="not allowed"):
            await make_session(connector=connector).get("http://127.0.0.1:9/")
