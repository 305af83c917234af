"""What the kernel knows about a connection; on Linux only.

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
    from socket import IPPROTO_TCP, TCP_INFO
    from time import clock_getres

    _COARSE = 6
    """CLOCK_MONOTONIC_COARSE (linux/time.h), which advances with each tick."""
    _TICK_NS = max(1_000_000, round(clock_getres(_COARSE) * 1e9))

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

    def unnoticed_ns(age_ns: int) -> int:
        """For how long the loop did not notice something that `TcpInfo` tells the age of.

        The kernel counts ticks: one of them may have passed in no time at all, and counts as none.
        """
        return age_ns if age_ns > _TICK_NS else 0

else:

    def kernel_socket(transport: asyncio.BaseTransport) -> Any:
        """None: other kernels have other structures."""
        return None

    def tcp_info(sock: Any) -> TcpInfo | None:
        """None."""
        return None

    def unnoticed_ns(age_ns: int) -> int:
        """0."""
        return 0
