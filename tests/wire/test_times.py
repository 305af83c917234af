"""Timelines tell the times of the wire."""

from __future__ import annotations

from statistics import median_low

import pytest

from .bounds import LATE, bound_ms
from .errors import BOUNDARIES
from .scenarios import SCENARIOS, Scenario, measure
from .site import Site
from .steady import steady
from .table import by_boundary

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
CASES = [
    pytest.param(scenario, rtt_ms, id=f"{scenario.name}, {rtt_ms:g} ms")
    for scenario in SCENARIOS
    for rtt_ms in scenario.rtts_ms
]


@pytest.mark.parametrize(("scenario", "rtt_ms"), CASES)
@steady
async def test_boundaries(far: Site, scenario: Scenario, rtt_ms: float) -> None:
    """At least every other time, each boundary is as near to the wire as `bounds` says."""
    found = by_boundary(await measure(far, scenario, rtt_ms, scenario.times))
    beyond = [
        f"{boundary}: {values} ms"
        for boundary, values in found.items()
        if median_low(map(abs, values)) > bound_ms(scenario.name, boundary)
    ]
    assert found and not beyond


def test_rows_of_bounds() -> None:
    """Each row of the table of bounds is about a scenario and a boundary that are measured."""
    for row in LATE:
        assert row.scenario in BY_NAME, row
        assert any(boundary.startswith(row.boundary) for boundary in BOUNDARIES), row


@steady
async def test_bytes_sent(far: Site) -> None:
    """`bytes_sent` is what went over the wire, the framing of chunks included."""
    (plain,) = await measure(far, BY_NAME["post 60 KB"], 2, 1)
    (chunked,) = await measure(far, BY_NAME["post chunked"], 2, 1)
    framing = 8 * len(b"7d00\r\n\r\n") + len(b"0\r\n\r\n")
    for run in (plain, chunked):
        assert run.seen.hop.bytes_sent == run.seen.truth.request_bytes
    head = plain.seen.hop.bytes_sent - plain.seen.hop.body_sent
    assert chunked.seen.hop.bytes_sent - chunked.seen.hop.body_sent - framing - head < 50


@pytest.mark.parametrize("name", ["get", "get again", "post 60 KB", "download"])
@steady
async def test_bytes_received(far: Site, name: str) -> None:
    """`bytes_received` is what came over the wire."""
    (run,) = await measure(far, BY_NAME[name], 2, 1)
    assert run.seen.hop.bytes_received == run.seen.truth.response_bytes


@steady
async def test_sent_again(far: Site) -> None:
    """As many segments are sent again as the relay dropped, in both directions."""
    (up,) = await measure(far, BY_NAME["lost upwards"], 20, 1)
    (down,) = await measure(far, BY_NAME["lost downwards"], 20, 1)
    assert up.dropped_up == up.seen.truth.sent_again == 1
    assert down.dropped_down == down.seen.truth.sent_again_by_server == 1
    assert up.seen.hop.tcp is not None
    assert up.seen.hop.tcp.total_retrans == 1


@pytest.mark.parametrize("rtt_ms", [2, 20, 50])
@steady
async def test_round_trip(far: Site, rtt_ms: float) -> None:
    """The kernel's shortest round trip is that of the wire, within a millisecond."""
    for run in await measure(far, BY_NAME["get"], rtt_ms, 3):
        hop, truth = run.seen.hop, run.seen.truth
        assert hop.min_rtt_ns is not None and truth.connect_ns is not None
        assert abs(hop.min_rtt_ns - truth.connect_ns) < 1_000_000
