"""Addresses where no connection comes about: one refuses at once, one never answers."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Iterator

__all__ = ["blackhole", "refused_port"]

# One place in a queue of backlog 0, and a few more than needed: the kernel may round up.
_FILLERS = 4


@contextlib.contextmanager
def refused_port(host: str = "127.0.0.1") -> Iterator[int]:
    """Hold a port at which connecting is refused (ECONNREFUSED) for as long as the block lasts.

    The port is bound and not listened on, so nobody else can come to listen there meanwhile.
    """
    with _bound(host, 0) as holder:
        yield holder.getsockname()[1]


@contextlib.contextmanager
def blackhole(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Hold a port at which connecting neither succeeds nor fails, as at a dead address.

    It is a listener whose queue is full, so Linux drops every further SYN. Any address of
    127.0.0.0/8 will do, which makes an address that is dead beside one that lives at the same
    port. Raises OSError where the system refuses or accepts instead.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(_bound(host, port))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(_FILLERS):
            stack.enter_context(_connecting(address, listener.family))
        probe = stack.enter_context(_connecting(address, listener.family))
        if select.select([], [probe], [probe], 0.02) != ([], [], []):
            raise OSError("this system answers at a listener whose queue is full")
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
