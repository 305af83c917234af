"""What holds for requests of every kind: counters, timelines, listeners that raise or cancel."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from tests.servers.leaks import Leaks

import httptrace
from httptrace.testing import EventRecorder
from httptrace.trace.events import EVENTS

from .scenes import SCENES, Scene, staged
from .test_timeline import assert_partition

pytestmark = pytest.mark.parametrize("chosen", SCENES, ids=repr)


class Broken(Exception):
    """The exception of a listener here."""


async def test_stats(
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
    recorder: EventRecorder,
    leak_check: Leaks,
    chosen: Scene,
) -> None:
    """The connector's counters are as expected, and agree with the events."""
    async with staged(chosen, server_ssl, client_ssl) as place:
        await chosen.play(place)
        connector: Any = place.session.connector
        stats, counts = connector.stats(), chosen.counts
        assert stats.to_dict() == {
            "created": counts.created,
            "reused": counts.reused,
            "closed": Counter(counts.closed),
            "failed": counts.failed,
            "queued": Counter(counts.queued),
            "queued_seconds": stats.queued_seconds,
            "open": counts.idle,
            "idle": counts.idle,
            "waiting": 0,
            "round_trips": stats.round_trips,
            "retransmitted": 0,
        }
        assert (stats.queued_seconds > 0) == bool(counts.queued)
    names = Counter(recorder.names())
    assert names["connection_create_end"] == stats.created
    assert names["connection_create_exception"] == stats.failed
    assert names["connection_reuseconn"] == stats.reused
    assert names["connection_queued_start"] == len(counts.queued)
    reasons = Counter(event.reason for event in recorder.of("connection_closed"))
    after = connector.stats()
    assert reasons == after.closed
    assert (sum(after.closed.values()), after.open) == (after.created, 0)
    waited = sum(span.duration_ns or 0 for span in recorder.spans() if span.kind == "queue")
    assert abs(waited / 1e9 - stats.queued_seconds) < 0.05


async def test_timelines_without_observers(
    server_ssl: ssl.SSLContext, client_ssl: ssl.SSLContext, recorder: EventRecorder, chosen: Scene
) -> None:
    """The phases of each timeline are a partition of its time, if nobody but its end is listened
    to."""
    httptrace.uninstall(recorder)
    heard: list[httptrace.Timeline] = []
    config = httptrace.TraceConfig()
    config.on_request_finish.append(lambda _s, _c, params: heard.append(params.timeline))
    async with staged(chosen, server_ssl, client_ssl, (config,)) as place:
        await chosen.play(place)
    assert heard
    for timeline in heard:
        assert_partition(timeline)


def hooked(hook: Callable[[int], None], count: list[int]) -> httptrace.TraceConfig:
    """Call the hook with the number of each event."""
    config = httptrace.TraceConfig()

    async def hear(session: Any, context: Any, params: Any) -> None:
        count.append(len(count))
        hook(count[-1])

    for event in EVENTS:
        getattr(config, event.signal).append(hear)
    return config


async def played(
    chosen: Scene, server_ssl: ssl.SSLContext, client_ssl: ssl.SSLContext, hook: Any
) -> int:
    """Run it with the hook at each event; returns their number. Nothing may stay open."""
    count: list[int] = []
    async with staged(chosen, server_ssl, client_ssl, (hooked(hook, count),)) as place:
        playing = asyncio.ensure_future(chosen.play(place))
        await asyncio.wait([playing], timeout=5)
        assert playing.done(), f"it hangs after {count}"
        connector: Any = place.session.connector
        async with asyncio.timeout(5):
            while (stats := connector.stats()).waiting or stats.open > stats.idle:
                await asyncio.sleep(0)
    if not playing.cancelled() and (error := playing.exception()) is not None:
        if not isinstance(error, Broken):
            raise error
    return len(count)


async def test_raising_at_every_moment(
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
    recorder: EventRecorder,
    leak_check: Leaks,
    chosen: Scene,
) -> None:
    """Wherever a callback raises, only that request ends, with all its spans."""
    moments = await played(chosen, server_ssl, client_ssl, lambda number: None)
    for moment in range(moments):
        recorder.clear()

        def hook(number: int, wrong: int = moment) -> None:
            if number == wrong:
                raise Broken(number)

        await played(chosen, server_ssl, client_ssl, hook)
        recorder.check()


async def test_cancelled_at_every_moment(
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
    recorder: EventRecorder,
    leak_check: Leaks,
    chosen: Scene,
) -> None:
    """Wherever the task is cancelled, the request ends, with all its spans."""
    moments = await played(chosen, server_ssl, client_ssl, lambda number: None)
    for moment in range(moments):
        recorder.clear()

        def hook(number: int, wrong: int = moment) -> None:
            task = asyncio.current_task()
            if number == wrong and task is not None:
                task.cancel()

        await played(chosen, server_ssl, client_ssl, hook)
        recorder.check()
