"""The protocol classes of HTTP/1.1 connections: one for asyncio, one for uvloop.

asyncio allocates memory for each read unless the protocol provides a buffer. uvloop reads into a
buffer of its own, and is slower with a protocol that provides one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .connection import Http1Connection

if TYPE_CHECKING:
    from ..call.pool import Host, Pool


class PlainConnection(Http1Connection, asyncio.Protocol):
    """Receives bytes objects from the event loop."""

    __slots__ = ()

    data_received: Any = Http1Connection.received


class BufferedConnection(Http1Connection, asyncio.BufferedProtocol):
    """Lets the event loop read into the connector's buffer, and parses the bytes at once."""

    __slots__ = ("_buffer",)

    def __init__(self, pool: Pool, host: Host) -> None:
        super().__init__(pool, host)
        self._buffer = pool.buffer

    def get_buffer(self, sizehint: int) -> memoryview:
        """The buffer that the transport reads into."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """The transport has read this many bytes into the buffer."""
        self.received(self._buffer[:nbytes])


def connection_class(loop: asyncio.AbstractEventLoop) -> type[Http1Connection]:
    """The faster class for an event loop."""
    return BufferedConnection if isinstance(loop, asyncio.BaseEventLoop) else PlainConnection
