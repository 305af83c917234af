"""Exact events of timeouts: every limit, in every phase in which it can expire."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

import pytest
from tests.net.recording import Fixed, Gated

import httptrace
from httptrace import ClientTimeout
from httptrace.testing import EventRecorder, Peer, blackhole, hang, response_bytes

from .conftest import MakeSession
from .sequences import (
    CHUNK,
    CLOSED,
    DNS,
    END,
    FAILED,
    FINISH,
    FRESH,
    HEAD,
    REUSED,
    SENT,
    SOCKET,
    START,
)
from .test_exchanges import HELLO, fetch

SHORT = 0.15
CREATE_START = ["connection_create_start"]
CREATE_FAILED = ["connection_create_exception", *FAILED]


async def silent(peer: Peer) -> None:
    """Read the request and never respond."""
    await peer.request()
    await peer.hang()


def told(recorder: EventRecorder) -> tuple[str, str | None]:
    """Phase and limit in the event of the failure."""
    event = recorder.of("request_exception")[0]
    return event.phase, event.timeout


def limits(recorder: EventRecorder) -> tuple[Any, ...]:
    """Phase, limit and its name in the error of the failure."""
    error: Any = recorder.of("request_finish")[0].exception
    assert isinstance(error, TimeoutError)
    assert error.elapsed >= error.limit * 0.9
    ended = [event for event in recorder.events if event.edge == "exception"]
    told = {id(event.exception) for event in ended if event.request_id == recorder.requests[-1]}
    assert told <= {id(error)}  # what the limit ended tells the limit
    return error.phase, error.limit, error.timeout


@pytest.mark.parametrize("limit", ["total", "connect", "pool"])
async def test_in_the_queue(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, limit: str
) -> None:
    """A timeout while the request waits for a place: it leaves the queue."""
    server = await scripted(silent)
    session = make_session(connector=httptrace.TCPConnector(limit=1))
    first = asyncio.create_task(fetch(session, "GET", server.url))
    await server.received()
    with pytest.raises(TimeoutError):
        await fetch(session, "GET", server.url, timeout=ClientTimeout(**{limit: SHORT}))
    first.cancel()
    await asyncio.wait([first])
    second = recorder.requests[1]
    assert recorder.names(second) == [
        *START, "connection_queued_start", "connection_queued_exception", *FAILED
    ]  # fmt: skip
    assert told(recorder) == ("queue", limit)
    assert limits(recorder) == ("queue", SHORT, limit)


@pytest.mark.parametrize("limit", ["total", "connect", "dns"])
async def test_in_dns(make_session: MakeSession, recorder: EventRecorder, limit: str) -> None:
    """A timeout during the look-up."""
    session = make_session(connector=httptrace.TCPConnector(resolver=Gated("127.0.0.1")))
    with pytest.raises(TimeoutError):
        await fetch(session, "GET", "http://test.example/", timeout=ClientTimeout(**{limit: SHORT}))
    assert recorder.names() == [
        *START, *CREATE_START, *DNS[:2], "dns_resolvehost_exception", *CREATE_FAILED
    ]  # fmt: skip
    assert told(recorder) == ("dns", limit)
    assert limits(recorder) == ("dns", SHORT, limit)


@pytest.mark.parametrize("limit", ["total", "connect", "sock_connect"])
async def test_in_connecting(
    session: httptrace.ClientSession, recorder: EventRecorder, limit: str
) -> None:
    """A timeout while an address does not respond."""
    with blackhole() as port, pytest.raises(TimeoutError):
        await fetch(
            session, "GET", f"http://127.0.0.1:{port}/", timeout=ClientTimeout(**{limit: SHORT})
        )
    assert recorder.names() == [
        *START,
        *CREATE_START,
        "socket_connect_start",
        "socket_connect_exception",
        *CREATE_FAILED,
    ]
    assert told(recorder) == ("connect", limit)
    assert limits(recorder) == ("connect", SHORT, limit)


@pytest.mark.parametrize("limit", ["total", "connect", "sock_connect", "tls"])
async def test_in_tls(
    make_session: MakeSession,
    scripted: Any,
    recorder: EventRecorder,
    client_ssl: ssl.SSLContext,
    limit: str,
) -> None:
    """A timeout while the server is silent in the handshake."""
    server = await scripted(hang)
    session = make_session(connector=httptrace.TCPConnector(ssl=client_ssl))
    with pytest.raises(TimeoutError):
        await fetch(
            session,
            "GET",
            f"https://127.0.0.1:{server.port}/",
            timeout=ClientTimeout(**{limit: SHORT}),
        )
    assert recorder.names() == [
        *START,
        *CREATE_START,
        *SOCKET,
        "tls_handshake_start",
        "tls_handshake_exception",
        *CREATE_FAILED,
    ]
    assert told(recorder) == ("tls", limit)
    assert limits(recorder) == ("tls", SHORT, limit)
    await server.no_connections()


@pytest.mark.parametrize("limit", ["total", "sock_read", "response_headers"])
async def test_waiting_for_the_answer(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, limit: str
) -> None:
    """A timeout before the first byte: the connection is closed."""
    server = await scripted(hang)
    with pytest.raises(TimeoutError):
        await fetch(session, "GET", server.url, timeout=ClientTimeout(**{limit: SHORT}))
    assert recorder.names() == [*START, *FRESH, *SENT, *CLOSED, *FAILED]
    assert recorder.of("connection_closed")[0].reason == "timeout"
    assert told(recorder) == ("wait", limit)
    assert limits(recorder) == ("wait", SHORT, limit)
    await server.no_connections()


@pytest.mark.parametrize("limit", ["total", "sock_read"])
async def test_waiting_on_a_used_connection(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, limit: str
) -> None:
    """A reused connection that is silent is not stale: the timeout expires, nothing is retried."""

    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO)
        await peer.hang()

    server = await scripted(once)
    await fetch(session, "GET", server.url)
    recorder.clear()
    with pytest.raises(TimeoutError):
        await fetch(session, "GET", server.url, timeout=ClientTimeout(**{limit: SHORT}))
    assert recorder.names() == [*START, *REUSED, *SENT, *CLOSED, *FAILED]
    assert told(recorder) == ("wait", limit)


@pytest.mark.parametrize("limit", ["total", "sock_read"])
async def test_in_the_body(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, limit: str
) -> None:
    """Time runs out while the body comes: the caller had its response, so there is no exception
    but the end tells it."""

    async def half(peer: Peer) -> None:
        await peer.request()
        await peer.send_pieces([response_bytes(200, b"hello")[:-3]])
        await peer.hang()

    server = await scripted(half)
    with pytest.raises(TimeoutError):
        await fetch(session, "GET", server.url, timeout=ClientTimeout(**{limit: SHORT}))
    assert recorder.names() == [
        *START, *FRESH, *SENT, *HEAD, *END, *CHUNK, *CLOSED, *FINISH
    ]  # fmt: skip
    assert recorder.of("connection_closed")[0].reason == "timeout"
    assert recorder.of("request_finish")[0].outcome == "failed"
    assert limits(recorder) == ("receive", SHORT, limit)
    await server.no_connections()


async def test_total_while_the_caller_does_something_else(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A timeout while the caller does not read: the next read raises it."""

    async def half(peer: Peer) -> None:
        await peer.request()
        await peer.send(response_bytes(200, b"hello")[:-3])
        await peer.until_closed()
        peer.events["gone"].set()

    server = await scripted(half)
    async with session.get(server.url, timeout=ClientTimeout(total=SHORT)) as response:
        await server.events["gone"].wait()
        with pytest.raises(TimeoutError):
            await response.read()
    assert recorder.names() == [
        *START, *FRESH, *SENT, *HEAD, *END, *CHUNK, *CLOSED, *FINISH
    ]  # fmt: skip
    assert recorder.of("request_finish")[0].outcome == "failed"


