"""A server for the programs, and a session of ours that they are given."""

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
    """Serve handlers by path; gives the origin, without a slash at the end."""
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
    """What the session under the program tells."""
    return EventRecorder()


@pytest.fixture
async def session(recorder: EventRecorder) -> AsyncIterator[ClientSession]:
    """The session that a program is given; its events obey their rules afterwards."""
    async with ClientSession(observers=[recorder]) as session:
        yield session
    recorder.check()


def module(name: str) -> Any:
    """A program; the test is skipped aloud where it is not installed."""
    return pytest.importorskip(name, reason=f"{name} is not installed")
