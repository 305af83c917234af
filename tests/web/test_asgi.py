from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from httptrace.local import (
    Context,
    Local,
    RequestIdLoggingFilter,
    bind,
    current_request_id,
    request,
)
from httptrace.web import ContextMiddleware
from httptrace.web.starlette_handlers import _HandlerWithWork


class State(Local):
    user: str | None = None


state = State()
HEADERS = {"X-Request-ID": "abc"}


@asynccontextmanager
async def serving(app) -> AsyncIterator[str]:
    """A real uvicorn on a free port, in this loop."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, lifespan="on", ws="websockets-sansio")
    server = uvicorn.Server(config)
    server.config.setup_event_loop = lambda: None
    running = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.001)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
        listener.close()


async def tell(req) -> JSONResponse:
    await asyncio.sleep(0)
    return JSONResponse({"id": request.id, "path": request.path})


async def fail(req) -> JSONResponse:
    raise KeyError("x")


async def chat(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(f"{request.id} {request.path}")
    await socket.close()


async def refuse(socket: WebSocket) -> None:
    await socket.send_denial_response(PlainTextResponse("no", status_code=403))


def starlette(**options) -> Starlette:
    routes = [
        Route("/tell", tell),
        Route("/fail", fail),
        WebSocketRoute("/ws", chat),
        WebSocketRoute("/refuse", refuse),
    ]
    return Starlette(routes=routes, **options)


@pytest.fixture
def server_records() -> AsyncIterator[list[logging.LogRecord]]:
    kept: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(record)

    handler = Keep()
    handler.addFilter(RequestIdLoggingFilter())
    logger = logging.getLogger("uvicorn")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield kept
    logger.removeHandler(handler)
    logger.setLevel(level)


async def test_a_request_has_its_id_and_path():
    """The endpoint reads the ids; the id is in the response, a 404 included."""
    async with serving(ContextMiddleware(starlette())) as url, aiohttp.ClientSession() as session:
        async with session.get(f"{url}/tell", headers=HEADERS) as response:
            assert await response.json() == {"id": "abc", "path": "/tell"}
            assert response.headers["X-Request-ID"] == "abc"
        async with session.get(f"{url}/absent", headers=HEADERS) as response:
            assert (response.status, response.headers["X-Request-ID"]) == (404, "abc")
        async with session.get(f"{url}/tell", headers={"X-Request-ID": "x" * 5000}) as response:
            assert len((await response.json())["id"]) == 36


async def test_a_websocket_has_its_id_and_path():
    """A WebSocket has the id of its handshake, which is sent on acceptance and on refusal."""
    async with serving(ContextMiddleware(starlette())) as url, aiohttp.ClientSession() as session:
        async with session.ws_connect(f"{url}/ws", headers=HEADERS) as ws:
            assert await ws.receive_str() == "abc /ws"
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(f"{url}/refuse", headers=HEADERS)
        assert caught.value.status == 403
        assert caught.value.headers["X-Request-ID"] == "abc"


@pytest.mark.parametrize("inside", [True, False])
async def test_an_unhandled_exception_is_answered_with_the_id(inside, server_records):
    """A 500 has the id, inside of Starlette or around it, and so has uvicorn's log line."""
    app = starlette()
    if inside:
        app.add_middleware(ContextMiddleware)
    else:
        app = ContextMiddleware(app)
    async with serving(app) as url, aiohttp.ClientSession() as session:
        async with session.get(f"{url}/fail", headers=HEADERS) as response:
            assert (response.status, response.headers["X-Request-ID"]) == (500, "abc")
    (record,) = [each for each in server_records if each.exc_info]
    assert record.request_id == "abc"


async def test_an_error_handler_of_the_application_is_left_its_work():
    """Inside of Starlette, an application's own exception handler is used."""

    async def answer(req, error) -> PlainTextResponse:
        return PlainTextResponse("mine", status_code=500)

    app = starlette(exception_handlers={Exception: answer})
    app.add_middleware(ContextMiddleware)
    around = ContextMiddleware(starlette(exception_handlers={Exception: answer}))
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    try:
        async with aiohttp.ClientSession() as session:
            async with serving(app) as url, session.get(f"{url}/fail") as response:
                assert await response.text() == "mine"
            async with serving(around) as url:
                async with session.get(f"{url}/fail", headers=HEADERS) as response:
                    assert await response.text() == "mine"
                    assert response.headers["X-Request-ID"] == "abc"
    finally:
        logging.getLogger("uvicorn.error").setLevel(logging.NOTSET)


