"""`ClientWebSocketResponse`: an open WebSocket, with aiohttp's names."""

from __future__ import annotations

import asyncio
import json
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, overload

from ..errors import WSMessageTypeError
from .frames import BINARY, MAX_CONTROL, TEXT, close_payload
from .messages import WS_CLOSED_MESSAGE, WSCloseCode, WSMsgType

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import TypeVar

    from ..response.connection import ResponseConnection
    from ..response.response import ClientResponse
    from ..trace.timeline import Timeline
    from .connect import Opening
    from .connection import WebSocketConnection
    from .handshake import Negotiated
    from .messages import WSMessage
    from .options import Config

    DecodeText = TypeVar("DecodeText", bound=bool, covariant=True, default=Literal[True])
else:
    from typing import TypeVar

    DecodeText = TypeVar("DecodeText", bound=bool, covariant=True)

# Tuples: a set would call the hash of an enum member, which is written in Python.
_ENDS_ITERATION = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)
_LAST = (*_ENDS_ITERATION, WSMsgType.ERROR)
_TEXT, _BINARY = WSMsgType.TEXT, WSMsgType.BINARY


class ClientWebSocketResponse(Generic[DecodeText]):
    """The result of ``session.ws_connect(…)`` (aiohttp's docs, "ClientWebSocketResponse").

    Pings are answered when they arrive. The server's Close is answered when `receive` returns it,
    so that the program can reply to messages before it. Sending waits while the transport's buffer
    is full; reading pauses while many messages wait to be received.
    """

    def __init__(
        self,
        call: Opening[DecodeText],
        response: ClientResponse,
        connection: WebSocketConnection,
        negotiated: Negotiated,
        config: Config,
    ) -> None:
        self._call = call
        self._response = response
        self._connection = connection
        self._negotiated = negotiated
        self._config = config
        self._limit = config.timeout.ws_receive
        self._loop = call.loop
        self._closed = False

    # --- properties -----------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether `close` was called, or `receive` has returned the last message."""
        return self._closed

    @property
    def close_code(self) -> int | None:
        """The close code of the server's Close frame, or of our own for a violation.

        None while the WebSocket is open, and until `receive` has returned the server's Close. 1005
        if the Close frame had no code, 1006 if there was none (RFC 6455 §7.1.5).
        """
        connection = self._connection
        if connection.close_received and connection.queue and not self._closed:
            return None
        return connection.close_code

    @property
    def protocol(self) -> str | None:
        """The subprotocol that the server selected."""
        return self._negotiated.protocol

    @property
    def compress(self) -> int:
        """Window size in bits that messages are compressed with; 0 if they are not."""
        return self._negotiated.compress

    @property
    def client_notakeover(self) -> bool:
        """Whether each message is compressed without reference to those before it."""
        return self._negotiated.client_notakeover

    @property
    def _conn(self) -> ResponseConnection | None:
        """The connection, by its private name in aiohttp; None once it is closed."""
        return self._response.connection

    @property
    def timeline(self) -> Timeline:
        """Where the time of the request went, so far if the WebSocket is still open."""
        return self._response.timeline

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Information about the transport; `default` once the connection is closed."""
        return self._connection.get_extra_info(name, default)

    def exception(self) -> BaseException | None:
        """The error that ended the WebSocket; None if there was none."""
        return self._connection.error

    # --- sending --------------------------------------------------------------------------------

    async def send_str(self, data: str, compress: int | None = None) -> None:
        """Send a text message.

        `compress` is a smaller compression window for this message in bits, or 0 for no
        compression. It has no effect if compression was not negotiated.

        Raises
        ------
        TypeError
            If `data` is not a str.
        ClientConnectionResetError
            If a Close frame was sent, or the connection is lost.
        """
        if not isinstance(data, str):
            raise TypeError(f"data argument must be str ({type(data)!r})")
        connection = self._connection
        connection.send(TEXT, data.encode(), compress)
        if connection.blocked or connection.trace is not None:
            await self._sent()

    async def send_bytes(
        self, data: bytes | bytearray | memoryview, compress: int | None = None
    ) -> None:
        """Send a binary message; otherwise as `send_str`."""
        if not isinstance(data, bytes):
            if not isinstance(data, bytearray | memoryview):
                raise TypeError(f"data argument must be byte-ish ({type(data)!r})")
            data = bytes(data)
        connection = self._connection
        connection.send(BINARY, data, compress)
        if connection.blocked or connection.trace is not None:
            await self._sent()

    async def send_json(
        self,
        data: Any,
        compress: int | None = None,
        *,
        dumps: Callable[[Any], str] = json.dumps,
    ) -> None:
        """Send `data` as JSON in a text message."""
        await self.send_str(dumps(data), compress)

    async def send_json_bytes(
        self, data: Any, compress: int | None = None, *, dumps: Callable[[Any], bytes]
    ) -> None:
        """Send `data` as JSON in a binary message."""
        await self.send_bytes(dumps(data), compress)

    async def send_frame(
        self, message: bytes, opcode: WSMsgType, compress: int | None = None
    ) -> None:
        """Send bytes as TEXT (not checked to be UTF-8), BINARY, PING or PONG."""
        if opcode in (WSMsgType.PING, WSMsgType.PONG):
            await (self.ping(message) if opcode == WSMsgType.PING else self.pong(message))
            return
        if opcode not in (WSMsgType.TEXT, WSMsgType.BINARY):
            raise ValueError(f"send_frame() sends TEXT, BINARY, PING and PONG, not {opcode!r}")
        self._connection.send(opcode, bytes(message), compress)
        await self._sent()

    async def ping(self, message: bytes | str = b"") -> None:
        """Send a ping of at most 125 bytes; the event of its pong has the round-trip time.

        Raises
        ------
        ValueError
            If the message is too long.
        ClientConnectionResetError
            If a Close frame was sent, or the connection is lost.
        """
        self._connection.ping(_control(message))
        await self._sent()

    async def pong(self, message: bytes | str = b"") -> None:
        """Send a pong that answers no ping; raises as `ping` does."""
        self._connection.pong(_control(message))
        await self._sent()

    async def _sent(self) -> None:
        connection = self._connection
        if connection.blocked:
            await connection.drain()
        if connection.trace is not None:
            await connection.flush_events()

    # --- receiving ------------------------------------------------------------------------------

    async def receive(self, timeout: float | None = None) -> WSMessage:
        """Return the next message. The last one is CLOSE, ERROR or CLOSED; then always CLOSED.

        Before CLOSE is returned, the server's Close is answered, unless ``autoclose=False``.

        Raises
        ------
        TimeoutError
            After `timeout` seconds, or those of ``ClientWSTimeout.ws_receive``.
        RuntimeError
            If another task is waiting in `receive`.
        """
        connection = self._connection
        queue = connection.queue
        while True:
            if connection.trace is not None and connection.trace.pending:
                await connection.flush_events()
            if queue or self._closed or connection.over:
                break
            if connection.close_received:  # without autoclose, after CLOSE was returned
                await self.close()
                break
            connection.queued = 0
            if connection.paused and connection.resume():
                continue
            if connection.waiter is not None:
                raise RuntimeError("Concurrent call to receive() is not allowed")
            limit = timeout or self._limit
            connection.waiter = waiter = self._loop.create_future()
            timer = self._loop.call_later(limit, _expire, waiter) if limit else None
            since_ns = perf_counter_ns()
            try:
                await waiter
            finally:
                connection.waiter = None
                exchange = connection.exchange
                until_ns = exchange.end_ns or perf_counter_ns()
                if until_ns > since_ns:  # waiting for the server, in the timeline
                    exchange.network_wait_ns += until_ns - since_ns
                if timer is not None:
                    timer.cancel()
        message = queue.popleft() if queue else WS_CLOSED_MESSAGE
        kind = message[0]
        if kind is not _TEXT and kind is not _BINARY and kind in _LAST:
            try:
                await self._ended(message)
            except BaseException:
                queue.appendleft(message)  # the caller has not seen it
                raise
        return message

    @overload
    async def receive_str(
        self: ClientWebSocketResponse[Literal[True]], *, timeout: float | None = None
    ) -> str: ...

    @overload
    async def receive_str(
        self: ClientWebSocketResponse[Literal[False]], *, timeout: float | None = None
    ) -> bytes: ...

    @overload
    async def receive_str(
        self: ClientWebSocketResponse[bool], *, timeout: float | None = None
    ) -> str | bytes: ...

    async def receive_str(self, *, timeout: float | None = None) -> str | bytes:
        """Return the data of the next message, which must be TEXT.

        It is bytes if ``decode_text`` is False.

        Raises
        ------
        WSMessageTypeError
            If the message has another type, as CLOSE and CLOSED do.
        """
        message = await self.receive(timeout)
        if message.type is not WSMsgType.TEXT:
            raise WSMessageTypeError(
                f"Received message {message.type}:{message.data!r} is not WSMsgType.TEXT"
            )
        data: str | bytes = message.data
        return data

    async def receive_bytes(self, *, timeout: float | None = None) -> bytes:
        """Return the data of the next message, which must be BINARY.

        Raises
        ------
        WSMessageTypeError
            If the message has another type, as CLOSE and CLOSED do.
        """
        message = await self.receive(timeout)
        if message.type is not WSMsgType.BINARY:
            raise WSMessageTypeError(
                f"Received message {message.type}:{message.data!r} is not WSMsgType.BINARY"
            )
        data: bytes = message.data
        return data

    async def receive_json(
        self, *, loads: Callable[[Any], Any] = json.loads, timeout: float | None = None
    ) -> Any:
        """Return the JSON value of the next message, which must be TEXT (see `receive_str`)."""
        return loads(await self.receive_str(timeout=timeout))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> WSMessage:
        message = await self.receive()
        if message[0] in _ENDS_ITERATION:
            raise StopAsyncIteration
        return message

    # --- closing --------------------------------------------------------------------------------

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes | str = b"") -> bool:
        """Send a Close frame, wait for the server's, at most ``ClientWSTimeout.ws_close`` seconds.

        If the server's Close has arrived already, answer it. Messages that were not received are
        discarded. Returns False if the WebSocket was already closed.

        Raises
        ------
        ValueError
            If the code must not be sent, or the message has more than 123 bytes.
        """
        if self._closed:
            await self._finish()
            return False
        reason = message.encode() if isinstance(message, str) else bytes(message)
        connection = self._connection
        close_payload(code, reason)  # raises ValueError
        self._closed = True
        try:
            await connection.close(code, reason, self._config.timeout.ws_close)
        except BaseException as exc:  # cancelled, or raised by a listener
            cancelled = isinstance(exc, asyncio.CancelledError)
            connection.abort("cancelled" if cancelled else "error")
            await self._call.finish("cancelled" if cancelled else "failed", exc)
            raise
        await self._finish()
        return True

    async def _ended(self, message: WSMessage) -> None:
        """End the WebSocket, as the caller receives its last message."""
        if message.type is WSMsgType.CLOSING:
            return  # the task that called `close` waits for the end
        if message.type is WSMsgType.CLOSE:
            if not self._config.autoclose:
                return  # the caller has to call `close`
            self._connection.answer_close()
        self._closed = True
        await self._finish()

    async def _finish(self) -> None:
        """Wait until the connection is closed, then finish the request."""
        connection = self._connection
        await connection.wait_over()
        error = connection.error
        await self._call.finish("completed" if error is None else "failed", error)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<{type(self).__name__} {self._response.url} {state}>"


def _control(message: bytes | str) -> bytes:
    payload = message.encode() if isinstance(message, str) else bytes(message)
    if len(payload) > MAX_CONTROL:
        raise ValueError(f"A ping or pong has at most {MAX_CONTROL} bytes, not {len(payload)}")
    return payload


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())
