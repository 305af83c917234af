"""Exact events of requests that wait for a place, and the connector's counters."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest

import httptrace
from httptrace.testing import EventRecorder, Peer, ScriptedServer, response_bytes

from .conftest import MakeSession
from .sequences import (
    ANSWERED,
    BODY,
    CLOSED,
    DIAL,
    END,
    FAILED,
    FINISH,
    FRESH,
    HEAD,
    REUSED,
    SENT,
    START,
)

HELLO = response_bytes(200, b"hello")
QUEUED = ["connection_queued_start", "connection_queued_end"]


async def at_gate(peer: Peer) -> None:
    """Respond to each request when the test has set `gate`."""
    while True:
        await peer.request()
        await peer.events["gate"].wait()
        await peer.send(HELLO)


async def fetch(session: httptrace.ClientSession, url: str, **options: Any) -> bytes:
    async with session.get(url, **options) as response:
        return await response.read()


async def until_waiting(connector: httptrace.BaseConnector, count: int) -> None:
    async with asyncio.timeout(5):
        while connector.stats().waiting < count:
            await asyncio.sleep(0)


async def queue_of(
    session: httptrace.ClientSession, server: ScriptedServer, count: int
) -> list[asyncio.Task[bytes]]:
    """One request at the gate and the others behind it, in order."""
    tasks = [asyncio.create_task(fetch(session, server.url))]
    await server.received(1)
    for waiting in range(1, count):
        tasks.append(asyncio.create_task(fetch(session, server.url)))
        assert session.connector is not None
        await until_waiting(session.connector, waiting)
    return tasks


@pytest.mark.parametrize("limit", ["limit", "limit_per_host"])
async def test_queued(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, limit: str
) -> None:
    """The event of waiting has the limit, the position, and the number of waiting requests."""
    server = await scripted(at_gate)
    session = make_session(connector=httptrace.TCPConnector(**{limit: 1}))
    tasks = await queue_of(session, server, 3)
    server.events["gate"].set()
    await asyncio.gather(*tasks)
    first, second, third = recorder.requests
    assert recorder.names(first) == [*START, *FRESH, *SENT, *ANSWERED]
    for request_id in (second, third):
        assert recorder.names(request_id) == [*START, *QUEUED, *REUSED, *SENT, *ANSWERED]
    starts = recorder.of("connection_queued_start")
    assert [(e.limit, e.position, e.depth) for e in starts] == [(limit, 0, 1), (limit, 1, 2)]
    assert [task.result() for task in tasks] == [b"hello"] * 3
    assert len(server.connections) == 1


async def test_order_of_the_queue(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Places are granted in the order of waiting."""
    server = await scripted(at_gate)
    session = make_session(connector=httptrace.TCPConnector(limit=1))
    tasks = await queue_of(session, server, 5)
    server.events["gate"].set()
    await asyncio.gather(*tasks)
    granted = [event.request_id for event in recorder.of("connection_queued_end")]
    assert granted == recorder.requests[1:]


