"""A request that waited in the pool's queue, after it got a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace import (
    ClientConnectionError,
    ClientSession,
    ClientTimeout,
    ServerTimeoutError,
    TCPConnector,
)
from httptrace.testing.peer import Peer
from httptrace.testing.received import ReceivedRequest
from httptrace.testing.scripted import ScriptedServer, per_request, response_bytes


class Held:
    """Responds to ``/first`` when the event is set, and to the others as `then` does."""

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second_came = asyncio.Event()
        self.second = asyncio.Event()
        self.last_words = response_bytes(200, b"second")

    async def __call__(self, peer: Peer, request: ReceivedRequest) -> None:
        if request.path == "/first":
            await self.first.wait()
            await peer.send(response_bytes(200, b"first"))
            return
        if peer.requests[0].path != "/first":  # on a connection of its own
            await peer.send(response_bytes(200, b"fresh"))
            return
        self.second_came.set()
        await self.second.wait()
        if self.last_words:
            await peer.send(self.last_words)
        else:
            peer.close()
            await peer.until_closed()


async def get(session: ClientSession, url: str) -> bytes:
    async with session.get(url) as response:
        return await response.read()


@asynccontextmanager
async def queued(
    server: ScriptedServer, held: Held, timeout: ClientTimeout | None = None
) -> AsyncIterator[tuple[ClientSession, asyncio.Task[bytes]]]:
    """A request that waited behind ``/first``, got its connection, and has reached the server."""
    async with ClientSession(connector=TCPConnector(limit=1), timeout=timeout) as session:
        first = asyncio.create_task(get(session, f"{server.url}/first"))
        second = asyncio.create_task(get(session, f"{server.url}/second"))
        while not session.connector.stats().waiting:
            await asyncio.sleep(0)
        held.first.set()
        assert await first == b"first"
        await held.second_came.wait()
        yield session, second


@pytest.fixture
async def held() -> Held:
    return Held()


async def test_it_is_answered(scripted: ScriptedFactory, held: Held) -> None:
    """It uses the same connection; waiting for the response no longer counts as queued."""
    server = await scripted(per_request(held))
    async with queued(server, held) as (session, second):
        queued_seconds = session.connector.stats().queued_seconds
        held.second.set()
        assert await second == b"second"
        stats = session.connector.stats()
        assert (stats.created, stats.reused, stats.queued) == (1, 1, {"limit": 1})
        assert 0 < queued_seconds == stats.queued_seconds
    assert len(server.connections) == 1


async def test_its_timeline_knows_what_it_waited_for(scripted: ScriptedFactory, held: Held) -> None:
    """It waited for the pool first, then for the server."""
    server = await scripted(per_request(held))
    async with ClientSession(connector=TCPConnector(limit=1)) as session:
        first = asyncio.create_task(get(session, f"{server.url}/first"))
        call = asyncio.create_task(session.get(f"{server.url}/second"))
        while not session.connector.stats().waiting:
            await asyncio.sleep(0)
        held.second.set()
        held.first.set()
        await first
        async with await call as response:
            await response.read()
        timeline = response.timeline
        assert timeline.hops[0].reused
        assert sum(timeline.phases_ns.values()) == timeline.total_ns
        assert timeline.phases_ns["queue"] > 0 < timeline.phases_ns["wait"]


async def test_the_last_response_of_a_connection(scripted: ScriptedFactory, held: Held) -> None:
    """A response that closes the connection is delivered too."""
    held.last_words = response_bytes(200, b"second", ("Connection", "close"))
    server = await scripted(per_request(held))
    async with queued(server, held) as (session, second):
        held.second.set()
        assert await second == b"second"
        assert session.connector.stats().open == 0


async def test_the_connection_was_dead(scripted: ScriptedFactory, held: Held) -> None:
    """It is retried on a new connection, as any request on a reused one."""
    held.last_words = b""
    server = await scripted(per_request(held))
    async with queued(server, held) as (session, second):
        held.second.set()
        assert await second == b"fresh"
        assert session.connector.stats().created == 2


async def test_cancelled(scripted: ScriptedFactory, held: Held) -> None:
    """Its connection is closed, and its place is free."""
    server = await scripted(per_request(held))
    async with queued(server, held) as (session, second):
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        stats = session.connector.stats()
        assert (stats.open, stats.waiting, stats.closed) == (0, 0, {"cancelled": 1})
        assert await get(session, f"{server.url}/third") == b"fresh"


async def test_the_connector_is_closed(scripted: ScriptedFactory, held: Held) -> None:
    """It fails, and is not retried."""
    server = await scripted(per_request(held))
    async with queued(server, held) as (session, second):
        await session.connector.close()
        with pytest.raises(ClientConnectionError):
            await second
    assert len(server.requests) == 2


@pytest.mark.parametrize("limit", ["total", "sock_read"])
async def test_a_limit_ends_it(scripted: ScriptedFactory, held: Held, limit: str) -> None:
    """Timeouts of the whole call apply, and have the phase `wait`."""
    server = await scripted(per_request(held))
    async with queued(server, held, ClientTimeout(**{limit: 0.2})) as (session, second):
        with pytest.raises((ServerTimeoutError, TimeoutError)) as caught:
            await second
        assert (caught.value.phase, caught.value.timeout) == ("wait", limit)  # type: ignore[attr-defined]
        assert session.connector.stats().open == 0


@pytest.mark.parametrize("limit", ["pool", "connect"])
async def test_limits_of_the_queue_end_with_it(
    scripted: ScriptedFactory, held: Held, limit: str
) -> None:
    """They do not count the time of waiting for the server."""
    server = await scripted(per_request(held))
    async with queued(server, held, ClientTimeout(**{limit: 0.2})) as (_session, second):
        await asyncio.wait([second], timeout=0.4)
        held.second.set()
        assert await second == b"second"
