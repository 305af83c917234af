"""The transport's side of a WebSocket: bytes in and out, with backpressure both ways."""

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
"""Bytes of messages that wait for the caller, beyond which nothing more is read."""
HALT_ABOVE = 1 << 19
"""The same within one read: what was read beyond that stays bytes. Small messages may be a hundred
thousand in a read, compressed ones may grow to a thousand times of it."""
_MOST_UNTOLD = 1000
"""Moments that wait to be told, beyond which nothing more is read."""


class WebSocketStream(asyncio.BufferedProtocol):
    """The protocol that an HTTP/1.1 connection's transport gets with the server's 101.

    What arrives goes to `_feed`; the caller waits in `waiter` until something is in `queue`.
    """

    __slots__ = (
        *(
            "call",
            "exchange",
            "trace",
            "queue",
            "waiter",
            "paused",
            "blocked",
            "over",
            "queued",
        ),
        *("_connection", "_transport", "_view", "_feed", "_early", "_write"),
        *("_heartbeat", "_reader", "_writable", "_over", "_lost_early"),
    )

    def __init__(
        self, call: Opening[bool], connection: Http1Connection, transport: asyncio.Transport
    ) -> None:
        self.call = call
        self.exchange = call.exchange
        self.trace = call.exchange.trace
        self.queue: deque[WSMessage] = deque()
        self.waiter: asyncio.Future[None] | None = None
        self.paused = False  # reading
        self.blocked = False  # writing
        self.over = False
        self._write = transport.write
        self._connection = connection
        self._transport = transport
        self._view = call.pool.buffer
        self._feed: Any = self.hold
        self._early = bytearray()
        self.queued = 0
        self._reader: FrameReader | None = None  # from the handshake's end on
        self._heartbeat: Heartbeat | None = None
        self._writable: asyncio.Future[None] | None = None
        self._over: asyncio.Future[None] | None = None
        self._lost_early: tuple[Exception | None] | None = None
        transport.set_protocol(self)

    # --- reading --------------------------------------------------------------------------------

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the transport puts what it reads: one buffer for all, taken out at once."""
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes go straight into the parser; the caller is woken once for all they brought."""
        self.exchange.bytes_received += nbytes
        if self._heartbeat is not None:
            self._heartbeat.heard_at = monotonic()
        try:
            self._feed(self._view[:nbytes])
        except WebSocketError as exc:
            self._violated(exc)
        waiter = self.waiter
        if waiter is not None and self.queue and not waiter.done():
            waiter.set_result(None)
        if self.trace is not None or self.queued > _PAUSE_ABOVE:
            self._after_reading()

    def _after_reading(self) -> None:
        """Let moments be told that are no message; stop reading if too much waits."""
        trace = self.trace
        if trace is not None and trace.pending:
            wake(self.waiter)
            wake(self._over)
        # one message alone, however large, is about to be taken
        if (self.queued > _PAUSE_ABOVE and len(self.queue) > 1) or self._untold():
            self._pause()

    def _untold(self) -> bool:
        """Whether so many moments wait to be told that no more may be added."""
        return self.trace is not None and len(self.trace.pending) > _MOST_UNTOLD

    def _look_within(self) -> None:
        """In the middle of a read: leave the rest of it as it is if too much waits already."""
        if (self.queued > HALT_ABOVE and len(self.queue) > 1) or self._untold():
            if self._reader is not None:
                self._reader.halt()
            self._pause()

    def hold(self, data: memoryview) -> None:
        """Keep bytes of which nobody knows yet whether they are frames."""
        self._early += data
        if len(self._early) > _PAUSE_ABOVE:
            self._pause()

    def _ignore(self, data: memoryview) -> None:
        """Nothing that follows counts."""

    def _pause(self) -> None:
        if not self.over and not self.paused:
            self.paused = True
            self._transport.pause_reading()

    def resume(self) -> bool:
        """The caller has taken everything: count anew, and read on if reading was paused.

        Returns whether there was something at hand that had been read already.
        """
        self.queued = 0
        if not self.paused or self.over or (self._untold() and self._feed != self._ignore):
            return False
        self.paused = False
        held = self._read_on()
        if not self.paused and not self.over:
            self._transport.resume_reading()
        return held

    def _read_on(self) -> bool:
        """What was read before and not looked at."""
        if self._reader is None:
            return False
        try:
            held = self._reader.go_on()
        except WebSocketError as exc:
            self._violated(exc)
            held = True
        if held:
            self._after_reading()
        return held

    def eof_received(self) -> bool:
        """The server sends no more; the transport is closed by returning False."""
        if self._reader is not None:
            self._lost(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self._reader is None and not self.over and not self._connection.closed:
            # what came before the end counts, should the handshake be agreed on
            self._lost_early, self._write = (exc,), _nowhere
            self.call.pool.discard(self._connection, self.exchange, "server close")
        else:
            self._lost(exc)
        self._connection.connection_lost(exc)

    def _violated(self, error: WebSocketError) -> None:
        raise NotImplementedError

    def _lost(self, exc: Exception | None) -> None:
        raise NotImplementedError

    # --- writing --------------------------------------------------------------------------------

    def write_frame(self, opcode: int, payload: bytes) -> None:
        """Write a frame that is a message, or a control frame, of its own."""
        data = frame(FIN | opcode, payload)
        self._write(data)
        self.exchange.body_sent += len(data)

    def pause_writing(self) -> None:
        """The transport's buffer is full."""
        self.blocked = True

    def resume_writing(self) -> None:
        """The transport's buffer has room."""
        self.blocked = False
        wake(self._writable)

    async def drain(self) -> None:
        """Wait until the transport takes more.

        Raises
        ------
        ClientConnectionResetError
            If the connection is lost before that.
        """
        while self.blocked and not self.over:
            if self._writable is None or self._writable.done():
                self._writable = self.call.loop.create_future()
            await asyncio.shield(self._writable)
        if self.over:
            raise ClientConnectionResetError("Connection lost")

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport knows, while there is one."""
        return default if self.over else self._connection.get_extra_info(name, default)

    async def wait_over(self) -> None:
        """Wait until the connection is no longer needed, and tell what happens meanwhile."""
        while not self.over:
            if self._over is None or self._over.done():
                self._over = self.call.loop.create_future()
            news = self._over
            if self.trace is not None and self.trace.pending:
                await self.tell()
            if not self.resume() and not self.over:
                await self.wait(asyncio.shield(news))

    async def wait(self, news: asyncio.Future[None]) -> None:
        """Wait for what the network brings, which is not time that the caller takes."""
        since = perf_counter_ns()
        try:
            await news
        finally:
            exchange = self.exchange
            exchange.network_wait_ns += max(0, (exchange.end_ns or perf_counter_ns()) - since)

    async def tell(self) -> None:
        """Tell what was noted; if another task does so already, it tells this as well."""
        if self.trace is not None:
            try:
                await self.trace.flush()
            finally:
                if self.paused:  # because of what was not told, maybe
                    wake(self.waiter)
                    wake(self._over)


def _nowhere(data: Any) -> None:
    """Nobody is there to read it."""


def wake(waiter: asyncio.Future[None] | None) -> None:
    """Let whoever waits for it go on."""
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
