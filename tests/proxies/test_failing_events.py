"""Exact events of requests that a proxy fails, or that end while a tunnel is opened."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest
from tests.net.recording import Gated
from tests.trace.sequences import (
    CLOSED,
    DNS,
    FAILED,
    FINISH,
    HEAD,
    REUSED,
    SENT,
    SOCKET,
    START,
    TLS,
    together,
)

import httptrace
from httptrace import ClientTimeout
from httptrace.testing import EventRecorder, Peer, hang, refused_port, response_bytes

from .conftest import MakeSession
from .scripts import connecting, socks5

HTTPS = "https://origin.test/"
SHORT = 0.08
CREATE = ["connection_create_start"]
CREATED = ["connection_create_end", "connection_acquired"]
CREATE_FAILED = ["connection_create_exception", *FAILED]
SOCKET_FAILED = ["socket_connect_start", "socket_connect_exception"]
TUNNEL = ["proxy_connect_start", "proxy_connect_end"]
TUNNEL_FAILED = ["proxy_connect_start", "proxy_connect_exception"]
TLS_FAILED = ["tls_handshake_start", "tls_handshake_exception"]


async def refused_connect(peer: Peer) -> None:
    await peer.read_head()
    await peer.send(response_bytes(403, b"no"))


async def cut_connect(peer: Peer) -> None:
    await peer.read_head()
    await peer.send(b"HTTP/1.1 200 Conn")


async def refused_socks(peer: Peer) -> None:
    await peer.read(3)
    await peer.send(b"\x05\x00")
    await peer.read(18)
    await peer.send(b"\x05\x02\x00\x01" + bytes(6))


async def refused_socks4(peer: Peer) -> None:
    await peer.read_until(b"origin.test\x00")
    await peer.send(b"\x00\x5b" + bytes(6))


async def no_login(peer: Peer) -> None:
    await peer.read(3)
    await peer.send(b"\x05\xff")


def told(recorder: EventRecorder) -> tuple[str, str | None, int | None]:
    """Phase and limit of the failure, and the connection that it had."""
    event = recorder.of("request_exception")[0]
    return event.phase, event.timeout, event.connection_id


@pytest.mark.parametrize("scheme", ["http", "https", "socks4a", "socks5h"])
@pytest.mark.parametrize("url", ["http://origin.test/", HTTPS])
async def test_nobody_there(
    make_session: MakeSession, recorder: EventRecorder, scheme: str, url: str
) -> None:
    """A proxy that refuses the connection: the tunnel was not started."""
    with refused_port() as port, pytest.raises(httptrace.ClientProxyConnectionError):
        await make_session(proxy=f"{scheme}://127.0.0.1:{port}").get(url)
    assert recorder.names() == [*START, *CREATE, *SOCKET_FAILED, *CREATE_FAILED]
    assert recorder.of("socket_connect_start")[0].address == f"127.0.0.1:{port}"
    assert told(recorder) == ("connect", None, None)


@pytest.mark.parametrize(
    ("scheme", "script", "status"),
    [
        ("http", refused_connect, 403),
        ("http", cut_connect, None),
        ("socks5h", refused_socks, 2),
        ("socks4a", refused_socks4, 0x5B),
        ("socks5h", no_login, None),
    ],
)
async def test_refusing(
    scripted: Any,
    make_session: MakeSession,
    recorder: EventRecorder,
    scheme: str,
    script: Any,
    status: int | None,
) -> None:
    """A proxy that opens no tunnel: its status is reported, and open spans end with the error."""
    proxy = await scripted(script)
    session = make_session(proxy=f"{scheme}://127.0.0.1:{proxy.port}")
    with pytest.raises(httptrace.ClientError) as caught:
        await session.get(HTTPS)
    assert recorder.names() == [*START, *CREATE, *SOCKET, *TUNNEL_FAILED, *CREATE_FAILED]
    (event,) = recorder.of("proxy_connect_exception")
    assert (event.status, event.exception) == (status, caught.value)
    assert (str(event.proxy), event.destination) == (
        f"{scheme}://127.0.0.1:{proxy.port}",
        "origin.test:443",
    )
    assert told(recorder) == ("connect", None, None)
    await proxy.no_connections()


@pytest.mark.parametrize("scheme", ["http", "socks4a", "socks5h"])
@pytest.mark.parametrize("limit", ["total", "connect", "sock_connect", "cancelled"])
async def test_silent(
    scripted: Any, make_session: MakeSession, recorder: EventRecorder, scheme: str, limit: str
) -> None:
    """A proxy that does not respond: whichever limit expires, tunnel and connection end."""
    proxy = await scripted(hang)
    timeout = ClientTimeout(**{} if limit == "cancelled" else {limit: SHORT})
    session = make_session(proxy=f"{scheme}://127.0.0.1:{proxy.port}", timeout=timeout)
    task = asyncio.ensure_future(session.get(HTTPS))
    if limit == "cancelled":
        async with asyncio.timeout(5):
            while not recorder.of("proxy_connect_start"):
                await asyncio.sleep(0)
        task.cancel()
    with pytest.raises(asyncio.CancelledError if limit == "cancelled" else TimeoutError):
        await task
    assert recorder.names() == [*START, *CREATE, *SOCKET, *TUNNEL_FAILED, *CREATE_FAILED]
    assert recorder.of("proxy_connect_exception")[0].status is None
    assert told(recorder) == ("connect", None if limit == "cancelled" else limit, None)
    await proxy.no_connections()


async def test_a_proxy_without_tls(
    scripted: Any, make_session: MakeSession, recorder: EventRecorder, client_ssl: ssl.SSLContext
) -> None:
    """TLS with the proxy fails: no tunnel was requested."""

    async def plain(peer: Peer) -> None:
        await peer.receive()
        await peer.send(response_bytes(400))

    proxy = await scripted(plain)
    with pytest.raises(httptrace.ClientError):
        await make_session(proxy=f"https://127.0.0.1:{proxy.port}").get(HTTPS, ssl=client_ssl)
    assert recorder.names() == [*START, *CREATE, *SOCKET, *TLS_FAILED, *CREATE_FAILED]
    assert told(recorder) == ("tls", None, None)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_an_origin_without_tls(
    scripted: Any,
    make_session: MakeSession,
    recorder: EventRecorder,
    client_ssl: ssl.SSLContext,
    scheme: str,
) -> None:
    """TLS with the origin fails: the tunnel was open."""

    async def plain(peer: Peer) -> None:
        await peer.receive()
        await peer.send(response_bytes(400))

    origin = await scripted(plain)
    proxy = await scripted(connecting() if scheme == "http" else socks5)
    session = make_session(proxy=f"{scheme}://127.0.0.1:{proxy.port}")
    with pytest.raises(httptrace.ClientError):
        await session.get(f"https://127.0.0.1:{origin.port}/", ssl=client_ssl)
    assert recorder.names() == [*START, *CREATE, *SOCKET, *TUNNEL, *TLS_FAILED, *CREATE_FAILED]
    assert told(recorder) == ("tls", None, None)


@pytest.mark.parametrize("limit", ["dns", "total"])
async def test_the_proxys_name(
    make_session: MakeSession, recorder: EventRecorder, limit: str
) -> None:
    """A proxy whose name is not found in time: the look-up is the proxy's."""
    session = make_session(
        proxy="http://proxy.test:3128",
        connector=httptrace.TCPConnector(resolver=Gated("127.0.0.1")),
        timeout=ClientTimeout(**{limit: SHORT}),
    )
    with pytest.raises(TimeoutError):
        await session.get(HTTPS)
    assert recorder.names() == [
        *START, *CREATE, *DNS[:2], "dns_resolvehost_exception", *CREATE_FAILED
    ]  # fmt: skip
    assert recorder.of("dns_resolvehost_start")[0].host == "proxy.test"
    assert told(recorder) == ("dns", limit, None)


