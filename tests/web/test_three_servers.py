"""Three real servers that call each other, a thousand requests at once.

front (aiohttp.web) asks middle (Starlette under uvicorn), which asks back (aiohttp.web). Between
the calls there are sleeps, gathers, background tasks, threads and failures. Every request brings
an id and a number; wherever the number shows (in a log line, in a path), the id beside it must be
its own.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import resource
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest
import uvicorn
from aiohttp import web
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import httptrace
from httptrace.local import (
    Context,
    Local,
    RequestIdLoggingFilter,
    current_request_id,
    preserve_context_in_threads,
    request,
    run_in_thread,
    wrap_async,
    wrap_gather,
)
from httptrace.web import AccessLogger, ContextMiddleware, setup_context

REQUESTS = 1000
NUMBER = re.compile(r"/(\d+)\b")

log = logging.getLogger("three_servers")


class State(Local):
    number: int | None = None


state = State()


class Records(logging.Handler):
    """Checks each line at once; keeping a hundred thousand records would hide leaks."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(RequestIdLoggingFilter())
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        self.seen[record.name] += 1
        record.exc_info = None  # pytest keeps all records; tracebacks would keep the scopes
        match = NUMBER.search(text) or NUMBER.search(record.request_path)
        expected = f"req-{match[1]}" if match else None
        if "/stranger/" in text + record.request_path:
            if not record.request_id or record.request_id.startswith("req-"):
                self.wrong.append(f"{record.name}: {record.request_id!r} with {text!r}")
        elif record.request_id != expected:
            self.wrong.append(f"{record.name}: {record.request_id!r} with {text!r}")


