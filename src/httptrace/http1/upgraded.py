"""A connection after a 101 that was asked for: the program speaks its own protocol on it.

The response keeps its connection until it is closed, or until the connection is lost. It never
returns to the pool.
"""

from __future__ import annotations

import asyncio
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from ..errors import ClientConnectionError, ClientConnectionResetError, ClientOSError
from ..headers.head import has_token, headers_in, headers_of
from ..headers.limits import BadHeadError
from .framing import announces_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..call.exchange import Exchange
    from ..headers.head import RawHeaders
    from .connection import Http1Connection

_MOST_EARLY = 1 << 16
"""Reading pauses while more bytes than this wait for a program that has not taken over yet."""


def check_switch(head_sent: bytes, received: RawHeaders) -> None:
    """Refuse a 101 that does not switch to a protocol which the request has offered.

    Raises
    ------
    BadHeadError
        If the request has offered none, or another one, or the 101 names none (RFC 9110 §7.8), or
        announces a body.
    """
    offered = _protocols(headers_in(head_sent[:-4]).getall("Upgrade", ()))
    if not offered:
        raise BadHeadError("the server switched protocols without being asked (101)")
    headers = headers_of(received)
    chosen = _protocols(headers.getall("Upgrade", ()))
    if not chosen or not has_token(headers, "Connection", "upgrade"):
        raise BadHeadError("a 101 needs the fields 'Connection: upgrade' and 'Upgrade'")
    if not chosen <= offered:
        unasked = min(chosen - offered)[:40]
        text = f"the server switched to the protocol {unasked!r}, which the request did not offer"
        raise BadHeadError(text)
    if announces_body(received):
        raise BadHeadError("an informational response with a body (101)")


def _protocols(fields: Any) -> set[str]:
    return {name.strip().lower() for name in ",".join(fields).split(",")} - {""}


class UpgradedConnection(asyncio.Protocol):
    """The protocol of the transport after a 101, with the names that aiohttp's protocol has.

    A program takes the connection over in one of two ways: with `set_parser`, or with
    ``transport.set_protocol(protocol)`` and an asyncio protocol of its own. Bytes that have arrived
    before, also those right behind the head, are kept and handed out first.
    """

    upgraded = True
    """Whether the server has switched protocols."""
    should_close = True
    """Whether the connection cannot be used for another request."""

    def __init__(
        self, http: Http1Connection, transport: asyncio.Transport, exchange: Exchange, early: bytes
    ) -> None:
        shown: Any = UpgradedTransport(self, transport)
        self.transport: asyncio.Transport | None = shown
        """The transport; None once the connection is closed."""
        self._http = http
        self._raw = transport
        self._exchange = exchange
        self._loop = exchange.call.loop
        self._receiver: Any = None
        """The program's protocol, or that around its parser."""
        self._early = b""
        self._is_held = False  # too many bytes wait for a receiver
        self._reading_paused = False  # by the program
        self._raw_paused = False
        self._paused = http.write_blocked  # the transport's write buffer is full
        self._writable: asyncio.Future[None] | None = None
        self._over = False  # the pool and the request's listeners were told of the end
        self._lost: tuple[Exception | None] | None = None
        transport.set_protocol(self)
        self._keep(early)

    # --- taking over ------------------------------------------------------------------------------

    def set_parser(
        self, parser: Any, payload: Any, data_received_cb: Callable[[], None] | None = None
    ) -> None:
        """Pass what is received to ``parser.feed_data``, and the end to ``parser.feed_eof()``.

        ``feed_data(data)`` returns whether the parser wants no more, and the bytes that it has not
        used; these wait for the next parser. `payload` is what the parser fills: it is not used
        here. `data_received_cb` is called before each piece.
        """
        self._receiver = _Feeding(self, parser, data_received_cb)
        self._hand_out()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Let an asyncio protocol receive. The program calls its `connection_made`, as always."""
        self._receiver = protocol
        if self._paused:
            protocol.pause_writing()
        self._loop.call_soon(self._hand_out)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol that receives."""
        return self if self._receiver is None else self._receiver

    def give_back(self, rest: bytes) -> None:
        """The parser has ended: the rest waits for the next one."""
        self._receiver, self._early = None, rest + self._early

    def _hand_out(self) -> None:
        """Pass on the bytes that wait, then the end if there is one."""
        while self._early and self._receiver is not None and not self._reading_paused:
            data, self._early = self._early, b""
            _feed(self._receiver, data)
        if len(self._early) <= _MOST_EARLY:
            self._is_held = False
            self._set_reading()
        if self._lost is not None and not self._early and self._receiver is not None:
            receiver, self._receiver = self._receiver, None
            receiver.connection_lost(*self._lost)

    # --- what the transport calls -----------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Pass the data on, or keep it."""
        self._exchange.bytes_received += len(data)
        if self._receiver is not None and not self._early:
            _feed(self._receiver, data)
            return
        self._keep(data)

    def _keep(self, data: bytes) -> None:
        self._early += data
        if len(self._early) > _MOST_EARLY:
            self._is_held = True
            self._set_reading()

    def eof_received(self) -> bool | None:
        """The server sends no more. The transport closes itself unless the program's wants more."""
        self._hand_out()
        if self._receiver is None or self._early:
            return None
        return self._receiver.eof_received()  # type: ignore[no-any-return]

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport is closed."""
        self._lost, self.transport = (exc,), None
        self._wake_writer()
        if not self._over:
            error = self._exchange.error or _error(exc)  # ours if we have closed the connection
            self._end("server close" if exc is None else "error", error)
            self._exchange.call.finish_nowait(error)
        self._http.connection_lost(exc)
        del self._exchange  # it refers to this object: this breaks the reference cycle
        self._hand_out()

    def pause_writing(self) -> None:
        """The transport's write buffer is full."""
        self._paused = True
        self._http.pause_writing()  # for an upload that is not over yet
        if self._receiver is not None:
            self._receiver.pause_writing()

    def resume_writing(self) -> None:
        """The transport's write buffer has room again."""
        self._paused = False
        self._http.resume_writing()
        self._wake_writer()
        if self._receiver is not None:
            self._receiver.resume_writing()

    # --- flow control, for the program ------------------------------------------------------------

    @property
    def writing_paused(self) -> bool:
        """Whether the transport's write buffer is full."""
        return self._paused

    def pause_reading(self) -> None:
        """Stop receiving."""
        self._reading_paused = True
        self._set_reading()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Receive again; `resume_parser` changes nothing."""
        self._reading_paused = False
        self._hand_out()

    def _set_reading(self) -> None:
        paused = self._reading_paused or self._is_held
        if paused != self._raw_paused and not self._raw.is_closing():
            self._raw_paused = paused
            (self._raw.pause_reading if paused else self._raw.resume_reading)()

    async def drain(self) -> None:
        """Wait until the transport's write buffer has room.

        Raises
        ------
        ClientConnectionResetError
            If the connection is closed.
        """
        while self._paused and self.transport is not None:
            if self._writable is None or self._writable.done():
                self._writable = self._loop.create_future()
            await asyncio.shield(self._writable)
        if self.transport is None:
            raise ClientConnectionResetError("Connection lost")

    _drain_helper = drain

    def _wake_writer(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    # --- the end ----------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether there is a transport."""
        return self.transport is not None

    def is_connected(self) -> bool:
        """Whether the connection is open."""
        return self.transport is not None and not self._raw.is_closing()

    def force_close(self) -> None:
        """Do nothing: the connection is never used for another request."""

    def close(self) -> None:
        """End the request, and close the connection once all that was written has been sent."""
        if not self._over:
            self.leave()
            self._exchange.call.finish_nowait()

    def abort(self) -> None:
        """End the request, and close the connection at once."""
        if not self._over:
            self._end("client close")
            self._exchange.call.finish_nowait()
        self._raw.abort()

    def leave(self) -> None:
        """Close the connection as `close` does. The caller ends the request."""
        self._http.closes_gently = True
        self._end("client close")

    def _end(self, reason: str, error: BaseException | None = None) -> None:
        if self._over:
            return
        self._over, self.transport = True, None
        self._wake_writer()
        exchange = self._exchange
        exchange.end_ns = exchange.end_ns or perf_counter_ns()
        exchange.complete = error is None
        exchange.call.pool.discard(self._http, exchange, reason)


