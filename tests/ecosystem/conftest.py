"""A server for the libraries, and a session of httptrace for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from httptrace import ClientSession
from httptrace.testing import EventRecorder, TestServer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[dict[str, Handler]], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve handlers by path; returns the origin, without a slash at the end."""
    servers: list[TestServer] = []

    async def start(handlers: dict[str, Handler]) -> str:
        app = web.Application()
        for path, handler in handlers.items():
            app.router.add_route("*", path, handler)
        servers.append(TestServer(app))
        await servers[-1].start_server()
        return str(servers[-1].make_url("/")).rstrip("/")

    yield start
    for server in servers:
        await server.close()


@pytest.fixture
def recorder() -> EventRecorder:
    """The events of the library's session."""
    return EventRecorder()


@pytest.fixture
async def session(recorder: EventRecorder) -> AsyncIterator[ClientSession]:
    """The session for the library; its events are checked afterwards."""
    async with ClientSession(observers=[recorder]) as session:
        yield session
    recorder.check()


def module(name: str) -> Any:
    """Import a library; the test is skipped if it is not installed."""
    return pytest.importorskip(name, reason=f"{name} is not installed")
