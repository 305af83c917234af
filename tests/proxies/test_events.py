"""The exact events of requests through proxies, and their timeline."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from tests.servers.aiohttp_app import AiohttpServer
from tests.trace.sequences import ANSWERED, REUSED, SENT, SOCKET, START, TLS, together

import httptrace
from httptrace.testing import EventRecorder

from .conftest import MakeSession
from .scripts import connecting, socks4a, socks5

CREATE = ["connection_create_start"]
CREATED = ["connection_create_end", "connection_acquired"]
TUNNEL = ["proxy_connect_start", "proxy_connect_end"]


async def fetch(session: httptrace.ClientSession, url: str, **options: Any) -> Any:
    async with session.get(url, **options) as response:
        assert await response.text() == "hello"
    return response


async def test_an_http_url(
    scripted: Any, make_session: MakeSession, recorder: EventRecorder
) -> None:
    """A proxy gets a request for an http URL as a server would; its connection is reused."""
    proxy = await scripted(connecting())
    session = make_session(proxy=proxy.url)
    for _ in range(2):
        response = await fetch(session, "http://origin.test/a?b=c")
    first, second = recorder.requests
    dial = [*CREATE, *SOCKET, *CREATED]
    assert together(recorder.names(first)) == [*START, *dial, *SENT, *ANSWERED]
    assert together(recorder.names(second)) == [*START, *REUSED, *SENT, *ANSWERED]
    assert [request.target for request in proxy.requests] == ["http://origin.test/a?b=c"] * 2
    assert proxy.requests[0].header("Host") == "origin.test"
    (hop,) = response.timeline.hops
    assert hop.to_dict()["proxy"] == proxy.url
    assert f"by proxy {proxy.url}" in str(response.timeline)


async def test_an_https_url(
    scripted: Any,
    make_session: MakeSession,
    recorder: EventRecorder,
    aiohttp_tls_server: AiohttpServer,
    client_ssl: ssl.SSLContext,
) -> None:
    """For https a tunnel comes before TLS, and later requests reuse it."""
    proxy = await scripted(connecting())
    session = make_session(proxy=proxy.url)
    for _ in range(2):
        response = await fetch(session, aiohttp_tls_server.url, ssl=client_ssl)
    first, second = recorder.requests
    dial = [*CREATE, *SOCKET, *TUNNEL, *TLS, *CREATED]
    assert together(recorder.names(first)) == [*START, *dial, *SENT, *ANSWERED]
    assert together(recorder.names(second)) == [*START, *REUSED, *SENT, *ANSWERED]
    (start,), (end,) = recorder.of("proxy_connect_start"), recorder.of("proxy_connect_end")
    destination = f"127.0.0.1:{aiohttp_tls_server.port}"
    assert (str(start.proxy), start.destination) == (proxy.url, destination)
    assert (str(end.proxy), end.destination, end.status) == (proxy.url, destination, 200)
    assert [(r.method, r.target) for r in proxy.requests] == [("CONNECT", destination)]
    assert response.timeline.hops[0].address == f"127.0.0.1:{proxy.port}"


async def test_an_https_proxy(
    scripted: Any,
    make_session: MakeSession,
    recorder: EventRecorder,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """TLS with a proxy is an event of the request; an http URL needs no tunnel."""
    proxy = await scripted(connecting(), ssl=server_ssl)
    session = make_session(proxy=proxy.url)
    await fetch(session, "http://origin.test/", ssl=client_ssl)
    dial = [*CREATE, *SOCKET, *TLS, *CREATED]
    assert together(recorder.names()) == [*START, *dial, *SENT, *ANSWERED]
    assert proxy.requests[0].target == "http://origin.test/"


async def test_tls_in_tls(
    scripted: Any,
    make_session: MakeSession,
    recorder: EventRecorder,
    aiohttp_tls_server: AiohttpServer,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """An https URL through an https proxy has two handshakes, with the tunnel between them."""
    proxy = await scripted(connecting(), ssl=server_ssl)
    session = make_session(proxy=f"https://localhost:{proxy.port}")
    for _ in range(2):
        response = await fetch(session, aiohttp_tls_server.url, ssl=client_ssl)
    first, second = recorder.requests
    names = [name for name in recorder.names(first) if not name.startswith("dns")]
    names = [name for name in names if not name.startswith("socket")]
    dial = [*CREATE, *TLS, *TUNNEL, *TLS, *CREATED]
    assert together(names) == [*START, *dial, *SENT, *ANSWERED]
    assert together(recorder.names(second)) == [*START, *REUSED, *SENT, *ANSWERED]
    asked = [event.server_hostname for event in recorder.of("tls_handshake_start")]
    assert asked == ["localhost", "127.0.0.1"]
    assert response.timeline.hops[0].tls is not None


async def test_a_large_body_through_tls_in_tls(
    scripted: Any,
    make_session: MakeSession,
    aiohttp_tls_server: AiohttpServer,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """A tunnel transfers more than any buffer holds, in both directions."""
    proxy = await scripted(connecting(), ssl=server_ssl)
    session, data = make_session(proxy=proxy.url), b"x" * (1 << 20)
    async with session.post(
        f"{aiohttp_tls_server.url}/echo", data=data, ssl=client_ssl
    ) as response:
        assert await response.read() == data


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
async def test_socks(
    secure: bool,
    scripted: Any,
    make_session: MakeSession,
    recorder: EventRecorder,
    aiohttp_server: AiohttpServer,
    aiohttp_tls_server: AiohttpServer,
    client_ssl: ssl.SSLContext,
) -> None:
    """A SOCKS proxy opens a tunnel for http and https; the origin gets the plain path."""
    proxy = await scripted(socks5)
    origin = aiohttp_tls_server if secure else aiohttp_server
    session = make_session(proxy=f"socks5://127.0.0.1:{proxy.port}")
    response = await fetch(session, f"{origin.url}/", ssl=client_ssl)
    dial = [*CREATE, *SOCKET, *TUNNEL, *(TLS if secure else []), *CREATED]
    assert together(recorder.names()) == [*START, *dial, *SENT, *ANSWERED]
    assert recorder.of("proxy_connect_end")[0].status == 0
    assert response.timeline.hops[0].to_dict()["proxy"] == f"socks5://127.0.0.1:{proxy.port}"


async def test_socks5_looks_names_up_here(
    scripted: Any,
    make_session: MakeSession,
    recorder: EventRecorder,
    aiohttp_server: AiohttpServer,
) -> None:
    """With socks5 the look-up is an event of the request, and the proxy gets an address."""
    proxy = await scripted(socks5)
    session = make_session(
        proxy=f"socks5://127.0.0.1:{proxy.port}", connector=httptrace.TCPConnector(family=2)
    )
    await fetch(session, f"http://localhost:{aiohttp_server.port}/")
    assert recorder.of("dns_resolvehost_end")[0].host == "localhost"
    assert proxy.events["asked for 127.0.0.1"].is_set()


@pytest.mark.parametrize("scheme", ["socks5h", "socks4a"])
async def test_names_are_left_to_the_proxy(
    scheme: str,
    scripted: Any,
    make_session: MakeSession,
    recorder: EventRecorder,
    aiohttp_server: AiohttpServer,
) -> None:
    """With socks5h and socks4a there is no look-up, and the proxy gets the name."""
    proxy = await scripted(socks5 if scheme == "socks5h" else socks4a)
    session = make_session(proxy=f"{scheme}://127.0.0.1:{proxy.port}")
    await fetch(session, f"http://localhost:{aiohttp_server.port}/")
    assert recorder.of("dns_resolvehost_start") == []
    assert proxy.events["asked for localhost"].is_set()


async def test_the_tunnel_counts_as_connecting(
    scripted: Any,
    make_session: MakeSession,
    aiohttp_tls_server: AiohttpServer,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """The tunnel belongs to connect, between two times of TLS; queue is the loop's work."""
    proxy = await scripted(connecting(), ssl=server_ssl)
    session = make_session(proxy=proxy.url)
    response = await fetch(session, aiohttp_tls_server.url, ssl=client_ssl)
    (hop,) = response.timeline.hops
    phases = [phase for phase, _start, _end in hop.spans_ns]
    steps = [phase for phase in phases[1:] if phase != "queue"]
    assert phases[0] == "queue"
    assert steps == ["connect", "tls", "connect", "tls", "send", "wait", "receive"]
    assert sum(hop.phases_ns.values()) == hop.total_ns


