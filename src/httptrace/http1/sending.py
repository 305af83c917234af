"""The sending half of an HTTP/1.1 connection: its transport, from opening to closing."""

from __future__ import annotations

import asyncio
import select
import sys
from itertools import count
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, cast

from ..errors import ClientConnectionError, ClientConnectionResetError, ServerDisconnectedError
from ..net.kernel import kernel_socket, tcp_info
from ..net.tls_transport import socket_transport
from .sent import SENT_AT_ONCE, SentWatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..call.exchange import Exchange
    from ..call.kept import ConnectionFacts
    from ..call.pool import Host
    from ..trace.record import TlsFacts
    from ..trace.tcp_info import TcpInfo

_ids = count(1)


def readable(sock: Any) -> Callable[[int], Any]:
    """A function that returns at once whether a socket is readable; its argument is 0."""
    if sock is None:
        return lambda _: False
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock.fileno(), select.POLLIN)
        return poll.poll
    return lambda _: select.select([sock], [], [], 0)[0]


_PYTHON = tuple(sys.version_info[:3])
_WRITELINES_HOLDS_BACK = not ((3, 12) <= _PYTHON < (3, 12, 9) or (3, 13) <= _PYTHON < (3, 13, 2))
"""Whether asyncio's `writelines` calls `pause_writing` when the buffer is full: CVE-2024-12254."""


