"""Exact events of opening a connection: DNS, several addresses, TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

import pytest
from tests.net.recording import Fixed, Gated

import httptrace
from httptrace.testing import EventRecorder, blackhole, refused_port, response_bytes

from .conftest import MakeSession
from .sequences import ANSWERED, DNS, FAILED, FRESH, REUSED, SENT, SOCKET, START, TLS
from .test_exchanges import HELLO, fetch

CREATE_START = ["connection_create_start"]
CREATE_END = ["connection_create_end", "connection_acquired"]
CREATE_FAILED = ["connection_create_exception", *FAILED]
SOCKET_START = "socket_connect_start"
SOCKET_END = "socket_connect_end"
SOCKET_FAILED = "socket_connect_exception"


def url_of(server: Any, host: str = "test.example", scheme: str = "http") -> str:
    return f"{scheme}://{host}:{server.port}/"


# --- DNS -----------------------------------------------------------------------------------------


async def test_cache_miss_and_hit(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """The first connection looks the host up, the second one uses the cache, with its age."""
    server = await scripted(HELLO)
    connector = httptrace.TCPConnector(resolver=Fixed("127.0.0.1"), force_close=True)
    session = make_session(connector=connector)
    for _ in range(2):
        await fetch(session, "GET", url_of(server))
    first, second = recorder.requests
    length = len([*START, *CREATE_START, *DNS, *SOCKET, *CREATE_END])
    assert recorder.names(first)[:length] == [
        *START, *CREATE_START, *DNS, *SOCKET, *CREATE_END
    ]  # fmt: skip
    assert recorder.names(second)[: length - 2] == [
        *START, *CREATE_START, "dns_cache_hit", *SOCKET, *CREATE_END
    ]  # fmt: skip
    (end,) = recorder.of("dns_resolvehost_end")
    assert (end.host, end.coalesced, list(end.addresses)) == ("test.example", False, ["127.0.0.1"])
    (hit,) = recorder.of("dns_cache_hit")
    assert (hit.host, list(hit.addresses)) == ("test.example", ["127.0.0.1"])
    assert 0 < hit.age < 10
    phases = [timeline.hops[0].phases_ns for timeline in recorder.timelines()]
    assert "dns" in phases[0] and "dns" not in phases[1]


async def test_without_cache(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A connector without a cache looks up each time and has no cache events."""
    server = await scripted(HELLO)
    resolver = Fixed("127.0.0.1")
    connector = httptrace.TCPConnector(resolver=resolver, use_dns_cache=False, force_close=True)
    session = make_session(connector=connector)
    for _ in range(2):
        await fetch(session, "GET", url_of(server))
    for request_id in recorder.requests:
        names = [name for name in recorder.names(request_id) if name.startswith("dns")]
        assert names == ["dns_resolvehost_start", "dns_resolvehost_end"]
    assert resolver.calls == 2


async def test_coalesced(make_session: MakeSession, scripted: Any, recorder: EventRecorder) -> None:
    """Concurrent requests join the look-up: each has its own span, and there is one look-up."""
    server = await scripted(HELLO)
    resolver = Gated("127.0.0.1")
    session = make_session(connector=httptrace.TCPConnector(resolver=resolver))
    tasks = [asyncio.create_task(fetch(session, "GET", url_of(server))) for _ in range(3)]
    async with asyncio.timeout(5):
        while len(recorder.of("dns_resolvehost_start")) < 3:
            await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.sleep(0)
    resolver.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [b"hello", b"hello"]
    assert resolver.calls == 1
    assert [e.coalesced for e in recorder.of("dns_resolvehost_start")] == [False, True, True]
    first, second, third = recorder.requests
    assert recorder.names(first) == [
        *START, *CREATE_START, *DNS[:2], "dns_resolvehost_exception", *CREATE_FAILED
    ]  # fmt: skip
    miss = recorder.names(second)
    assert [name for name in miss if name.startswith("dns")] == DNS
    for request_id in (second, third):
        begun = [*START, *CREATE_START, *DNS, *SOCKET, *CREATE_END, *SENT, *ANSWERED]
        assert recorder.names(request_id) == begun


