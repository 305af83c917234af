"""`TestClient` and `TestServer`: an application on a real socket, and a session for it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

import pytest
from aiohttp import test_utils, web
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from httptrace import ServerDisconnectedError, TCPConnector
from httptrace.testing import Peer, ReceivedRequest, ScriptedServer, TestClient, TestServer
from httptrace.testing.recorder import EventRecorder


def aiohttp_app() -> web.Application:
    """Says hello, sets a cookie, and echoes messages of a WebSocket."""

    async def hello(request: web.Request) -> web.Response:
        response = web.Response(text=f"hello {request.cookies.get('visitor', 'stranger')}")
        response.set_cookie("visitor", "friend")
        return response

    async def method(request: web.Request) -> web.Response:
        return web.Response(text=request.method)

    async def echo(request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        async for message in websocket:
            await websocket.send_str(f"{message.data} back")
        return websocket

    app = web.Application()
    app.router.add_get("/", hello)
    app.router.add_route("*", "/method", method)
    app.router.add_get("/ws", echo)
    return app


def asgi_app(log: list[str]) -> Starlette:
    """The same as an ASGI application, which records its lifespan."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        log.append("started")
        yield
        log.append("stopped")

    async def hello(request: Request) -> PlainTextResponse:
        return PlainTextResponse("hello")

    async def echo(request: Request) -> JSONResponse:
        return JSONResponse(await request.json())

    routes = [Route("/", hello), Route("/echo", echo, methods=["POST"])]
    return Starlette(routes=routes, lifespan=lifespan)


async def test_client_of_an_aiohttp_application() -> None:
    """Requests are sent to the application by path, and its cookies are stored."""
    async with TestClient(aiohttp_app()) as client:
        response = await client.get("/")
        assert await response.text() == "hello stranger"
        async with client.get("/") as response:
            assert await response.text() == "hello friend"
        assert client.app is client.server.app
        assert str(client.make_url("/x")) == f"{client.scheme}://{client.host}:{client.port}/x"


async def test_client_has_every_verb() -> None:
    """Each verb sends its method to the application."""
    async with TestClient(aiohttp_app()) as client:
        for verb in ("get", "post", "put", "patch", "delete", "options"):
            async with getattr(client, verb)("/method") as response:
                assert await response.text() == verb.upper()
        async with client.head("/method") as response:
            assert response.status == 200
        async with client.request("PROPFIND", "/method") as response:
            assert await response.text() == "PROPFIND"


async def test_client_opens_websockets() -> None:
    """A WebSocket of the application is opened by path."""
    async with TestClient(aiohttp_app()) as client, client.ws_connect("/ws") as websocket:
        await websocket.send_str("there")
        assert await websocket.receive_str() == "there back"


async def test_client_of_an_asgi_application() -> None:
    """An ASGI application is served with its lifespan, by uvicorn in the same loop."""
    log: list[str] = []
    async with TestClient(asgi_app(log)) as client:
        async with client.get("/") as response:
            assert await response.text() == "hello"
        async with client.post("/echo", json={"a": 1}) as response:
            assert await response.json() == {"a": 1}
        assert log == ["started"]
    assert log == ["started", "stopped"]


@pytest.mark.parametrize("kind", ["aiohttp", "asgi"])
async def test_server_speaks_tls(
    kind: str, server_ssl: ssl.SSLContext, client_ssl: ssl.SSLContext
) -> None:
    """With a context the server speaks TLS; the session's options verify it."""
    app = aiohttp_app() if kind == "aiohttp" else asgi_app([])
    server = TestServer(app, ssl=server_ssl)
    async with TestClient(server, connector=TCPConnector(ssl=client_ssl)) as client:
        assert client.scheme == "https"
        async with client.get("/") as response:
            assert (await response.text()).startswith("hello")


async def test_asgi_application_that_fails_to_start() -> None:
    """An application whose lifespan fails makes the start fail, and leaves nothing behind."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        raise OSError("no database")
        yield

    server = TestServer(Starlette(lifespan=lifespan))
    with pytest.raises(RuntimeError, match="failed during startup"):
        await server.start_server()
    assert not server.started
    with pytest.raises(RuntimeError, match="has not been started"):
        server.make_url("/")


async def test_aiohttp_application_that_fails_to_start() -> None:
    """If the start fails, what has started is stopped, and the client's session is closed."""
    log: list[str] = []

    async def database(app: web.Application) -> AsyncIterator[None]:
        log.append("started")
        yield
        log.append("stopped")

    async def broken(app: web.Application) -> AsyncIterator[None]:
        raise OSError("no database")
        yield

    app = web.Application()
    app.cleanup_ctx.extend([database, broken])
    client = TestClient(app)
    with pytest.raises(OSError, match="no database"):
        async with client:
            pass
    assert log == ["started", "stopped"]
    assert client.session.closed


async def test_start_that_is_cancelled() -> None:
    """A cancelled start does not continue in the background."""
    begun = asyncio.Event()
    give_up = asyncio.Event()

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        begun.set()
        await give_up.wait()
        raise OSError("no database")
        yield

    before = asyncio.all_tasks()
    server = TestServer(Starlette(lifespan=lifespan))
    starting = asyncio.create_task(server.start_server())
    await begun.wait()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not server.started
    left = asyncio.all_tasks() - before
    assert not [task for task in left if "Server.serve" in str(task.get_coro())]
    give_up.set()
    await asyncio.wait(left, timeout=5)  # the application's own, which uvicorn does not cancel


async def test_client_of_aiohttps_servers() -> None:
    """Servers of aiohttp.test_utils are accepted: those of an application and raw ones."""

    async def handler(request: web.BaseRequest) -> web.Response:
        return web.Response(text="raw")

    async with TestClient(test_utils.TestServer(aiohttp_app())) as client:
        async with client.get("/") as response:
            assert response.status == 200
    async with TestClient(test_utils.RawTestServer(handler)) as client:
        async with client.get("/anything") as response:
            assert await response.text() == "raw"
        assert client.app is None


async def test_session_options_are_passed_on() -> None:
    """Options that are not the client's are the session's: here an observer."""
    recorder = EventRecorder()
    async with TestClient(aiohttp_app(), observers=[recorder]) as client:
        async with client.get("/") as response:
            await response.read()
    assert recorder.events


class OneServer:
    """A scripted server with the interface of a test server."""

    scheme = "http"

    def __init__(self, scripted: ScriptedServer) -> None:
        self.scripted = scripted
        self.host, self.port = scripted.host, scripted.port

    def make_url(self, path: str) -> str:
        """The path on the scripted server."""
        return f"{self.scripted.url}{path}"

    async def start_server(self) -> None:
        """Do nothing: it runs already."""

    async def close(self) -> None:
        """Do nothing: it is closed by its own context."""


async def answer_once(peer: Peer) -> None:
    """Respond to the first request, and close when the second one has arrived."""
    request: ReceivedRequest = await peer.request()
    assert request.method == "GET"
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    await peer.request()


async def test_dead_connections_are_not_retried() -> None:
    """A request on a reused connection that the server closes fails, and is not retried."""
    async with (
        ScriptedServer(answer_once, answer_once) as scripted,
        TestClient(OneServer(scripted)) as client,
    ):
        async with client.get("/") as response:
            await response.read()
        with pytest.raises(ServerDisconnectedError):
            await client.get("/")
