"""Proxies that fail: which error, in which phase, told in which words; nothing stays open."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest

import httptrace
from httptrace.errors import (
    ClientConnectorDNSError,
    ClientHttpProxyError,
    ClientProxyConnectionError,
    ConnectionTimeoutError,
    TotalTimeoutError,
)
from httptrace.testing import EventRecorder, Peer, hang, response_bytes
from httptrace.testing.unreachable import refused_port

from .conftest import MakeSession
from .scripts import ESTABLISHED, OK, connecting, socks5

HTTPS = "https://origin.test/"


def sending(*pieces: bytes, reset: bool = False) -> Any:
    """A proxy that reads a request, sends this and leaves."""

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send_pieces(pieces)
        if reset:
            peer.reset()

    return script


# --- reaching the proxy ---------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https", "socks5h"])
@pytest.mark.parametrize("url", ["http://origin.test/", HTTPS])
async def test_a_refused_connection(
    scheme: str, url: str, make_session: MakeSession, recorder: EventRecorder
) -> None:
    """The error is the proxy's: it names the proxy, its address, and why it cannot be reached."""
    with refused_port() as port:
        session = make_session(proxy=f"{scheme}://127.0.0.1:{port}")
        with pytest.raises(ClientProxyConnectionError, match="Connection refused") as caught:
            await session.get(url)
    assert (caught.value.host, caught.value.port) == ("127.0.0.1", port)
    assert f"://127.0.0.1:{port}" in str(caught.value)
    assert recorder.timelines()[0].hops[0].spans_ns[-1][0] == "connect"


