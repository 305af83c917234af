"""How a connection ends that a program has taken over after a 101."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks

import httptrace
from httptrace import EofStream
from httptrace.pool import pool as pool_module
from httptrace.testing import EventRecorder
from httptrace.testing.peer import ClientGone, Peer

from .upgrading import (
    ASKING,
    LOTS,
    OVER,
    TAKEN,
    Pieces,
    asked,
    echo,
    nothing,
    switching,
    taken,
)


async def test_the_server_closes(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """The parser gets all bytes and the end. The response has its connection until it is closed."""
    server = await scripted(switching(nothing, b"bye"))
    async with asked(server) as (_session, response):
        _transport, protocol = taken(response)
        await server.no_connections()
        async with asyncio.timeout(5):
            while not recorder.of("request_finish"):
                await asyncio.sleep(0)
        pieces = Pieces(protocol)
        assert await pieces.read(3) == b"bye"
        with pytest.raises(EofStream):
            await pieces.queue.read()
        connection = response.connection
        assert connection is not None and connection.closed
        assert connection.transport is None and protocol.transport is None
        response.close()
        assert response.connection is None
    assert recorder.names() == [*TAKEN, *OVER]
    assert recorder.of("connection_closed")[0].reason == "server close"
    assert recorder.of("request_finish")[0].outcome == "completed"


async def test_the_server_resets(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """An end with an error is an end for the parser; the request has failed."""

    async def reset(peer: Peer) -> None:
        await peer.receive()
        peer.reset()

    server = await scripted(switching(reset))
    async with asked(server) as (_session, response):
        transport, protocol = taken(response)
        pieces = Pieces(protocol)
        transport.write(b"go")
        with pytest.raises(EofStream):
            await pieces.queue.read()
        async with asyncio.timeout(5):
            while not recorder.of("request_finish"):
                await asyncio.sleep(0)
    assert recorder.names() == [*TAKEN, *OVER]
    assert recorder.of("connection_closed")[0].reason == "error"
    (finish,) = recorder.of("request_finish")
    assert finish.outcome == "failed" and isinstance(finish.exception, httptrace.ClientOSError)


@pytest.mark.parametrize("ends", ["response", "server", "session"])
async def test_trace_configs_hear_of_the_end(
    leak_check: Leaks, scripted: ScriptedFactory, ends: str
) -> None:
    """Callbacks that are coroutines are called whoever ends it, before the session is closed."""
    told: list[str] = []
    config = httptrace.TraceConfig()

    async def closed(_session: Any, _context: Any, event: Any) -> None:
        await asyncio.sleep(0)
        told.append(event.reason)

    async def finished(_session: Any, _context: Any, event: Any) -> None:
        await asyncio.sleep(0)
        told.append(event.outcome)

    config.on_connection_closed.append(closed)
    config.on_request_finish.append(finished)
    server = await scripted(switching(nothing if ends == "server" else echo))
    async with httptrace.ClientSession(trace_configs=[config]) as session:
        response = await session.get(server.url, headers=ASKING)
        if ends == "response":
            response.close()
        elif ends == "server":
            pieces = Pieces(taken(response)[1])
            with pytest.raises(EofStream):
                await pieces.queue.read()
    expected = {
        "response": ["client close", "completed"],
        "server": ["server close", "completed"],
        "session": ["connector closed", "failed"],
    }
    assert told == expected[ends]
    response.close()


@pytest.mark.parametrize("way", ["response", "connection", "protocol", "transport"])
async def test_closing_sends_what_was_written(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory, way: str
) -> None:
    """Whichever is closed, the server gets all bytes, and the parser the end."""

    async def slow(peer: Peer) -> None:
        peer.pause_reading()
        await peer.events["closed"].wait()
        peer.resume_reading()
        await peer.read(LOTS)
        assert await peer.until_closed() == "eof"
        peer.events["all read"].set()

    server = await scripted(switching(slow), receive_buffer=1 << 14)
    async with asked(server) as (session, response):
        transport, protocol = taken(response)
        pieces = Pieces(protocol)
        transport.write(b"x" * LOTS)
        things = {"protocol": protocol, "transport": transport, "response": response}
        things.get(way, response.connection).close()
        assert session.connector.stats().open == 0
        server.events["closed"].set()
        await server.finished()
        assert server.events["all read"].is_set()
        with pytest.raises(EofStream):
            await pieces.queue.read()
    assert recorder.names() == [*TAKEN, *OVER]
    assert recorder.of("connection_closed")[0].reason == "client close"
    assert recorder.of("request_finish")[0].outcome == "completed"


async def test_aborting(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """`abort` sends nothing more, also while a closed connection still sends."""

    async def deaf(peer: Peer) -> None:
        peer.pause_reading()
        await peer.events["aborted"].wait()
        peer.resume_reading()
        with pytest.raises(ClientGone):
            await peer.read(LOTS)

    server = await scripted(switching(deaf), receive_buffer=1 << 14)
    for close_first in (False, True):
        async with asked(server) as (_session, response):
            transport, protocol = taken(response)
            transport.write(b"x" * LOTS)
            if close_first:
                protocol.close()
            transport.abort()
        server.events["aborted"].set()
        await server.finished()
    assert recorder.names() == [*TAKEN, *OVER] * 2
    assert [event.reason for event in recorder.of("connection_closed")] == ["client close"] * 2


async def test_closing_the_session_does_not_hang(
    leak_check: Leaks,
    recorder: EventRecorder,
    scripted: ScriptedFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server that reads nothing is waited for a moment, then what it has not got is dropped."""
    monkeypatch.setattr(pool_module, "_PATIENCE", 0.01)

    async def deaf(peer: Peer) -> None:
        peer.pause_reading()
        await peer.events["over"].wait()

    server = await scripted(switching(deaf), receive_buffer=1 << 14)
    async with asyncio.timeout(5), asked(server) as (_session, response):
        taken(response)[0].write(b"x" * LOTS)
        response.close()
    server.events["over"].set()
    assert recorder.names() == [*TAKEN, *OVER]


