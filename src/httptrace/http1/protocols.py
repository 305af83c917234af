"""How an HTTP/1.1 connection takes bytes: as the event loop hands them over at the least cost.

asyncio allocates what it reads unless it is given a buffer; uvloop reads into one of its own, and
has more to do for a protocol that brings another.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .connection import Http1Connection

if TYPE_CHECKING:
    from ..call.pool import Host, Pool


class PlainConnection(Http1Connection, asyncio.Protocol):
    """Takes bytes as they come."""

    __slots__ = ()

    data_received: Any = Http1Connection.received


class BufferedConnection(Http1Connection, asyncio.BufferedProtocol):
    """Has them read into one buffer for all connections of a connector, and takes them at once."""

    __slots__ = ("_buffer",)

    def __init__(self, pool: Pool, host: Host) -> None:
        super().__init__(pool, host)
        self._buffer = pool.buffer

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the transport puts what it reads."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes have been read."""
        self.received(self._buffer[:nbytes])


def connection_class(loop: asyncio.AbstractEventLoop) -> type[Http1Connection]:
    """The one that suits the loop."""
    return BufferedConnection if isinstance(loop, asyncio.BaseEventLoop) else PlainConnection