async def test_an_unknown_proxy(make_session: MakeSession, recorder: EventRecorder) -> None:
    """A proxy whose name is unknown is a DNS error, as in aiohttp, with the proxy's name."""

    class Nothing(httptrace.AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> Any:
            raise OSError(None, "no such name")

        async def close(self) -> None:
            pass

    session = make_session(
        proxy="http://proxy.test:3128", connector=httptrace.TCPConnector(resolver=Nothing())
    )
    with pytest.raises(ClientConnectorDNSError, match="no address for host proxy"):
        await session.get(HTTPS)
    assert [event.host for event in recorder.of("dns_resolvehost_exception")] == ["proxy.test"]


async def test_a_proxy_that_speaks_no_tls(scripted: Any, make_session: MakeSession) -> None:
    """A plain proxy that is given as https fails in TLS with the proxy."""

    async def garbage(peer: Peer) -> None:
        await peer.receive()
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    proxy = await scripted(garbage)
    with pytest.raises(httptrace.ClientConnectorSSLError) as caught:
        await make_session(proxy=f"https://127.0.0.1:{proxy.port}").get(HTTPS)
    assert caught.value.port == proxy.port


# --- CONNECT --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [302, 400, 403, 404, 407, 500, 502, 503])
async def test_a_refusal(status: int, scripted: Any, make_session: MakeSession) -> None:
    """Any status but 2xx is an error with the proxy's status, reason and headers."""
    answer = response_bytes(status, b"why", ("Proxy-Authenticate", 'Basic realm="p"'))
    proxy = await scripted(answer)
    with pytest.raises(ClientHttpProxyError) as caught:
        await make_session(proxy=proxy.url).get(HTTPS)
    error = caught.value
    assert error.status == status
    assert error.message == answer.split(b"\r\n")[0].decode().split(" ", 2)[2]
    assert error.headers is not None
    assert error.headers["proxy-authenticate"] == 'Basic realm="p"'
    assert (str(error.request_info.url), error.request_info.method) == (proxy.url, "CONNECT")
    assert str(status) in str(error)
    assert proxy.url in str(error)
    await proxy.no_connections()


@pytest.mark.parametrize(
    "answer",
    [
        ESTABLISHED,
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + ESTABLISHED,
        b"HTTP/1.1 200\r\n\r\n",
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
async def test_every_success_is_one(
    answer: bytes,
    size: int,
    scripted: Any,
    make_session: MakeSession,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """Any 2xx opens a tunnel; its lengths are ignored (RFC 9110 §9.3.6); 1xx are ignored."""

    async def slowly(peer: Peer) -> None:
        await peer.read_head()
        await peer.send_slowly(answer, size=size)
        await peer.start_tls(server_ssl)
        await peer.request()
        await peer.send(OK)

    proxy = await scripted(slowly)
    session = make_session(proxy=proxy.url)
    async with session.get("https://localhost/", ssl=client_ssl) as response:
        assert await response.text() == "hello"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"", "closed the connection instead of answering CONNECT"),
        (b"HTTP/1.1 200 OK\r\n", "closed the connection instead of answering CONNECT"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "not HTTP"),
        (b"HTTP/9.9 abc\r\n\r\n", "not HTTP"),
        (ESTABLISHED + b"x", "more than its answer"),
        (b"HTTP/1.1 102 Processing\r\n\r\n" * 40, "status 1xx"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * (1 << 17), "bytes of head"),
        (b"\r\n" * (1 << 16), "bytes of head"),
        (b"HTTP/1.1 200 OK\n X: a\n\n", "white space before the first field"),
        (b"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", "not HTTP"),
    ],
)
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
async def test_a_broken_answer(
    answer: bytes,
    text: str,
    secure: bool,
    scripted: Any,
    make_session: MakeSession,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """The error of a malformed response to CONNECT says what is wrong with it."""
    proxy = await scripted(sending(answer), ssl=server_ssl if secure else None)
    with pytest.raises(ClientProxyConnectionError, match=text):
        await make_session(proxy=proxy.url).get(HTTPS, ssl=client_ssl)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.0 200 Connection established\n\n",
        b"HTTP/1.1 200 OK\r\nVia: a\r\n b\r\n\r\n",
        b"HTTP/1.1 102 Processing\n\nHTTP/1.1 200 OK\nVia: a\n b\n\n",
    ],
    ids=["LF", "folded", "1xx"],
)
@pytest.mark.parametrize("in_pieces", [False, True])
async def test_a_lenient_head(
    head: bytes,
    in_pieces: bool,
    scripted: Any,
    make_session: MakeSession,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """LF alone and folded lines are accepted in the answer to CONNECT too (RFC 9112 §2.2, §5.2)."""

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send_pieces([bytes([byte]) for byte in head] if in_pieces else [head])
        await peer.start_tls(server_ssl)
        await peer.request()
        await peer.send(OK)

    proxy = await scripted(script)
    session = make_session(proxy=proxy.url)
    async with session.get("https://localhost/", ssl=client_ssl) as response:
        assert await response.text() == "hello"


async def test_a_reset(scripted: Any, make_session: MakeSession) -> None:
    """The error of a connection that is reset after CONNECT says so."""
    proxy = await scripted(sending(b"HTTP/1.1", reset=True))
    with pytest.raises(ClientProxyConnectionError, match="reset by peer while asking"):
        await make_session(proxy=proxy.url).get(HTTPS)


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
async def test_an_origin_without_tls_behind_a_tunnel(
    secure: bool,
    scripted: Any,
    make_session: MakeSession,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
    recorder: EventRecorder,
) -> None:
    """TLS that fails inside the tunnel is the origin's error, and closes its spans."""

    async def plain(peer: Peer) -> None:
        await peer.receive()
        await peer.send(b"this is no TLS at all, not in the least\r\n\r\n")

    origin = await scripted(plain)
    proxy = await scripted(connecting(), ssl=server_ssl if secure else None)
    with pytest.raises(httptrace.ClientConnectorSSLError) as caught:
        await make_session(proxy=proxy.url).get(f"https://127.0.0.1:{origin.port}/", ssl=client_ssl)
    assert caught.value.port == origin.port
    assert recorder.names()[-4:-2] == ["tls_handshake_exception", "connection_create_exception"]


async def test_an_origin_that_closes_behind_a_tunnel(
    scripted: Any, make_session: MakeSession, client_ssl: ssl.SSLContext, server_ssl: Any
) -> None:
    """The error of a tunnel that ends in the handshake says so, on a plain and a TLS proxy."""

    async def closing(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(ESTABLISHED)

    for context in (None, server_ssl):
        proxy = await scripted(closing, ssl=context)
        with pytest.raises(httptrace.ClientConnectorError, match="handshake") as caught:
            await make_session(proxy=proxy.url).get(HTTPS, ssl=client_ssl)
        assert caught.value.host == "origin.test"


# --- SOCKS ----------------------------------------------------------------------------------------


async def test_a_socks_refusal(
    scripted: Any, make_session: MakeSession, recorder: EventRecorder
) -> None:
    """The error of a SOCKS proxy that refuses has the proxy, the destination and the reason."""

    async def refusing(peer: Peer) -> None:
        await peer.read(3)
        await peer.send(b"\x05\x00")
        await peer.read(18)
        await peer.send(b"\x05\x02\x00\x01" + bytes(6))

    proxy = await scripted(refusing)
    session = make_session(proxy=f"socks5h://127.0.0.1:{proxy.port}")
    with pytest.raises(ClientProxyConnectionError) as caught:
        await session.get(HTTPS)
    text = str(caught.value)
    assert f"proxy socks5h://127.0.0.1:{proxy.port}" in text
    assert "connection to origin.test:443 failed: its rules do not allow" in text
    (event,) = recorder.of("proxy_connect_exception")
    assert (event.status, event.exception) == (2, caught.value)


async def test_the_next_address_is_tried(
    scripted: Any, make_session: MakeSession, recorder: EventRecorder
) -> None:
    """If the proxy cannot reach one address of a name, it is asked for the next one."""

    class Two(httptrace.AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> Any:
            found = {"hostname": host, "port": port, "family": 2, "proto": 0, "flags": 0}
            return [{**found, "host": "192.0.2.1"}, {**found, "host": "127.0.0.1"}]

        async def close(self) -> None:
            pass

    async def refusing(peer: Peer) -> None:
        await peer.read(3)
        await peer.send(b"\x05\x00")
        await peer.read(10)
        await peer.send(b"\x05\x04\x00\x01" + bytes(6))

    origin, proxy = await scripted(OK), await scripted(refusing, socks5)
    session = make_session(
        proxy=f"socks5://127.0.0.1:{proxy.port}",
        connector=httptrace.TCPConnector(resolver=Two(), happy_eyeballs_delay=None),
    )
    async with session.get(f"http://two.test:{origin.port}/") as response:
        assert response.status == 200
    asked = [event.destination for event in recorder.of("proxy_connect_start")]
    assert asked == [f"192.0.2.1:{origin.port}", f"127.0.0.1:{origin.port}"]


@pytest.mark.parametrize("answer", [b"", b"\x05", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_no_socks_at_all(answer: bytes, scripted: Any, make_session: MakeSession) -> None:
    """A server that closes or speaks another protocol is detected."""

    async def script(peer: Peer) -> None:
        await peer.read(3)
        await peer.send(answer)

    proxy = await scripted(script)
    session = make_session(proxy=f"socks5h://127.0.0.1:{proxy.port}")
    with pytest.raises(ClientProxyConnectionError, match=r"SOCKS"):
        await session.get(HTTPS)


# --- time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
async def test_a_silent_proxy(
    scheme: str, scripted: Any, make_session: MakeSession, recorder: EventRecorder
) -> None:
    """A tunnel counts towards sock_connect; the error has limit, phase and time."""
    proxy = await scripted(hang)
    timeout = httptrace.ClientTimeout(sock_connect=0.05)
    session = make_session(proxy=f"{scheme}://127.0.0.1:{proxy.port}", timeout=timeout)
    with pytest.raises(ConnectionTimeoutError) as caught:
        await session.get(HTTPS)
    error = caught.value
    assert (error.timeout, error.phase, error.limit) == ("sock_connect", "connect", 0.05)
    assert error.elapsed is not None
    assert error.elapsed > 0.04
    assert recorder.of("proxy_connect_exception")[0].exception is error


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
async def test_a_silent_origin_in_the_handshake(
    secure: bool,
    scripted: Any,
    make_session: MakeSession,
    recorder: EventRecorder,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """ClientTimeout.tls ends the handshake in a tunnel, in TLS and without."""
    origin = await scripted(hang)
    proxy = await scripted(connecting(), ssl=server_ssl if secure else None)
    timeout = httptrace.ClientTimeout(sock_connect=5, tls=0.2)
    session = make_session(proxy=proxy.url, timeout=timeout)
    with pytest.raises(ConnectionTimeoutError) as caught:
        await session.get(f"https://127.0.0.1:{origin.port}/", ssl=client_ssl)
    assert (caught.value.timeout, caught.value.phase) == ("tls", "tls")
    assert recorder.of("tls_handshake_exception")[-1].exception is caught.value


async def test_total_while_a_tunnel_is_made(
    scripted: Any, make_session: MakeSession, recorder: EventRecorder
) -> None:
    """The total timeout applies while the tunnel is opened."""
    proxy = await scripted(hang)
    session = make_session(proxy=proxy.url, timeout=0.05)
    with pytest.raises(TotalTimeoutError):
        await session.get(HTTPS)
    await proxy.no_connections()


@pytest.mark.parametrize("scheme", ["http", "https", "socks5h"])
async def test_cancelled_while_a_tunnel_is_made(
    scheme: str,
    scripted: Any,
    make_session: MakeSession,
    recorder: EventRecorder,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """Cancelling closes the connection to the proxy and all spans."""

    async def script(peer: Peer) -> None:
        await peer.receive()
        peer.events["asked"].set()
        await peer.hang()

    proxy = await scripted(script, ssl=server_ssl if scheme == "https" else None)
    session = make_session(proxy=f"{scheme}://127.0.0.1:{proxy.port}")
    request = asyncio.ensure_future(session.get(HTTPS, ssl=client_ssl))
    await proxy.events["asked"].wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert isinstance(recorder.of("proxy_connect_exception")[0].exception, asyncio.CancelledError)
    await proxy.no_connections()


async def test_a_listener_that_raises(
    scripted: Any, make_session: MakeSession, client_ssl: ssl.SSLContext
) -> None:
    """A callback that raises while the tunnel is opened fails its request and leaves nothing."""
    proxy = await scripted(connecting())
    for signal in ("on_proxy_connect_start", "on_proxy_connect_end"):

        async def fail(*_: object) -> None:
            raise RuntimeError("no")

        config = httptrace.TraceConfig()
        getattr(config, signal).append(fail)
        session = make_session(proxy=proxy.url, trace_configs=[config])
        with pytest.raises(RuntimeError, match="no"):
            await session.get(f"https://127.0.0.1:{proxy.port}/", ssl=client_ssl)
    await proxy.no_connections()


async def test_a_connection_of_a_proxy_that_died(
    scripted: Any, make_session: MakeSession, recorder: EventRecorder
) -> None:
    """An idle connection that the proxy has closed is replaced, as with any server."""

    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()

    proxy = await scripted(once, OK)
    session = make_session(proxy=proxy.url)
    for _ in range(2):
        async with session.get("http://origin.test/") as response:
            assert await response.text() == "hello"
    assert [request.target for request in proxy.requests] == ["http://origin.test/"] * 3