class Sending(asyncio.BaseProtocol):
    """Writes requests to a transport. The subclass parses the responses."""

    __slots__ = (
        *("id", "host", "address", "tls", "kernel", "facts", "opened_ns", "idle_since_ns"),
        *("requests_served", "closed", "close_reason", "exchange", "write_blocked", "_transport"),
        *("_write", "ended"),
        *("_request_whole", "_reading_paused", "_writable", "_poll", "early", "announced", "lost"),
        *("closes_gently", "switched", "close_untold", "granted_to", "__weakref__"),
    )

    def __init__(self, host: Host) -> None:
        self.id = next(_ids)
        self.host: Any = host
        self.opened_ns = self.idle_since_ns = perf_counter_ns()
        self.requests_served = 0
        self.closed = False
        self.close_reason: str | None = None
        self.exchange: Exchange | None = None
        self.address: str | None = None
        self.tls: TlsFacts | None = None
        self.kernel: TcpInfo | None = None
        self.facts: ConnectionFacts | None = None
        self._transport: asyncio.Transport | None = None
        self._request_whole = True
        self.ended = False
        """Whether the end of the response was parsed."""
        self._reading_paused = False
        self._writable: asyncio.Future[None] | None = None
        self.write_blocked = False
        self._poll: Any = None
        self.early = b""
        """Bytes that the server sent before the first request."""
        self.announced = False
        """Whether the pool has counted the connection as created and emitted its events."""
        self.lost = False
        """Whether the transport is closed."""
        self.closes_gently = False
        """Whether `close` sends what was written before."""
        self.switched = False
        """Whether the transport was passed on to another protocol."""
        self.granted_to: Any = None
        """The ticket that the connection was granted to, until its request has resumed."""
        self.close_untold = False
        """Whether the event that the connection was closed is still due: see `Pool.tell_closed`."""

    def send(self, exchange: Exchange, head: bytes, body: bytes) -> None:
        """Write a request with its whole body. The exchange receives the response."""
        if self.closed:  # after the pool handed it over
            ours = self.close_reason == "connector closed"
            closed = ClientConnectionError("Connector is closed")
            exchange.fail(closed if ours else self.disconnected())
            return
        self.exchange = exchange
        self.ended = False
        # Read before the write, at whose end the server may have had the request for a while.
        exchange.send_ns = exchange.sent_ns = send_ns = perf_counter_ns()
        exchange.idle_ns = send_ns - self.idle_since_ns
        exchange.head_sent = head
        if body:
            exchange.body_sent = len(body)
            head += body
        self._write(head)
        if len(body) > SENT_AT_ONCE:
            SentWatch(self, exchange)()

    def disconnected(self) -> ServerDisconnectedError:
        """The error of a request whose connection was closed before it was sent."""
        reason = self.close_reason
        return ServerDisconnectedError(
            None if reason == "server close" else f"Connection closed: {reason}"
        )

    def begin(self, exchange: Exchange, head: bytes) -> None:
        """Write the head of a request. `send_body` or `send_chunk` write its body."""
        self._request_whole = False
        self.send(exchange, head, b"")

    def send_body(self, data: bytes | memoryview) -> None:
        """Write a piece of the body as it is.

        Raises
        ------
        ClientConnectionResetError
            If the connection is closed.
        """
        self._open_transport().write(data)

    def send_chunk(self, data: bytes | memoryview) -> None:
        """Write a piece of the body as one chunk (RFC 9112 §7.1).

        Raises
        ------
        ClientConnectionResetError
            If the connection is closed.
        """
        pieces = (b"%x\r\n" % len(data), data, b"\r\n")
        transport = self._open_transport()
        if _WRITELINES_HOLDS_BACK:
            transport.writelines(pieces)
        else:
            transport.write(b"".join(pieces))

    def _open_transport(self) -> asyncio.Transport:
        transport = self._transport
        if self.closed or transport is None or transport.is_closing():
            raise ClientConnectionResetError("Cannot write to a closed connection")
        return transport

    @property
    def transport(self) -> asyncio.Transport | None:
        """The transport; None before it exists."""
        return self._transport

    def is_readable(self) -> bool:
        """Whether the socket has bytes or the end of the stream to read, or is closing.

        A closing transport may have closed the socket before `connection_lost` is called.
        """
        if self._transport is None or self._transport.is_closing():
            return True
        if self._poll is None:
            self._poll = readable(self.get_extra_info("socket"))
        return bool(self._poll(0))

    def unsent(self) -> int:
        """The number of bytes in the transport's write buffer."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def unsent_below(self) -> tuple[int, bool]:
        """The bytes that transports and kernel hold unsent, and whether the kernel tells its part.

        The transport below TLS has a buffer of its own.
        """
        transport = self._transport
        if transport is None:
            return 0, False
        unsent, below = transport.get_write_buffer_size(), socket_transport(transport)
        if below is not transport:
            unsent += below.get_write_buffer_size()
        sock = kernel_socket(transport)
        info = None if sock is None else tcp_info(sock)
        in_kernel = None if info is None else info.notsent_bytes
        return unsent + (in_kernel or 0), in_kernel is not None

    async def drain(self) -> None:
        """Wait until the transport calls `resume_writing`."""
        if self.write_blocked and not self.closed:
            self._writable = asyncio.get_running_loop().create_future()
            await self._writable

    def request_complete(self) -> None:
        """The whole request was written: the connection may be reused after the response."""
        self._request_whole = True
        exchange = self.exchange
        if exchange is not None and exchange.body_sent > SENT_AT_ONCE:
            SentWatch(self, exchange)()

    def resume_reading(self) -> None:
        """Resume reading if it was paused."""
        if self._reading_paused and not self.closed:
            self._reading_paused = False
            exchange = self.exchange
            if exchange is not None:
                exchange.paused_ns += perf_counter_ns() - exchange.paused_since_ns
                exchange.paused_since_ns = 0
            self._transport.resume_reading()  # type: ignore[union-attr]

    def close(self, reason: str) -> None:
        """Abort the transport, or close it gently. A current exchange fails."""
        if self.closed:
            return
        self.closed = True
        self.close_reason = reason
        if self._transport is not None:
            (self._transport.close if self.closes_gently else self._transport.abort)()
        text = f"Connection closed: {reason}"
        if self.exchange is not None and self.exchange.head_ns:  # the server did not close it
            self._drop(ClientConnectionError(text))
        else:
            self._drop(ServerDisconnectedError(text))

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The same as ``asyncio.BaseTransport.get_extra_info``."""
        return default if self._transport is None else self._transport.get_extra_info(name, default)

    # --- what the transport calls ----------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The transport is open."""
        self._transport = cast("asyncio.Transport", transport)
        self._write = self._transport.write

    def pause_writing(self) -> None:
        """The transport's buffer is full."""
        self.write_blocked = True

    def resume_writing(self) -> None:
        """The transport's buffer has room."""
        self.write_blocked = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def _pause_reading(self, exchange: Exchange) -> None:
        if not self._reading_paused and not exchange.waits_for_end and self._transport is not None:
            self._reading_paused = True
            exchange.paused_since_ns = perf_counter_ns()
            self._transport.pause_reading()

    def _drop(self, error: Exception) -> None:
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.fail(error)
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def fail(self, error: Exception) -> None:
        """Fail the current exchange. The caller closes the connection."""
        self._drop(error)
