"""Addresses whose attempts end in the same iteration of the loop."""

from __future__ import annotations

import asyncio
import socket

import pytest

from httptrace.net.counters import DialCounters
from httptrace.net.happy_eyeballs import Attempt, HappyEyeballs

from .recording import Listened, key, turns

pytestmark = pytest.mark.usefixtures("nothing_stays")


class _Address:
    """An address whose attempt ends this many loop iterations after the gate was opened."""

    def __init__(self, gate: asyncio.Event, after: int, *, answers: bool = False) -> None:
        self._gate = gate
        self._after = after
        self._answers = answers

    async def connect(self) -> socket.socket:
        await self._gate.wait()
        await turns(self._after)
        if self._answers:
            return socket.socket()
        raise ConnectionRefusedError


async def test_what_is_decided_together_is_told_in_order() -> None:
    """Attempts that end between two checks are reported in the order in which they ended."""
    gate = asyncio.Event()
    addresses = {
        "silent": _Address(asyncio.Event(), 0),
        "late": _Address(gate, 1),
        "early": _Address(gate, 0),
        "winner": _Address(gate, 0, answers=True),
        "after": _Address(gate, 0),
    }
    attempts = [
        Attempt(name, socket.AF_INET, address.connect) for name, address in addresses.items()
    ]
    record, to = Listened(), key("test.example", 80)
    race = HappyEyeballs(to, record, DialCounters()).connect(attempts, 0)
    connecting = asyncio.create_task(race)
    while len(record.events("socket_connect_start")) < len(attempts):
        await asyncio.sleep(0)
    await turns(3)
    gate.set()
    (await connecting).close()
    await record.flushed()
    told = record.kept.events[len(attempts) :]
    assert [(event.name, event.address) for event in told] == [  # type: ignore[attr-defined]
        ("socket_connect_exception", "early"),
        ("socket_connect_end", "winner"),
        ("socket_connect_exception", "after"),
        ("socket_connect_exception", "late"),
        ("socket_connect_exception", "silent"),
    ]
    times = [event.time_ns for event in record.kept.events]
    assert times == sorted(times)
