"""A capture of what passes a device, with the kernel's times: the truth about the wire.

The kernel stamps each packet and keeps it until it is drained, so that no process needs to be on
time, and nothing runs beside what is measured.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from typing import NamedTuple

from .namespaces import DEVICE, Namespace
from .segments import Segment, parse

# linux/if_ether.h, linux/if_packet.h, asm/socket.h: numbers that `socket` does not have
_ETH_P_ALL = 0x0003
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_PACKET_OUTGOING = 4
_SO_TIMESTAMPNS = 35
_SO_RCVBUFFORCE = 33

_BUFFER = 256 << 20
_STEP_NS = 200_000
"""A step of the wall clock by more than this during a capture makes its times useless."""


class Frame(NamedTuple):
    """A segment that passed the device at `ns`, a reading of `time.perf_counter_ns()`.

    `out` says that the namespace sent it.
    """

    ns: int
    out: bool
    segment: Segment


class Capture:
    """Keeps what passes a namespace's device; `drain` returns the TCP segments since the last one.

    Raises RuntimeError where `time.perf_counter_ns` does not read the kernel's monotonic clock.
    """

    def __init__(self, namespace: Namespace) -> None:
        if time.get_clock_info("perf_counter").implementation != "clock_gettime(CLOCK_MONOTONIC)":
            raise RuntimeError("perf_counter is not CLOCK_MONOTONIC, whose times a capture has")
        with namespace.entered():
            # A socket of AF_PACKET looks at nothing before it is bound to a protocol.
            self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
            self._sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
            self._sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._sock.bind((DEVICE, _ETH_P_ALL))
        self._sock.setblocking(False)
        self._ahead_ns = _wall_ahead_ns()

    def drain(self) -> list[Frame]:
        """The segments since the last call, in order.

        Raises RuntimeError if packets were lost or the wall clock was set meanwhile.
        """
        before_ns, self._ahead_ns = self._ahead_ns, _wall_ahead_ns()
        packets = self._packets()
        if abs(self._ahead_ns - before_ns) > _STEP_NS:
            raise RuntimeError("the wall clock was set during the capture")
        return [
            Frame(ns - self._ahead_ns, out, segment)
            for ns, out, packet in packets
            if (segment := parse(packet)) is not None
        ]

    def packets(self) -> list[bytes]:
        """The packets of IPv4 since the last call, whole."""
        return [packet for _ns, _out, packet in self._packets() if packet[0] >> 4 == 4]

    def _packets(self) -> list[tuple[int, bool, bytes]]:
        packets: list[tuple[int, bool, bytes]] = []
        with contextlib.suppress(BlockingIOError):
            while True:
                packet, ancillary, _flags, address = self._sock.recvmsg(65536, 64)
                packets.append((_stamp_ns(ancillary), address[2] == _PACKET_OUTGOING, packet))
        _seen, lost = struct.unpack(
            "=II", self._sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        )
        if lost:
            raise RuntimeError(f"{lost} packets are missing from the capture")
        return packets

    def close(self) -> None:
        """Stop capturing."""
        self._sock.close()


def _stamp_ns(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, ns = struct.unpack("=qq", data[:16])
            return int(seconds * 1_000_000_000 + ns)
    raise RuntimeError("the kernel has not stamped a packet")


def _wall_ahead_ns() -> int:
    """By how much the wall clock, which stamps are read from, is ahead of the monotonic clock."""
    readings = []
    for _ in range(5):
        before_ns = time.perf_counter_ns()
        wall_ns = time.time_ns()
        after_ns = time.perf_counter_ns()
        readings.append((after_ns - before_ns, wall_ns - (before_ns + after_ns) // 2))
    return min(readings)[1]