async def test_an_origin_has_its_own_tunnel(
    scripted: Any, make_session: MakeSession, client_ssl: ssl.SSLContext, server_ssl: ssl.SSLContext
) -> None:
    """A tunnel is reused for its origin and for no other."""
    origins = [await scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", ssl=server_ssl)]
    origins.append(await scripted(origins[0]._scripts[0], ssl=server_ssl))
    proxy = await scripted(connecting())
    session = make_session(proxy=proxy.url)
    for origin in (*origins, *origins):
        await fetch(session, origin.url, ssl=client_ssl)
    assert [r.target for r in proxy.requests] == [f"127.0.0.1:{o.port}" for o in origins]


async def test_a_refused_tunnel(
    scripted: Any, make_session: MakeSession, recorder: EventRecorder
) -> None:
    """A refused tunnel closes its spans with the caller's error, and leaves no connection."""
    proxy = await scripted(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
    session = make_session(proxy=proxy.url)
    with pytest.raises(httptrace.ClientHttpProxyError) as caught:
        await session.get("https://origin.test/")
    assert recorder.names() == [
        *START,
        *CREATE,
        *SOCKET,
        "proxy_connect_start",
        "proxy_connect_exception",
        "connection_create_exception",
        "request_exception",
        "request_finish",
    ]
    (failed,) = recorder.of("proxy_connect_exception")
    assert (failed.status, failed.exception) == (502, caught.value)
    (failed,) = recorder.of("connection_create_exception")
    assert failed.exception is caught.value
    await proxy.no_connections()
