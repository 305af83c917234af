"""A WebSocket's link: frames in, messages queued; messages out, one write each; and its end.

Life of a link, once the handshake is over::

    open ──Close sent or received──► closing ──the other's Close──► lingering ──end of file──► over
      ├──protocol error──► lingering     └──no answer in time──► over
      └──connection lost, heartbeat unanswered, let go──► over

The server is to close the TCP connection (RFC 6455 §7.1.1), so that nothing sent is lost; we wait
for that a moment and no longer. Until then the connection keeps its place in the pool.
"""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Literal

from ..errors import ClientConnectionResetError, ClientOSError, ServerDisconnectedError
from ..trace.events import (
    TraceWebSocketClosedParams,
    TraceWebSocketMessageReceivedParams,
    TraceWebSocketMessageSentParams,
)
from .frames import (
    CLOSE,
    FIN,
    PING,
    PONG,
    RSV1,
    FrameReader,
    close_payload,
    frame,
    parse_close,
)
from .heartbeat import Heartbeat
from .messages import (
    NO_STATUS,
    WS_CLOSED_MESSAGE,
    WS_CLOSING_MESSAGE,
    WebSocketError,
    WSCloseCode,
    WSMessage,
    WSMessageTextBytes,
    WSMsgType,
)
from .pings import Pings
from .stream import HALT_ABOVE, WebSocketStream, wake

if TYPE_CHECKING:
    import asyncio

    from ..http1.connection import Http1Connection
    from .connect import Opening
    from .deflate import Deflater, Inflater
    from .options import Config

By = Literal["client", "server", "network"]

_OVERHEAD = 64
"""What a waiting message costs beyond its bytes, so that empty ones are bounded as well."""
_LINGER = 1.0
"""Seconds in which the server has to close the TCP connection after the close handshake."""
_KINDS = {1: "text", 2: "binary"}
_TYPES = {1: WSMsgType.TEXT, 2: WSMsgType.BINARY}
_new = tuple.__new__


