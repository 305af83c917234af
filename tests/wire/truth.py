"""`Truth`: when the parts of a request and of its response passed the wire, from a capture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .capture import Frame
from .segments import SYN

_APPLICATION_DATA = 23
"""The type of a TLS record (RFC 8446 §5.1); from a client's Finished on, all have it."""


@dataclass(frozen=True)
class Noted:
    """What the program and the server noted of a request, in `time.perf_counter_ns()` readings."""

    port: int
    """The client's port."""
    received_ns: int
    """When the server had read the whole request."""
    answered_ns: int
    """When the server began to send the response."""
    read_ns: int
    """When the program had read the whole response."""


@dataclass(frozen=True)
class Truth:
    """When what passed the client's device, by the kernel's clock; `at_server` is the other device.

    The handshakes are None on a connection that was open before, those of TLS also without TLS.
    """

    syn_ns: int | None
    syn_ack_ns: int | None
    hello_ns: int | None
    finished_ns: int | None
    request_first_ns: int
    request_last_ns: int
    """When the last byte first left; a byte before it may have had to be sent again later."""
    request_at_server_ns: int
    """When the last missing byte of the request came to the server."""
    response_at_server_ns: int
    """When the first byte of the response left the server."""
    response_first_ns: int
    response_last_ns: int
    server_ns: int
    """How long the server took, by its own clock."""
    request_bytes: int
    """Bytes of the request in TCP's stream: with TLS its records."""
    response_bytes: int
    sent_again: int
    """How many segments with data the client sent again."""
    sent_again_by_server: int

    @property
    def connect_ns(self) -> int | None:
        """The round trip that opened the connection."""
        if self.syn_ns is None or self.syn_ack_ns is None:
            return None
        return self.syn_ack_ns - self.syn_ns

    @property
    def receive_ns(self) -> int:
        """The time from the first byte of the response to its last one."""
        return self.response_last_ns - self.response_first_ns

    @property
    def think_ns(self) -> int:
        """How long the server took, by what passed its device."""
        return self.response_at_server_ns - self.request_at_server_ns


class _Piece(NamedTuple):
    """A segment with data; `start` and `end` are offsets in the stream."""

    ns: int
    start: int
    end: int
    payload: bytes


class _Stream:
    """One direction of a connection at one device, from its first captured segment on."""

    def __init__(self, frames: Iterable[Frame]) -> None:
        frames = list(frames)
        first = next((f for f in frames if f.segment.length or f.segment.flags & SYN), None)
        self.syn_ns = first.ns if first is not None and first.segment.flags & SYN else None
        base = 0 if first is None else first.segment.seq + (self.syn_ns is not None)
        self.pieces = [_piece(frame, base) for frame in frames if frame.segment.length]

    def between(self, start_ns: int, end_ns: int) -> _Stream:
        """What passed in this time."""
        part = _Stream(())
        part.syn_ns = self.syn_ns
        part.pieces = [piece for piece in self.pieces if start_ns <= piece.ns <= end_ns]
        return part

    @property
    def end(self) -> int:
        """The offset after the last byte."""
        return max((piece.end for piece in self.pieces), default=0)

    def passed_ns(self, offset: int) -> int:
        """When the byte before this offset first passed."""
        return next(p.ns for p in self.pieces if p.start < offset <= p.end)

    def complete_ns(self, offset: int) -> int:
        """When all bytes before this offset had passed."""
        reached, ahead = 0, dict[int, int]()
        for piece in self.pieces:
            ahead[piece.start] = max(piece.end, ahead.get(piece.start, 0))
            while (starts := [start for start in ahead if start <= reached]) != []:
                reached = max(reached, *(ahead.pop(start) for start in starts))
            if reached >= offset:
                return piece.ns
        raise AssertionError(f"of {offset} bytes only {reached} passed in one piece")

    @property
    def sent_again(self) -> int:
        """How many segments had passed before, at the device that sends them."""
        reached = again = 0
        for piece in self.pieces:
            again += piece.end <= reached
            reached = max(reached, piece.end)
        return again

    def handshake_end(self) -> int:
        """The offset after a client's Finished, in TLS 1.3: its first record of this type."""
        stream, start = b"", 0
        for piece in self.pieces:
            stream += piece.payload[max(0, len(stream) - piece.start) :]
            while len(stream) >= start + 5:
                kind, size = stream[start], int.from_bytes(stream[start + 3 : start + 5], "big")
                start += 5 + size
                if kind == _APPLICATION_DATA:
                    return start
        raise AssertionError("no TLS handshake was captured")


def _piece(frame: Frame, base: int) -> _Piece:
    """The piece of the stream; sequence numbers wrap at 32 bits, and may be before the base."""
    segment = frame.segment
    start = (segment.seq - base + (1 << 31)) % (1 << 32) - (1 << 31)
    return _Piece(frame.ns, start, start + segment.length, segment.payload)


def truth_of(
    at_client: list[Frame], at_server: list[Frame], noted: Noted, *, tls: bool = False
) -> Truth:
    """The truth about the one request in a capture of both devices.

    The server had sent the request before it (if any) its whole response before the capture began.
    """
    sent, received = _streams(at_client, noted.port, out_first=True)
    arrived, answered = _streams(at_server, noted.port, out_first=False)
    handshake_end = sent.handshake_end() if tls and sent.syn_ns is not None else 0
    request = sent.between(0, noted.received_ns)
    response = received.between(0, noted.read_ns)
    head_start = answered.between(0, noted.answered_ns - 1).end  # after TLS's handshake and tickets
    return Truth(
        syn_ns=sent.syn_ns,
        syn_ack_ns=received.syn_ns,
        hello_ns=sent.passed_ns(1) if handshake_end else None,
        finished_ns=sent.passed_ns(handshake_end) if handshake_end else None,
        request_first_ns=request.passed_ns(handshake_end + 1),
        request_last_ns=request.passed_ns(request.end),
        request_at_server_ns=arrived.complete_ns(request.end),
        response_at_server_ns=answered.passed_ns(head_start + 1),
        response_first_ns=response.complete_ns(head_start + 1),
        response_last_ns=response.complete_ns(response.end),
        server_ns=noted.answered_ns - noted.received_ns,
        request_bytes=request.end - handshake_end,
        response_bytes=response.end - head_start,
        sent_again=request.sent_again,
        sent_again_by_server=answered.sent_again,
    )


def _streams(frames: list[Frame], port: int, *, out_first: bool) -> Iterator[_Stream]:
    """What the client sent and what the server sent, at one device."""
    ours = [f for f in frames if port in (f.segment.source, f.segment.destination)]
    for out in (out_first, not out_first):
        yield _Stream(frame for frame in ours if frame.out is out)
