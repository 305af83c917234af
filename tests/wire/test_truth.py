"""What is read from a capture: streams with losses, wrapped numbers and a TLS handshake."""

from __future__ import annotations

import struct

import pytest

from .capture import Frame
from .segments import ACK, SYN, Segment, checksums_hold, parse
from .table import Spread, spread
from .truth import Noted, Truth, truth_of

CLIENT, SERVER = 40000, 80
ISN = (1 << 32) - 3
"""The client's first sequence number: those of its data wrap."""
SERVER_ISN = 1000


class Captured:
    """Frames by hand, at both devices; each takes five units of time to the other side."""

    def __init__(self) -> None:
        self.at_client: list[Frame] = []
        self.at_server: list[Frame] = []

    def up(self, ns: int, start: int, data: bytes, *, lost: bool = False, flags: int = ACK) -> None:
        """The client sends this part of its stream; the SYN stands before it."""
        self._pass(ns, CLIENT, SERVER, ISN + 1 + start, data, flags, lost)

    def down(
        self, ns: int, start: int, data: bytes, *, lost: bool = False, flags: int = ACK
    ) -> None:
        """The server sends this part of its stream."""
        self._pass(ns, SERVER, CLIENT, SERVER_ISN + 1 + start, data, flags, lost)

    def _pass(
        self, ns: int, source: int, to: int, seq: int, data: bytes, flags: int, lost: bool
    ) -> None:
        segment = Segment(source, to, seq % (1 << 32), 0, flags, len(data), data)
        here, there = self.at_client, self.at_server
        if source == SERVER:
            here, there = there, here
        here.append(Frame(ns, True, segment))
        if not lost:
            there.append(Frame(ns + 5, False, segment))

    def handshake(self) -> None:
        """The connection is opened from 0 to 10."""
        self.up(0, -1, b"", flags=SYN)
        self.down(5, -1, b"", flags=SYN | ACK)

    def truth(self, received: int, answered: int, read: int, *, tls: bool = False) -> Truth:
        """The truth, by when the server and the program had read and answered."""
        noted = Noted(CLIENT, received, answered, read)
        for frames in (self.at_client, self.at_server):
            frames.sort(key=lambda frame: frame.ns)
        return truth_of(self.at_client, self.at_server, noted, tls=tls)


def record(kind: int, size: int) -> bytes:
    """A TLS record of this type with so many bytes."""
    return struct.pack("!BHH", kind, 0x0303, size) + b"r" * size


def test_plain() -> None:
    """Of a plain request all times are read off at the client's device."""
    wire = Captured()
    wire.handshake()
    wire.up(11, 0, b"request")
    wire.down(20, 0, b"respo")
    wire.down(30, 5, b"nse")
    truth = wire.truth(17, 19, 36)
    assert (truth.syn_ns, truth.syn_ack_ns, truth.connect_ns) == (0, 10, 10)
    assert (truth.hello_ns, truth.finished_ns) == (None, None)
    assert (truth.request_first_ns, truth.request_last_ns, truth.request_at_server_ns) == (
        11,
        11,
        16,
    )
    assert (truth.response_at_server_ns, truth.think_ns, truth.server_ns) == (20, 4, 2)
    assert (truth.response_first_ns, truth.response_last_ns) == (25, 35)
    assert (truth.request_bytes, truth.response_bytes) == (7, 8)
    assert (truth.sent_again, truth.sent_again_by_server) == (0, 0)


def test_without_handshake() -> None:
    """On a connection that was open before, the first data is the request's."""
    wire = Captured()
    wire.up(0, 500, b"request")
    wire.down(10, 900, b"response")
    truth = wire.truth(6, 9, 16)
    assert (truth.syn_ns, truth.connect_ns) == (None, None)
    assert (truth.request_first_ns, truth.response_first_ns, truth.request_bytes) == (0, 15, 7)