def _error(exc: Exception | None) -> Exception | None:
    """The error of a request whose connection is lost after the 101."""
    if exc is None:
        return None
    error: Exception = ClientConnectionError(f"Connection lost: {exc}")
    if isinstance(exc, OSError):
        error = ClientOSError(exc.errno, exc.strerror or str(exc))
    error.__cause__ = exc
    return error


def _feed(protocol: Any, data: bytes) -> None:
    """Pass data to an asyncio protocol of either kind."""
    if not isinstance(protocol, asyncio.BufferedProtocol):
        protocol.data_received(data)
        return
    view = memoryview(data)
    while view:
        buffer = memoryview(protocol.get_buffer(len(view)))
        size = min(len(buffer), len(view))
        buffer[:size] = view[:size]
        protocol.buffer_updated(size)
        view = view[size:]


class _Feeding(asyncio.Protocol):
    """The protocol around a parser."""

    def __init__(
        self,
        connection: UpgradedConnection,
        parser: Any,
        data_received_cb: Callable[[], None] | None,
    ) -> None:
        self._connection = connection
        self._parser = parser
        self._data_received_cb = data_received_cb

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        if self._data_received_cb is not None:
            self._data_received_cb()
        ended, rest = self._parser.feed_data(data)
        if ended:
            self._connection.give_back(rest)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the parser of the end."""
        self._parser.feed_eof()


class UpgradedTransport:
    """The transport, as a program sees it after the 101.

    Changing the protocol, pausing and closing go through the `UpgradedConnection`, so that no byte
    is lost, and pool and listeners learn of the end. All else is the transport's.
    """

    def __init__(self, connection: UpgradedConnection, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.set_protocol = connection.set_protocol
        self.get_protocol = connection.get_protocol
        self.pause_reading = connection.pause_reading
        self.resume_reading = connection.resume_reading
        self.close = connection.close
        self.abort = connection.abort

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
