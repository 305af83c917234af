"""TCP segments in IPv4 packets (RFC 9293 §3.1, RFC 791 §3.1)."""

from __future__ import annotations

import struct
from typing import NamedTuple

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10

_TCP = 6
_PORTS_TO_FLAGS = struct.Struct("!HHIIBB")


class Segment(NamedTuple):
    """One TCP segment; `payload` may be cut off, `length` is that on the wire."""

    source: int
    destination: int
    seq: int
    ack: int
    flags: int
    length: int
    payload: bytes


def parse(packet: bytes) -> Segment | None:
    """The TCP segment in a packet of IPv4; None for anything else."""
    if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != _TCP:
        return None
    start = (packet[0] & 0x0F) * 4
    source, destination, seq, ack, offset, flags = _PORTS_TO_FLAGS.unpack_from(packet, start)
    begin = start + (offset >> 4) * 4
    total = int.from_bytes(packet[2:4], "big")
    return Segment(source, destination, seq, ack, flags, total - begin, packet[begin:total])


def checksums_hold(packet: bytes) -> bool:
    """Whether the checksums of the IPv4 header and of the TCP segment are right (RFC 1071)."""
    start = (packet[0] & 0x0F) * 4
    segment = packet[start : int.from_bytes(packet[2:4], "big")]
    pseudo_header = packet[12:20] + struct.pack("!BBH", 0, _TCP, len(segment))
    return _sum(packet[:start]) == _sum(pseudo_header + segment) == 0xFFFF


def _sum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total
