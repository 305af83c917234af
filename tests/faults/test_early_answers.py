"""Bytes that a server sends before it has a request, on a new connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace import ClientError, ClientSession, TCPConnector
from httptrace.pool.connector import pool_of
from httptrace.testing import EventRecorder, Peer, response_bytes
from httptrace.testing.certificates import CertificateAuthority
from httptrace.testing.scripted import ScriptedServer

Start = Callable[..., Awaitable[tuple[ScriptedServer, ClientSession]]]
BUSY = response_bytes(503, b"busy")


class Late(TCPConnector):
    """Gives a new connection when it holds early bytes, or has closed, or its transport is gone.

    The time between a connection and its request is short; here it always suffices.
    """

    until = "early"

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
        connection = await super().connect(req, traces, timeout)
        used = connection._connection
        async with asyncio.timeout(5):
            while not (used.requests_served or used.closed or getattr(used, self.until)):
                await asyncio.sleep(0)
        return connection


@pytest.fixture(params=[False, True], ids=["tcp", "tls"])
async def start(
    request: pytest.FixtureRequest, scripted: ScriptedFactory, ca: CertificateAuthority
) -> AsyncIterator[Start]:
    """Start a server, and create a session whose requests are sent after the server's bytes."""
    async with contextlib.AsyncExitStack() as stack:

        async def started(
            script: Any, until: str = "early", **options: Any
        ) -> tuple[ScriptedServer, ClientSession]:
            context = ca.issue().server_context() if request.param else None
            server = await scripted(script, ssl=context)
            connector = Late(ssl=ca.client_context(), limit=1, **options)
            connector.until = until
            return server, await stack.enter_async_context(ClientSession(connector=connector))

        yield started


def says_and_closes(data: bytes) -> Any:
    """A script that sends bytes as soon as it accepts, and closes."""

    async def script(peer: Peer) -> None:
        await peer.send(data)

    return script


def says_and_stays(data: bytes) -> Any:
    """A script that sends bytes as soon as it accepts, and numbers its responses."""

    async def script(peer: Peer) -> None:
        await peer.send(data)
        while True:
            await peer.request()
            body = f"to {len(peer.requests)} of {peer.index}".encode()
            await peer.send(response_bytes(200, body))

    return script


async def pieces() -> AsyncIterator[bytes]:
    """A body that can be read once."""
    yield b"in "
    yield b"pieces"


BODIES = {"GET": lambda: None, "POST": lambda: b"whole", "PUT": pieces}


async def fetch(session: ClientSession, url: str, method: str = "GET") -> tuple[int, bytes]:
    """Send a request; with PUT its body is streamed."""
    async with session.request(method, url, data=BODIES[method]()) as response:
        return response.status, await response.read()


def at_rest(session: ClientSession) -> dict[str, int]:
    """Assert that no request holds a place; returns why connections were closed."""
    assert session.connector is not None
    pool, stats = pool_of(session.connector), session.connector.stats()
    assert (stats.open, stats.waiting) == (stats.idle, 0)
    assert stats.created == stats.open + sum(stats.closed.values())
    assert pool.state.places == stats.idle
    return dict(stats.closed)


@pytest.mark.parametrize("method", BODIES)
@pytest.mark.parametrize("status", [408, 503])
@pytest.mark.parametrize("until", ["early", "lost", "_early_end"])
async def test_the_server_has_closed(
    heard: bool, start: Start, method: str, status: int, until: str
) -> None:
    """Bytes that the server sent before it closed are the response, whatever the request's body."""
    answer = response_bytes(status, b"busy")
    server, session = await start(says_and_closes(answer), until)
    for turn in range(3):
        assert await fetch(session, server.url, method) == (status, b"busy")
        assert sum(at_rest(session).values()) == turn + 1
    assert session.connector is not None
    async with asyncio.timeout(5):
        await session.connector.close()


@pytest.mark.parametrize("crlf", [b"\r\n", b"\r\n\r\n\n"])
async def test_a_bare_crlf(heard: bool, start: Start, crlf: bytes) -> None:
    """Empty lines before the response are ignored (RFC 9112 §2.2)."""

    async def script(peer: Peer) -> None:
        await peer.send(crlf)
        await says_and_stays(b"\r\n")(peer)

    server, session = await start(script, "opened_ns")
    assert await fetch(session, server.url) == (200, b"to 1 of 0")
    assert await fetch(session, server.url) == (200, b"to 2 of 0")
    assert at_rest(session) == {}


async def test_never_two_answers_to_one_request(heard: bool, start: Start) -> None:
    """No request gets the answer to the one before it, though that had an early answer.

    The server sends a second answer when it reads the request. So the connection is not kept.
    """
    server, session = await start(says_and_stays(response_bytes(200, b"early")))
    for _ in range(4):
        assert await fetch(session, server.url) == (200, b"early")
    assert at_rest(session) == {"unexpected data": 4}


