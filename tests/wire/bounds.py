"""What timelines must hold against the wire: the one table of bounds.

Each boundary must be within `BOUND_MS`. `LATE` lists what is late by nature: the loop was held
while the response lay in the kernel. Once the lateness is taken out, a tick of the kernel's clock
is left, because the kernel tells the arrival in ticks.
"""

from __future__ import annotations

import sys
import time
from typing import NamedTuple

BOUND_MS = 1.0
THINK_MS = 2.0
"""For the server's time (`think`), computed with a round trip that was measured before."""

TICK_MS = 10.0 if sys.platform != "linux" else time.clock_getres(6) * 1e3  # the coarse clock
"""A tick of the kernel's clock."""


class Row(NamedTuple):
    """A boundary with a bound of its own, in milliseconds."""

    scenario: str
    boundary: str
    """The beginning of its name."""
    ms: float


LATE = (
    Row("blocked 20 ms", "response begins", 20),
    Row("blocked 20 ms", "response ends", 20),
    Row("blocked 50 ms", "response begins", 50),
    Row("blocked 50 ms", "response ends", 50),
    Row("blocked in body", "response ends", 20),
    # The server's program reads megabytes later than its device receives them.
    Row("post 4 MiB", "think, by the server's clock", 30),
    Row("post 4 MiB tls", "think, by the server's clock", 30),
    *(
        Row(scenario, boundary, TICK_MS + BOUND_MS)
        for scenario in ("blocked 20 ms", "blocked 50 ms", "blocked in body")
        for boundary in ("less lateness", "think", "network wait")
    ),
)


def bound_ms(scenario: str, boundary: str) -> float:
    """By how much a timeline may differ from the wire."""
    for row in LATE:
        if row.scenario == scenario and boundary.startswith(row.boundary):
            return row.ms
    return THINK_MS if boundary.startswith("think") else BOUND_MS