async def test_dns_failed(make_session: MakeSession, recorder: EventRecorder) -> None:
    """Without an address the look-up, the connection and the request fail, in this order."""
    resolver = Gated(error=socket.gaierror(socket.EAI_NONAME, "not known"))
    resolver.gate.set()
    session = make_session(connector=httptrace.TCPConnector(resolver=resolver))
    with pytest.raises(httptrace.ClientConnectorDNSError) as caught:
        await fetch(session, "GET", "http://nowhere.example/")
    assert recorder.names() == [
        *START, *CREATE_START, *DNS[:2], "dns_resolvehost_exception", *CREATE_FAILED
    ]  # fmt: skip
    for name in ("dns_resolvehost_exception", "connection_create_exception", "request_exception"):
        assert recorder.of(name)[0].exception is caught.value
    assert recorder.of("request_exception")[0].phase == "dns"


# --- addresses -----------------------------------------------------------------------------------


async def test_refused(session: httptrace.ClientSession, recorder: EventRecorder) -> None:
    """Connection refused: the socket, the connection and the request fail."""
    with refused_port() as port, pytest.raises(httptrace.ClientConnectorError):
        await fetch(session, "GET", f"http://127.0.0.1:{port}/")
    assert recorder.names() == [
        *START, *CREATE_START, SOCKET_START, SOCKET_FAILED, *CREATE_FAILED
    ]  # fmt: skip
    (event,) = recorder.of(SOCKET_FAILED)
    assert (event.address, event.lost) == (f"127.0.0.1:{port}", False)
    assert isinstance(event.exception, ConnectionRefusedError)
    exception = recorder.of("request_exception")[0]
    assert (exception.phase, exception.timeout) == ("connect", None)


