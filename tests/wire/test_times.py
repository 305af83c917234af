"""Timelines tell the times of the wire."""

from __future__ import annotations

import asyncio
from statistics import median_low

import pytest

from .bounds import ANY, LATE, NOT_YET, bound_ms
from .errors import BOUNDARIES
from .scenarios import SCENARIOS, Scenario, measure
from .site import Site
from .table import by_boundary

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
CASES = [
    pytest.param(scenario, rtt_ms, id=f"{scenario.name}, {rtt_ms:g} ms")
    for scenario in SCENARIOS
    for rtt_ms in scenario.rtts_ms
]


@pytest.mark.parametrize(("scenario", "rtt_ms"), CASES)
async def test_boundaries(far: Site, scenario: Scenario, rtt_ms: float) -> None:
    """At least every other time, each boundary is as near to the wire as `bounds` says."""
    found = by_boundary(await measure(far, scenario, rtt_ms, scenario.times))
    loop = type(asyncio.get_running_loop()).__module__.partition(".")[0]
    beyond = [
        f"{boundary}: {values} ms"
        for boundary, values in found.items()
        if median_low(map(abs, values)) > bound_ms(scenario.name, boundary, loop)
    ]
    assert found and not beyond


def test_rows_of_bounds() -> None:
    """Each row of the table of bounds is about a scenario and a boundary that are measured."""
    for row in LATE + NOT_YET:
        assert row.scenario in (*BY_NAME, ANY), row
        assert any(boundary.startswith(row.boundary) for boundary in BOUNDARIES), row


async def test_bytes_sent(far: Site) -> None:
    """`bytes_sent` is what went over the wire, without the framing of chunks."""
    (plain,) = await measure(far, BY_NAME["post 60 KB"], 2, 1)
    (chunked,) = await measure(far, BY_NAME["post chunked"], 2, 1)
    framing = 8 * len(b"7d00\r\n\r\n") + len(b"0\r\n\r\n")
    assert plain.seen.hop.bytes_sent == plain.seen.truth.request_bytes
    assert chunked.seen.hop.bytes_sent == chunked.seen.truth.request_bytes - framing


@pytest.mark.parametrize("name", ["get", "get again", "post 60 KB", "download"])
async def test_bytes_received(far: Site, name: str) -> None:
    """`bytes_received` is what came over the wire."""
    (run,) = await measure(far, BY_NAME[name], 2, 1)
    assert run.seen.hop.bytes_received == run.seen.truth.response_bytes


async def test_sent_again(far: Site) -> None:
    """As many segments are sent again as the relay dropped, in both directions."""
    (up,) = await measure(far, BY_NAME["lost upwards"], 20, 1)
    (down,) = await measure(far, BY_NAME["lost downwards"], 20, 1)
    assert up.dropped_up == up.seen.truth.sent_again == 1
    assert down.dropped_down == down.seen.truth.sent_again_by_server == 1