def test_tls() -> None:
    """With TLS the handshake ends with Finished, and tickets are not the response."""
    hello, change, finished = record(22, 200), record(20, 1), record(23, 52)
    wire = Captured()
    wire.handshake()
    wire.up(11, 0, hello[:150])
    wire.up(12, 150, hello[150:])
    wire.down(20, 0, record(22, 100))
    wire.up(30, 205, change + finished)
    wire.up(31, 205 + len(change + finished), record(23, 90))
    wire.down(36, 105, record(23, 250))
    wire.down(40, 360, record(23, 70))
    truth = wire.truth(37, 39, 46, tls=True)
    assert (truth.hello_ns, truth.finished_ns) == (11, 30)
    assert (truth.request_first_ns, truth.request_last_ns, truth.request_bytes) == (31, 31, 95)
    assert (truth.response_at_server_ns, truth.response_first_ns) == (40, 45)
    assert (truth.response_last_ns, truth.response_bytes) == (45, 75)


def test_lost_upwards() -> None:
    """A lost segment makes the server wait; the last byte left when it first did."""
    wire = Captured()
    wire.handshake()
    wire.up(11, 0, b"aa", lost=True)
    wire.up(12, 2, b"bb")
    wire.up(13, 4, b"cc")
    wire.up(22, 0, b"aa")
    wire.down(30, 0, b"response")
    truth = wire.truth(28, 29, 36)
    assert (truth.request_first_ns, truth.request_last_ns) == (11, 13)
    assert (truth.request_at_server_ns, truth.think_ns) == (27, 3)
    assert (truth.sent_again, truth.request_bytes) == (1, 6)


def test_lost_downwards() -> None:
    """The response begins and ends with what a program can read, not with what came early."""
    wire = Captured()
    wire.handshake()
    wire.up(11, 0, b"request")
    wire.down(20, 0, b"aa", lost=True)
    wire.down(21, 2, b"bb")
    wire.down(30, 0, b"aa")
    truth = wire.truth(17, 19, 36)
    assert (truth.response_at_server_ns, truth.think_ns) == (20, 4)
    assert (truth.response_first_ns, truth.response_last_ns) == (35, 35)
    assert (truth.sent_again, truth.sent_again_by_server) == (0, 1)


def test_after_the_response() -> None:
    """What passes after the program has read the response does not belong to it."""
    wire = Captured()
    wire.handshake()
    wire.up(11, 0, b"request")
    wire.down(20, 0, b"response")
    wire.up(30, 7, b"alert")
    wire.down(31, 8, b"alert")
    truth = wire.truth(17, 19, 26)
    assert (truth.response_last_ns, truth.response_bytes, truth.request_bytes) == (25, 8, 7)


def test_incomplete() -> None:
    """A capture in which bytes are missing is refused."""
    wire = Captured()
    wire.handshake()
    wire.up(11, 0, b"aa", lost=True)
    wire.up(12, 2, b"bb")
    wire.down(20, 0, b"response")
    with pytest.raises(AssertionError, match="of 4 bytes only 0 passed"):
        wire.truth(18, 19, 26)


def packet(payload: bytes, *, protocol: int = 6, version: int = 4) -> bytes:
    """A packet of IPv4 with one segment and without checksums."""
    ip = struct.pack("!BBHHHBBH", version << 4 | 5, 0, 40 + len(payload), 0, 0, 64, protocol, 0)
    tcp = struct.pack("!HHIIBBHHH", CLIENT, SERVER, 7, 9, 5 << 4, ACK, 0xFFFF, 0, 0)
    return ip + bytes(8) + tcp + payload


def test_parse() -> None:
    """The ports, numbers, flags and data of a segment are read from its packet."""
    assert parse(packet(b"GET")) == Segment(CLIENT, SERVER, 7, 9, ACK, 3, b"GET")


@pytest.mark.parametrize("data", [packet(b"", protocol=17), packet(b"", version=6), b"short"])
def test_parse_others(data: bytes) -> None:
    """What is not TCP over IPv4 is no segment."""
    assert parse(data) is None


def test_wrong_checksum() -> None:
    """A packet without right checksums is noticed."""
    assert not checksums_hold(packet(b"GET"))


def test_spread() -> None:
    """The 99th percentile is one of sizes, and keeps the sign."""
    assert spread([0.1, -0.2, 0.3]) == Spread(0.1, 0.3)
    assert spread([0.1, -5.0, 0.3]) == Spread(0.1, -5.0)
    assert spread([0.0] * 99 + [7.0]) == Spread(0.0, 0.0)
