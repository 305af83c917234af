"""Byte streams of connections that have no protocol yet: over a socket, or over a transport.

The client asks a proxy for a tunnel over a byte stream. When the tunnel is open, or at once without
a proxy, the stream is handed over to the connection's protocol.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from contextvars import Context
from typing import TYPE_CHECKING, Any, Protocol, cast

from .tls import tls_facts
from .tls_transport import TlsTransport, loop_transport, socket_transport

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ..trace.record import TlsFacts

TransportPair = tuple[asyncio.Transport, asyncio.BaseProtocol]
"""A transport and its protocol, as ``loop.create_connection`` returns them."""

_READ = 1 << 14
_MOST_UNREAD = 1 << 18
"""The maximum number of unread bytes; if a proxy sends more, the connection is closed."""


class ByteStream(Protocol):
    """Sends and receives bytes until it is handed over to a protocol."""

    async def send(self, data: bytes) -> None:
        """Send all of the data."""

    async def receive(self) -> bytes:
        """The next bytes; ``b""`` at the end."""
        ...

    async def start_protocol(self, protocol: asyncio.BaseProtocol) -> TransportPair:
        """Hand the connection over to a protocol."""
        ...

    async def over_transport(self) -> TransportStream:
        """The byte stream of a transport, on which TLS can start; this stream is handed over."""
        ...

    def abort(self) -> None:
        """Close at once."""


class SocketStream:
    """The byte stream of a connected socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._handed_over = False

    async def send(self, data: bytes) -> None:
        """Send all of the data."""
        await asyncio.get_running_loop().sock_sendall(self._sock, data)

    async def receive(self) -> bytes:
        """The next bytes; ``b""`` at the end."""
        return await asyncio.get_running_loop().sock_recv(self._sock, _READ)

    async def start_protocol(self, protocol: asyncio.BaseProtocol) -> TransportPair:
        """Hand the socket over to the loop, which closes it if this fails."""
        return await _in_empty_context(self._open(protocol))

    async def over_transport(self) -> TransportStream:
        """Hand the socket over to a transport, which does not read before TLS starts."""
        stream = TransportStream()
        await _in_empty_context(self._open(stream, paused=True))
        return stream

    async def _open(self, protocol: asyncio.BaseProtocol, *, paused: bool = False) -> TransportPair:
        self._handed_over = True
        loop = asyncio.get_running_loop()
        pair: TransportPair = await loop.create_connection(lambda: protocol, sock=self._sock)
        if paused and not pair[0].is_closing():
            pair[0].pause_reading()
        return pair

    def abort(self) -> None:
        """Close at once, unless the loop has the socket: only the loop may close it then."""
        if not self._handed_over:
            self._sock.close()


async def _in_empty_context(work: Coroutine[Any, Any, TransportPair]) -> TransportPair:
    """The transport that the work opens, and its protocol.

    In an empty context: the connection outlives the request that opened it and must not keep the
    request's context variables. A transport that was opened just as the caller was cancelled is
    closed.
    """
    opening = asyncio.get_running_loop().create_task(work, context=Context())
    try:
        return await opening
    except BaseException:
        if opening.done() and not opening.cancelled() and opening.exception() is None:
            opening.result()[0].abort()
        raise


class _OuterTransport:
    """Wraps the outer transport of TLS in TLS, and closes it when the inner handshake fails.

    CPython before 3.11.8 and 3.12.2 does not (its issue 113214).
    """

    _start_tls_compatible = True

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def _force_close(self, exc: BaseException | None) -> None:
        self._transport.abort()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _outer(transport: Any) -> Any:
    version, module = sys.version_info, type(transport).__module__
    # In these versions `_force_close` of TLS transports fails: it passes the error to a function
    # that takes none.
    fails = version < (3, 11, 8) or (3, 12) <= version < (3, 12, 2)
    broken = (fails and module == "asyncio.sslproto") or not hasattr(transport, "_force_close")
    return _OuterTransport(transport) if broken and module.startswith("asyncio.") else transport


