"""`ws_connect`: a request with redirects, cookies, the pool, and its parameters."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks
from yarl import URL

import httptrace
from httptrace.testing import EventRecorder
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import response_bytes

from .peers import TEXT, accept, answer, close_frame, read_close, read_frame, server_frame, speaking


async def test_redirects_are_followed(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """A redirect leads to another server, without credentials; there is one handshake span."""
    target = await scripted(speaking(server_frame(TEXT, b"here")))
    server = await scripted(response_bytes(302, b"", ("Location", f"{target.url}/chat")))
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, auth=httptrace.BasicAuth("u", "p")) as ws,
    ):
        assert await ws.receive_str() == "here"
    assert server.requests[0].header("Authorization") is not None
    assert target.requests[0].header("Authorization") is None
    assert target.requests[0].target == "/chat"
    names = recorder.names()
    assert names.count("websocket_handshake_start") == names.count("websocket_handshake_end") == 1
    assert names.count("request_redirect") == 1


async def test_cookies_of_the_answer_are_kept(scripted: ScriptedFactory) -> None:
    """Set-Cookie in a 101 is stored in the jar, and sent with the next request."""
    server = await scripted(speaking(fields=("Set-Cookie: a=1",)))
    async with httptrace.ClientSession(cookie_jar=httptrace.CookieJar(unsafe=True)) as session:
        for _ in range(2):
            async with session.ws_connect(server.url):
                pass
    assert [request.header("Cookie") for request in server.requests] == [None, "a=1"]


async def test_a_middleware_may_read_the_answers_body(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """A 101 has no body: the frames after it are not taken from the WebSocket."""
    bodies: list[Any] = []

    async def reading(request: Any, handler: Any) -> Any:
        response = await handler(request)
        bodies.extend([await response.read(), await response.text(), response.content.at_eof()])
        return response

    server = await scripted(speaking(server_frame(TEXT, b"hello")))
    async with (
        httptrace.ClientSession(middlewares=[reading]) as session,
        session.ws_connect(server.url) as ws,
    ):
        assert await ws.receive_str() == "hello"
    assert bodies == [b"", "", True]


async def test_middlewares_see_the_handshake(scripted: ScriptedFactory) -> None:
    """A middleware may change the request, and may send it again after a refusal."""

    async def script(peer: Peer) -> None:
        request = await peer.request()
        if request.header("X-Token") is None:
            await peer.send(response_bytes(401))
            request = await peer.request()
        await peer.send(answer(request))
        await peer.send(close_frame((await read_close(peer))[0]))

    async def authenticate(request: Any, handler: Any) -> Any:
        response = await handler(request)
        if response.status == 401:
            request.headers["X-Token"] = "t"
            response = await handler(request)
        return response

    server = await scripted(script)
    async with (
        httptrace.ClientSession(middlewares=[authenticate]) as session,
        session.ws_connect(server.url) as ws,
    ):
        assert not ws.closed
    assert [request.header("X-Token") for request in server.requests] == [None, "t"]


async def test_the_pool_limits_websockets(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """A WebSocket keeps its place in the pool until it is closed, and is never reused."""
    server = await scripted(speaking())
    connector = httptrace.TCPConnector(limit=1)
    async with httptrace.ClientSession(connector=connector) as session:
        first = await session.ws_connect(server.url)
        with pytest.raises(httptrace.ConnectionTimeoutError):
            await session.get(server.url, timeout=httptrace.ClientTimeout(pool=0.01))
        await first.close()
        async with session.ws_connect(server.url):
            assert connector.stats().open == 1
    assert len(server.connections) == 2


async def test_a_reused_connection_serves(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """A connection that has served a request can become a WebSocket."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response_bytes(200, b"ok"))
        await accept(peer)
        assert await read_frame(peer) == (0x81, b"hi")
        await read_close(peer)
        await peer.send(close_frame())

    server = await scripted(script)
    async with httptrace.ClientSession() as session:
        async with session.get(server.url) as response:
            assert await response.text() == "ok"
        async with session.ws_connect(server.url) as ws:
            await ws.send_str("hi")
    assert len(server.connections) == 1


async def test_base_url_and_schemes(
    scripted: ScriptedFactory, server_ssl: ssl.SSLContext, client_ssl: ssl.SSLContext
) -> None:
    """A path is joined to ``base_url``; ws, wss, http and https are all accepted."""
    server = await scripted(speaking())
    secure = await scripted(speaking(), ssl=server_ssl)
    async with httptrace.ClientSession(server.url) as session:
        async with session.ws_connect("/one"):
            pass
        for scheme in ("wss", "https"):
            url = URL(secure.url).with_scheme(scheme)
            async with session.ws_connect(url, ssl=client_ssl):
                pass
        with pytest.raises(httptrace.NonHttpUrlClientError):
            await session.ws_connect("ftp://example.com/")
    assert server.requests[0].target == "/one"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"protocols": "chat"}, TypeError),
        ({"protocols": ["a b"]}, ValueError),
        ({"protocols": ["a\r\nX-Evil: 1"]}, ValueError),
        ({"protocols": ["a", "a"]}, ValueError),
        ({"protocols": [b"a"]}, TypeError),
        ({"origin": "http://a\r\nX-Evil: 1"}, ValueError),
        ({"headers": {"X": "a\nb"}}, ValueError),
        ({"headers": {"X\r\n": "a"}}, ValueError),
        ({"headers": {"X": "a\0"}}, ValueError),
        ({"compress": 8}, ValueError),
        ({"compress": 16}, ValueError),
        ({"compress": True}, TypeError),
        ({"max_msg_size": -1}, ValueError),
        ({"max_msg_size": 1.5}, TypeError),
        ({"heartbeat": -1}, ValueError),
        ({"heartbeat": "1"}, TypeError),
        ({"heartbeat": float("nan")}, ValueError),
        ({"autoping": "yes"}, TypeError),
        ({"method": "GET\r\n"}, ValueError),
        ({"auth": "u:p"}, TypeError),
        ({"bogus": 1}, TypeError),
    ],
)
async def test_parameters_that_cannot_be_used(
    leak_check: Leaks, options: dict[str, Any], error: type[Exception]
) -> None:
    """An invalid parameter is refused before anything is sent."""
    async with httptrace.ClientSession() as session:
        with pytest.raises(error):
            await session.ws_connect("ws://127.0.0.1:9/", **options)
        assert session.connector is not None and session.connector.stats().created == 0


async def test_deprecated_timeouts(scripted: ScriptedFactory) -> None:
    """A float timeout and receive_timeout still work, and warn as aiohttp does."""
    server = await scripted(speaking())
    async with httptrace.ClientSession() as session:
        with pytest.warns(DeprecationWarning, match="ws_close"):
            ws = await session.ws_connect(server.url, timeout=3.0)
        await ws.close()
        with pytest.warns(DeprecationWarning, match="ws_receive"):
            ws = await session.ws_connect(server.url, receive_timeout=0.01)
        with pytest.raises(TimeoutError):
            await ws.receive()
        await ws.close()


async def test_a_response_class_of_the_callers(scripted: ScriptedFactory) -> None:
    """``ws_response_class`` is what ws_connect returns."""
    from httptrace.ws.response import ClientWebSocketResponse

    class Own(ClientWebSocketResponse):
        pass

    server = await scripted(speaking())
    async with (
        httptrace.ClientSession(ws_response_class=Own) as session,
        session.ws_connect(server.url) as ws,
    ):
        assert type(ws) is Own
