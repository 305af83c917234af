"""The wire itself: it delays, drops and limits what it is told to, and its capture is true."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, closing
from statistics import median

import pytest

from . import link
from .capture import Frame
from .link import CLIENT_ADDRESS, SERVER_ADDRESS, Wire, WireMissing
from .segments import ACK, SYN, checksums_hold
from .steady import steady

PORT = 8080


class Pair:
    """A connection between the two namespaces: both its sockets, in one thread."""

    def __init__(self, wire: Wire) -> None:
        with ExitStack() as stack:
            with wire.server.entered():
                listener = stack.enter_context(socket.create_server((SERVER_ADDRESS, PORT)))
            with wire.client.entered():
                self.client = socket.create_connection((SERVER_ADDRESS, PORT), timeout=10)
            self.server, _address = listener.accept()
        self.server.settimeout(10)

    def upload(self, size: int) -> None:
        """Send so many bytes to the server, and wait until it has them; at most what fits in."""
        self.client.sendall(b"x" * size)
        while size:
            size -= len(self.server.recv(65536))

    def close(self) -> None:
        """Close both ends."""
        self.client.close()
        self.server.close()


def passages_ms(sent: list[Frame], received: list[Frame]) -> list[float]:
    """How long each segment was on its way; a segment that was sent twice is left out."""
    came = {frame.segment: frame.ns for frame in received if not frame.out}
    return [(came[f.segment] - f.ns) / 1e6 for f in sent if f.out and f.segment in came]


@pytest.mark.parametrize("rtt_ms", [2, 20, 50])
@steady
def test_delay(wire: Wire, rtt_ms: float) -> None:
    """What is sent arrives after half of the round trip; the relay adds less than 0.3 ms."""
    wire.shape(rtt_ms=rtt_ms)
    with closing(Pair(wire)) as pair:
        for _ in range(20):  # one at a time: the relay's time for a burst is not the link's delay
            pair.upload(1000)
        at_client, at_server = wire.frames()
    for passages in (passages_ms(at_client, at_server), passages_ms(at_server, at_client)):
        assert min(passages) >= rtt_ms / 2
        assert median(passages) < rtt_ms / 2 + 0.3


@steady
def test_clock(wire: Wire) -> None:
    """The capture's times are readings of `time.perf_counter_ns()`."""
    with closing(Pair(wire)) as pair:
        wire.frames()
        before_ns = time.perf_counter_ns()
        pair.client.send(b"x")
        after_ns = time.perf_counter_ns()
        pair.server.recv(1)
        at_client, _at_server = wire.frames()
    (sent,) = [frame for frame in at_client if frame.segment.length]
    assert before_ns - 20_000 <= sent.ns <= after_ns + 20_000


def test_frames(wire: Wire) -> None:
    """What passes is whole packets of the usual size, with right checksums."""
    with closing(Pair(wire)) as pair:
        pair.upload(50_000)
    for packets in wire.packets():
        assert max(map(len, packets)) == 1500
        assert all(map(checksums_hold, packets))


def test_segments(wire: Wire) -> None:
    """The capture has the handshake and the data with directions, flags and lengths."""
    with closing(Pair(wire)) as pair:
        pair.upload(100)
        at_client, _at_server = wire.frames()
        port = pair.client.getsockname()[1]
    ours = [f for f in at_client if port in (f.segment.source, f.segment.destination)]
    syn, syn_ack, _ack, data = ours[:4]
    assert (syn.out, syn.segment.flags & (SYN | ACK), syn.segment.destination) == (True, SYN, PORT)
    assert (syn_ack.out, syn_ack.segment.flags & (SYN | ACK)) == (False, SYN | ACK)
    assert (data.out, data.segment.length, data.segment.payload) == (True, 100, b"x" * 100)
    assert data.segment.seq == (syn.segment.seq + 1) % (1 << 32)


def test_drop(wire: Wire) -> None:
    """The segments with these numbers are dropped, once, and only on new connections."""
    with closing(Pair(wire)) as before:
        wire.shape(rtt_ms=2, drop_up=[1, 3])
        before.upload(5_000)
        with closing(Pair(wire)) as pair:
            pair.upload(13_000)
            pair.server.send(b"x")
            pair.client.recv(1)
    assert wire.shape() == {"up": [1448, 1448], "down": []}
    at_client, at_server = wire.frames()
    sent = [f for f in at_client if f.out and f.segment.length]
    arrived = [f for f in at_server if not f.out and f.segment.length]
    assert len(sent) - len(arrived) == 2


def test_drop_downwards(wire: Wire) -> None:
    """What the server sends is dropped in its own direction."""
    wire.shape(rtt_ms=2, drop_down=[2])
    with closing(Pair(wire)) as pair:
        for _ in range(3):
            pair.server.send(b"x" * 10)
            pair.client.recv(10)
    assert wire.shape() == {"up": [], "down": [10]}


@steady
def test_rate(wire: Wire) -> None:
    """A line of one megabyte per second needs a fifth of a second for 200 KB."""
    wire.shape(rtt_ms=1, rate=1e6)
    with closing(Pair(wire)) as pair:
        wire.frames()
        pair.upload(200_000)
        _at_client, at_server = wire.frames()
    arrived = [f.ns for f in at_server if not f.out and f.segment.length]
    assert 0.2 <= (arrived[-1] - arrived[0]) / 1e9 <= 0.25


def test_address(wire: Wire) -> None:
    """The server sees the client's address, and the machine's own network knows neither."""
    with closing(Pair(wire)) as pair:
        assert pair.server.getpeername()[0] == CLIENT_ADDRESS
    with socket.socket() as sock, pytest.raises(OSError):
        sock.bind((SERVER_ADDRESS, PORT))


def test_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no namespace can be made, the error says why."""

    def refused(_address: str) -> None:
        raise PermissionError(1, "unshare: Operation not permitted")

    monkeypatch.setattr(link, "Namespace", refused)
    with pytest.raises(WireMissing, match=r"can be made here: .* unshare: Operation not"):
        Wire().__enter__()
