"""A WebSocket connection: its state, the messages in both directions, and the closing handshake.

States, once the opening handshake has been accepted::

    open ──Close sent──► closing ──Close received─────────────┐
      │                     └──no answer in time──► over      ▼
      ├──Close received──► answer pending ──Close sent──► lingering ──end of file──► over
      ├──protocol error, Close sent───────────────────────────┘
      └──connection lost, heartbeat unanswered, aborted──► over

"Answer pending": the caller has not yet received the messages that arrived before the server's
Close, and may want to reply to them. So the Close is answered when `receive` returns it, by
`close`, or by a timer if neither is called.

"Lingering": the server should close the TCP connection first (RFC 6455 §7.1.1). It has a second to
do so. Until then the connection counts against the limits of the pool.
"""

from __future__ import annotations

import asyncio
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Literal

from ..errors import ClientConnectionResetError, ClientOSError, ServerDisconnectedError
from ..trace.events import (
    TraceWebSocketClosedParams,
    TraceWebSocketMessageReceivedParams,
    TraceWebSocketMessageSentParams,
)
from .frames import CLOSE, FIN, PING, PONG, RSV1, FrameReader, close_payload, frame, parse_close
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
from .protocol import STOP_PARSING_ABOVE, WebSocketProtocol, wake

if TYPE_CHECKING:
    from ..http1.connection import Http1Connection
    from .connect import Opening
    from .deflate import Deflater, Inflater
    from .options import Config

_MESSAGE_OVERHEAD = 64
"""Added to the size of each queued message, so that empty ones are bounded as well."""
_LINGER = 1.0
"""Seconds that the server has to close the TCP connection after the closing handshake."""
_ANSWER_WITHIN = 30.0
"""Seconds after which the server's Close is answered even if the caller has not received it. Most
servers wait 10 to 30 seconds for the answer: it is for those that would wait without limit."""
_KINDS = {1: "text", 2: "binary"}
_TYPES = {1: WSMsgType.TEXT, 2: WSMsgType.BINARY}
_new = tuple.__new__


