"""The asyncio protocol of a WebSocket: bytes in and out, with backpressure in both directions."""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic, perf_counter_ns
from typing import TYPE_CHECKING, Any

from ..errors import ClientConnectionResetError
from .frames import FIN, frame
from .messages import WebSocketError

if TYPE_CHECKING:
    from ..http1.connection import Http1Connection
    from .connect import Opening
    from .frames import FrameReader
    from .heartbeat import Heartbeat
    from .messages import WSMessage

_PAUSE_ABOVE = 1 << 17
"""Reading from the transport pauses while more bytes of messages than this wait in the queue."""
STOP_PARSING_ABOVE = 1 << 19
"""Parsing stops in the middle of a read once more bytes of messages than this wait in the queue. A
single read may hold a hundred thousand small messages, or compressed ones that grow a thousandfold.
"""
_MAX_PENDING_EVENTS = 1000
"""Reading also pauses while more events than this wait for their listeners."""


class WebSocketProtocol(asyncio.BaseProtocol):
    """The protocol that the transport gets when the server has answered 101.

    Received bytes go to the frame reader, its messages to `queue`. `receive` waits on `waiter`
    until the queue has a message.
    """

    __slots__ = (
        *("call", "exchange", "trace", "queue", "queued", "waiter"),
        *("paused", "blocked", "gone", "over"),
        *("_http", "_transport", "_write", "_reader", "_heartbeat"),
        *("_early_data", "_discards_input", "_lost_with", "_writable", "_over"),
    )

    def __init__(
        self, call: Opening[bool], http: Http1Connection, transport: asyncio.Transport
    ) -> None:
        self.call = call
        self.exchange = call.exchange
        self.trace = call.exchange.trace
        self.queue: deque[WSMessage] = deque()
        self.queued = 0  # bytes of messages that were queued since the queue was last empty
        self.waiter: asyncio.Future[None] | None = None
        self.paused = False  # reading from the transport
        self.blocked = False  # the transport's write buffer is full
        self.gone = False  # the transport can no longer be used
        self.over = False  # `websocket_closed` is queued, the connection returned to the pool
        self._http = http
        self._transport = transport
        self._write = transport.write
        self._reader: FrameReader | None = None  # set when the handshake is accepted
        self._heartbeat: Heartbeat | None = None
        self._early_data = bytearray()  # received before that
        self._discards_input = False  # nothing may follow a Close frame or a violation
        self._lost_with: Exception | None = None  # why the connection was lost
        self._writable: asyncio.Future[None] | None = None
        self._over: asyncio.Future[None] | None = None
        transport.set_protocol(self)

    # --- reading --------------------------------------------------------------------------------

    def received(self, data: bytes | memoryview) -> None:
        """Parse what the transport has read, then wake `receive` once for all its messages."""
        self.exchange.bytes_received += len(data)
        if self._heartbeat is not None:
            self._heartbeat.last_received = monotonic()
        reader = self._reader
        if reader is None:
            self.keep_early(data)
        elif not self._discards_input:
            try:
                reader.feed(data)
            except WebSocketError as exc:
                self._fail_connection(exc)
            waiter = self.waiter
            if waiter is not None and self.queue and not waiter.done():
                waiter.set_result(None)
            if self.trace is not None or self.queued > _PAUSE_ABOVE:
                self._after_reading()

    def keep_early(self, data: bytes | memoryview) -> None:
        """Keep bytes that arrive before the 101 was checked: they may be no frames."""
        self._early_data += data
        if len(self._early_data) > _PAUSE_ABOVE:
            self._pause()

    def _after_reading(self) -> None:
        """Deliver new events to their listeners; pause reading if too much is waiting."""
        trace = self.trace
        if trace is not None and trace.pending:
            wake(self.waiter)
            wake(self._over)
        # A single message, however large, is about to be received: it does not pause reading.
        if (self.queued > _PAUSE_ABOVE and len(self.queue) > 1) or self._has_too_many_events():
            self._pause()

    def _has_too_many_events(self) -> bool:
        return self.trace is not None and len(self.trace.pending) > _MAX_PENDING_EVENTS

    def _check_limits(self) -> None:
        """In the middle of a read: stop parsing the rest of it if too much is waiting."""
        if self._discards_input or self._reader is None:
            return
        too_much = self.queued > STOP_PARSING_ABOVE and len(self.queue) > 1
        if too_much or self._has_too_many_events():
            self._reader.pause()
            self._pause()

    def _pause(self) -> None:
        if not self.paused and not self.over and not self._discards_input:
            self.paused = True
            if not self.gone:
                self._transport.pause_reading()

    def resume(self) -> bool:
        """Continue after a pause, when the queue is empty: parse the bytes that were read, read on.

        Returns whether there is anything new: messages, events or the end.
        """
        self.queued = 0
        if not self.paused or self.over:
            return False
        if self._has_too_many_events() and not self._discards_input:
            return False
        self.paused = False
        progress = self._parse_rest()
        if not self.paused and not self.over:
            if self._lost_with is not None:
                self._end_lost()
                return True
            self._transport.resume_reading()
        return progress

    def _parse_rest(self) -> bool:
        """Continue parsing where `_check_limits` stopped; False if it did not."""
        if self._reader is None or self._discards_input:
            return False
        try:
            resumed = self._reader.resume()
        except WebSocketError as exc:
            self._fail_connection(exc)
            return True
        if resumed:
            self._after_reading()
        return resumed

    def eof_received(self) -> bool:
        """The server has sent the end of the stream. False lets the transport close."""
        if self._reader is not None:
            self._lost(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport is closed."""
        self._lost(exc)
        self._http.connection_lost(exc)

    def _fail_connection(self, error: WebSocketError) -> None:
        raise NotImplementedError

    def _lost(self, exc: Exception | None) -> None:
        raise NotImplementedError

    def _end_lost(self) -> None:
        raise NotImplementedError

    # --- writing --------------------------------------------------------------------------------

    def write_frame(self, opcode: int, payload: bytes) -> None:
        """Write an unfragmented, uncompressed frame."""
        data = frame(FIN | opcode, payload)
        self._write(data)
        self.exchange.body_sent += len(data)

    def pause_writing(self) -> None:
        """The transport's write buffer is full."""
        self.blocked = True

    def resume_writing(self) -> None:
        """The transport's write buffer has room again."""
        self.blocked = False
        wake(self._writable)

    async def drain(self) -> None:
        """Wait until the transport's write buffer has room.

        Raises
        ------
        ClientConnectionResetError
            If the connection is lost before that.
        """
        while self.blocked and not self.gone:
            if self._writable is None or self._writable.done():
                self._writable = self.call.loop.create_future()
            await asyncio.shield(self._writable)
        if self.gone:
            raise ClientConnectionResetError("Connection lost")

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Information about the transport; `default` once it is closed."""
        return default if self.gone else self._http.get_extra_info(name, default)

    async def wait_over(self) -> None:
        """Wait for the end of the connection; call the listeners of events meanwhile."""
        while not self.over:
            if self._over is None or self._over.done():
                self._over = self.call.loop.create_future()
            news = self._over
            if self.trace is not None and self.trace.pending:
                await self.flush_events()
            if not self.resume() and not self.over:
                since_ns = perf_counter_ns()
                try:
                    await asyncio.shield(news)
                finally:
                    exchange = self.exchange
                    waited_ns = (exchange.end_ns or perf_counter_ns()) - since_ns
                    exchange.network_wait_ns += max(0, waited_ns)

    async def flush_events(self) -> None:
        """Call the listeners of the queued events, unless another task does so."""
        if self.trace is not None:
            try:
                await self.trace.flush()
            finally:
                if self.paused:  # perhaps because too many events were waiting
                    wake(self.waiter)
                    wake(self._over)


def wake(waiter: asyncio.Future[None] | None) -> None:
    """Wake the task that waits on this future."""
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
