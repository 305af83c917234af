"""aiohttp's test tools: its TestClient and pytest's fixture `aiohttp_client` use httptrace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import test_utils, web

import httptrace

Fixture = Callable[..., Awaitable[Any]]


def application() -> web.Application:
    """Counts visits in a cookie, and echoes messages of a WebSocket."""

    async def visit(request: web.Request) -> web.Response:
        visits = int(request.cookies.get("visits", "0")) + 1
        response = web.json_response({"visits": visits})
        response.set_cookie("visits", str(visits))
        return response

    async def echo(request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        async for message in websocket:
            await websocket.send_str(message.data)
        return websocket

    app = web.Application()
    app.router.add_get("/", visit)
    app.router.add_get("/ws", echo)
    return app


@pytest.fixture
def aiohttp_client_cls() -> type[httptrace.testing.TestClient]:
    """The hook of pytest-aiohttp for a client class: httptrace's."""
    from httptrace.testing import TestClient

    return TestClient


async def test_the_fixture_of_pytest_aiohttp(aiohttp_client: Fixture) -> None:
    """`aiohttp_client(app)` returns a client with a session of httptrace."""
    client = await aiohttp_client(application())
    assert isinstance(client.session, httptrace.ClientSession)
    for visits in (1, 2):
        response = await client.get("/")
        assert isinstance(response, httptrace.ClientResponse)
        assert await response.json() == {"visits": visits}
        assert response.timeline.total > 0


async def test_aiohttps_own_client_over_our_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiohttp's TestClient works with a session of httptrace if it imports that."""
    monkeypatch.setattr(test_utils, "ClientSession", httptrace.ClientSession)
    jar = httptrace.CookieJar(unsafe=True)
    server = test_utils.TestServer(application())
    async with test_utils.TestClient(server, cookie_jar=jar) as client:
        assert isinstance(client.session, httptrace.ClientSession)
        assert not client.session._retry_connection
        assert await (await client.get("/")).json() == {"visits": 1}
        async with client.request("GET", "/") as response:
            assert await response.json() == {"visits": 2}
        async with client.ws_connect("/ws") as websocket:
            await websocket.send_str("there and back")
            assert await websocket.receive_str() == "there and back"
