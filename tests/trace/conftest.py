"""Fixtures of this room: every test is recorded, and sessions are closed after it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

import httptrace
from httptrace.testing import EventRecorder, Peer

MakeSession = Callable[..., httptrace.ClientSession]
Deliver = Callable[[Peer, bytes], Awaitable[None]]


@pytest.fixture(autouse=True)
def _recorded(recorder: EventRecorder) -> None:
    """Check after each test what always holds."""


@pytest.fixture
async def make_session(recorder: EventRecorder) -> AsyncIterator[MakeSession]:
    """Create sessions that are closed after the test."""
    async with contextlib.AsyncExitStack() as stack:

        def make(**options: Any) -> httptrace.ClientSession:
            session = httptrace.ClientSession(**options)
            stack.push_async_exit(session)
            return session

        yield make


@pytest.fixture
async def session(make_session: MakeSession) -> httptrace.ClientSession:
    """A session with defaults."""
    return make_session()


async def _whole(peer: Peer, data: bytes) -> None:
    await peer.send(data)


async def _in_parts(peer: Peer, data: bytes) -> None:
    head, _, body = data.partition(b"\r\n\r\n")
    await peer.send_pieces(piece for piece in (head + b"\r\n\r\n", body) if piece)


async def _bytewise(peer: Peer, data: bytes) -> None:
    await peer.send_slowly(data)


@pytest.fixture(params=[_whole, _in_parts, _bytewise], ids=lambda way: way.__name__.strip("_"))
def deliver(request: pytest.FixtureRequest) -> Deliver:
    """Send a response at once, head and body apart, or byte by byte: nothing depends on it."""
    way: Deliver = request.param
    return way