class WebSocketLink(WebSocketStream):
    """What reader, caller and timers do with a WebSocket."""

    __slots__ = (
        *("error", "close_code", "close_sent", "close_received", "closing", "reason", "by"),
        *("messages_sent", "messages_received"),
        *("_config", "_deflater", "_message", "_pings", "_timer"),
    )

    def __init__(
        self,
        call: Opening[bool],
        connection: Http1Connection,
        transport: asyncio.Transport,
        config: Config,
    ) -> None:
        super().__init__(call, connection, transport)
        self.error: BaseException | None = None
        self.close_code: int | None = None
        self.close_sent = self.close_received = False
        self.closing = False  # the caller has closed it: messages are no longer wanted
        self.reason = ""
        self.by: By = "network"
        self.messages_sent = self.messages_received = 0
        self._config = config
        self._deflater: Deflater | None = None
        self._message: type[Any] = WSMessage if config.decode_text else WSMessageTextBytes
        self._pings = Pings(self, config.autoping)
        self._timer: asyncio.TimerHandle | None = None

    def start(self, deflater: Deflater | None, inflater: Inflater | None) -> None:
        """The handshake is agreed on: what follows, and what came already, is frames."""
        config = self._config
        self._deflater = deflater
        self._reader = FrameReader(self, config.max_msg_size, inflater, config.decode_text)
        self._feed = self._reader.feed
        if config.heartbeat:
            self._heartbeat = Heartbeat(self, config.heartbeat, self.call.pool.later)
        early, self._early = self._early, bytearray()
        self.resume()
        try:
            self._feed(memoryview(early))
        except WebSocketError as exc:
            self._violated(exc)
        self._after_reading()
        if self._lost_early is not None:
            self._lost(*self._lost_early)

    # --- what the reader calls ------------------------------------------------------------------

    def on_message(
        self, opcode: int, data: str | bytes, size: int, wire_size: int, frames: int
    ) -> None:
        """A whole message."""
        self.messages_received += 1
        if self.trace is not None:
            told = (_KINDS[opcode], size, wire_size, frames, data)
            self.trace.note(TraceWebSocketMessageReceivedParams, self.exchange, 0, *told)
        if not self.closing:
            self.queued += size + _OVERHEAD
            self.queue.append(_new(self._message, (_TYPES[opcode], data, "")))
        if self.trace is not None or self.queued > HALT_ABOVE:
            self._look_within()

    def on_control(self, opcode: int, payload: bytes) -> None:
        """A ping, a pong or a close."""
        if opcode == CLOSE:
            self._on_close(*parse_close(payload))
        elif opcode == PING:
            self._pings.received(payload)
        else:
            self._pings.answered(payload)
        if self.trace is not None or self.queued > HALT_ABOVE:
            self._look_within()

    def queue_control(self, kind: WSMsgType, payload: bytes) -> None:
        """Show the caller a ping or a pong."""
        if not self.closing:
            self.queued += len(payload) + _OVERHEAD
            self.queue.append(WSMessage(kind, payload, ""))

    def _on_close(self, code: int, reason: str) -> None:
        self.close_received = True
        self.close_code, self.reason = code, reason
        self.by = "client" if self.close_sent else "server"
        self._stop_reading(WSMessage(WSMsgType.CLOSE, code, reason))
        if self._config.autoclose and not self.close_sent:
            self.send_close(code, b"")
        if self.close_sent:
            self._linger()

    def _violated(self, error: WebSocketError) -> None:
        """The server broke the protocol: fail the connection (RFC 6455 §7.1.7)."""
        self.error = error
        if not self.close_sent:
            self.by, self.reason = "client", str(error)
            self.send_close(error.code, str(error).encode()[:123])
        self.close_code = error.code
        self._stop_reading(WSMessage(WSMsgType.ERROR, error, None))
        self._linger()

    def _stop_reading(self, last: WSMessage) -> None:
        """This message is the last one; what follows is not looked at."""
        self._feed = self._ignore
        if not self.closing:
            self.queue.append(last)
        wake(self.waiter)

    # --- what the caller calls ------------------------------------------------------------------

    def send(self, opcode: int, payload: bytes, compress: int | None = None) -> None:
        """Write a message, compressed if that was agreed on.

        Raises
        ------
        ClientConnectionResetError
            If the WebSocket is closed, or about to be.
        """
        if self.close_sent or self.over:
            raise _closed()
        wire, first = payload, FIN | opcode
        if self._deflater is not None and compress != 0:
            wire, first = self._deflater.deflate(payload, compress), first | RSV1
        data = frame(first, wire)
        self._write(data)
        self.exchange.body_sent += len(data)
        self.messages_sent += 1
        if self.trace is not None:
            told = (_KINDS[opcode], len(payload), len(wire), payload)
            self.trace.note(TraceWebSocketMessageSentParams, self.exchange, 0, *told)

    def ping(self, payload: bytes, *, heartbeat: bool = False) -> None:
        """Write a ping and remember when; raises as `send` does."""
        if self.close_sent or self.over:
            raise _closed()
        self._pings.send(payload, heartbeat=heartbeat)

    def pong(self, payload: bytes) -> None:
        """Write a pong; raises as `send` does."""
        if self.close_sent or self.over:
            raise _closed()
        self.write_frame(PONG, payload)

    def resume_writing(self) -> None:
        """The transport's buffer has room."""
        super().resume_writing()
        self._pings.writable()

    def send_close(self, code: int, reason: bytes) -> None:
        """Write a Close frame; nothing follows it."""
        payload = b"" if code == NO_STATUS else close_payload(code, reason)
        self.close_sent = True
        self.write_frame(CLOSE, payload)

    async def close(self, code: int, reason: bytes, limit: float | None) -> None:
        """Close from our side, or complete what the server has begun; wait until all is over."""
        if not self.close_sent and not self.over:
            if not self.close_received:
                self.by, self.reason = "client", reason.decode("utf-8", "replace")
            self.send_close(code, reason)
        self.closing = True
        self.queue.clear()
        if self.waiter is not None:
            self.queue.append(WS_CLOSING_MESSAGE)
            wake(self.waiter)
        self.resume()
        if self.close_received:
            self._linger()
        elif limit and not self.over and self._timer is None:
            self._timer = self.call.loop.call_later(limit, self._unanswered, limit)
        await self.wait_over()

    # --- how it ends ----------------------------------------------------------------------------

    def _linger(self) -> None:
        """Close frames were exchanged, or are of no more use: the server closes the connection."""
        if not self.over:
            if self._timer is not None:
                self._timer.cancel()
            self.resume()
            self._timer = self.call.pool.later(_LINGER, self._lingered)

    def _lingered(self) -> None:
        self._lost(None)

    def _unanswered(self, limit: float) -> None:
        self.break_off(TimeoutError(f"The server did not answer the close frame within {limit} s"))

    def _lost(self, exc: Exception | None) -> None:
        """The connection has ended, or was to have ended by now."""
        if self.over:
            return
        while self._read_on():  # what came before the end is not lost
            pass
        if self.close_received or self.error is not None:
            self._end()
            return
        ours = self._connection.closed and self._lost_early is None
        said = self._connection.close_reason if ours else "without a close frame"
        error: Exception = ServerDisconnectedError(f"WebSocket connection closed: {said}")
        if isinstance(exc, OSError):
            error = ClientOSError(exc.errno, exc.strerror or str(exc))
        error.__cause__ = exc
        if ours:
            self.by = "client"
        self._break(error, WS_CLOSED_MESSAGE)

    def break_off(self, error: Exception) -> None:
        """End it from our side without further ado."""
        self.by = "client"
        self._break(error, WSMessage(WSMsgType.ERROR, error, None))

    def _break(self, error: Exception, last: WSMessage) -> None:
        if self.over:
            return
        self.error, self.reason = error, str(error)
        self.close_code = WSCloseCode.ABNORMAL_CLOSURE
        if not self.close_received:
            self._stop_reading(last)
        self._end()

    def let_go(self, reason: str) -> None:
        """Nobody wants it any more."""
        if not self.over:
            self.by, self.reason = "client", reason
            self.close_code = WSCloseCode.ABNORMAL_CLOSURE
            self._end(reason)

    def _end(self, reason: str = "websocket closed") -> None:
        """The terminal moment: tell, close the connection, wake whoever waits."""
        self.over = True
        self._stop_timers()
        exchange, clean = self.exchange, self.close_sent and self.close_received
        exchange.end_ns = perf_counter_ns()
        exchange.complete = self.error is None
        exchange.let_go = True
        if self.trace is not None and not self.call.finished:
            told = (self.close_code, self.reason, self.by, clean)
            counts = (self.messages_sent, self.messages_received)
            self.trace.note(TraceWebSocketClosedParams, exchange, exchange.end_ns, *told, *counts)
        self.call.link = None
        self.call.pool.discard(self._connection, exchange, reason)
        for waiter in (self.waiter, self._writable, self._over):
            wake(waiter)

    def _stop_timers(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._heartbeat is not None:
            self._heartbeat.timer.cancel()


def _closed() -> ClientConnectionResetError:
    return ClientConnectionResetError("Cannot write to closing transport")
