"""Protocols with aiohttp's names, for connectors that open transports in their own way."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from ..errors import ClientConnectionResetError
from ..overrides import original


class BaseProtocol(asyncio.Protocol):
    """A protocol with flow control in both directions."""

    def __init__(self, loop: asyncio.AbstractEventLoop, parser: Any = None) -> None:
        self._loop = loop
        self._parser = parser
        self._paused = False
        self._reading_paused = False
        self._drain_waiter: asyncio.Future[None] | None = None
        self.transport: asyncio.Transport | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a transport."""
        return self.transport is not None

    @property
    def writing_paused(self) -> bool:
        """Whether the transport's buffer is full."""
        return self._paused

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport  # type: ignore[assignment] # a stream's

    def connection_lost(self, exc: BaseException | None) -> None:
        """Drop the transport; a waiting `_drain_helper` raises."""
        self.transport = None
        waiter, self._drain_waiter = self._drain_waiter, None
        if waiter is not None and not waiter.done():
            error = ClientConnectionResetError("Connection lost")
            error.__cause__ = exc
            waiter.set_exception(error)

    def pause_writing(self) -> None:
        """The transport's buffer is full."""
        self._paused = True

    def resume_writing(self) -> None:
        """The transport's buffer has room again."""
        self._paused = False
        waiter, self._drain_waiter = self._drain_waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def pause_reading(self) -> None:
        """Pause the transport, if there is one."""
        self._reading_paused = True
        if self.transport is not None:
            with suppress(AttributeError, NotImplementedError, RuntimeError):
                self.transport.pause_reading()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Resume the transport, if there is one."""
        self._reading_paused = False
        if self.transport is not None:
            with suppress(AttributeError, NotImplementedError, RuntimeError):
                self.transport.resume_reading()

    async def _drain_helper(self) -> None:
        if self.transport is None:
            raise ClientConnectionResetError("Connection lost")
        if not self._paused:
            return
        if self._drain_waiter is None:
            self._drain_waiter = self._loop.create_future()
        await asyncio.shield(self._drain_waiter)


class ResponseHandler(BaseProtocol):
    """Holds the transport that a connector of one's own has opened, until a request uses it.

    A connector that overrides ``_wrap_create_connection`` returns the transport and one of these;
    the HTTP/1.1 connection then becomes the transport's protocol. It parses nothing itself.
    """

    holds: Any = None
    """What must live as long as the transport."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._should_close = False
        self._tail = b""
        """What arrived before a connection took the transport over."""

    @property
    def should_close(self) -> bool:
        """Whether the transport cannot be used for another request."""
        return self._should_close

    def is_connected(self) -> bool:
        """Whether there is a transport, and it is open."""
        return self.transport is not None and not self.transport.is_closing()

    @original
    def data_received(self, data: bytes) -> None:
        """Keep the data."""
        self._tail += data

    @original
    def eof_received(self) -> None:
        """Let the transport close."""

    @original
    def connection_lost(self, exc: BaseException | None) -> None:
        """Drop the transport."""
        self._should_close = True
        super().connection_lost(exc)

    def force_close(self) -> None:
        """Let the transport be used for no other request."""
        self._should_close = True

    def close(self) -> None:
        """Close the transport."""
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.close()

    def abort(self) -> None:
        """Abort the transport."""
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.abort()