@pytest.mark.parametrize("limit", ["total", "sock_read"])
async def test_while_the_body_is_sent(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, limit: str
) -> None:
    """A timeout while the server does not read the body."""

    async def stuck(peer: Peer) -> None:
        await peer.read_head()
        peer.pause_reading()
        await peer.hang()

    server = await scripted(stuck, receive_buffer=4096)

    async def endless() -> Any:
        while True:
            yield b"x" * 65536

    with pytest.raises(TimeoutError):
        await fetch(
            session, "POST", server.url, data=endless(), timeout=ClientTimeout(**{limit: SHORT})
        )
    names = recorder.names()
    begun = [*START, *FRESH, "request_headers_sent"]
    assert names[: len(begun)] == begun
    assert set(names[len(begun) : -3]) == {"request_chunk_sent"}
    assert names[-3:] == [*CLOSED, *FAILED]
    assert told(recorder) == ("send", limit)


async def test_a_body_that_takes_its_time(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """``sock_read`` is for a silent server: a body that is generated slowly does not reach it."""

    async def pieces() -> Any:
        for _ in range(6):
            yield b"x" * 10
            await asyncio.sleep(SHORT / 3)

    server = await scripted(HELLO)
    limits = ClientTimeout(sock_read=SHORT)
    assert await fetch(session, "POST", server.url, data=pieces(), timeout=limits) == b"hello"
    assert recorder.timelines()[0].send > SHORT


async def test_a_server_that_takes_its_time(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Nor does a server that reads slowly: every byte that it reads restarts the limit."""
    size = 1 << 19

    def small(address: Any) -> socket.socket:
        made = socket.socket(*address[:3])
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 12)
        return made

    async def slow(peer: Peer) -> None:
        await peer.read_head()
        taken = 0
        while taken < size:
            if taken < size // 4:
                peer.pause_reading()
                await asyncio.sleep(SHORT / 3)
                peer.resume_reading()
            taken += len(await peer.receive())
        await peer.send(HELLO)
        await peer.until_closed()

    server = await scripted(slow, receive_buffer=1 << 14)
    session = make_session(connector=httptrace.TCPConnector(socket_factory=small))
    limits = ClientTimeout(sock_read=SHORT)
    data = b"x" * size
    assert await fetch(session, "POST", server.url, data=data, timeout=limits) == b"hello"
    assert recorder.timelines()[0].send > SHORT
    assert recorder.of("request_body_sent")[0].blocked_ns > SHORT * 1e9


async def test_resolver_goes_on(make_session: MakeSession, recorder: EventRecorder) -> None:
    """A look-up that a timed-out request began serves the next one."""
    resolver = Gated("127.0.0.1")
    session = make_session(connector=httptrace.TCPConnector(resolver=resolver))
    with pytest.raises(TimeoutError):
        await fetch(session, "GET", "http://test.example:1/", timeout=ClientTimeout(total=SHORT))
    resolver.gate.set()
    with pytest.raises(httptrace.ClientConnectorError):
        await fetch(session, "GET", "http://test.example:1/")
    assert resolver.calls == 1


async def test_listener_that_takes_too_long(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """The total timeout ends a callback that hangs."""
    server = await scripted(HELLO)
    config = httptrace.TraceConfig()

    async def forever(*_: Any) -> None:
        await asyncio.Event().wait()

    config.on_request_start.append(forever)
    session = make_session(trace_configs=[config])
    with pytest.raises(TimeoutError):
        await fetch(session, "GET", server.url, timeout=ClientTimeout(total=SHORT))
    assert recorder.names() == [*START, *FAILED]
    assert told(recorder) == ("queue", "total")


async def test_no_limit_left_behind(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A request that ended in time does not time out later."""
    server = await scripted(HELLO)
    session = make_session(connector=httptrace.TCPConnector(resolver=Fixed("127.0.0.1")))
    await fetch(session, "GET", server.url, timeout=ClientTimeout(total=SHORT))
    await asyncio.sleep(SHORT * 2)
    await fetch(session, "GET", server.url)
    assert recorder.of("request_exception") == []


async def test_total_and_nobody_reads(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """If the limit expires and the block is left without a read, the end has the timeout."""

    async def half(peer: Peer) -> None:
        await peer.request()
        await peer.send(response_bytes(200, b"hello")[:-3])
        await peer.until_closed()
        peer.events["gone"].set()

    server = await scripted(half)
    async with session.get(server.url, timeout=ClientTimeout(total=SHORT)):
        await server.events["gone"].wait()
    (finish,) = recorder.of("request_finish")
    assert finish.outcome == "failed"
    assert limits(recorder) == ("receive", SHORT, "total")
