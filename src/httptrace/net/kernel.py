"""What the kernel knows about a connection, and what it can be told; on Linux only.

The functions take the socket that `kernel_socket` returns. They must not be called after its
transport is closed: the file descriptor may be another connection's by then.
"""

from __future__ import annotations

import socket
import sys
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from ..trace.tcp_info import TcpInfo

if TYPE_CHECKING:
    import asyncio

_TCP = (socket.AF_INET, socket.AF_INET6)
_ROOM = 256
"""Bytes to ask for: all fields of `TcpInfo` lie in them. Kernels cut off what does not fit."""

if sys.platform == "linux":
    from fcntl import ioctl
    from socket import IPPROTO_TCP, TCP_INFO, TCP_NOTSENT_LOWAT
    from termios import TIOCOUTQ

    def kernel_socket(transport: asyncio.BaseTransport) -> Any:
        """The TCP socket below a transport, with TLS or without; None for any other kind.

        It is the event loop's own object, which has `getsockopt`, `setsockopt` and `fileno`.
        """
        sock = transport.get_extra_info("socket")
        return sock if sock is not None and sock.family in _TCP else None

    def tcp_info(sock: Any) -> TcpInfo | None:
        """What the kernel knows about the connection now; None if it does not say."""
        try:
            raw = sock.getsockopt(IPPROTO_TCP, TCP_INFO, _ROOM)
        except OSError:
            return None
        return TcpInfo(raw, perf_counter_ns()) if len(raw) >= TcpInfo.LEAST else None

    def unacknowledged(sock: Any) -> int | None:
        """How many of the bytes that the kernel accepted the peer has not acknowledged.

        They wait to be sent, or are under way (``SIOCOUTQ``, see tcp(7)).
        """
        try:
            answer = ioctl(sock.fileno(), TIOCOUTQ, bytes(4))  # the number of SIOCOUTQ too
        except (OSError, ValueError):  # ValueError once it is closed
            return None
        return int.from_bytes(answer, sys.byteorder)

    def limit_unsent(sock: Any, nbytes: int) -> bool:
        """Let the kernel accept data only while fewer bytes than this are unsent; 0: its default.

        The transport is then writable when bytes were sent, not when they were buffered
        (``TCP_NOTSENT_LOWAT``, see tcp(7)). False if the kernel refuses.
        """
        try:
            sock.setsockopt(IPPROTO_TCP, TCP_NOTSENT_LOWAT, nbytes)
        except OSError:
            return False
        return True

else:

    def kernel_socket(transport: asyncio.BaseTransport) -> Any:
        """None: other kernels have other structures."""
        return None

    def tcp_info(sock: Any) -> TcpInfo | None:
        """None."""
        return None

    def unacknowledged(sock: Any) -> int | None:
        """None."""
        return None

    def limit_unsent(sock: Any, nbytes: int) -> bool:
        """False."""
        return False