class TransportStream(asyncio.Protocol):
    """The byte stream of a transport: its protocol until another protocol takes over."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._unread = bytearray()
        self._ended = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def send(self, data: bytes) -> None:
        """Send all of the data, without flow control: requests to proxies are small."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the connection is closed")
        self._transport.write(data)

    async def receive(self) -> bytes:
        """The next bytes; ``b""`` at the end."""
        while not self._unread and not self._ended:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if self._error is not None and not self._unread:
            raise self._error
        data = bytes(self._unread)
        self._unread.clear()
        return data

    async def start_protocol(self, protocol: asyncio.BaseProtocol) -> TransportPair:
        """Hand the transport over."""
        transport = self._open_transport()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        return transport, protocol

    async def over_transport(self) -> TransportStream:
        """This stream."""
        return self

    async def start_tls(self, protocol: asyncio.BaseProtocol, **tls: Any) -> TransportPair:
        """Hand the transport over, with TLS. The arguments are those of ``loop.start_tls``.

        Raises
        ------
        OSError
            When the handshake fails, or the loop cannot do TLS in TLS.
        """
        return await _in_empty_context(self._secure(protocol, tls))

    def _open_transport(self) -> asyncio.Transport:
        if self._transport is None or self._ended:
            raise ConnectionResetError("the connection is closed")
        return self._transport

    async def _secure(self, protocol: asyncio.BaseProtocol, tls: dict[str, Any]) -> TransportPair:
        transport = await self._start_tls(self._open_transport(), tls)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        return transport, protocol

    async def _start_tls(self, outer: asyncio.Transport, tls: dict[str, Any]) -> asyncio.Transport:
        """Start TLS on the transport. `early` keeps what arrives before the protocol is set."""
        loop, early, context = asyncio.get_running_loop(), TransportStream(), tls.pop("ssl")
        if self._unread:
            loop.call_soon(loop.call_soon, self._pass_on, outer)  # once TLS is the protocol
        try:
            inner = await loop.start_tls(_outer(loop_transport(outer)), early, context, **tls)
        except TypeError as exc:  # event loops without TLS in TLS raise it
            raise OSError(None, f"this event loop has no TLS in TLS: {exc}") from exc
        if inner is None:  # the loop does not tell the reason
            raise ConnectionAbortedError("the TLS handshake was broken off")
        try:
            facts = await early.handshake_facts(inner)
            return TlsTransport(inner, socket_transport(outer), facts)
        except BaseException:
            inner.abort()
            raise

    def _pass_on(self, outer: asyncio.Transport) -> None:
        """Give TLS what the server sent before it: uvloop may read it before reading is paused."""
        tls, data = cast("asyncio.BufferedProtocol", outer.get_protocol()), self._unread
        while data and not outer.is_closing():
            buffer = memoryview(tls.get_buffer(len(data)))
            count = min(len(buffer), len(data))
            buffer[:count] = data[:count]
            del data[:count]
            tls.buffer_updated(count)

    async def handshake_facts(self, transport: asyncio.Transport) -> TlsFacts:
        """The results of the handshake.

        In TLS 1.3 a server can reject the client after the client has completed its side of the
        handshake, and its alert may have arrived already. A closed session has no results.

        Raises
        ------
        OSError
            When the server has closed the connection or sent data before any request.
        """
        try:
            facts = None if self.has_input else tls_facts(transport.get_extra_info("ssl_object"))
        except ValueError:
            facts = None
        if facts is None:
            await self.receive()  # raises the server's alert, if there is one
            raise OSError(None, "the server closed the connection or sent data before a request")
        return facts

    @property
    def has_input(self) -> bool:
        """Whether bytes or EOF have arrived."""
        return bool(self._unread) or self._ended

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    # --- callbacks of the transport -------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The transport is ready."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes have arrived."""
        self._unread += data
        if len(self._unread) > _MOST_UNREAD:
            self.abort()
        self._wake()

    def eof_received(self) -> bool:
        """The peer will send no more."""
        self._ended = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._ended, self._error = True, exc
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
