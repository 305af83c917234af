"""Unreachable ports fail in the way that their functions promise."""

from __future__ import annotations

import socket

import pytest

from httptrace.testing.unreachable import blackhole, refused_port


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_refused_port(host: str) -> None:
    """Connecting to a refused port fails at once."""
    with refused_port(host) as port, pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, port), timeout=5)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
def test_blackhole(host: str) -> None:
    """Connecting to a blackhole neither succeeds nor fails, now or later."""
    with blackhole(host) as port:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                socket.create_connection((host, port), timeout=0.05)


def test_dead_beside_living() -> None:
    """A port can be unreachable at one address and reachable at another."""
    with socket.create_server(("127.0.0.1", 0)) as alive:
        port = alive.getsockname()[1]
        with blackhole("127.0.0.2", port) as dead_port:
            assert dead_port == port
            socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_port_in_use() -> None:
    """A port that is in use raises an error, and no socket is left."""
    with refused_port() as port, pytest.raises(OSError, match="in use"), blackhole(port=port):
        pass