@pytest.mark.loop_errors
@pytest.mark.parametrize("kind", ["coroutine", "function", "object"])
async def test_an_error_handler_of_the_application_sees_the_request(kind, server_records):
    """Starlette's handler for Exception has request.id and the bound fields; its answer has the
    id."""
    seen: list[tuple[str | None, dict]] = []

    def answer(req, error) -> PlainTextResponse:
        seen.append((current_request_id(), dict(request.fields)))
        return PlainTextResponse("mine", status_code=500)

    async def answer_soon(req, error) -> PlainTextResponse:
        await asyncio.sleep(0)
        return answer(req, error)

    class Answer:
        async def __call__(self, req, error) -> PlainTextResponse:
            return await answer_soon(req, error)

    async def fail_bound(req) -> JSONResponse:
        bind(user=req.headers["X-Request-ID"])
        raise KeyError("x")

    handler = {"coroutine": answer_soon, "function": answer, "object": Answer()}[kind]
    app = Starlette(routes=[Route("/fail", fail_bound)], exception_handlers={Exception: handler})
    app.add_middleware(ContextMiddleware)
    async with serving(app) as url, aiohttp.ClientSession() as session:
        for name in ("a", "b"):
            async with session.get(f"{url}/fail", headers={"X-Request-ID": name}) as response:
                assert await response.text() == "mine"
                assert response.headers["X-Request-ID"] == name
    assert seen == [("a", {"user": "a"}), ("b", {"user": "b"})]
    assert [each.request_id for each in server_records if each.exc_info] == ["a", "b"]
    assert current_request_id() is None


async def test_an_error_handler_outside_of_work_is_called_as_it_is():
    """An exception that no request has marked reaches the handler unchanged."""
    calls: list[object] = []

    async def answer(req, error) -> str:
        calls.append(error)
        return "answer"

    error = KeyError()
    assert await _HandlerWithWork(answer, "X-Request-ID")(None, error) == "answer"
    assert calls == [error]