async def test_a_tunnel_that_ends_before_the_answer(
    scripted: Any,
    make_session: MakeSession,
    recorder: EventRecorder,
    client_ssl: ssl.SSLContext,
    server_ssl: ssl.SSLContext,
) -> None:
    """An origin that leaves behind a tunnel: the connection is closed; once it was used before, the
    request goes out by another tunnel."""

    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.send(response_bytes(200, b"hello"))
        await peer.request()

    async def never(peer: Peer) -> None:
        await peer.request()

    origin, proxy = await scripted(once, never, ssl=server_ssl), await scripted(connecting())
    session = make_session(proxy=proxy.url)
    async with session.get(origin.url, ssl=client_ssl) as response:
        assert await response.text() == "hello"
    recorder.clear()
    with pytest.raises(httptrace.ServerDisconnectedError):
        await session.get(origin.url, ssl=client_ssl)
    dial = [*CREATE, *SOCKET, *TUNNEL, *TLS, *CREATED]
    assert recorder.names() == [
        *[*START, *REUSED, *SENT, *CLOSED, "request_retry"],
        *[*dial, *SENT, *CLOSED, *FAILED],
    ]
    retry = recorder.of("request_retry")[0]
    assert (retry.attempt, retry.reason) == (1, "stale connection")


async def test_an_answer_of_the_proxy_itself(
    scripted: Any, make_session: MakeSession, recorder: EventRecorder
) -> None:
    """For http a proxy's error is a response; if its body is truncated, the request fails once."""
    cut = response_bytes(502, b"no gateway")[:-3]

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(cut)

    proxy = await scripted(script)
    with pytest.raises(httptrace.ClientPayloadError):
        async with make_session(proxy=proxy.url).get("http://origin.test/") as response:
            assert response.status == 502
            await response.read()
    assert together(recorder.names()) == [
        *[*START, *CREATE, *SOCKET, *CREATED, *SENT, *HEAD, "request_end"],
        *["response_chunk_received", *CLOSED, *FINISH],
    ]
    assert recorder.of("request_finish")[0].outcome == "failed"
