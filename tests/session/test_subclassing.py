"""Subclasses may use any attribute names, and `dir` shows what is documented."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.client.conftest import Serve

import httptrace
from httptrace.body.upload_progress import UploadProgress
from httptrace.call.call import Call
from httptrace.call.core import SessionCore
from httptrace.call.exchange import Exchange
from httptrace.pool.pool import ConnectionPool

OWN: dict[type, set[str]] = {
    httptrace.ClientSession: set(),
    httptrace.ClientResponse: {
        *("cache", "from_cache", "method", "server_timing", "sse", "status", "timeline"),
        "trailers",
    },
    httptrace.TCPConnector: {"stats"},
    httptrace.UnixConnector: {"stats"},
    httptrace.NamedPipeConnector: {"stats"},
    httptrace.BaseConnector: {"stats"},
    httptrace.CookieJar: set(),
    httptrace.DummyCookieJar: set(),
    httptrace.Payload: {"can_resend"},
    httptrace.UploadTracker: {"attempts", "upload_complete"},
}
"""By class: the public names that aiohttp's class does not have.

``method`` and ``status`` of a response and both names of a tracker are attributes of aiohttp's
instances.
"""


def names(cls: type) -> set[str]:
    """The public attributes of a class."""
    return {name for name in dir(cls) if not name.startswith("_")}


@pytest.mark.parametrize("cls", OWN, ids=lambda cls: cls.__name__)
def test_classes_show_documented_names(cls: type) -> None:
    """The public names of a class are aiohttp's and those that the documentation adds."""
    assert names(cls) - names(getattr(aiohttp, cls.__name__)) <= OWN[cls]


async def test_trackers_have_the_same_attributes() -> None:
    """An upload tracker has the public attributes of aiohttp's, no more and no fewer."""
    ours, theirs = (
        {name for name in dir(tracker) if not name.startswith("_")}
        for tracker in (httptrace.UploadTracker(), aiohttp.UploadTracker())
    )
    assert ours == theirs


async def test_objects_show_what_their_classes_do(serve: Serve) -> None:
    """The objects of a request have no public attributes beyond those of their classes."""

    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    url = await serve({"/": hello})
    tracker = httptrace.UploadTracker()
    async with (
        httptrace.ClientSession() as session,
        session.post(url, data=b"x", upload_tracker=tracker) as response,
    ):
        await response.read()
        for one in (session, session.connector, session.cookie_jar, response, tracker):
            public = {name for name in dir(one) if not name.startswith("_")}
            assert public == names(type(one))


def engine_names() -> set[str]:
    """Every attribute of the objects that the engine keeps."""
    kept: set[str] = set()
    for cls in (SessionCore, ConnectionPool, Call, Exchange, UploadProgress):
        kept |= set(dir(cls)) | set(getattr(cls, "__annotations__", {}))
    kept |= set(ConnectionPool.__init__.__code__.co_names)
    kept |= set(httptrace.ClientSession.__init__.__code__.co_varnames)
    more = {"_core", "_pool", "_call", "_closed", "_targets", "_hop", "_chain"}
    kept |= more | {"auth_for", "jar", "settings", "propagation", "state", "dialer", "create_task"}
    public = {
        name for cls in (httptrace.ClientSession, httptrace.TCPConnector) for name in dir(cls)
    }
    return {name for name in kept if not name.startswith("__")} - public - {"self"}


class Loaded(httptrace.ClientSession):
    """A program's own session, with attributes of every name that the engine might use."""

    def __init__(self, *args: Any, **options: Any) -> None:
        for name in engine_names():
            setattr(self, name, "the program's own")
        super().__init__(*args, **options)
        for name in engine_names():
            setattr(self, name, "the program's own")


class LoadedConnector(httptrace.TCPConnector):
    """A program's own connector, likewise."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name in engine_names():
            setattr(self, name, "the program's own")


async def echo(request: web.Request) -> web.StreamResponse:
    """Respond with the request; redirect, set a cookie, or open a WebSocket if requested."""
    if request.path == "/redirect":
        raise web.HTTPFound("/")
    if request.path == "/ws":
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        async for message in websocket:
            await websocket.send_str(message.data)
        return websocket
    response = web.json_response(
        [request.method, await request.text(), request.headers.get("X-Own"), dict(request.cookies)]
    )
    response.set_cookie("seen", "1")
    return response


async def test_a_subclass_with_every_name(serve: Serve) -> None:
    """Attributes with all names of the engine affect no kind of request."""
    origin = await serve(dict.fromkeys(("/", "/redirect", "/ws"), echo))
    told: list[str] = []

    class Listening(httptrace.Observer):
        def on_event(self, event: httptrace.Event) -> None:
            told.append(event.name)

    async def middleware(request: Any, handler: Any) -> httptrace.ClientResponse:
        request.headers["X-Own"] = "middleware"
        response: httptrace.ClientResponse = await handler(request)
        return response

    connector = LoadedConnector(limit=2)
    auth = httptrace.BasicAuth("user", "password")
    options = {"connector": connector, "auth": auth, "observers": [Listening()]}
    async with Loaded(origin, **options) as session:
        for verb in ("get", "options", "post", "put", "patch", "delete"):
            async with getattr(session, verb)("/") as response:
                assert (await response.json())[0] == verb.upper()
        async with session.head("/") as response:
            assert response.ok
        assert (await (await session.post("/", json={"a": 1})).json())[1] == '{"a": 1}'

        async def pieces() -> Any:
            yield b"in "
            yield b"pieces"

        assert (await (await session.post("/", data=pieces())).json())[1] == "in pieces"
        form = httptrace.FormData({"field": "value"})
        assert "field=value" in (await (await session.post("/", data=form)).json())[1]
        async with session.get(
            "/redirect", headers={"X-Own": "1"}, cookies={"seen": "1"}
        ) as response:
            assert (await response.json())[2:] == ["1", {"seen": "1"}]
        async with session.get("/", middlewares=[middleware], params={"a": "b"}) as response:
            assert (await response.json())[2] == "middleware"
        async with session.ws_connect("/ws") as websocket:
            await websocket.send_str("hello")
            assert await websocket.receive_str() == "hello"
        for response in await asyncio.gather(*(session.get("/") for _ in range(5))):
            assert (await response.json())[0] == "GET"
        with pytest.raises(httptrace.ClientResponseError):
            await session.get("/missing", raise_for_status=True)
        assert connector.stats().open and "request_finish" in told
    assert session.closed and connector.closed
