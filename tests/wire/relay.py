"""The relay: a process that carries packets between two TUN devices, with delay, rate and loss.

It is started as `python -m tests.wire.relay CONTROL UP DOWN` with numbers of file descriptors:
the socket that it takes commands from, and the devices of the client and of the server. A command
is one JSON object (see `Relay.command`); the answer says what was done until then. The relay ends
when the socket is closed.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import select
import socket
import sys
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from time import perf_counter_ns
from typing import Any

from .priority import RELAY, be_real_time
from .segments import SYN, parse

_PACKET_BYTES = 65536
_AT_A_TIME = 16
"""How many packets are read before it is looked whether others are due."""
_PR_SET_TIMERSLACK = 29


class Lane:
    """One direction: what came from a device waits here until it is due at the other one."""

    def __init__(self, source: int, sink: int) -> None:
        self.source = source
        self.sink = sink
        self.waiting: list[tuple[int, int, bytes]] = []
        """When each packet is due, its number, and itself: a heap."""
        self._numbers = count()
        self.set_up(0, None, ())

    def set_up(self, delay_ns: int, rate: float | None, drop: tuple[int, ...]) -> None:
        """From now on delay each packet, pass `rate` bytes per second, and drop segments.

        `drop` has the numbers of the segments that are dropped of each connection that is opened
        from now on: its segments with data in this direction, from 1.
        """
        self.delay_ns = delay_ns
        self.ns_per_byte = 0.0 if rate is None else 1e9 / rate
        self.drop = frozenset(drop)
        self.free_ns = 0
        """When the last packet has left a line of this rate."""
        self.with_data: dict[tuple[int, int], int] = {}
        """By ports, how many segments with data came of each connection opened since then."""
        self.dropped: list[int] = []

    def take(self) -> None:
        """Read what the source has sent."""
        for _ in range(_AT_A_TIME):
            try:
                packet = os.read(self.source, _PACKET_BYTES)
            except BlockingIOError:
                return
            self._queue(packet, perf_counter_ns())

    def _queue(self, packet: bytes, now_ns: int) -> None:
        if self.drop and self._is_dropped(packet):
            return
        self.free_ns = max(now_ns, self.free_ns) + int(len(packet) * self.ns_per_byte)
        heappush(self.waiting, (self.free_ns + self.delay_ns, next(self._numbers), packet))

    def _is_dropped(self, packet: bytes) -> bool:
        segment = parse(packet)
        if segment is None:
            return False
        ports = segment.source, segment.destination
        if segment.flags & SYN:
            self.with_data[ports] = 0
        if not segment.length or ports not in self.with_data:
            return False
        self.with_data[ports] += 1
        if self.with_data[ports] not in self.drop:
            return False
        self.dropped.append(segment.length)
        return True

    def deliver(self) -> int | None:
        """Pass on what is due; return when the next packet is, None if none waits."""
        waiting = self.waiting
        while waiting:
            due_ns, _number, packet = waiting[0]
            if due_ns > perf_counter_ns():
                return due_ns
            heappop(waiting)
            with suppress(BlockingIOError):
                os.write(self.sink, packet)
        return None


class Relay:
    """Carries packets both ways until its control socket is closed."""

    def __init__(self, control: socket.socket, client: int, server: int) -> None:
        self.control = control
        self.lanes = {"up": Lane(client, server), "down": Lane(server, client)}

    def run(self) -> None:
        """Take, deliver and obey."""
        up, down = self.lanes.values()
        readers: list[Any] = [self.control, up.source, down.source]
        while True:
            due = [ns for lane in (up, down) if (ns := lane.deliver()) is not None]
            # `select` has steps of a microsecond, where `epoll` has those of a millisecond.
            wait = max(0, min(due) - perf_counter_ns()) / 1e9 if due else None
            ready, _, _ = select.select(readers, [], [], wait)
            if up.source in ready:
                up.take()
            if down.source in ready:
                down.take()
            if self.control in ready and not self._obey():
                return

    def _obey(self) -> bool:
        message = self.control.recv(_PACKET_BYTES)
        if message:
            self.control.send(json.dumps(self.command(json.loads(message))).encode())
        return bool(message)

    def command(self, lanes: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """Set the lanes up anew, each with the arguments of `Lane.set_up`.

        The answer has for each the lengths of the segments that were dropped before.
        """
        answer = {name: lane.dropped for name, lane in self.lanes.items()}
        for name, arguments in lanes.items():
            self.lanes[name].set_up(**arguments)
        return answer


def main() -> None:
    """Run the relay."""
    control, client, server = (int(argument) for argument in sys.argv[1:])
    gc.disable()
    be_real_time(RELAY)
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    with suppress(KeyboardInterrupt):
        Relay(socket.socket(fileno=control), client, server).run()


if __name__ == "__main__":
    main()
