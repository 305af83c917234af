"""Servers that switch protocols when they are asked to, and programs that take connections over."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httptrace
from httptrace import DataQueue
from httptrace.pool.connector import pool_of
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import Script, ScriptedServer

ASKING = {"Connection": "Upgrade", "Upgrade": "tcp"}
SWITCH = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
TAKEN = [
    *["request_start", "connection_create_start", "socket_connect_start", "socket_connect_end"],
    *["connection_create_end", "connection_acquired", "request_headers_sent", "request_body_sent"],
    *["response_first_byte", "response_headers_received", "request_end"],
]
OVER = ["connection_closed", "request_finish"]
LOTS = 1 << 22
"""More bytes than the kernel keeps for a connection on this machine."""

Then = Callable[[Peer], Awaitable[None]]


def switching(then: Then, behind: bytes = b"") -> Script:
    """A script that switches protocols, with bytes behind the head, and goes on."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(SWITCH + behind)
        await then(peer)

    return script


async def echo(peer: Peer) -> None:
    """Send everything back in capitals."""
    while data := await peer.receive():
        await peer.send(data.upper())


async def nothing(peer: Peer) -> None:
    """Close the connection."""


class Pieces:
    """A parser as programs for aiohttp have it: each piece becomes an item of a queue."""

    def __init__(self, protocol: Any) -> None:
        self.queue: DataQueue[bytes] = DataQueue(asyncio.get_running_loop())
        protocol.set_parser(self, self.queue)

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.queue.feed_data(data, len(data))
        return False, b""

    def feed_eof(self) -> None:
        self.queue.feed_eof()

    async def read(self, count: int) -> bytes:
        """So many bytes."""
        data = b""
        while len(data) < count:
            data += await self.queue.read()
        return data


@contextlib.asynccontextmanager
async def asked(
    server: ScriptedServer, **options: Any
) -> AsyncIterator[tuple[httptrace.ClientSession, httptrace.ClientResponse]]:
    """A session and its response of 101; both are closed at the end."""
    method = "POST" if "data" in options else "GET"
    async with httptrace.ClientSession() as session:
        async with session.request(method, server.url, headers=ASKING, **options) as response:
            assert response.status == 101
            yield session, response


def taken(response: httptrace.ClientResponse) -> tuple[Any, Any]:
    """The transport and the protocol."""
    assert response.connection is not None and response.connection.protocol is not None
    return response.connection.transport, response.connection.protocol


def expire(session: httptrace.ClientSession) -> None:
    """Check the limits of all requests as if 61 seconds had passed."""
    for call in pool_of(session.connector)._calls():  # type: ignore[arg-type]
        call.check_limits(call.start_ns + 61_000_000_000)