class WebSocketConnection(WebSocketProtocol):
    """The operations of a WebSocket that the frame reader, the caller and timers call."""

    __slots__ = (
        *("error", "close_code", "close_sent", "close_received", "closing", "reason", "by"),
        *("messages_sent", "messages_received"),
        *("_config", "_deflater", "_message_class", "_pings", "_timer"),
    )

    def __init__(
        self,
        call: Opening[bool],
        http: Http1Connection,
        transport: asyncio.Transport,
        config: Config,
    ) -> None:
        super().__init__(call, http, transport)
        self.error: BaseException | None = None
        self.close_code: int | None = None
        self.close_sent = self.close_received = False
        self.closing = False  # the caller has called `close`: messages are discarded
        self.reason = ""
        self.by: Literal["client", "server", "network"] = "network"
        self.messages_sent = self.messages_received = 0
        self._config = config
        self._deflater: Deflater | None = None
        self._message_class: type[Any] = WSMessage if config.decode_text else WSMessageTextBytes
        self._pings = Pings(self, config.autoping)
        self._timer: asyncio.TimerHandle | None = None

    def start(self, deflater: Deflater | None, inflater: Inflater | None) -> None:
        """The handshake is accepted: parse frames, beginning with what has arrived already."""
        config = self._config
        self._deflater = deflater
        self._reader = FrameReader(self, config.max_msg_size, inflater, config.decode_text)
        if config.heartbeat and not self.gone:
            self._heartbeat = Heartbeat(self, config.heartbeat, self.call.pool.later)
        early, self._early_data = bytes(self._early_data), bytearray()
        if self.gone:
            self.paused = False
        else:
            self.resume()
        try:
            self._reader.feed(early)
        except WebSocketError as exc:
            self._fail_connection(exc)
        self._after_reading()
        if self._lost_with is not None and not self._has_unparsed():
            self._end_lost()

    # --- called by the frame reader -------------------------------------------------------------

    def on_message(
        self, opcode: int, data: str | bytes, size: int, wire_size: int, frames: int
    ) -> None:
        """A complete message."""
        self.messages_received += 1
        if self.trace is not None:
            fields = (_KINDS[opcode], size, wire_size, frames, data)
            self.trace.note(TraceWebSocketMessageReceivedParams, self.exchange, 0, *fields)
        if not self.closing:
            self.queued += size + _MESSAGE_OVERHEAD
            self.queue.append(_new(self._message_class, (_TYPES[opcode], data, "")))
        if self.trace is not None or self.queued > STOP_PARSING_ABOVE:
            self._check_limits()

    def on_control(self, opcode: int, payload: bytes) -> None:
        """A ping, a pong or a Close frame."""
        if opcode == CLOSE:
            self._on_close(*parse_close(payload))
        elif opcode == PING:
            self._pings.received(payload)
        else:
            self._pings.pong_received(payload)
        if self.trace is not None or self.queued > STOP_PARSING_ABOVE:
            self._check_limits()

    def queue_control(self, kind: WSMsgType, payload: bytes) -> None:
        """Pass a ping or a pong to the caller."""
        if not self.closing:
            self.queued += len(payload) + _MESSAGE_OVERHEAD
            self.queue.append(WSMessage(kind, payload, ""))

    def _on_close(self, code: int, reason: str) -> None:
        self.close_received = True
        self.close_code, self.reason = code, reason
        self.by = "client" if self.close_sent else "server"
        self._stop_reading(WSMessage(WSMsgType.CLOSE, code, reason))
        self._stop_timers()  # the server no longer has to answer a ping
        self.resume()  # the queue may be full, but the end of file must be read
        if self.close_sent:
            self._linger()
        elif not self.gone:
            self._timer = self.call.pool.later(_ANSWER_WITHIN, self.answer_close)

    def _fail_connection(self, error: WebSocketError) -> None:
        """The server violated the protocol (RFC 6455 §7.1.7)."""
        self.error = error
        if not self.close_sent:
            self.by, self.reason = "client", str(error)
            if not self.gone:
                self.send_close(error.code, str(error).encode()[:123])
        self.close_code = error.code
        self._stop_reading(WSMessage(WSMsgType.ERROR, error, None))
        self.resume()
        self._linger()

    def _stop_reading(self, last: WSMessage) -> None:
        """Queue the last message; discard whatever arrives after it."""
        self._discards_input = True
        if not self.closing:
            self.queue.append(last)
        wake(self.waiter)

    # --- called for the caller ------------------------------------------------------------------

    def send(self, opcode: int, payload: bytes, compress: int | None = None) -> None:
        """Write a message, compressed if that was negotiated.

        Raises
        ------
        ClientConnectionResetError
            If a Close frame was sent, or the connection is lost.
        """
        if self.close_sent or self.gone:
            raise _closed()
        wire, first = payload, FIN | opcode
        if self._deflater is not None and compress != 0:
            wire, first = self._deflater.deflate(payload, compress), first | RSV1
        data = frame(first, wire)
        self._write(data)
        self.exchange.body_sent += len(data)
        self.messages_sent += 1
        if self.trace is not None:
            fields = (_KINDS[opcode], len(payload), len(wire), payload)
            self.trace.note(TraceWebSocketMessageSentParams, self.exchange, 0, *fields)

    def ping(self, payload: bytes, *, heartbeat: bool = False) -> None:
        """Write a ping and remember the time; raises as `send` does."""
        if self.close_sent or self.gone:
            raise _closed()
        self._pings.send(payload, heartbeat=heartbeat)

    def pong(self, payload: bytes) -> None:
        """Write a pong; raises as `send` does."""
        if self.close_sent or self.gone:
            raise _closed()
        self.write_frame(PONG, payload)

    def resume_writing(self) -> None:
        """The transport's write buffer has room again."""
        super().resume_writing()
        self._pings.resume_writing()

    def send_close(self, code: int, reason: bytes) -> None:
        """Write a Close frame. Nothing may be sent after it."""
        payload = b"" if code == NO_STATUS else close_payload(code, reason)
        self.close_sent = True
        self.write_frame(CLOSE, payload)

    def answer_close(self) -> None:
        """Answer the server's Close with its own code (RFC 6455 §5.5.1)."""
        if self.close_received and not self.close_sent and not self.gone:
            assert self.close_code is not None
            self.send_close(self.close_code, b"")
            self._linger()

    async def close(self, code: int, reason: bytes, limit: float | None) -> None:
        """Begin the closing handshake or answer the server's Close; wait for the end."""
        if not self.close_sent and not self.gone:
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
        elif limit and not self.gone and self._timer is None:
            self._timer = self.call.loop.call_later(limit, self._unanswered, limit)
        await self.wait_over()

    # --- how it ends ----------------------------------------------------------------------------

    def _linger(self) -> None:
        """Nothing is left to send or to read: wait for the server to close the TCP connection."""
        if not self.gone:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self.call.pool.later(_LINGER, self._end)

    def _unanswered(self, limit: float) -> None:
        self.abort_with(TimeoutError(f"The server did not answer the Close frame within {limit} s"))

    def _lost(self, exc: Exception | None) -> None:
        """The connection is lost; messages that arrived before that can still be received.

        They are parsed when they are received, as together they could need any amount of memory.
        """
        if self.gone:
            return
        ours = self._http.closed
        why = self._http.close_reason if ours else "without a Close frame"
        error: Exception = ServerDisconnectedError(f"WebSocket connection closed: {why}")
        if isinstance(exc, OSError):
            error = ClientOSError(exc.errno, exc.strerror or str(exc))
        error.__cause__ = exc
        self._lost_with = error
        if ours:
            self.by = "client"
        if not self._has_unparsed() and (ours or self._reader is not None):
            self._end_lost()
            return
        self.gone = True
        self._stop_timers()
        self.call.pool.discard(self._http, self.exchange, "server close")
        wake(self._writable)

    def _has_unparsed(self) -> bool:
        return self._reader is not None and self._reader.paused and not self._discards_input

    def _end_lost(self) -> None:
        """The connection is lost, and all received bytes were parsed."""
        if self.close_received or self.error is not None:
            self._end()
        elif self._lost_with is not None:
            self._abort(self._lost_with, WS_CLOSED_MESSAGE)

    def abort_with(self, error: Exception) -> None:
        """Close the connection at once because of an error, which `receive` returns."""
        self.by = "client"
        self._abort(error, WSMessage(WSMsgType.ERROR, error, None))

    def _abort(self, error: Exception, last: WSMessage) -> None:
        if self.over:
            return
        self.error, self.reason = error, str(error)
        self.close_code = WSCloseCode.ABNORMAL_CLOSURE
        if not self.close_received:
            self._stop_reading(last)
        self._end()

    def abort(self, reason: str) -> None:
        """Close the connection at once: the caller no longer wants it."""
        if not self.over:
            self.by, self.reason = "client", reason
            self.close_code = WSCloseCode.ABNORMAL_CLOSURE
            self._end(reason)

    def _end(self, reason: str = "websocket closed") -> None:
        """The final state: queue `websocket_closed`, close the connection, wake all waiters."""
        if self.over:
            return
        self.over = self.gone = True
        self._stop_timers()
        exchange, clean = self.exchange, self.close_sent and self.close_received
        exchange.end_ns = perf_counter_ns()
        exchange.complete = self.error is None
        exchange.dropped = True
        if self.trace is not None and not self.call.finished:
            fields = (self.close_code, self.reason, self.by, clean)
            counts = (self.messages_sent, self.messages_received)
            self.trace.note(TraceWebSocketClosedParams, exchange, exchange.end_ns, *fields, *counts)
        self.call.ws_connection = None
        self.call.pool.discard(self._http, exchange, reason)
        for waiter in (self.waiter, self._writable, self._over):
            wake(waiter)

    def _stop_timers(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._heartbeat is not None:
            self._heartbeat.timer.cancel()


class PlainWebSocket(WebSocketConnection, asyncio.Protocol):
    """Receives bytes objects. For uvloop, which reads into a buffer of its own."""

    __slots__ = ()

    data_received: Any = WebSocketConnection.received


class BufferedWebSocket(WebSocketConnection, asyncio.BufferedProtocol):
    """Lets the transport read into one buffer for all connections of the pool.

    For asyncio, which would otherwise allocate 256 KiB for each read.
    """

    __slots__ = ()

    def get_buffer(self, sizehint: int) -> memoryview:
        """The buffer that the transport reads into; its content is parsed at once."""
        return self.call.pool.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """The transport has read this many bytes into the buffer."""
        self.received(self.call.pool.buffer[:nbytes])


def connection_class(loop: asyncio.AbstractEventLoop) -> type[WebSocketConnection]:
    """The faster class for an event loop."""
    return BufferedWebSocket if isinstance(loop, asyncio.BaseEventLoop) else PlainWebSocket


def _closed() -> ClientConnectionResetError:
    return ClientConnectionResetError("Cannot write to closing transport")