@pytest.fixture
def records() -> Iterator[Records]:
    handler = Records()
    names = ("three_servers", "aiohttp.access", "aiohttp.server", "uvicorn.access", "uvicorn.error")
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    # What uvicorn tells of its own start and end belongs to no request.
    own = logging.getLogger("uvicorn.error")
    own.setLevel(logging.ERROR)
    yield handler
    for logger, (level, propagate) in zip(loggers, before, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


@pytest.fixture(autouse=True)
def enough_files() -> Iterator[None]:
    """A thousand connections have two ends each in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 8192), hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@asynccontextmanager
async def client() -> AsyncIterator[httptrace.ClientSession]:
    """The client of the servers: ids are sent to 127.0.0.1 only."""
    async with httptrace.ClientSession(propagate=["127.0.0.1"]) as session:
        yield session


class Servers:
    """The three applications. Each counts the received ids, by path."""

    def __init__(self, pool: ThreadPoolExecutor, **sessions: httptrace.ClientSession) -> None:
        # One for each caller: with one for both, front's calls could take all places of the pool
        # and wait for middle, whose calls wait for a place.
        self.sessions = sessions
        self.pool = pool
        self.urls: dict[str, str] = {}
        self.arrived: list[tuple[str, str | None]] = []

    async def call(self, caller: str, server: str, path: str, host: str = "127.0.0.1") -> str:
        url = f"{self.urls[server]}{path}".replace("127.0.0.1", host)
        async with self.sessions[caller].get(url) as response:
            text = await response.text()
            assert response.headers["X-Request-ID"] == current_request_id() or "/stranger/" in path
            return f"{response.status} {text}"

    def in_thread(self, number: int) -> None:
        assert state.number == number
        state.number = -1
        log.info("thread /%d", number)

    async def front(self, req: web.Request) -> web.Response:
        number = int(req.match_info["number"])
        self.arrived.append((req.path, req.headers.get("X-Request-ID")))
        assert state.number is None
        state.number = number
        log.info("front /%d", number)
        background = wrap_async(self.background(number))
        await asyncio.sleep(number % 10 / 1000)
        answers = await wrap_gather(
            self.call("front", "middle", f"/middle/{number}"),
            self.call("front", "back", f"/back/{number}"),
            self.call("front", "back", f"/stranger/{number}", host="localhost"),
        )
        async with preserve_context_in_threads():
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self.pool, self.in_thread, number)
        await run_in_thread(self.in_thread, number)
        await background
        assert state.number == number
        if number % 13 == 0:
            raise KeyError(f"front /{number}")
        return web.Response(text=" | ".join(answers))

    async def background(self, number: int) -> None:
        state.number = -number
        with Context(locals=(state,)):
            await asyncio.sleep(0.001)
            state.number = -1
        assert state.number == -number
        assert request.path == f"/front/{number}"
        log.info("background /%d", number)

    async def middle(self, req: Request) -> PlainTextResponse:
        number = int(req.path_params["number"])
        self.arrived.append((req.url.path, req.headers.get("X-Request-ID")))
        assert state.number is None
        state.number = number
        await asyncio.sleep(number % 7 / 1000)
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(self.call("middle", "back", f"/back/{number}"))
        await run_in_thread(self.in_thread, number)
        log.info("middle /%d", number)
        if number % 11 == 0:
            raise KeyError(f"middle /{number}")
        return PlainTextResponse(f"middle /{number}")

    async def back(self, req: web.Request) -> web.Response:
        number = int(req.match_info["number"])
        self.arrived.append((req.path, req.headers.get("X-Request-ID")))
        assert state.number is None
        state.number = number
        await asyncio.sleep(number % 3 / 1000)
        log.info("back %s", req.path)
        if number % 17 == 0:
            raise web.HTTPConflict(text=f"back /{number}")
        return web.Response(text=f"back /{number}")


@asynccontextmanager
async def aiohttp_server(path: str, handler) -> AsyncIterator[str]:
    app = web.Application()
    setup_context(app)
    app.router.add_get(path, handler)
    runner = web.AppRunner(app, access_log_class=AccessLogger, access_log_format="%r")
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def uvicorn_server(path: str, handler) -> AsyncIterator[str]:
    app = ContextMiddleware(Starlette(routes=[Route(path, handler)]))
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, backlog=1024))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.001)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def three_servers() -> AsyncIterator[Servers]:
    async with AsyncExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(4))
        front, middle = [await stack.enter_async_context(client()) for _ in range(2)]
        servers = Servers(pool, front=front, middle=middle)
        for name, kind, path in (
            ("back", aiohttp_server, r"/{who:back|stranger}/{number:\d+}"),
            ("middle", uvicorn_server, "/middle/{number:int}"),
            ("front", aiohttp_server, r"/front/{number:\d+}"),
        ):
            serving = kind(path, getattr(servers, name))
            servers.urls[name] = await stack.enter_async_context(serving)
        yield servers


async def ask(session: aiohttp.ClientSession, url: str, number: int) -> int:
    headers = {"X-Request-ID": f"req-{number}"}
    async with session.get(f"{url}/front/{number}", headers=headers) as response:
        await response.read()
        assert response.headers["X-Request-ID"] == f"req-{number}"
        return response.status


def scopes_alive() -> int:
    gc.collect()
    return sum(isinstance(each, Context) for each in gc.get_objects())


async def test_every_line_and_header_carries_the_id_of_its_own_request(records):
    """A thousand requests at once through three servers: no id is lost or mixed up, and nothing is
    left behind."""
    before = scopes_alive()
    connector = aiohttp.TCPConnector(limit=0)
    async with three_servers() as servers, aiohttp.ClientSession(connector=connector) as driver:
        url = servers.urls["front"]
        statuses = await asyncio.gather(*(ask(driver, url, number) for number in range(REQUESTS)))
        arrived = servers.arrived
    assert [status for number, status in enumerate(statuses) if number % 13] == [200] * (
        REQUESTS - len(range(0, REQUESTS, 13))
    )
    assert statuses[::13] == [500] * len(statuses[::13])
    assert records.wrong == []
    check_headers(arrived)
    check_lines(records.seen)
    assert current_request_id() is None
    del servers
    assert scopes_alive() <= before


def check_headers(arrived: list[tuple[str, str | None]]) -> None:
    """Each call was received as often as it was made, with its id; the other host got none."""
    expected: Counter[tuple[str, str | None]] = Counter()
    for number in range(REQUESTS):
        expected[f"/front/{number}", f"req-{number}"] = 1
        expected[f"/middle/{number}", f"req-{number}"] = 1
        expected[f"/back/{number}", f"req-{number}"] = 3
        expected[f"/stranger/{number}", None] = 1
    if Counter(arrived) != expected:
        wrong = Counter(arrived) - expected
        pytest.fail(
            f"{wrong.total()} calls arrived with a wrong id, such as {wrong.most_common(5)}"
        )


def check_lines(seen: Counter[str]) -> None:
    """All lines were written: of the program, of the access logs, and of the failures."""
    assert seen["three_servers"] == REQUESTS * 10
    assert seen["aiohttp.access"] == REQUESTS * 5
    assert seen["uvicorn.access"] == REQUESTS
    assert seen["aiohttp.server"] == len(range(0, REQUESTS, 13))
    assert seen["uvicorn.error"] == len(range(0, REQUESTS, 11))
