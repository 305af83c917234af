"""Fixtures of the client's tests: events are recorded and checked, nothing may be left behind."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol

import pytest
from aiohttp import web
from tests.servers.leaks import Leaks

import httptrace
from httptrace.testing import EventRecorder

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Serve(Protocol):
    """`await serve({path: handler})` returns the origin of a new aiohttp.web server."""

    def __call__(self, handlers: dict[str, Handler], **options: Any) -> Awaitable[str]: ...


MakeSession = Callable[..., httptrace.ClientSession]


@pytest.fixture(autouse=True)
def clean(request: pytest.FixtureRequest) -> None:
    """Coroutine tests here leave no task or socket behind, and their events are complete."""
    if request.node.get_closest_marker("asyncio"):
        request.getfixturevalue("leak_check")
        request.getfixturevalue("recorder")


@pytest.fixture
async def make_session(leak_check: Leaks, recorder: EventRecorder) -> AsyncIterator[MakeSession]:
    """Create sessions that are closed after the test."""
    async with contextlib.AsyncExitStack() as stack:

        def make(*args: Any, **options: Any) -> httptrace.ClientSession:
            session = httptrace.ClientSession(*args, **options)
            stack.push_async_exit(session)
            return session

        yield make


@pytest.fixture
async def session(make_session: MakeSession) -> httptrace.ClientSession:
    """A session with defaults."""
    return make_session()


@pytest.fixture
async def serve(leak_check: Leaks) -> AsyncIterator[Serve]:
    """Serve a test's handlers with aiohttp.web, each for every method."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(handlers: dict[str, Handler], **options: Any) -> str:
            app = web.Application(client_max_size=1 << 30)
            for path, handler in handlers.items():
                app.router.add_route("*", path, handler, **options)
            runner = web.AppRunner(
                app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True
            )
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            return f"http://127.0.0.1:{runner.addresses[0][1]}"

        yield start
