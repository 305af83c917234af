"""Plain HTTP to a port where the server speaks TLS: the error suggests https."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace import (
    ClientOSError,
    ClientResponseError,
    ClientSession,
    ServerDisconnectedError,
    TCPConnector,
    UnixConnector,
)
from httptrace.testing import Peer, response_bytes
from httptrace.testing.certificates import CertificateAuthority

OK = response_bytes(200, b"hello")
ALERT = b"\x15\x03\x01\x00\x02\x02\x46"
"""A fatal alert, protocol_version: OpenSSL sends none to a client that speaks HTTP."""


async def pieces() -> Any:
    """A body of unknown size."""
    yield b"in "
    yield b"pieces"


def notes(exc: BaseException) -> str:
    """The notes of an error, which a traceback shows below its text (PEP 678)."""
    return "\n".join(getattr(exc, "__notes__", ()))


@pytest.mark.parametrize("data", [None, b"small", b"x" * (1 << 21), pieces])
async def test_a_server_that_closes(
    scripted: ScriptedFactory, ca: CertificateAuthority, data: Any
) -> None:
    """OpenSSL closes without an alert: the error has a note that suggests https."""
    server = await scripted(OK, ssl=ca.issue().server_context())
    async with ClientSession() as session:
        with pytest.raises((ServerDisconnectedError, ClientOSError)) as caught:
            body = data() if callable(data) else data
            await session.request(
                "POST" if data else "GET", f"http://127.0.0.1:{server.port}/", data=body
            )
    assert "the URL must begin with https://" in notes(caught.value)


@pytest.mark.parametrize("data", [None, b"small", pieces])
async def test_a_server_that_sends_an_alert(scripted: ScriptedFactory, data: Any) -> None:
    """An alert is certain: the text of the error says that the server speaks TLS."""

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(ALERT)
        await peer.until_closed()

    server = await scripted(script)
    async with ClientSession() as session:
        with pytest.raises(ClientResponseError, match="speaks TLS on this port: use https://"):
            body = data() if callable(data) else data
            await session.request("POST" if data else "GET", server.url, data=body)


@pytest.mark.parametrize("way", ["tls", "unix", "part", "reused"])
async def test_other_ends(
    scripted: ScriptedFactory, ca: CertificateAuthority, tmp_path: Path, way: str
) -> None:
    """There is no such note with TLS, after an HTTP response, or without a port."""

    async def script(peer: Peer) -> None:
        await peer.request()
        if way == "reused":
            await peer.send(OK)
            await peer.request()
        elif way == "part":
            await peer.send(OK[:10])
        peer.close()

    path = str(tmp_path / "socket") if way == "unix" else None
    server = await scripted(
        script, ssl=ca.issue().server_context() if way == "tls" else None, unix_path=path
    )
    connector = UnixConnector(path) if path else TCPConnector(ssl=ca.client_context())
    async with ClientSession(connector=connector) as session:
        if way == "reused":
            await (await session.get(server.url)).read()
        with pytest.raises(ServerDisconnectedError) as caught:
            await session.post(server.url, data=b"not repeated")
    assert len(server.connections) == 1
    assert notes(caught.value) == ""