@pytest.mark.parametrize("lifespan", [True, False])
async def test_values_that_the_start_sets_are_in_each_request(lifespan):
    """What the application sets in its lifespan is seen by every request; a caller's values are
    not."""
    seen: list[object] = []

    async def app(scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            state.user = "of the start"
            bind(region="north")
            await send({"type": "lifespan.startup.complete"})
            return
        seen.append((state.user, dict(request.fields)))
        state.user = "of a request"

    async def send(message) -> None:
        pass

    with Context():
        wrapped = ContextMiddleware(app)
        if lifespan:
            starting = asyncio.create_task(wrapped({"type": "lifespan"}, None, send))
            await starting
        state.user = "of the caller"
        for _ in range(2):
            await wrapped({"type": "http", "path": "/", "headers": []}, None, send)
        assert state.user == "of the caller"
    expected = ("of the start", {"region": "north"}) if lifespan else (None, {})
    assert seen == [expected, expected]


async def test_an_empty_header_is_none_at_all():
    """Empty values of the request's headers count as missing."""
    seen: list[object] = []

    async def app(scope, receive, send) -> None:
        seen.append((len(request.id), request.trace.parent_id, dict(request.baggage)))

    names = (b"x-request-id", b"traceparent", b"tracestate", b"baggage")
    scope = {"type": "http", "path": "/", "headers": [(name, b"") for name in names]}
    await ContextMiddleware(app)(scope, None, None)
    assert seen == [(36, "", {})]


async def test_the_access_log_names_the_request(server_records):
    """uvicorn writes its access line while the response is sent: inside of the scope."""
    async with serving(ContextMiddleware(starlette())) as url, aiohttp.ClientSession() as session:
        async with session.get(f"{url}/tell", headers=HEADERS) as response:
            await response.read()
    (record,) = [each for each in server_records if each.name == "uvicorn.access"]
    assert (record.request_id, record.request_path) == ("abc", "/tell")


async def test_streams_and_background_tasks_are_inside():
    """A streamed body and a background task see the id."""
    seen = asyncio.get_running_loop().create_future()

    async def body():
        for _ in range(3):
            await asyncio.sleep(0)
            yield f"{current_request_id()} "

    async def after() -> None:
        seen.set_result(current_request_id())

    async def stream(req) -> StreamingResponse:
        return StreamingResponse(body(), background=BackgroundTask(after))

    app = ContextMiddleware(Starlette(routes=[Route("/", stream)]))
    async with serving(app) as url, aiohttp.ClientSession() as session:
        async with session.get(url, headers=HEADERS) as response:
            assert await response.text() == "abc abc abc "
        assert await seen == "abc"


async def drive(app, scope) -> list[dict]:
    """Call an application with a scope and return what it sends."""
    sent: list[dict] = []

    async def send(message) -> None:
        sent.append(message)

    async def receive() -> dict:
        return {"type": "http.request", "body": b"", "more_body": False}

    await app(scope, receive, send)
    return sent


async def test_other_scopes_pass_through():
    """lifespan messages are passed on unchanged."""
    seen = []

    async def app(scope, receive, send) -> None:
        seen.append(scope["type"])

    await drive(ContextMiddleware(app), {"type": "lifespan"})
    assert seen == ["lifespan"]


async def test_a_header_that_the_application_set_is_kept():
    """The id is added once; send_back=False adds none; the messages of the application are left
    as they are."""
    message = {"type": "http.response.start", "status": 200, "headers": [(b"X-Request-Id", b"own")]}

    async def app(scope, receive, send) -> None:
        await send(message)

    scope = {"type": "http", "path": "/", "headers": [(b"x-request-id", b"abc")]}
    assert (await drive(ContextMiddleware(app), scope))[0]["headers"] == message["headers"]
    message = {"type": "http.response.start", "status": 200}
    (sent,) = await drive(ContextMiddleware(app), scope)
    assert sent["headers"] == [(b"x-request-id", b"abc")]
    assert "headers" not in message
    (sent,) = await drive(ContextMiddleware(app, send_back=False), scope)
    assert "headers" not in sent


async def test_met_a_second_time_it_does_nothing():
    """In a mounted application the outer middleware's id is kept, in the response too."""
    sub = starlette()
    sub.add_middleware(ContextMiddleware, generator=lambda: "inner")
    app = ContextMiddleware(Starlette(routes=[Mount("/sub", sub)]), generator=lambda: "outer")
    async with serving(app) as url, aiohttp.ClientSession() as session:
        async with session.get(f"{url}/sub/tell") as response:
            assert (await response.json())["id"] == "outer"
            assert response.headers.getall("X-Request-ID") == ["outer"]


async def test_an_exception_of_many_requests_names_each(server_records):
    """The same exception object raised again is logged with the id of the current request."""
    shared = KeyError("x")

    async def again(req) -> JSONResponse:
        raise shared

    app = ContextMiddleware(Starlette(routes=[Route("/again", again)]))
    async with serving(app) as url, aiohttp.ClientSession() as session:
        for name in ("a", "b"):
            async with session.get(f"{url}/again", headers={"X-Request-ID": name}) as response:
                assert response.status == 500
    assert [each.request_id for each in server_records if each.exc_info] == ["a", "b"]


async def test_two_ids_are_none():
    """A request with two ids gets a new one."""

    async def app(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    two = [(b"x-request-id", b"a"), (b"x-request-id", b"b")]
    (sent,) = await drive(ContextMiddleware(app), {"type": "http", "path": "/", "headers": two})
    assert len(sent["headers"][0][1]) == 36


async def test_an_exception_after_the_response_began_is_raised_only():
    """After the head was sent, no second one is sent."""

    async def app(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise KeyError("x")

    sent: list[dict] = []

    async def send(message) -> None:
        sent.append(message)

    with pytest.raises(KeyError):
        await ContextMiddleware(app)({"type": "http", "path": "/", "headers": []}, None, send)
    assert len(sent) == 1


def test_an_unusable_header_name_is_refused():
    """The error is raised when the middleware is created."""
    with pytest.raises(ValueError, match="is not a header name"):
        ContextMiddleware(lambda *args: None, header="X Id")
