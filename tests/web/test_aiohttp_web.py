from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from httptrace.local import Local, RequestIdLoggingFilter, bind, current_request_id, request
from httptrace.web import (
    AccessLogger,
    context_middleware,
    context_middleware_factory,
    setup_context,
)

state = Local()
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Records(logging.Handler):
    """Keeps records with the fields that the filter added."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(RequestIdLoggingFilter())
        self.kept: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record)


@pytest.fixture
def records() -> AsyncIterator[Records]:
    handler = Records()
    loggers = [logging.getLogger(name) for name in ("aiohttp.server", "aiohttp.access")]
    for logger in loggers:
        logger.addHandler(handler)
    yield handler
    for logger in loggers:
        logger.removeHandler(handler)


@asynccontextmanager
async def serving(app: web.Application, **options: object) -> AsyncIterator[str]:
    runner = web.AppRunner(app, **options)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def application(
    handler: Callable[..., Awaitable[web.StreamResponse]], *middlewares
) -> web.Application:
    app = web.Application(middlewares=middlewares)
    app.router.add_route("*", "/{path:(?s:.*)}", handler)
    return app


async def tell(req: web.Request) -> web.Response:
    await asyncio.sleep(0)
    trace = request.trace
    return web.json_response(
        {"id": request.id, "path": request.path, "trace": trace.trace_id, "parent": trace.parent_id}
    )


async def test_a_request_has_its_id_path_and_trace():
    """The handler reads the request's ids; the id is in the response."""
    headers = {"x-request-ID": "abc", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    async with (
        serving(application(tell, context_middleware())) as url,
        aiohttp.ClientSession() as s,
    ):
        async with s.get(f"{url}/some/path?q=1", headers=headers) as response:
            assert response.headers["X-Request-ID"] == "abc"
            assert await response.json() == {
                "id": "abc",
                "path": "/some/path",
                "trace": TRACE,
                "parent": "00f067aa0ba902b7",
            }
        async with s.get(url) as response:
            assert response.headers["X-Request-ID"] == (await response.json())["id"]


async def test_the_old_form_does_the_same():
    """context_middleware_factory(app, handler) works as an old-style middleware of aiohttp."""
    app = application(tell, context_middleware_factory)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        async with serving(app) as url, aiohttp.ClientSession() as session:
            async with session.get(url, headers={"X-Request-ID": "abc"}) as response:
                assert response.headers["X-Request-ID"] == "abc"
                assert (await response.json())["id"] == "abc"


async def test_an_id_that_is_too_long_or_doubled_is_replaced():
    """An invalid id reaches neither the program nor the response."""
    async with (
        serving(application(tell, context_middleware())) as url,
        aiohttp.ClientSession() as s,
    ):
        for headers in (
            [("X-Request-ID", "x" * 5000)],
            [("X-Request-ID", "a"), ("X-Request-ID", "b")],
            [("X-Request-ID", "a b")],
        ):
            async with s.get(url, headers=headers) as response:
                made = (await response.json())["id"]
                assert len(made) == 36
                assert response.headers["X-Request-ID"] == made


async def test_a_decoded_line_break_in_the_path_stays_encoded():
    """A path with %0A does not break a log line."""
    async with (
        serving(application(tell, context_middleware())) as url,
        aiohttp.ClientSession() as s,
    ):
        async with s.get(f"{url}/a%0D%0Ab") as response:
            assert (await response.json())["path"] == "/a%0D%0Ab"


async def test_http_errors_carry_the_id():
    """A raised HTTPException and a 404 of the router have the id."""

    async def teapot(req: web.Request) -> web.Response:
        raise web.HTTPConflict(text="no")

    app = web.Application(middlewares=[context_middleware()])
    app.router.add_get("/conflict", teapot)
    async with serving(app) as url, aiohttp.ClientSession() as session:
        for path, status in (("/conflict", 409), ("/absent", 404)):
            async with session.get(url + path, headers={"X-Request-ID": "abc"}) as response:
                assert (response.status, response.headers["X-Request-ID"]) == (status, "abc")


@pytest.mark.parametrize(("error", "status"), [(KeyError("x"), 500), (TimeoutError(), 504)])
async def test_an_unhandled_exception_is_answered_with_the_id(records, error, status):
    """A 500 (504 for a timeout) has the id, and so has the line in the server's log."""

    async def fail(req: web.Request) -> web.Response:
        raise error

    logging.getLogger("aiohttp.server").setLevel(logging.DEBUG)
    async with (
        serving(application(fail, context_middleware())) as url,
        aiohttp.ClientSession() as s,
    ):
        async with s.get(url, headers={"X-Request-ID": "abc"}) as response:
            assert (response.status, response.headers["X-Request-ID"]) == (status, "abc")
    logging.getLogger("aiohttp.server").setLevel(logging.NOTSET)
    (record,) = [each for each in records.kept if each.exc_info]
    assert record.request_id == "abc"


async def test_an_exception_that_goes_on_still_names_its_work_in_the_log(records):
    """With answer_errors=False aiohttp logs and responds; its line still has the id."""

    async def fail(req: web.Request) -> web.Response:
        raise KeyError("x")

    app = application(fail, context_middleware(answer_errors=False))
    async with serving(app) as url, aiohttp.ClientSession() as session:
        async with session.get(url, headers={"X-Request-ID": "abc"}) as response:
            assert response.status == 500
            assert "X-Request-ID" not in response.headers
    (record,) = [each for each in records.kept if each.exc_info]
    assert record.request_id == "abc"


@pytest.mark.parametrize(
    ("returned", "text"),
    [(None, "not None (is a return statement missing?)"), ("x", "not str")],
)
async def test_a_handler_that_returns_no_response_is_told_so(records, returned, text):
    """A handler without a response is an error: the 500 has the id, and so has the log."""

    async def forget(req: web.Request):
        return returned

    async with serving(application(forget, context_middleware())) as url:
        async with aiohttp.ClientSession() as session:
            async with session.get(url, headers={"X-Request-ID": "abc"}) as response:
                assert (response.status, response.headers["X-Request-ID"]) == (500, "abc")
    (record,) = [each for each in records.kept if each.exc_info]
    assert record.request_id == "abc"
    assert str(record.exc_info[1]) == f"the request handler must return a response, {text}"


async def test_an_exception_of_many_requests_names_each(records):
    """The same exception object raised again is logged with the id of the current request."""
    shared = KeyError("x")

    async def fail(req: web.Request) -> web.Response:
        raise shared

    app = application(fail, context_middleware(answer_errors=False))
    async with serving(app) as url, aiohttp.ClientSession() as session:
        for name in ("a", "b"):
            async with session.get(url, headers={"X-Request-ID": name}) as response:
                assert response.status == 500
    assert [each.request_id for each in records.kept if each.exc_info] == ["a", "b"]


async def test_setup_covers_streams_websockets_and_errors_of_the_server():
    """With setup_context every response has the id, whoever prepares it."""

    async def handle(req: web.Request) -> web.StreamResponse:
        if req.path == "/stream":
            stream = web.StreamResponse()
            await stream.prepare(req)
            await stream.write(request.id.encode())
            return stream
        if req.path == "/ws":
            socket = web.WebSocketResponse()
            await socket.prepare(req)
            await socket.send_str(request.id)
            return socket
        raise KeyError("x")

    app = application(handle)
    setup_context(app, answer_errors=False)
    headers = {"X-Request-ID": "abc"}
    async with serving(app) as url, aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{url}/stream") as response:
            assert (response.headers["X-Request-ID"], await response.text()) == ("abc", "abc")
        async with session.ws_connect(f"{url}/ws") as socket:
            assert await socket.receive_str() == "abc"
        async with session.get(f"{url}/fail") as response:
            assert (response.status, response.headers["X-Request-ID"]) == (500, "abc")


async def test_an_exception_after_the_response_began_is_raised():
    """After the head was sent, the error closes the connection."""

    async def fail(req: web.Request) -> web.Response:
        stream = web.StreamResponse()
        await stream.prepare(req)
        await stream.write(b"x")
        raise KeyError("x")

    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    try:
        app = application(fail, context_middleware())
        async with serving(app) as url, aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientPayloadError):
                async with session.get(url) as response:
                    await response.read()
    finally:
        logging.getLogger("aiohttp.server").setLevel(logging.NOTSET)