async def test_place_of_another_origin(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A place of another origin: its connection is closed, and the waiting request dials."""
    server, other = await scripted(at_gate), await scripted(HELLO)
    session = make_session(connector=httptrace.TCPConnector(limit=1))
    first = asyncio.create_task(fetch(session, server.url))
    await server.received(1)
    second = asyncio.create_task(fetch(session, other.url))
    assert session.connector is not None
    await until_waiting(session.connector, 1)
    server.events["gate"].set()
    await asyncio.gather(first, second)
    one, two = recorder.requests
    assert recorder.names(one) == [*START, *FRESH, *SENT, *ANSWERED]
    assert recorder.names(two) == [*START, *QUEUED, *FRESH, *SENT, *ANSWERED]
    closed = [e for e in recorder.of("connection_closed") if e.request_id is None]
    assert [(e.reason, e.connection_id) for e in closed] == [
        ("evicted", recorder.of("connection_acquired", one)[0].connection_id)
    ]
    assert session.connector.stats().closed == {"evicted": 1}


async def test_idle_connection_of_another_origin_makes_room(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A full pool closes an idle connection instead of letting a request wait."""
    server, other = await scripted(HELLO), await scripted(HELLO)
    session = make_session(connector=httptrace.TCPConnector(limit=1))
    await fetch(session, server.url)
    await fetch(session, other.url)
    for request_id in recorder.requests:
        assert recorder.names(request_id) == [*START, *FRESH, *SENT, *ANSWERED]
    assert [e.reason for e in recorder.of("connection_closed")] == ["evicted"]


async def test_why_a_connection_is_not_reused(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Each new connection says why: first of its origin, all others busy, or none idle."""

    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.events["gate"].wait()
        await peer.send(HELLO)

    server = await scripted(once)
    session = make_session()
    tasks = [asyncio.create_task(fetch(session, server.url))]
    await server.received(1)
    tasks.append(asyncio.create_task(fetch(session, server.url)))
    await server.received(2)
    server.events["gate"].set()
    await asyncio.gather(*tasks)
    await server.no_connections()
    await asyncio.sleep(0)
    await fetch(session, server.url)
    told = [event.why_not_reused for event in recorder.of("connection_acquired")]
    assert told == ["first", "busy", "none idle"]


async def test_cancelled_in_the_queue(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A request that is cancelled while it waits leaves the queue, and the next one moves up."""
    server = await scripted(at_gate)
    session = make_session(connector=httptrace.TCPConnector(limit=1))
    tasks = await queue_of(session, server, 3)
    tasks[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    server.events["gate"].set()
    await asyncio.gather(tasks[0], tasks[2])
    _first, second, third = recorder.requests
    assert recorder.names(second) == [
        *START,
        "connection_queued_start",
        "connection_queued_exception",
        *FAILED,
    ]
    assert recorder.names(third) == [*START, *QUEUED, *REUSED, *SENT, *ANSWERED]
    exception = recorder.of("request_exception", second)[0]
    assert (exception.phase, exception.timeout) == ("queue", None)
    assert recorder.of("request_finish", second)[0].outcome == "cancelled"


async def test_connector_closed_while_waiting(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Closing the connector ends the waiting and the current request, each with an error."""
    server = await scripted(at_gate)
    session = make_session(connector=httptrace.TCPConnector(limit=1))
    first, second = await queue_of(session, server, 2)
    await session.close()
    results = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(one) for one in results] == [
        httptrace.ServerDisconnectedError,
        httptrace.ClientConnectionError,
    ]
    one, two = recorder.requests
    assert recorder.names(one) == [*START, *FRESH, *SENT, *CLOSED, *FAILED]
    assert recorder.names(two) == [
        *START,
        "connection_queued_start",
        "connection_queued_exception",
        *FAILED,
    ]
    assert recorder.of("connection_closed", one)[0].reason == "connector closed"


@pytest.mark.parametrize(
    "moment", ["connection_create_start", "socket_connect_end", "connection_create_end"]
)
async def test_closed_while_connecting(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, moment: str
) -> None:
    """A session that is closed before its request is sent fails it, and sends nothing."""
    server = await scripted(HELLO)
    config = httptrace.TraceConfig()

    async def close(session: httptrace.ClientSession, _context: Any, _event: Any) -> None:
        await session.close()

    getattr(config, f"on_{moment}").append(close)
    session = make_session(trace_configs=[config])
    with pytest.raises(httptrace.ClientConnectionError, match="Connector is closed"):
        await session.get(server.url)
    assert not recorder.of("request_headers_sent")
    assert recorder.names()[-2:] == FAILED
    assert not server.requests


async def test_stats(make_session: MakeSession, scripted: Any) -> None:
    """The connector counts the same as the events, with and without listeners."""
    server = await scripted(at_gate)
    connector = httptrace.TCPConnector(limit=1)
    session = make_session(connector=connector)
    tasks = await queue_of(session, server, 3)
    now = connector.stats()
    assert (now.open, now.idle, now.waiting) == (1, 0, 2)
    assert now.queued == {"limit": 2}
    server.events["gate"].set()
    await asyncio.gather(*tasks)
    after = connector.stats()
    assert (after.created, after.reused, after.failed) == (1, 2, 0)
    assert (after.open, after.idle, after.waiting) == (1, 1, 0)
    assert after.closed == {}
    assert after.queued_seconds > 0
    assert after.to_dict()["queued"] == {"limit": 2}
    await session.close()
    assert connector.stats().closed == {"connector closed": 1}
    assert connector.stats().open == 0


async def test_stats_of_connections_that_failed(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Each reason for which a connection was closed is counted separately."""
    cut = response_bytes(200, b"", ("Content-Length", "9"), length=False) + b"hell"

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(cut)

    server = await scripted(response_bytes(200, b"hello", ("Connection", "close")), script)
    connector = httptrace.TCPConnector()
    session = make_session(connector=connector)
    await fetch(session, server.url)
    with pytest.raises(httptrace.ClientPayloadError):
        await fetch(session, server.url)
    assert connector.stats().closed == {"server close": 1, "error": 1}
    closed = recorder.of("connection_closed")
    assert [event.requests_served for event in closed] == [1, 1]
    assert all(0 < event.age < 10 for event in closed)
    assert connector.stats().created == 2


async def test_idle_timeout(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A connection that was idle for too long is closed; that belongs to no request."""
    server = await scripted(HELLO)
    session = make_session(connector=httptrace.TCPConnector(keepalive_timeout=0.02))
    await fetch(session, server.url)
    await server.no_connections()
    (closed,) = recorder.of("connection_closed")
    assert (closed.reason, closed.request_id) == ("idle timeout", None)
    assert closed.connection_id == recorder.of("connection_acquired")[0].connection_id


async def test_kept_for_no_time(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """With a keepalive_timeout of 0 a connection is closed once its response is over, unless
    somebody waits for it."""
    server = await scripted(HELLO)
    connector = httptrace.TCPConnector(keepalive_timeout=0, limit=1)
    session = make_session(connector=connector)
    await asyncio.gather(fetch(session, server.url), fetch(session, server.url))
    await server.no_connections()
    stats = connector.stats()
    assert (stats.created, stats.reused, stats.open) == (1, 1, 0)
    assert stats.closed == {"idle timeout": 1}


async def test_never_opened(
    make_session: MakeSession,
    scripted: Any,
    recorder: EventRecorder,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """A connection that is abandoned before it was ready failed; it has no closed event."""
    server = await scripted(HELLO, ssl=server_ssl)
    config = httptrace.TraceConfig()

    async def refuse(*_args: object) -> None:
        raise LookupError

    config.on_tls_handshake_end.append(refuse)
    connector = httptrace.TCPConnector(ssl=client_ssl)
    session = make_session(connector=connector, trace_configs=[config])
    with pytest.raises(LookupError):
        await fetch(session, server.url)
    await server.no_connections()
    assert recorder.of("connection_closed") == []
    stats = connector.stats()
    assert (stats.created, stats.failed, stats.closed) == (0, 1, {})


async def test_closed_while_idle(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """If the server closes an idle connection, the process gets the event; the next one dials."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO)

    server = await scripted(script)
    await fetch(session, server.url)
    async with asyncio.timeout(5):
        while not recorder.of("connection_closed"):
            await asyncio.sleep(0)
    await fetch(session, server.url)
    closed = recorder.of("connection_closed")[0]
    assert (closed.reason, closed.request_id) == ("server close", None)
    for request_id in recorder.requests:
        assert recorder.names(request_id)[: len(START + FRESH)] == [*START, *FRESH]


async def test_unexpected_data_while_idle(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Unexpected bytes: the connection is closed and not reused."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO)
        await peer.events["more"].wait()
        await peer.send(HELLO)
        await peer.until_closed()

    server = await scripted(script)
    await fetch(session, server.url)
    server.events["more"].set()
    await server.no_connections()
    (closed,) = recorder.of("connection_closed")
    assert (closed.reason, closed.request_id) == ("unexpected data", None)


async def test_bytes_after_a_response(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Bytes after a response, in the same segment: it is valid, its connection is not reused."""
    server = await scripted(HELLO + HELLO)
    assert await fetch(session, server.url) == b"hello"
    names = [*START, *FRESH, *SENT, *HEAD, *END, *BODY, *CLOSED, *FINISH]
    assert recorder.names() == names
    assert recorder.of("connection_closed")[0].reason == "unexpected data"


async def test_unix_socket(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, tmp_path: Any
) -> None:
    """A Unix socket has the events of an address; there is no DNS."""
    path = str(tmp_path / "socket")
    await scripted(HELLO, unix_path=path)
    session = make_session(connector=httptrace.UnixConnector(path))
    assert await fetch(session, "http://any.example/") == b"hello"
    assert recorder.names() == [*START, *DIAL, "connection_acquired", *SENT, *ANSWERED]
    assert recorder.of("socket_connect_end")[0].address == path
