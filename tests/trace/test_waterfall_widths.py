"""A waterfall with everything that one can have, at the usual widths."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from httptrace.trace.record import PHASES, QueueFacts
from httptrace.trace.waterfall import draw

from .built import MS, TLS, Attempt, kernel, timeline_of

PICTURES = Path(__file__).parent / "pictures"
README_PICTURE = Path(__file__).parents[2] / "docs" / "images" / "waterfall.txt"
SLIVERS = "▏│▕"


def busy() -> Attempt:
    """A request that waited for the pool, the network, the server, the loop and the reader."""
    return Attempt(
        {"queue": 45, "connect": 12, "tls": 15, "send": 0.1, "wait": 80, "receive": 27.9},
        connection=7,
        address="192.0.2.1:443",
        tls=TLS,
        url="https://api.example.org/v2/customers/81723/orders?page=4",
        headers={"Server-Timing": "db;dur=31;desc=orders, cache;dur=2"},
        kernel=kernel(min_rtt_ns=11 * MS),
        wait_late_ns=16 * MS,
        why_not_reused="busy",
        queued=QueueFacts("limit_per_host", 6, 23),
        pool_wait_ns=44 * MS,
        network_wait_ns=4 * MS,
        receive_late_ns=14 * MS,
    )


@pytest.mark.parametrize("width", [60, 80, 120])
def test_picture(width: int) -> None:
    """Phases, what the server says, the parts of the wait, and why: in as many columns."""
    drawn = draw(timeline_of(busy()), width)
    assert drawn + "\n" == (PICTURES / f"busy-{width}.txt").read_text()
    assert max(map(len, drawn.splitlines())) <= width


def edges(row: str) -> tuple[float, float]:
    """Where a bar begins and ends, in columns."""
    column, drawn_bar = len(row) - len(row.lstrip()), row.strip()
    begin = column + {"▐": 0.5, "│": 0.5, "▕": 0.875}.get(drawn_bar[0], 0.0)
    if drawn_bar in SLIVERS:
        return begin, begin
    last = " ▏▎▍▌▋▊▉█".find(drawn_bar[-1])
    return begin, len(row) if last < 0 else len(row) - 1 + last / 8


@pytest.mark.parametrize(
    "picture",
    [*PICTURES.glob("*.txt"), README_PICTURE],
    ids=lambda picture: picture.stem,
)
def test_order(picture: Path) -> None:
    """No bar begins before the one of the phase before it ends, in all hops."""
    lines = picture.read_text().splitlines()
    bars = [line[24:] for line in lines if line.split()[0] in PHASES and line[:2] == "  "]
    assert len(bars) >= 6
    for before, after in pairwise(bars):
        assert edges(before)[1] <= edges(after)[0]