async def test_the_id_stays_here_on_request():
    """send_back=False sends no id; a header that the handler set is kept."""

    async def own(req: web.Request) -> web.Response:
        return web.Response(headers={"X-Request-ID": "own"})

    async with aiohttp.ClientSession() as session:
        async with serving(application(tell, context_middleware(send_back=False))) as url:
            async with session.get(url) as response:
                assert "X-Request-ID" not in response.headers
        async with serving(application(own, context_middleware())) as url:
            async with session.get(url) as response:
                assert response.headers.getall("X-Request-ID") == ["own"]


async def test_requests_of_one_connection_do_not_share_values():
    """aiohttp serves a connection in one task: values of a request are not seen by the next."""

    async def remember(req: web.Request) -> web.Response:
        before = getattr(state, "user", None)
        state.user = req.path
        return web.Response(text=str(before))

    app = application(remember, context_middleware())
    connector = aiohttp.TCPConnector(limit=1)
    async with serving(app) as url, aiohttp.ClientSession(connector=connector) as session:
        for path in ("/a", "/b"):
            async with session.get(url + path) as response:
                assert await response.text() == "None"


async def test_met_a_second_time_it_does_nothing():
    """In a sub-application the outer middleware's id is kept."""
    sub = application(tell, context_middleware(generator=lambda: "inner"))
    app = web.Application(middlewares=[context_middleware(generator=lambda: "outer")])
    app.add_subapp("/sub", sub)
    async with serving(app) as url, aiohttp.ClientSession() as session:
        async with session.get(f"{url}/sub/x") as response:
            assert (await response.json())["id"] == "outer"


