"""What timelines must hold against the wire: the one table of bounds.

Each boundary must be within `BOUND_MS`. `LATE` lists what is late by nature: the loop was held
while the response lay in the kernel. `NOT_YET` lists what the engine does not hold so far, with
what it holds instead; an entry goes, or its bound becomes smaller, when the engine gets better.
"""

from __future__ import annotations

import math
from typing import NamedTuple

BOUND_MS = 1.0
THINK_MS = 2.0
"""For the server's time (`think`), computed with a round trip that was measured before."""

ANY = ""
"""Stands for each scenario, or for each loop."""


class Row(NamedTuple):
    """A boundary with a bound of its own, in milliseconds."""

    scenario: str
    boundary: str
    """The beginning of its name."""
    ms: float
    loop: str = ANY


LATE = (
    Row("blocked 20 ms", "response begins", 20),
    Row("blocked 20 ms", "response ends", 20),
    Row("blocked 50 ms", "response begins", 50),
    Row("blocked 50 ms", "response ends", 50),
    Row("blocked in body", "response ends", 20),
)

NOT_YET = (
    # The loop looks literals up in a thread, which runs when the machine lets it.
    Row(ANY, "connect begins", math.inf, "uvloop"),
    # `send` ends when the kernel has accepted the bytes, and `wait` takes the difference.
    Row("post 60 KB", "send ends", 150),
    Row("post 60 KB", "think", 150),
    Row("post 60 KB tls", "send ends", 150),
    Row("post 60 KB tls", "think", 150),
    Row("post 60 KB again", "send ends", 100),
    Row("post 60 KB again", "think", 100),
    Row("post 4 MiB", "send ends", 200),
    Row("post 4 MiB", "think", 200),
    Row("post 4 MiB tls", "send ends", 200),
    Row("post 4 MiB tls", "think", 200),
    Row("post chunked", "send ends", 100),
    Row("post chunked", "think", 100),
    Row("lost upwards", "send ends", 150),
    Row("lost upwards", "think", 150),
    # The lateness of the loop is not told apart.
    Row("blocked 20 ms", "less lateness, response begins", 20),
    Row("blocked 20 ms", "think", 20),
    Row("blocked 50 ms", "less lateness, response begins", 50),
    Row("blocked 50 ms", "think", 50),
    Row("blocked in body", "network wait", 20),
)


def target_ms(scenario: str, boundary: str) -> float:
    """By how much a true timeline may differ from the wire."""
    late = _widest(LATE, scenario, boundary)
    return late or (THINK_MS if boundary.startswith("think") else BOUND_MS)


def bound_ms(scenario: str, boundary: str, loop: str) -> float:
    """By how much the timeline may differ from the wire today."""
    return _widest(NOT_YET, scenario, boundary, loop) or target_ms(scenario, boundary)


def _widest(rows: tuple[Row, ...], scenario: str, boundary: str, loop: str = ANY) -> float:
    return max(
        (
            row.ms
            for row in rows
            if boundary.startswith(row.boundary)
            and row.scenario in (ANY, scenario)
            and row.loop in (ANY, loop)
        ),
        default=0,
    )
