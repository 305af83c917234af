"""`StoredExchange`: an attempt that is answered without a connection, from what was stored."""

from __future__ import annotations

import asyncio
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import ClientPayloadError
from .exchange import Exchange

if TYPE_CHECKING:
    from ..headers.head import RawHeaders
    from .call import Call


class StoredBody(Protocol):
    """A stored body that is read piece by piece."""

    async def next(self) -> bytes:
        """The next piece; ``b""`` at the end. OSError if the rest cannot be read."""
        ...

    def close(self) -> None:
        """Read no more."""


class StoredExchange(Exchange):
    """The pieces of a long body are read when the program wants them."""

    __slots__ = ()

    rest: StoredBody | None = None
    """The part of the body that was not read yet."""
    _reading: asyncio.Task[bytes] | None = None

    async def wait(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for the next piece of the body.

        Raises
        ------
        RuntimeError
            If another task waits already.
        """
        if self.waiter is not None:
            raise RuntimeError("Another task already waits for this response")
        if self.rest is None or self.complete or self.error is not None:
            return
        if self._reading is None:  # a read that was cancelled goes on: its piece is the next one
            self._reading = loop.create_task(self._next(self.rest))
            self._reading.add_done_callback(self._read)
        self.waiter, self.waiting_since_ns = loop.create_future(), perf_counter_ns()
        try:
            await self.waiter
        finally:
            self.waiter = None
            if self.error is not None and self._reading is not None:
                self._reading.cancel()

    async def _next(self, rest: StoredBody) -> bytes:
        return await rest.next()

    def _read(self, reading: asyncio.Task[bytes]) -> None:
        self._reading = None
        failure = None if reading.cancelled() else reading.exception()
        if reading.cancelled() or self.dropped or self.error is not None:
            self._close()
        elif failure is not None:
            self._close()
            error = ClientPayloadError(f"The stored response cannot be read: {failure}")
            error.__cause__ = failure
            self.fail(error)
        elif piece := reading.result():
            self.chunks.append(piece)
            self.body_received += len(piece)
        else:
            self._close()
            self.complete, self.end_ns = True, perf_counter_ns()
        self.wake()

    def _close(self) -> None:
        rest, self.rest = self.rest, None
        if rest is not None:
            rest.close()


def answer(
    call: Call[Any],
    status: int,
    reason: str,
    version: str,
    fields: RawHeaders,
    body: bytes | StoredBody,
) -> StoredExchange:
    """Make a stored response the one of the call's current attempt, or of a next one if it was
    sent.

    Raises
    ------
    TotalTimeoutError, SocketTimeoutError
        If a timeout expired before.
    """
    before = call.exchange
    if before.send_ns or before.marks is not None or before.error is not None:
        before = call.new_exchange()
    exchange = StoredExchange(call, before.start_ns)
    exchange.previous, exchange.attempt = before.previous, before.attempt
    exchange.trace = before.trace
    call.exchange = exchange
    exchange.status, exchange.reason_phrase, exchange.version_received = status, reason, version
    exchange.raw_headers = fields
    exchange.encoded = any(name.lower() == b"content-encoding" for name, _value in fields)
    exchange.first_byte_ns = exchange.head_ns = now_ns = perf_counter_ns()
    if isinstance(body, bytes):
        if body:
            exchange.chunks.append(body)
        exchange.body_received = len(body)
        exchange.complete, exchange.end_ns = True, now_ns
    else:
        exchange.rest = body
    return exchange
