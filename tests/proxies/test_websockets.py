"""WebSockets through proxies: a tunnel for ws and wss (RFC 6455 §4.1)."""

from __future__ import annotations

import ssl

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.trace.sequences import HEAD, SENT, SOCKET, START, TLS
from tests.ws.peers import accept, close_frame, read_close, speaking
from tests.ws.servers import aiohttp_echo

import httptrace
from httptrace.testing import EventRecorder, Peer, response_bytes
from httptrace.testing.scripted import responding

from .conftest import MakeSession, Proxies
from .scripts import connecting, socks5
from .test_events import TUNNEL
from .test_real_programs import WAYS

OPENING = [*START, "websocket_handshake_start"]
OPEN = [*HEAD, "request_end", "websocket_handshake_end"]
THERE_AND_BACK = ["websocket_message_sent", "websocket_message_received"]
CLOSED = ["websocket_closed", "connection_closed", "request_finish"]


@pytest.mark.parametrize(("name", "scheme"), WAYS, ids=[f"{n}-{s[:7]}" for n, s in WAYS])
@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
async def test_each_way(
    name: str,
    scheme: str,
    secure: bool,
    proxies: Proxies,
    make_session: MakeSession,
    recorder: EventRecorder,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """Messages are echoed through every proxy of every kind, and the tunnel is an event."""
    connector = httptrace.TCPConnector(ssl=client_ssl, family=2)
    session = make_session(proxy=f"{scheme}127.0.0.1:{proxies.port(name)}", connector=connector)
    async with (
        aiohttp_echo(server_ssl if secure else None) as url,
        session.ws_connect(url.replace("127.0.0.1", "localhost")) as ws,
    ):
        for size in (0, 1, 200_000):
            await ws.send_bytes(b"*" * size)
            assert await ws.receive_bytes() == b"*" * size
    assert len(recorder.of("proxy_connect_end")) == 1


async def test_the_events(
    scripted: ScriptedFactory, make_session: MakeSession, recorder: EventRecorder
) -> None:
    """The tunnel of a WebSocket belongs to its request, between socket and handshake."""
    proxy = await scripted(connecting())
    session = make_session(proxy=proxy.url.replace("://", "://user:secret@"))
    async with aiohttp_echo() as url, session.ws_connect(url) as ws:
        await ws.send_str("hello")
        assert await ws.receive_str() == "hello"
    (request,) = recorder.requests
    dial = ["connection_create_start", *SOCKET, *TUNNEL, "connection_create_end"]
    assert recorder.names(request) == [
        *OPENING,
        *dial,
        "connection_acquired",
        *SENT,
        *OPEN,
        *THERE_AND_BACK,
        *CLOSED,
    ]
    (connect,) = proxy.requests
    destination = url.removeprefix("ws://").rstrip("/")
    assert (connect.method, connect.target) == ("CONNECT", destination)
    assert connect.header("Proxy-Authorization") == "Basic dXNlcjpzZWNyZXQ="
    (hop,) = ws.timeline.hops
    assert hop.to_dict()["proxy"] == proxy.url


async def test_what_is_for_the_proxy_does_not_reach_the_server(
    scripted: ScriptedFactory, make_session: MakeSession
) -> None:
    """Credentials and headers for the proxy are in CONNECT only; the origin gets a plain path."""
    proxy, server = await scripted(connecting()), await scripted(speaking())
    session = make_session(proxy=proxy.url)
    options = {"proxy_headers": {"X-Proxy": "yes"}, "proxy_auth": httptrace.BasicAuth("u", "p")}
    async with session.ws_connect(f"{server.url}/chat?room=1", **options):  # type: ignore[arg-type]
        pass
    (asked,), (received,) = proxy.requests, server.requests
    assert asked.header("X-Proxy") == "yes"
    assert received.target == "/chat?room=1"
    assert received.header("X-Proxy") is None
    assert received.header("Proxy-Authorization") is None


async def test_wss_has_tls_within_the_tunnel(
    scripted: ScriptedFactory,
    make_session: MakeSession,
    recorder: EventRecorder,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """For wss the tunnel comes before TLS with the server."""
    proxy = await scripted(connecting())
    session = make_session(proxy=proxy.url)
    async with aiohttp_echo(server_ssl) as url, session.ws_connect(url, ssl=client_ssl):
        pass
    (request,) = recorder.requests
    dial = ["connection_create_start", *SOCKET, *TUNNEL, *TLS, "connection_create_end"]
    opened = [*OPENING, *dial, "connection_acquired", *SENT, *OPEN]
    assert recorder.names(request) == [*opened, *CLOSED]


async def test_a_proxy_that_refuses(
    scripted: ScriptedFactory, make_session: MakeSession, recorder: EventRecorder
) -> None:
    """A proxy that refuses the tunnel is a ClientHttpProxyError, and ends tunnel and handshake."""
    proxy = await scripted(responding(response_bytes(403, b"no")))
    session = make_session(proxy=proxy.url)
    with pytest.raises(httptrace.ClientHttpProxyError) as caught:
        await session.ws_connect("ws://origin.test/")
    assert caught.value.status == 403
    (request,) = recorder.requests
    assert recorder.names(request) == [
        *OPENING,
        "connection_create_start",
        *SOCKET,
        "proxy_connect_start",
        "proxy_connect_exception",
        "connection_create_exception",
        "websocket_handshake_exception",
        "request_exception",
        "request_finish",
    ]


async def test_a_redirect_goes_through_tunnels(
    scripted: ScriptedFactory, make_session: MakeSession
) -> None:
    """Each hop of a handshake has its tunnel."""
    server = await scripted(speaking())

    async def elsewhere(peer: Peer) -> None:
        await peer.request()
        await peer.send(response_bytes(307, b"", ("Location", f"{server.url}/there")))

    first, proxy = await scripted(elsewhere), await scripted(connecting())
    async with make_session(proxy=proxy.url).ws_connect(first.url):
        pass
    targets = [f"127.0.0.1:{first.port}", f"127.0.0.1:{server.port}"]
    assert [(r.method, r.target) for r in proxy.requests] == [("CONNECT", t) for t in targets]


async def test_connections_of_requests_are_not_taken(
    scripted: ScriptedFactory, make_session: MakeSession
) -> None:
    """A proxy's idle connection for http is not used for a WebSocket to the same server."""
    server, proxy = await scripted(speaking()), await scripted(connecting())
    session = make_session(proxy=proxy.url)
    async with session.get(server.url) as response:
        assert await response.text() == "hello"  # the proxy's own answer
    async with session.ws_connect(server.url):
        pass
    assert [request.method for request in proxy.requests] == ["GET", "CONNECT"]
    assert len(server.requests) == 1


IN_THIS_ORDER = ["WS_PROXY", "HTTP_PROXY", "ALL_PROXY"]


@pytest.mark.parametrize("variable", IN_THIS_ORDER)
async def test_the_environments_proxy(
    variable: str,
    scripted: ScriptedFactory,
    make_session: MakeSession,
    recorder: EventRecorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ws uses WS_PROXY; without it HTTP_PROXY, and then ALL_PROXY."""
    server, proxy = await scripted(speaking()), await scripted(connecting())
    for name in IN_THIS_ORDER[IN_THIS_ORDER.index(variable) + 1 :]:
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv(variable, proxy.url)
    async with make_session(trust_env=True).ws_connect(server.url):
        pass
    assert len(proxy.requests) == len(server.requests) == 1


async def test_socks(
    scripted: ScriptedFactory, make_session: MakeSession, recorder: EventRecorder
) -> None:
    """A SOCKS proxy has the same events."""

    async def speak(peer: Peer) -> None:
        await accept(peer)
        await peer.send(close_frame())
        await read_close(peer)

    server, proxy = await scripted(speak), await scripted(socks5)
    session = make_session(proxy=f"socks5://127.0.0.1:{proxy.port}")
    async with session.ws_connect(server.url) as ws:
        assert (await ws.receive()).type is httptrace.WSMsgType.CLOSE
    (end,) = recorder.of("proxy_connect_end")
    assert (end.request_id, end.destination) == (recorder.requests[0], f"127.0.0.1:{server.port}")