async def test_one_dead_address(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """If a silent address loses against the next one, both spans end."""
    server = await scripted(HELLO)
    with blackhole("127.0.0.2", server.port):
        connector = httptrace.TCPConnector(
            resolver=Fixed("127.0.0.2", "127.0.0.1"), happy_eyeballs_delay=0.01
        )
        session = make_session(connector=connector)
        await fetch(session, "GET", url_of(server))
    race = [SOCKET_START, SOCKET_START, SOCKET_END, SOCKET_FAILED]
    assert recorder.names() == [
        *START, *CREATE_START, *DNS, *race, *CREATE_END, *SENT, *ANSWERED
    ]  # fmt: skip
    starts = [event.address for event in recorder.of(SOCKET_START)]
    assert starts == [f"127.0.0.2:{server.port}", f"127.0.0.1:{server.port}"]
    assert recorder.of(SOCKET_END)[0].address == f"127.0.0.1:{server.port}"
    (lost,) = recorder.of(SOCKET_FAILED)
    assert (lost.address, lost.lost) == (f"127.0.0.2:{server.port}", True)
    spans = [span for span in recorder.spans() if span.kind == "socket"]
    assert {span.parent.kind for span in spans if span.parent} == {"connection"}
    assert [span.outcome for span in spans] == ["exception", "end"]
    (hop,) = recorder.timelines()[0].hops
    assert [address for address, _why in hop.addresses_failed] == [f"127.0.0.2:{server.port}"]


async def test_one_refused_address(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """After an address that refuses, the next one is tried at once."""
    server = await scripted(HELLO)
    connector = httptrace.TCPConnector(
        resolver=Fixed("127.0.0.2", "127.0.0.1"), happy_eyeballs_delay=60
    )
    session = make_session(connector=connector)
    await fetch(session, "GET", url_of(server))
    tried = [SOCKET_START, SOCKET_FAILED, SOCKET_START, SOCKET_END]
    assert recorder.names() == [
        *START, *CREATE_START, *DNS, *tried, *CREATE_END, *SENT, *ANSWERED
    ]  # fmt: skip
    assert recorder.of(SOCKET_FAILED)[0].lost is False


@pytest.mark.parametrize("delay", [0.25, None])
async def test_all_addresses_refused(
    make_session: MakeSession, recorder: EventRecorder, delay: float | None
) -> None:
    """If every address refuses, the error names each."""
    connector = httptrace.TCPConnector(
        resolver=Fixed("127.0.0.1", "127.0.0.2"), happy_eyeballs_delay=delay
    )
    session = make_session(connector=connector)
    with refused_port() as port, pytest.raises(httptrace.ClientConnectorError) as caught:
        await fetch(session, "GET", f"http://test.example:{port}/")
    tried = [SOCKET_START, SOCKET_FAILED] * 2
    assert recorder.names() == [*START, *CREATE_START, *DNS, *tried, *CREATE_FAILED]
    assert f"127.0.0.1:{port}" in str(caught.value) and f"127.0.0.2:{port}" in str(caught.value)


async def test_all_addresses_dead(make_session: MakeSession, recorder: EventRecorder) -> None:
    """If no address responds, all end with the timeout, each with its error."""
    with blackhole("127.0.0.1") as port, blackhole("127.0.0.2", port):
        connector = httptrace.TCPConnector(
            resolver=Fixed("127.0.0.1", "127.0.0.2"), happy_eyeballs_delay=0.01
        )
        session = make_session(connector=connector)
        with pytest.raises(httptrace.ConnectionTimeoutError):
            await fetch(
                session,
                "GET",
                f"http://test.example:{port}/",
                timeout=httptrace.ClientTimeout(sock_connect=0.1),
            )
    tried = [SOCKET_START] * 2 + [SOCKET_FAILED] * 2
    assert recorder.names() == [*START, *CREATE_START, *DNS, *tried, *CREATE_FAILED]
    for event in recorder.of(SOCKET_FAILED):
        assert isinstance(event.exception, httptrace.ConnectionTimeoutError)
        assert event.lost is False


# --- TLS -----------------------------------------------------------------------------------------


async def test_tls(
    make_session: MakeSession,
    scripted: Any,
    recorder: EventRecorder,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """A handshake is between the socket and the connection, with what was negotiated."""
    server = await scripted(HELLO, ssl=server_ssl)
    connector = httptrace.TCPConnector(resolver=Fixed("127.0.0.1"), ssl=client_ssl)
    session = make_session(connector=connector)
    url = url_of(server, "localhost", "https")
    for _ in range(2):
        await fetch(session, "GET", url)
    first, second = recorder.requests
    assert recorder.names(first) == [
        *START, *CREATE_START, *DNS, *SOCKET, *TLS, *CREATE_END, *SENT, *ANSWERED
    ]  # fmt: skip
    assert recorder.names(second) == [*START, *REUSED, *SENT, *ANSWERED]
    assert recorder.of("tls_handshake_start")[0].server_hostname == "localhost"
    (end,) = recorder.of("tls_handshake_end")
    assert (end.version, end.session_reused) == ("TLSv1.3", False)
    assert end.cipher.startswith("TLS_")
    assert end.peer_expiry is not None
    hops = [timeline.hops[0] for timeline in recorder.timelines()]
    assert "tls" in hops[0].phases_ns and "tls" not in hops[1].phases_ns
    assert hops[0].tls is not None and hops[0].tls == hops[1].tls


async def test_tls_refused(
    make_session: MakeSession,
    scripted: Any,
    recorder: EventRecorder,
    server_ssl: ssl.SSLContext,
) -> None:
    """An untrusted certificate: the handshake, the connection and the request fail."""
    server = await scripted(HELLO, ssl=server_ssl)
    session = make_session(connector=httptrace.TCPConnector(resolver=Fixed("127.0.0.1")))
    with pytest.raises(httptrace.ClientConnectorCertificateError) as caught:
        await fetch(session, "GET", url_of(server, "localhost", "https"))
    assert recorder.names() == [
        *START,
        *CREATE_START,
        *DNS,
        *SOCKET,
        "tls_handshake_start",
        "tls_handshake_exception",
        *CREATE_FAILED,
    ]
    assert recorder.of("tls_handshake_exception")[0].exception is caught.value
    assert recorder.of("request_exception")[0].phase == "tls"
    await server.no_connections()


async def test_tls_to_a_server_without(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A server that responds to a handshake with HTTP: no TLS, no connection."""

    async def plain(peer: Any) -> None:
        await peer.receive()
        await peer.send(response_bytes(400))

    server = await scripted(plain)
    session = make_session()
    with pytest.raises(httptrace.ClientSSLError):
        await fetch(session, "GET", f"https://127.0.0.1:{server.port}/")
    assert recorder.names() == [
        *START,
        *CREATE_START,
        *SOCKET,
        "tls_handshake_start",
        "tls_handshake_exception",
        *CREATE_FAILED,
    ]


async def test_literal_address(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """An address in the URL needs no DNS."""
    server = await scripted(HELLO)
    await fetch(session, "GET", server.url)
    assert recorder.names() == [*START, *FRESH, *SENT, *ANSWERED]
    assert "dns" not in recorder.timelines()[0].hops[0].phases_ns