async def test_the_session_is_closed_meanwhile(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """The connection is closed with the connector; that is how the request ends."""
    server = await scripted(switching(echo))
    async with httptrace.ClientSession() as session:
        response = await session.get(server.url, headers=ASKING)
        pieces = Pieces(taken(response)[1])
    with pytest.raises(EofStream):
        await pieces.queue.read()
    assert response.connection is not None and response.connection.closed
    assert recorder.names() == [*TAKEN, *OVER]
    assert recorder.of("connection_closed")[0].reason == "connector closed"
    (finish,) = recorder.of("request_finish")
    assert finish.outcome == "failed"
    assert str(finish.exception) == "Connection closed: connector closed"


async def test_a_cancelled_program(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """`async with` closes the connection of a task that is cancelled."""
    server = await scripted(switching(echo))

    async def use() -> None:
        async with asked(server) as (_session, response):
            await Pieces(taken(response)[1]).read(1)

    task = asyncio.create_task(use())
    async with asyncio.timeout(5):
        while not recorder.of("request_end"):
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert recorder.names() == [*TAKEN, *OVER]
    assert recorder.of("connection_closed")[0].reason == "client close"
    assert recorder.of("request_finish")[0].outcome == "cancelled"


async def test_a_dropped_response(leak_check: Leaks, scripted: ScriptedFactory) -> None:
    """One that is dropped unclosed warns, and its connection is closed."""
    server = await scripted(switching(echo))
    async with httptrace.ClientSession() as session:
        response: Any = await session.get(server.url, headers=ASKING)
        with pytest.warns(ResourceWarning, match="Unclosed response"):
            del response
            gc.collect()
        await server.no_connections()
        assert session.connector.stats().closed == {"client close": 1}  # type: ignore[union-attr]


async def test_without_a_101(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """A server that does not switch is like any other: its connection goes back to the pool."""
    server = await scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno")
    async with httptrace.ClientSession() as session:
        async with session.get(server.url, headers=ASKING) as response:
            assert await response.text() == "no"
            assert response.connection is None
        assert session.connector.stats().idle == 1  # type: ignore[union-attr]
