"""What carries a connection's bytes before it has its protocol: a socket, or TLS over one.

A tunnel is asked for on a carrier; then the carrier becomes the connection's stream.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from contextvars import Context
from typing import TYPE_CHECKING, Any, Protocol, cast

from .paced import PacedTransport, below, within
from .tls import tls_facts

if TYPE_CHECKING:
    from ..trace.record import TlsFacts

Stream = tuple[asyncio.Transport, asyncio.BaseProtocol]

_READ = 1 << 14
_MOST_UNREAD = 1 << 18
"""Bytes that a proxy may send beyond what was asked of it, before reading stops."""


class Carrier(Protocol):
    """Bytes there and back, until it becomes a stream."""

    async def send(self, data: bytes) -> None:
        """Send all of it."""

    async def receive(self) -> bytes:
        """What comes next; nothing at the end."""
        ...

    async def become(self, protocol: asyncio.BaseProtocol, **tls: Any) -> Stream:
        """The stream, with TLS of its own if the arguments of `create_connection` say so."""
        ...

    def abort(self) -> None:
        """Close at once."""


class SocketCarrier:
    """A connected socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._handed_over = False

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        await asyncio.get_running_loop().sock_sendall(self._sock, data)

    async def receive(self) -> bytes:
        """What comes next; nothing at the end."""
        return await asyncio.get_running_loop().sock_recv(self._sock, _READ)

    async def become(self, protocol: asyncio.BaseProtocol, **tls: Any) -> Stream:
        """Hand the socket over to the loop, which closes it from here on, also if this fails."""
        # in a context of its own: the connection outlives the request that opened it, and must
        # not keep that request's values
        opening = asyncio.get_running_loop().create_task(
            self._open(protocol, tls), context=Context()
        )
        return await _result(opening)

    async def _open(self, protocol: asyncio.BaseProtocol, tls: dict[str, Any]) -> Stream:
        self._handed_over = True
        loop = asyncio.get_running_loop()
        if tls:
            return await self._open_paced(loop, protocol, tls)
        stream: Stream = await loop.create_connection(lambda: protocol, sock=self._sock)
        return stream

    async def _open_paced(
        self, loop: asyncio.AbstractEventLoop, protocol: asyncio.BaseProtocol, tls: dict[str, Any]
    ) -> Stream:
        carrier = TlsCarrier()
        below, _ = await loop.create_connection(lambda: carrier, sock=self._sock)
        try:
            return await carrier.become(protocol, **tls)
        except BaseException:
            below.abort()
            raise

    def abort(self) -> None:
        """Close at once, if it is still ours: a loop must not lose a socket that it watches."""
        if not self._handed_over:
            self._sock.close()


async def _result(opening: asyncio.Task[Stream]) -> Stream:
    """The stream; one that was opened at the moment of our cancellation is closed again."""
    try:
        return await opening
    except BaseException:
        if opening.done() and not opening.cancelled() and opening.exception() is None:
            opening.result()[0].abort()
        raise


class _Outer:
    """A TLS transport under another one, for a Python in which a failure of the inner handshake
    does not close the outer one (CPython's issue 113214: before 3.11.8 and 3.12.2)."""

    _start_tls_compatible = True

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def _force_close(self, exc: BaseException | None) -> None:
        self._transport.abort()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _outer(transport: Any) -> Any:
    version, module = sys.version_info, type(transport).__module__
    # TLS transports have it before they can do it: they give the error to what takes none
    fails = version < (3, 11, 8) or (3, 12) <= version < (3, 12, 2)
    broken = (fails and module == "asyncio.sslproto") or not hasattr(transport, "_force_close")
    return _Outer(transport) if broken and module.startswith("asyncio.") else transport


class TlsCarrier(asyncio.Protocol):
    """A stream to put TLS on, or a TLS session with a proxy: the protocol until it has another."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._unread = bytearray()
        self._ended = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def send(self, data: bytes) -> None:
        """Send all of it: it is little, the transport takes it."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the connection is closed")
        self._transport.write(data)

    async def receive(self) -> bytes:
        """What comes next; nothing at the end."""
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

    async def become(self, protocol: asyncio.BaseProtocol, **tls: Any) -> Stream:
        """The same transport, or TLS within its TLS; an OSError if the loop cannot do that."""
        if self._transport is None or self._ended:
            raise ConnectionResetError("the connection is closed")
        outer = self._transport
        transport = await self._within(outer, tls) if tls else outer
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        return transport, protocol

    async def _within(self, outer: asyncio.Transport, tls: dict[str, Any]) -> asyncio.Transport:
        """TLS within TLS. What comes before the transport has its protocol must not get lost."""
        loop, early, context = asyncio.get_running_loop(), TlsCarrier(), tls.pop("ssl")
        try:
            inner = await loop.start_tls(_outer(within(outer)), early, context, **tls)
        except TypeError as exc:  # what a loop that cannot do it raises
            raise OSError(None, f"this event loop has no TLS within TLS: {exc}") from exc
        if inner is None:  # `_Outer` could not hand on why
            raise ConnectionAbortedError("the TLS handshake was broken off")
        try:
            return PacedTransport(inner, below(outer), await early.agreed(inner))
        except BaseException:
            inner.abort()
            raise

    async def agreed(self, transport: asyncio.Transport) -> TlsFacts:
        """What the handshake agreed on, if the server has kept to it and said nothing since.

        From TLS 1.3 on a server refuses the client when the client's handshake is over: the alert
        may have come already. Of a session that it ended nothing can be read any more.
        """
        try:
            facts = None if self.unasked else tls_facts(transport.get_extra_info("ssl_object"))
        except ValueError:
            facts = None
        if facts is None:
            await self.receive()  # raises the reason, if there is one
            raise OSError(None, "the server spoke, or closed, before it was asked")
        return facts

    @property
    def unasked(self) -> bool:
        """Whether bytes have come, or the end."""
        return bool(self._unread) or self._ended

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    # --- what the transport calls ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TLS with the proxy is established."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._unread += data
        if len(self._unread) > _MOST_UNREAD:
            self.abort()
        self._wake()

    def eof_received(self) -> bool:
        """The proxy sends no more."""
        self._ended = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._ended, self._error = True, exc
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
