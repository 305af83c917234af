"""`ClientWebSocketResponse`: an open WebSocket, with aiohttp's names."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, overload

from ..errors import WSMessageTypeError
from .frames import BINARY, TEXT, close_payload
from .messages import WS_CLOSED_MESSAGE, WSCloseCode, WSMsgType

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import TypeVar

    from ..response.response import ClientResponse
    from ..trace.timeline import Timeline
    from .connect import Opening
    from .handshake import Agreed
    from .link import WebSocketLink
    from .messages import WSMessage
    from .options import Config

    DecodeText = TypeVar("DecodeText", bound=bool, covariant=True, default=Literal[True])
else:
    from typing import TypeVar

    DecodeText = TypeVar("DecodeText", bound=bool, covariant=True)

_MOST_CONTROL = 125
_ENDINGS = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR})
_LAST = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED})


class ClientWebSocketResponse(Generic[DecodeText]):
    """What ``session.ws_connect(…)`` gives (aiohttp's documentation, "ClientWebSocketResponse").

    Pings are answered and closing is agreed on as data arrives, whether or not the caller is
    waiting in `receive`. Sending waits while the server does not take more; nothing is read while
    the caller leaves many messages untaken.
    """

    def __init__(
        self,
        call: Opening[DecodeText],
        response: ClientResponse,
        link: WebSocketLink,
        agreed: Agreed,
        config: Config,
    ) -> None:
        self._call = call
        self._response = response
        self._link = link
        self._agreed = agreed
        self._config = config
        self._limit = config.timeout.ws_receive
        self._loop = call.loop
        self._closed = False

    # --- what it is -----------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether `close` was called, or `receive` has returned its end."""
        return self._closed

    @property
    def close_code(self) -> int | None:
        """The code that it was closed with; None while it is open, or has messages to receive.

        1005 if the server's close frame had none, 1006 if there was none (RFC 6455 §7.1.5).
        """
        link = self._link
        if link.close_received and link.queue and not self._closed:
            return None
        return link.close_code

    @property
    def protocol(self) -> str | None:
        """The subprotocol that the server has chosen."""
        return self._agreed.protocol

    @property
    def compress(self) -> int:
        """Bits of the window that messages are compressed with; 0 if they are not."""
        return self._agreed.compress

    @property
    def client_notakeover(self) -> bool:
        """Whether each message is compressed on its own."""
        return self._agreed.client_notakeover

    @property
    def timeline(self) -> Timeline:
        """Where the time went, from the request on; up to now while it is open."""
        return self._response.timeline

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport knows; `default` once the connection is closed."""
        return self._link.get_extra_info(name, default)

    def exception(self) -> BaseException | None:
        """What it ended with, if not well."""
        return self._link.error

    # --- sending --------------------------------------------------------------------------------

    async def send_str(self, data: str, compress: int | None = None) -> None:
        """Send text.

        `compress` is a smaller window for this message, in bits, or 0 to leave it uncompressed;
        without compression in the handshake it changes nothing.

        Raises
        ------
        TypeError
            If it is no str.
        ClientConnectionResetError
            If the WebSocket is closed, or about to be.
        """
        if not isinstance(data, str):
            raise TypeError(f"data argument must be str ({type(data)!r})")
        link = self._link
        link.send(TEXT, data.encode(), compress)
        if link.blocked:
            await link.drain()
        if link.trace is not None:
            await link.tell()

    async def send_bytes(
        self, data: bytes | bytearray | memoryview, compress: int | None = None
    ) -> None:
        """Send bytes; otherwise as `send_str`."""
        if not isinstance(data, bytes):
            if not isinstance(data, bytearray | memoryview):
                raise TypeError(f"data argument must be byte-ish ({type(data)!r})")
            data = bytes(data)
        link = self._link
        link.send(BINARY, data, compress)
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
        """Send bytes as a frame of a type that is at hand: TEXT is not checked to be UTF-8."""
        if opcode in (WSMsgType.PING, WSMsgType.PONG):
            await (self.ping(message) if opcode == WSMsgType.PING else self.pong(message))
            return
        if opcode not in (WSMsgType.TEXT, WSMsgType.BINARY):
            raise ValueError(f"send_frame() sends TEXT, BINARY, PING and PONG, not {opcode!r}")
        self._link.send(opcode, bytes(message), compress)
        await self._sent()

    async def ping(self, message: bytes | str = b"") -> None:
        """Send a ping of at most 125 bytes; its round-trip time is an event.

        Raises
        ------
        ValueError
            If the message is too long.
        ClientConnectionResetError
            If the WebSocket is closed, or about to be.
        """
        self._link.ping(_control(message))
        await self._sent()

    async def pong(self, message: bytes | str = b"") -> None:
        """Send a pong that answers nothing; raises as `ping` does."""
        self._link.pong(_control(message))
        await self._sent()

    async def _sent(self) -> None:
        link = self._link
        if link.blocked:
            await link.drain()
        if link.trace is not None:
            await link.tell()

    # --- receiving ------------------------------------------------------------------------------

    async def receive(self, timeout: float | None = None) -> WSMessage:
        """The next message; at the end CLOSE, ERROR or CLOSED, and from then on CLOSED.

        Raises
        ------
        TimeoutError
            After `timeout` seconds, or those of ``ClientWSTimeout.ws_receive``.
        RuntimeError
            If another task waits already.
        """
        link = self._link
        while True:
            if link.trace is not None and link.trace.pending:
                await link.tell()
            if link.queue or self._closed or link.over:
                break
            if link.close_received:  # without autoclose, and the caller has seen it
                await self.close()
                break
            if (link.queued or link.paused) and link.resume():
                continue
            if link.waiter is not None:
                raise RuntimeError("Concurrent call to receive() is not allowed")
            limit = timeout or self._limit
            link.waiter = waiter = self._loop.create_future()
            timer = self._loop.call_later(limit, _expire, waiter) if limit else None
            try:
                await link.wait(waiter)
            finally:
                link.waiter = None
                if timer is not None:
                    timer.cancel()
        message = link.queue.popleft() if link.queue else WS_CLOSED_MESSAGE
        if message[0] in _ENDINGS:
            try:
                await self._ended(message)
            except BaseException:
                link.queue.appendleft(message)  # nobody has seen it
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
        """The next message, which must be text: bytes if ``decode_text`` is False.

        Raises
        ------
        WSMessageTypeError
            If it is something else, the end included.
        """
        message = await self.receive(timeout)
        if message.type is not WSMsgType.TEXT:
            raise WSMessageTypeError(
                f"Received message {message.type}:{message.data!r} is not WSMsgType.TEXT"
            )
        data: str | bytes = message.data
        return data

    async def receive_bytes(self, *, timeout: float | None = None) -> bytes:
        """The next message, which must be binary.

        Raises
        ------
        WSMessageTypeError
            If it is something else, the end included.
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
        """The next message, which must be text, as JSON; raises as `receive_str` does."""
        return loads(await self.receive_str(timeout=timeout))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> WSMessage:
        message = await self.receive()
        if message.type in _LAST:
            raise StopAsyncIteration
        return message

    # --- its end --------------------------------------------------------------------------------

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes | str = b"") -> bool:
        """Close it and wait for the server's answer, at most ``ClientWSTimeout.ws_close`` seconds.

        Messages that were not received by then are dropped. Returns False if it was closed before.

        Raises
        ------
        ValueError
            For a code that may not be sent, or a message of more than 123 bytes.
        """
        if self._closed:
            await self._settle()
            return False
        reason = message.encode() if isinstance(message, str) else bytes(message)
        link = self._link
        close_payload(code, reason)  # complains of what cannot be sent
        self._closed = True
        try:
            await link.close(code, reason, self._config.timeout.ws_close)
        except BaseException as exc:  # cancelled, or a listener raised
            cancelled = isinstance(exc, asyncio.CancelledError)
            link.let_go("cancelled" if cancelled else "error")
            await self._call.finish("cancelled" if cancelled else "failed", exc)
            raise
        await self._settle()
        return True

    async def _ended(self, message: WSMessage) -> None:
        """The caller gets the last message."""
        if message.type is WSMsgType.CLOSING:
            return  # who closes it waits for the end
        if message.type is WSMsgType.CLOSE and not self._config.autoclose:
            return  # the caller will
        self._closed = True
        await self._settle()

    async def _settle(self) -> None:
        """Wait until the connection is let go, and tell the end of the request."""
        link = self._link
        await link.wait_over()
        await self._call.finish("completed" if link.error is None else "failed", link.error)

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
    if len(payload) > _MOST_CONTROL:
        raise ValueError(f"{len(payload)} bytes for a ping or pong; {_MOST_CONTROL} are the most")
    return payload


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())
