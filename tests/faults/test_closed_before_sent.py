"""Connections that are found closed before a request was sent on them: what its events tell.

A connection is acquired and then closed, each is told once, and the reason stands in the event. The
events of closed connections are as many as the connector has counted.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace import ClientSession, TCPConnector, TraceConfig
from httptrace.pool.connector import pool_of
from httptrace.testing import EventRecorder, Peer, response_bytes

OK = response_bytes(200, b"hello")
CREATED = ["connection_create_start", "connection_create_end"]
FAILED = ["request_exception", "request_finish"]


async def pieces() -> AsyncIterator[bytes]:
    """A body that can be read once."""
    yield b"in "
    yield b"pieces"


BODIES = {"none": lambda: None, "small": lambda: b"data", "large": lambda: b"x" * (1 << 20)}
BODIES["streamed"] = pieces  # type: ignore[assignment]
ENDS = {"FIN": lambda peer: peer.close(), "RST": lambda peer: peer.reset()}


class Closed(TCPConnector):
    """Gives each new connection when the server has closed it."""

    def __init__(self) -> None:
        super().__init__()
        self.created = asyncio.Event()

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
        connection = await super().connect(req, traces, timeout)
        self.created.set()
        async with asyncio.timeout(5):
            while not connection.closed:
                await asyncio.sleep(0)
        return connection


def own_names(recorder: EventRecorder, request: int = 0) -> list[str]:
    """The names of the events of a request, without those of its dialling."""
    number = recorder.requests[request]
    names = [event.name for event in recorder.events if event.request_id == number]
    return [name for name in names if not name.startswith(("dns_", "socket_"))]


def check_counts(session: ClientSession, recorder: EventRecorder) -> list[str]:
    """Check that each connection that was created and closed has its event; returns the reasons."""
    assert session.connector is not None
    stats, closed = session.connector.stats(), recorder.of("connection_closed")
    reasons: list[str] = [event.reason for event in closed]
    assert sorted(reasons) == sorted(
        reason for reason, number in stats.closed.items() for _ in range(number)
    )
    assert len({event.connection_id for event in closed}) == len(closed)
    assert stats.created == len(closed) + stats.open
    return reasons


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("body", BODIES)
async def test_a_new_connection(
    scripted: ScriptedFactory, recorder: EventRecorder, end: str, body: str
) -> None:
    """The server closes it before the request goes out: acquired, closed, and the error."""

    connector = Closed()

    async def script(peer: Peer) -> None:
        await connector.created.wait()
        ENDS[end](peer)

    server = await scripted(script)
    async with ClientSession(connector=connector) as session:
        with pytest.raises(httptrace.ServerDisconnectedError):
            await session.post(server.url, data=BODIES[body]())
        assert check_counts(session, recorder) == ["server close"]
    acquired = ["connection_acquired", "connection_closed"]
    assert own_names(recorder) == ["request_start", *CREATED, *acquired, *FAILED]
    (event,) = recorder.of("connection_closed")
    assert event.reason == "server close"
    assert event.connection_id == recorder.of("connection_acquired")[0].connection_id


async def answers(peer: Peer) -> None:
    """Answer each request."""
    while True:
        await peer.request()
        await peer.send(OK)


def end_unheard(session: ClientSession, peer: Peer, end: str) -> None:
    """End an idle connection; the event loop makes no turn in which the client could hear of it."""
    assert session.connector is not None
    (connection,) = pool_of(session.connector).state.idle
    ENDS[end](peer)
    waiting = select.poll()
    waiting.register(connection.get_extra_info("socket").fileno(), select.POLLIN)
    assert waiting.poll(5000)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_an_idle_connection(
    scripted: ScriptedFactory, recorder: EventRecorder, end: str, method: str
) -> None:
    """A request that may be sent twice acquires it, sees it close, and is sent on another one."""
    server = await scripted(answers)
    async with ClientSession() as session:
        await (await session.get(server.url)).read()
        end_unheard(session, server.connections[0], end)
        data = b"data" if method == "PUT" else None
        async with session.request(method, server.url, data=data) as response:
            assert await response.read() == b"hello"
        assert check_counts(session, recorder) == ["error"]
    names = own_names(recorder, 1)
    sent = names[3 : names.index("connection_closed")]
    assert set(sent) <= {"request_headers_sent", "request_chunk_sent", "request_body_sent"}
    assert names[:3] == ["request_start", "connection_reuseconn", "connection_acquired"]
    assert names[3 + len(sent) :][:5] == [
        *("connection_closed", "request_retry", *CREATED, "connection_acquired"),
    ]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("body", BODIES)
async def test_an_idle_connection_and_a_post(
    scripted: ScriptedFactory, recorder: EventRecorder, end: str, body: str
) -> None:
    """A POST looks first. The dead connection is told as closed, once, and never as acquired."""
    server = await scripted(answers)
    async with ClientSession() as session:
        await (await session.get(server.url)).read()
        end_unheard(session, server.connections[0], end)
        async with session.post(server.url, data=BODIES[body]()) as response:
            assert await response.read() == b"hello"
        assert check_counts(session, recorder) == ["server close"]
    assert own_names(recorder, 1)[:4] == ["request_start", *CREATED, "connection_acquired"]
    first, second = recorder.of("connection_acquired")
    assert recorder.of("connection_closed")[0].connection_id == first.connection_id
    assert first.connection_id != second.connection_id


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_taken_and_closed(
    scripted: ScriptedFactory, recorder: EventRecorder, method: str
) -> None:
    """A reused connection that ends after it was taken: told once, and the request goes on."""

    class Closing(TCPConnector):
        """Closes the first connection that it reuses, as a server would."""

        asked = 0

        async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
            connection = await super().connect(req, traces, timeout)
            self.asked += 1
            if self.asked == 2:
                pool_of(self).close_unused(connection._connection, "server close")
            return connection

    server = await scripted(answers)
    async with ClientSession(connector=Closing()) as session:
        await (await session.get(server.url)).read()
        recorder.clear()
        data = None if method == "GET" else b"data"
        async with session.request(method, server.url, data=data) as response:
            await response.read()
        names = own_names(recorder)
        if method != "POST":
            assert names[1:5] == [
                *("connection_reuseconn", "connection_acquired"),
                *("connection_closed", "request_retry"),
            ]
        else:  # it looks before it sends: it has never acquired the connection
            assert names[1] == "connection_create_start"
        assert recorder.names().count("connection_closed") == 1
        assert check_counts(session, recorder) == ["server close"]


@pytest.mark.parametrize("then", ["goes on", "raises", "is cancelled", "connector is closed"])
async def test_closed_while_a_listener_works(
    scripted: ScriptedFactory, recorder: EventRecorder, then: str
) -> None:
    """A callback takes its time when the connection was created, and the server closes it.

    A `TraceConfig` of the session hears of it like an observer of the process.
    """
    config, heard, stays = TraceConfig(), [], then == "connector is closed"
    waits, closes = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await waits.wait()
        if stays:
            await peer.until_closed()

    async def created(session: ClientSession, context: Any, params: Any) -> None:
        heard.append("created")
        async with asyncio.timeout(5):
            (connection,) = pool_of(session.connector).state.active  # type: ignore[arg-type]
            waits.set()
            while not connection.closed:
                await asyncio.sleep(0)
        closes.set()
        if then == "raises":
            raise ZeroDivisionError
        if then == "is cancelled":
            await asyncio.Event().wait()

    async def acquired(session: ClientSession, context: Any, params: Any) -> None:
        heard.append("acquired")

    async def closed(session: ClientSession, context: Any, params: Any) -> None:
        heard.append(params.reason)

    config.on_connection_create_end.append(created)
    config.on_connection_acquired.append(acquired)
    config.on_connection_closed.append(closed)
    server = await scripted(script)
    async with ClientSession(trace_configs=[config]) as session, asyncio.timeout(5):
        task = asyncio.ensure_future(session.post(server.url, data=b"data"))
        await waits.wait()
        if stays:
            await session.connector.close()  # type: ignore[union-attr]
        if then == "is cancelled":
            await closes.wait()
            task.cancel()
        with pytest.raises((httptrace.ClientError, ZeroDivisionError, asyncio.CancelledError)):
            await task
        reason = "connector closed" if stays else "server close"
        assert check_counts(session, recorder) == [reason]
    was_acquired = then in ("goes on", "connector is closed")
    assert heard == ["created", *(["acquired"] if was_acquired else []), reason]
