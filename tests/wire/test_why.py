"""Findings that need a network: distance, losses, small windows, a limited rate."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import httptrace
from httptrace.trace.why.ranking import all_of

from .scenarios import SCENARIOS, measure
from .site import Site
from .steady import steady

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
MS = 1e-3


def of(timeline: httptrace.Timeline) -> dict[str, httptrace.Finding]:
    """All findings about a request, however little it costs."""
    return {one.code: one for one in all_of(timeline)}


async def fetch(
    far: Site, query: str = "", *, times: int = 1, data: bytes | None = None, **options: Any
) -> list[httptrace.Timeline]:
    """The same request several times, over one session."""
    timelines = []
    connector = httptrace.TCPConnector(ssl=far.context, **options)
    async with httptrace.ClientSession(connector=connector) as session:
        for _ in range(times):
            method = "POST" if data else "GET"
            async with session.request(method, f"{far.https}/?{query}", data=data) as response:
                async for _piece in response.content.iter_any():
                    pass
            timelines.append(response.timeline)
    return timelines


@steady
async def test_far_server(far: Site) -> None:
    """Three round trips of 50 ms come before the first byte; one when the connection is open."""
    far.wire.shape(rtt_ms=50)
    new, again = await fetch(far, times=2)
    assert abs(of(new)["far_server"].seconds - 150 * MS) < 3 * MS
    assert abs(of(again)["far_server"].seconds - 50 * MS) < MS
    assert new.why[0].code == again.why[0].code == "far_server"
    assert "3 round trips came before the first byte" in new.why[0].evidence
    assert "server_slow" not in of(new).keys() | of(again).keys()


@steady
async def test_server_slow(far: Site) -> None:
    """The server's time is told apart from the network's, within 2 ms."""
    far.wire.shape(rtt_ms=50)
    *_, again = await fetch(far, "think_ms=100", times=2)
    assert abs(of(again)["server_slow"].seconds - 100 * MS) < 2 * MS
    assert abs(of(again)["far_server"].seconds - 50 * MS) < MS


@steady
async def test_near(far: Site) -> None:
    """A server that is near and quick has no findings."""
    far.wire.shape(rtt_ms=2)
    for timeline in await fetch(far, times=2):
        assert timeline.why == ()


@steady
async def test_retransmits(far: Site) -> None:
    """A small request was lost: the time until it was sent again is the network's alone."""
    scenario = replace(BY_NAME["get"], drop_up=(1,), think_ms=30)
    (run,) = await measure(far, scenario, 20, 1)
    assert run.dropped_up == run.seen.hop.retransmitted == 1
    hop = run.seen.hop
    assert hop.resent_ns > 20e6
    assert hop.server_ns is not None
    assert abs(hop.server_ns - 30e6) < 12e6  # a tick of the kernel's clock, and a little


@steady
async def test_retransmits_of_the_request_before(far: Site) -> None:
    """What was lost of one request is not told of the next one on the same connection."""
    far.wire.shape(rtt_ms=20, drop_up=[4])  # after the handshake of TLS
    timelines = await fetch(far, data=b"x" * 60_000, times=3)
    counts = [timeline.hops[0].retransmitted for timeline in timelines]
    assert counts == [1, 0, 0]
    assert ["retransmits" in of(timeline) for timeline in timelines] == [True, False, False]


def with_small_buffer(info: Any) -> socket.socket:
    """A socket whose receive window cannot grow."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    return sock


@steady
async def test_small_window(far: Site) -> None:
    """A receive buffer that is set by hand limits a download; one that grows does not."""
    far.wire.shape(rtt_ms=30)
    (small,) = await fetch(far, "size=1000000", socket_factory=with_small_buffer)
    (usual,) = await fetch(far, "size=1000000")
    assert "small_window" in of(small), small.to_dict()
    assert small.why[0].code == "small_window"
    assert "small_window" not in of(usual)
    assert usual.receive < small.receive / 2


@steady
async def test_slow_network(far: Site) -> None:
    """A network of 1 MB/s is slow in both directions, and nobody else is blamed."""
    far.wire.shape(rtt_ms=10, rate=1e6)
    (down,) = await fetch(far, "size=500000")
    (up,) = await fetch(far, data=b"x" * 500_000)
    assert down.why[0].code == "download_slow"
    assert up.why[0].code == "upload_slow"
    blamed = {one.code for one in (*down.why, *up.why)}
    assert not blamed & {"small_window", "slow_reader", "slow_writer", "loop_blocked"}


@steady
async def test_losses_downwards(far: Site) -> None:
    """Segments of a response that come out of order are told, and are not our retransmits."""
    far.wire.shape(rtt_ms=20, drop_down=[10, 11, 12])
    (timeline,) = await fetch(far, "size=400000")
    assert timeline.hops[0].retransmitted == 0
    evidence = of(timeline)["download_slow"].evidence
    assert "came out of order, as after a loss" in evidence