async def test_the_access_log_names_the_request(records):
    """AccessLogger writes with the request's ids; without middleware as aiohttp does."""
    logging.getLogger("aiohttp.access").setLevel(logging.INFO)
    try:
        for middlewares, expected in (([context_middleware()], "abc"), ([], "")):
            app = application(tell if middlewares else empty, *middlewares)
            async with serving(app, access_log_class=AccessLogger) as url:
                async with aiohttp.ClientSession() as session:
                    async with session.get(url, headers={"X-Request-ID": "abc"}) as response:
                        await response.read()
            assert records.kept.pop().request_id == expected
    finally:
        logging.getLogger("aiohttp.access").setLevel(logging.NOTSET)
    assert current_request_id() is None


class Terse(AbstractAccessLogger):
    """An access logger of a program."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        self.logger.info("%s %s", request.path, response.status)


class Silent(Terse):
    """One that is disabled."""

    @property
    def enabled(self) -> bool:
        return False


@pytest.mark.parametrize("kind", [None, Terse, Silent])
async def test_every_access_logger_names_the_request(kind, records):
    """The lines of any access logger are written inside of their request's scope, with the fields
    that were bound."""

    async def handle(req: web.Request) -> web.Response:
        bind(user=req.path)
        return web.Response()

    logging.getLogger("aiohttp.access").setLevel(logging.INFO)
    options = {} if kind is None else {"access_log_class": kind}
    try:
        async with serving(application(handle, context_middleware()), **options) as url:
            connector = aiohttp.TCPConnector(limit=1)
            async with aiohttp.ClientSession(connector=connector) as session:
                for name in ("a", "b"):
                    headers = {"X-Request-ID": name}
                    async with session.get(f"{url}/{name}", headers=headers) as response:
                        await response.read()
    finally:
        logging.getLogger("aiohttp.access").setLevel(logging.NOTSET)
    found = [(each.request_id, each.request_path, each.user) for each in records.kept]
    assert found == ([] if kind is Silent else [("a", "/a", "/a"), ("b", "/b", "/b")])


async def empty(req: web.Request) -> web.Response:
    return web.Response()


def test_an_unusable_header_name_is_refused():
    """The error is raised when the middleware is created."""
    with pytest.raises(ValueError, match="is not a header name"):
        context_middleware(header="X Id")
