"""IPv6 zone ids: used to connect, and not sent (RFC 6874 §4)."""

from __future__ import annotations

import socket

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace import ClientSession
from httptrace.testing import EventRecorder, Peer, response_bytes
from httptrace.testing.certificates import CertificateAuthority

OK = response_bytes(200, b"hello")
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def loopback() -> str:
    """The name of the loopback interface, if ``::1`` can be bound with its zone id."""
    for _index, name in socket.if_nameindex():
        try:
            with socket.socket(socket.AF_INET6) as sock:
                sock.bind(("::1", 0, 0, socket.if_nametoindex(name)))
        except OSError:
            continue
        if name.startswith("lo"):
            return name
    return ""


ZONE = loopback() if socket.has_ipv6 else ""
needs_zone = pytest.mark.skipif(not ZONE, reason="this machine has no ::1 on a loopback interface")


@needs_zone
async def test_direct(scripted: ScriptedFactory, recorder: EventRecorder) -> None:
    """The connection is opened with the zone id, and Host has the address without it."""
    server = await scripted(OK, host="::1")
    async with ClientSession() as session:
        url = f"http://[::1%25{ZONE}]:{server.port}/path"
        async with session.get(url) as response:
            assert await response.read() == b"hello"
    (request,) = server.requests
    assert request.values("Host") == [f"[::1]:{server.port}"]
    assert request.target == "/path"
    assert b"%" not in request.raw
    (connected,) = recorder.of("socket_connect_end")
    assert connected.address.startswith("[::1")


@needs_zone
async def test_tls(scripted: ScriptedFactory, ca: CertificateAuthority) -> None:
    """The server's certificate is verified for the address without the zone id."""
    server = await scripted(OK, host="::1", ssl=ca.issue("::1").server_context())
    async with ClientSession() as session:
        url = f"https://[::1%25{ZONE}]:{server.port}/"
        async with session.get(url, ssl=ca.client_context()) as response:
            assert await response.read() == b"hello"
    assert server.requests[0].values("Host") == [f"[::1]:{server.port}"]


@needs_zone
async def test_redirects(scripted: ScriptedFactory) -> None:
    """A redirect to a relative URL keeps the zone id, which is in no request."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response_bytes(302, b"", ("Location", "/there")))
        await peer.request()
        await peer.send(OK)

    server = await scripted(script, host="::1")
    async with ClientSession() as session:
        async with session.get(f"http://[::1%25{ZONE}]:{server.port}/here") as response:
            assert await response.read() == b"hello"
            assert response.url.path == "/there"
    assert [request.target for request in server.requests] == ["/here", "/there"]
    assert not any(b"%" in request.raw for request in server.requests)


async def test_through_a_proxy(scripted: ScriptedFactory) -> None:
    """The request target and the Host that a proxy gets have no zone id."""
    proxy = await scripted(OK)
    async with ClientSession(proxy=proxy.url) as session:
        for url in ("http://[fe80::1%25eth0]/", "http://[fe80::1%25eth0]:8080/x?y=%25"):
            async with session.get(url) as response:
                assert await response.read() == b"hello"
    assert [(request.target, request.values("Host")) for request in proxy.requests] == [
        ("http://[fe80::1]/", ["[fe80::1]"]),
        ("http://[fe80::1]:8080/x?y=%25", ["[fe80::1]:8080"]),
    ]


async def test_through_a_tunnel(scripted: ScriptedFactory, ca: CertificateAuthority) -> None:
    """CONNECT, and the Host in the tunnel, have no zone id."""

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(ESTABLISHED)
        await peer.start_tls(ca.issue("fe80::1").server_context())
        await peer.request()
        await peer.send(OK)

    proxy = await scripted(script)
    async with ClientSession(proxy=proxy.url) as session:
        url = "https://[fe80::1%25eth0]:8443/"
        async with session.get(url, ssl=ca.client_context()) as response:
            assert await response.read() == b"hello"
    connect, request = proxy.requests
    assert (connect.target, connect.values("Host")) == ("[fe80::1]:8443", ["[fe80::1]:8443"])
    assert request.values("Host") == ["[fe80::1]:8443"]
