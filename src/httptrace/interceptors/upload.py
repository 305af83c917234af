"""Send a body from a payload, in a task of its own while the caller awaits the response."""

from __future__ import annotations

import asyncio
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from ..body.stream_writer import PayloadWriter
from ..errors import ClientConnectionError, ClientConnectionResetError, ClientPayloadError
from ..trace.events import (
    TraceRequestBodySentParams,
    TraceRequestChunkSentParams,
    TraceRequestHeadersSentParams,
)
from .stale import was_read

if TYPE_CHECKING:
    from ..call.call import Call
    from ..call.connection import Connection
    from ..call.exchange import Exchange

_PIECE = 1 << 18
"""The maximum of bytes in one write to the transport."""
_PATIENCE = 1.0
"""Seconds to wait for 100 Continue; servers that do not support it send nothing
(RFC 9110 §10.1.1)."""


class ResponseCameFirst(Exception):
    """The server has sent an error response before the whole body was sent."""


class BodyWriter(PayloadWriter):
    """The writer for payloads: it encodes, frames and counts, and awaits `drain`."""

    def __init__(self, call: Call[Any], exchange: Exchange, connection: Connection) -> None:
        self._exchange = exchange
        self._connection = connection
        self._chunked = call.chunked
        self._encoder: Any = None
        self._at_a_stretch = 0  # bytes encoded since the loop last had a turn
        if call.compress:
            from ..body.content_coding import encoder_for

            self._encoder = encoder_for(call.compress)
        declared = None if call.chunked else call.request_headers.get("Content-Length")
        self._left = None if declared is None else int(declared)
        self._tracker = tracker = call.upload_tracker
        self._counts_pieces = tracker is not None and self._encoder is None
        exchange.providing_since_ns = perf_counter_ns()
        if tracker is not None:
            tracker.follow(exchange)

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send a piece of the body; return when the transport accepts more."""
        if self._encoder is None:
            await self._write(data)
        else:
            await self._encode(memoryview(data).cast("B"))

    async def _encode(self, view: memoryview) -> None:
        """Encode and send a piece in steps; other tasks run between them."""
        for start in range(0, len(view), _PIECE):
            piece = bytes(view[start : start + _PIECE])
            if self._tracker is not None:
                self._tracker.hand(len(piece))
            await self._write(self._encoder.encode(piece))
            self._at_a_stretch += len(piece)
            if self._at_a_stretch >= _PIECE:
                self._at_a_stretch = 0
                self._provided()
                await asyncio.sleep(0)
                self._exchange.providing_since_ns = perf_counter_ns()

    async def _write(self, data: bytes | bytearray | memoryview) -> None:
        if type(data) is bytes and len(data) <= _PIECE:
            if data:
                await self._send(data)
            return
        view = memoryview(data).cast("B")
        if not view.readonly:  # the caller may change it before it is sent
            view = memoryview(bytes(view))
        for start in range(0, len(view), _PIECE):
            await self._send(view[start : start + _PIECE])

    async def finish(self) -> None:
        """Send the end of the body."""
        if self._encoder is not None and (rest := self._encoder.flush()):
            await self._write(rest)
        self._provided()
        if self._left:
            raise ClientPayloadError(f"The body ended {self._left} bytes before its Content-Length")
        if self._chunked:
            self._connection.send_body(b"0\r\n\r\n")
            self._exchange.framing_sent += 5

    async def _send(self, piece: bytes | memoryview) -> None:
        size, exchange, connection = len(piece), self._exchange, self._connection
        self._provided()
        if self._left is not None:
            if size > self._left:
                raise ClientPayloadError("The body is longer than its Content-Length")
            self._left -= size
        if exchange.head_ns and exchange.status >= 400:
            raise ResponseCameFirst
        if self._chunked:
            connection.send_chunk(piece)
            exchange.framing_sent += len(b"%x" % size) + 4
        else:
            connection.send_body(piece)
        exchange.body_sent += size
        if self._counts_pieces:
            self._tracker.hand(size)  # type: ignore[union-attr]
        if exchange.trace is not None:
            exchange.trace.note(TraceRequestChunkSentParams, exchange, 0, bytes(piece))
            exchange.wake()
        if connection.write_blocked:
            blocked_since_ns = exchange.blocked_since_ns = perf_counter_ns()
            exchange.unsent = connection.unsent()
            await connection.drain()
            exchange.blocked_since_ns = 0
            exchange.blocked_ns += perf_counter_ns() - blocked_since_ns
        elif size == _PIECE:  # let other tasks run: nothing else here waits
            await asyncio.sleep(0)
        exchange.providing_since_ns = perf_counter_ns()

    def _provided(self) -> None:
        """The program has provided a piece of the body, or its end."""
        exchange = self._exchange
        if exchange.providing_since_ns:  # a body may write two pieces at the same time
            exchange.providing_ns += perf_counter_ns() - exchange.providing_since_ns
            exchange.providing_since_ns = 0


def begin_upload(call: Call[Any], exchange: Exchange, connection: Connection) -> None:
    """Start the task that sends the body, after the head was written."""
    exchange.sent_ns = 0
    if exchange.trace is not None:
        exchange.trace.note(TraceRequestHeadersSentParams, exchange, 0, call.head)
    if call.expect100:
        exchange.continued = call.loop.create_future()
    exchange.upload = call.loop.create_task(upload(call, exchange, connection))


async def upload(call: Call[Any], exchange: Exchange, connection: Connection) -> None:
    """Send the body; an error fails the exchange."""
    try:
        await _upload(call, exchange, connection)
    except ResponseCameFirst:
        return  # the response is used; the connection is closed after it
    except asyncio.CancelledError as exc:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        _break_off(call, exchange, connection, exc)  # raised by the body itself
    except ClientConnectionResetError as exc:
        await asyncio.sleep(0)  # the transport reports why it closed
        if exchange.error is None and not exchange.head_ns:
            call.pool.discard(connection, exchange, "error", exc)
    except Exception as exc:
        _break_off(call, exchange, connection, exc)


def _break_off(
    call: Call[Any], exchange: Exchange, connection: Connection, exc: BaseException
) -> None:
    error = _failure(exc)
    if call.upload_tracker is not None:
        call.upload_tracker.fail(error)
    call.pool.discard(connection, exchange, "request body failed", error)


def _failure(exc: BaseException) -> Exception:
    """The error for a body that cannot be read: none of `STALE`, so that it is not retried."""
    if isinstance(exc, ClientPayloadError):
        return exc
    error = ClientConnectionError(f"The request's body could not be sent whole: {exc!r}")
    error.__cause__ = exc
    return error


async def _upload(call: Call[Any], exchange: Exchange, connection: Connection) -> None:
    if exchange.error is not None:
        return
    if exchange.continued is not None and not await _may_continue(exchange, exchange.continued):
        exchange.sent_ns = perf_counter_ns()
        return
    if not exchange.served_before and connection.is_readable():
        await was_read(connection)  # a response that came on accept: see `answer_early`
    writer = BodyWriter(call, exchange, connection)
    await call.payload.write(writer)  # type: ignore[union-attr]
    await writer.finish()
    exchange.sent_ns = perf_counter_ns()
    connection.request_complete()
    if call.upload_tracker is not None:
        call.upload_tracker.sent()
    if exchange.trace is not None:
        exchange.trace.note(
            TraceRequestBodySentParams,
            exchange,
            exchange.sent_ns,
            exchange.body_sent,
            exchange.blocked_ns,
        )
        exchange.wake()


async def sent_whole(exchange: Exchange) -> None:
    """Wait until the body was sent, which must precede another protocol (RFC 9110 §7.8)."""
    if exchange.upload is not None:
        await asyncio.wait([exchange.upload])
        if exchange.error is not None:
            raise exchange.error


async def _may_continue(exchange: Exchange, continued: asyncio.Future[bool]) -> bool:
    """Whether to send the body: wait for 100 Continue, the final response, or `_PATIENCE`."""
    if exchange.head_ns:
        return False
    done, _pending = await asyncio.wait([continued], timeout=_PATIENCE)
    exchange.continue_wait_ns = perf_counter_ns() - exchange.send_ns
    return not done or continued.result()
