"""Ports that cannot be connected to: one refuses connections, one never responds."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Iterator

__all__ = ["blackhole", "refused_port"]

# A backlog of 0 has room for one connection. The others are a reserve: the kernel may round up.
_FILLERS = 4


@contextlib.contextmanager
def refused_port(host: str = "127.0.0.1") -> Iterator[int]:
    """Reserve a port that refuses connections (ECONNREFUSED) during the ``with`` block.

    The port is bound but not listening, so no other process can listen there.
    """
    with _bound(host, 0) as holder:
        yield holder.getsockname()[1]


@contextlib.contextmanager
def blackhole(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Reserve a port that never responds: connecting neither succeeds nor fails.

    The port has a listening socket whose backlog is full, so Linux drops further SYN packets. With
    another address of 127.0.0.0/8 as `host`, a port can be unreachable at one address and served
    at another. Raises OSError if the system refuses or accepts connections instead.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(_bound(host, port))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(_FILLERS):
            stack.enter_context(_connecting(address, listener.family))
        probe = stack.enter_context(_connecting(address, listener.family))
        if select.select([], [probe], [probe], 0.02) != ([], [], []):
            raise OSError("this system answers although the backlog of the listener is full")
        yield address[1]


def _bound(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def _connecting(address: tuple[str, int], family: int) -> socket.socket:
    sock = socket.socket(family)
    sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        sock.connect(address)
    return sock