@pytest.mark.parametrize("cut", [8, 20, len(BUSY) - 1])
@pytest.mark.parametrize("method", BODIES)
async def test_incomplete(heard: bool, start: Start, cut: int, method: str) -> None:
    """An early response that is incomplete raises an error that says so."""
    server, session = await start(says_and_closes(BUSY[:cut]), "_early_end")
    with pytest.raises(ClientError, match=r"head|not completed"):
        await fetch(session, server.url, method)
    assert sum(at_rest(session).values()) == 1


async def test_completed_later(heard: bool, start: Start) -> None:
    """An early response may continue after the request was sent."""

    async def script(peer: Peer) -> None:
        await peer.send(BUSY[:20])
        await peer.request()
        await peer.send(BUSY[20:])
        await peer.until_closed()

    server, session = await start(script)
    assert await fetch(session, server.url, "POST") == (503, b"busy")


@pytest.mark.parametrize("method", BODIES)
@pytest.mark.parametrize("size", [70_000, 3_000_000])
async def test_a_large_error(heard: bool, start: Start, method: str, size: int) -> None:
    """An early error response of any size arrives whole, although the server closes after it."""
    server, session = await start(says_and_closes(response_bytes(503, b"x" * size)))
    status, body = await fetch(session, server.url, method)
    assert (status, len(body)) == (503, size)
    assert sum(at_rest(session).values()) == 1


@pytest.mark.parametrize("size", [70_000, 3_000_000])
async def test_a_large_answer(heard: bool, start: Start, size: int) -> None:
    """Another response too, from a server that goes on listening: it gets the request as well."""
    server, session = await start(says_and_stays(response_bytes(200, b"x" * size)))
    status, body = await fetch(session, server.url, "POST")
    assert (status, len(body)) == (200, size)
    async with asyncio.timeout(5):
        while not server.requests:
            await asyncio.sleep(0)
    assert server.requests[0].body == b"whole"
    assert at_rest(session) == {"unexpected data": 1}


async def test_a_flood_before_the_request(start: Start) -> None:
    """Of what a server sends before the request, hardly more than 64 KiB are kept."""
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.send(b"HTTP/1.1 503 Busy\r\n\r\n")
        while sent < 1 << 26:
            await peer.send(b"x" * 65536)
            sent += 65536

    server, session = await start(script)
    connector: Any = session.connector

    async def connect(req: Any, traces: Any, timeout: Any) -> Any:
        connection = await Late.connect(connector, req, traces, timeout)
        before = -1
        while before != sent:  # until the server waits for somebody to read
            before = sent
            for _ in range(100):
                await asyncio.sleep(0)
        kept.append(len(connection._connection.early))
        return connection

    kept: list[int] = []
    connector.connect = connect
    async with session.get(server.url) as response:
        assert response.status == 503
        assert len(await response.content.readexactly(1 << 20)) == 1 << 20
    assert 1 << 16 < kept[0] < 1 << 19 and sent < 1 << 26


async def test_max_age_lets_go(start: Start) -> None:
    """The timer of `max_connection_age` is cancelled if a connection closes before its request."""
    server, session = await start(says_and_closes(BUSY), "lost", max_connection_age=100)
    assert await fetch(session, server.url) == (503, b"busy")
    assert session.connector is not None
    assert not pool_of(session.connector)._max_age._timers


async def test_max_age_of_one_that_is_gone(scripted: ScriptedFactory) -> None:
    """There is no timer for a connection that closed before its dialer returned it."""
    server = await scripted(says_and_closes(BUSY))
    connector = TCPConnector(max_connection_age=100)
    dialer: Any = pool_of(connector).dialer

    class Slow:
        """Returns a connection when its transport is gone."""

        async def connect(self, *args: Any, **options: Any) -> Any:
            transport, protocol = await dialer.connect(*args, **options)
            while not protocol.lost:
                await asyncio.sleep(0)
            return transport, protocol

        async def close(self) -> None:
            await dialer.close()

    pool_of(connector).dialer = Slow()
    async with ClientSession(connector=connector) as session:
        assert await fetch(session, server.url) == (503, b"busy")
        assert not pool_of(connector)._max_age._timers
        at_rest(session)


async def test_the_events(scripted: ScriptedFactory, recorder: EventRecorder) -> None:
    """The events are those of a request that was sent, followed by its response."""
    server = await scripted(says_and_closes(BUSY))
    connector = Late()
    connector.until = "lost"
    async with ClientSession(connector=connector) as session:
        assert await fetch(session, server.url, "POST") == (503, b"busy")
    names = [name for name in recorder.names() if not name.startswith(("dns", "socket"))]
    assert names == [
        *["request_start", "connection_create_start", "connection_create_end"],
        *["connection_acquired", "request_headers_sent", "request_chunk_sent"],
        *["request_body_sent", "response_first_byte", "response_headers_received"],
        *["request_end", "response_chunk_received", "response_body_end"],
        *["connection_closed", "request_finish"],
    ]
    assert recorder.of("connection_closed")[0].reason == "server close"
