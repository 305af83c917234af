"""Sockets that are connected to one address."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .resolver import ResolveResult

SocketAddress = tuple[str, int]
AddrInfoType = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]
"""An address as ``socket.getaddrinfo`` describes it."""

SocketFactoryType = Callable[[AddrInfoType], socket.socket]
"""Creates the socket for an address. The caller binds it and makes it non-blocking."""


_MOST_SCOPE = 0xFFFFFFFF
"""The largest number of an IPv6 zone (RFC 3493 §3.3)."""


class SocketOpener:
    """Opens TCP sockets, with the `local_addr` and the `socket_factory` of a connector."""

    def __init__(
        self, local_addr: SocketAddress | None = None, factory: SocketFactoryType | None = None
    ) -> None:
        self._local_addr = local_addr
        self._factory = factory

    async def open(self, to: ResolveResult) -> socket.socket:
        """A non-blocking socket that is connected to the address.

        Raises
        ------
        OSError
            When the address cannot be reached.
        """
        address = (_numbered(to["host"]), to["port"])
        sock = self._make(to, address)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._bind(sock)
        except BaseException:
            sock.close()
            raise
        return await connected(sock, address)

    def _make(self, to: ResolveResult, address: SocketAddress) -> socket.socket:
        family, proto = to["family"], to.get("proto", socket.IPPROTO_TCP)
        if self._factory is None:
            return socket.socket(family, socket.SOCK_STREAM, proto)
        sock = self._factory((family, socket.SOCK_STREAM, proto, "", address))
        if not isinstance(sock, socket.socket):
            raise TypeError(f"socket_factory must return a socket, not {sock!r}")
        return sock

    def _bind(self, sock: socket.socket) -> None:
        if self._local_addr is None:
            return
        family = socket.AF_INET6 if ":" in self._local_addr[0] else socket.AF_INET
        try:
            if sock.family != family:
                raise OSError(None, "it belongs to the other address family")
            sock.bind(self._local_addr)
        except OSError as exc:
            text = f"local_addr {self._local_addr!r} cannot be used: {reason(exc)}"
            raise OSError(exc.errno, text) from exc


def _numbered(host: str) -> str:
    """The address with its zone as a number, the only form that every event loop accepts."""
    ip, percent, zone = host.partition("%")
    if not percent or zone.isdigit():
        return host
    try:
        return f"{ip}%{socket.if_nametoindex(zone)}"
    except OSError as exc:
        raise OSError(exc.errno, f"there is no network interface {zone!r}") from exc


async def connect_unix(path: str) -> socket.socket:
    """A non-blocking socket that is connected to the Unix socket `path`; raises OSError."""
    return await connected(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), path)


async def connected(sock: socket.socket, address: SocketAddress | str) -> socket.socket:
    """Connect the socket; close it if that fails or is cancelled."""
    try:
        sock.setblocking(False)
        await _connect(sock, address)
    except OSError as exc:
        sock.close()
        # Event loops put the address into the text; callers add it themselves.
        raise OSError(exc.errno, reason(exc)) from exc
    except BaseException:
        sock.close()
        raise
    return sock


async def _connect(sock: socket.socket, address: SocketAddress | str) -> None:
    """``loop.sock_connect``, but at once.

    uvloop's has a thread look the address up first, even if it is an IP address: the socket would
    connect dozens of turns of the loop later, and all that time would count as connecting.
    """
    loop = asyncio.get_running_loop()
    target = None if sys.platform == "win32" else _packed(sock.family, address)
    if target is None:
        await loop.sock_connect(sock, address)
        return
    try:
        sock.connect(target)
    except (BlockingIOError, InterruptedError):
        number = await _outcome(loop, sock)
        if number:
            raise OSError(number, os.strerror(number)) from None


async def _outcome(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> int:
    """Wait until the socket is connected, or cannot be; returns the number of the error or 0."""
    outcome: asyncio.Future[int] = loop.create_future()

    def writable() -> None:
        if not outcome.done():  # looked at here: what happens later is the connection's
            outcome.set_result(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    loop.add_writer(sock, writable)
    try:
        return await outcome
    finally:
        loop.remove_writer(sock)


def _packed(family: int, address: SocketAddress | str) -> tuple[Any, ...] | None:
    """The address as ``socket.connect`` takes it without a look-up; None if it is not an IP."""
    if isinstance(address, str) or family not in (socket.AF_INET, socket.AF_INET6):
        return None
    host, port = address
    ip, _percent, zone = host.partition("%") if family == socket.AF_INET6 else (host, "", "")
    try:
        socket.inet_pton(family, ip)
        scope = int(zone or 0)
    except (OSError, ValueError):
        return None
    if family == socket.AF_INET:
        return ip, port
    return (ip, port, 0, scope) if scope <= _MOST_SCOPE else None


def reason(error: OSError) -> str:
    """The system's text for the error, without the address."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__
