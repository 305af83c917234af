"""Scenarios that are cancelled at every await, and checks after each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.servers.leaks import Leaks

from httptrace import ClientSession, TCPConnector
from httptrace.pool.connector import pool_of
from httptrace.testing.peer import Peer
from httptrace.testing.received import ReceivedRequest
from httptrace.testing.scripted import ScriptedServer, response_bytes

from .walking import walk

LATE = pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
Scenario = Callable[[ClientSession], Awaitable[object]]


async def answer(peer: Peer, request: ReceivedRequest) -> None:
    """Respond with the path, in pieces; some paths are answered in other ways."""
    body = request.target.encode()
    if request.path == "/moved":
        await peer.send(response_bytes(302, b"gone", ("Location", "/there")))
    elif request.path == "/stale" and len(peer.requests) > 1:
        peer.close()
        await peer.until_closed()
    elif request.path == "/chunks":
        head = response_bytes(200, b"", ("Transfer-Encoding", "chunked"), length=False)
        pieces = [b"1\r\n%c\r\n" % byte for byte in body]
        await peer.send_pieces([head, *pieces, b"0\r\n\r\n"])
    elif request.path == "/hang":
        await peer.until_closed()
    else:
        data = response_bytes(200, body)
        await peer.send_pieces([data[:20], data[20:-1], data[-1:]])


def walked(session: ClientSession, url: str, scenario: Scenario) -> Any:
    """A scenario, and checks after each cancellation: nothing is held, the next one works."""
    connector = session.connector
    assert connector is not None
    leaks = Leaks()

    async def work() -> object:
        return await scenario(session)

    async def check() -> None:
        async with asyncio.timeout(5):
            while leaks.tasks() - {asyncio.current_task()}:  # type: ignore[arg-type]
                ours = [t for t in leaks.tasks() if "script" not in t.get_name()]
                if not ours:
                    break
                await asyncio.sleep(0)
        stats = connector.stats()
        assert (stats.waiting, stats.open - stats.idle) == (0, 0), stats
        assert not pool_of(connector).unconnected and not pool_of(connector).state.active
        for path in ("/after", "/again"):
            async with session.get(f"{url}{path}") as response:
                assert await response.read() == path.encode()

    return work, check


async def walk_it(
    server: ScriptedServer, scenario: Scenario, *, late: bool, least: int, **options: Any
) -> None:
    """Cancel a scenario everywhere, with one place, and with a connection that is never reused."""
    for force_close in (False, True):
        connector = TCPConnector(limit=1, force_close=force_close, **options)
        async with ClientSession(connector=connector) as session:
            work, check = walked(session, server.url, scenario)
            assert await walk(work, check, late=late) >= least
            assert connector.stats().failed <= connector.stats().created + 300
        await server.no_connections()
