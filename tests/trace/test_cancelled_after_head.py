"""A call that is cancelled between the listeners of its head and its return."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from tests.faults.walking import turns, walk

import httptrace
from httptrace.testing import EventRecorder, Peer

from .conftest import MakeSession
from .sequences import START
from .test_exchanges import HELLO

WATCHED = ("on_request_start", "on_request_end", "on_request_exception", "on_request_finish")
CLOSING = ("request_end", "request_exception")


def slow_config(told: list[str]) -> httptrace.TraceConfig:
    """A TraceConfig whose callbacks take three loop iterations for each event."""
    config = httptrace.TraceConfig()

    async def callback(_session: Any, _context: Any, params: Any) -> None:
        told.append(params.name)
        await turns(3)

    for signal in (*WATCHED, "on_response_first_byte", "on_response_body_end"):
        getattr(config, signal).append(callback)
    return config


class Watching(httptrace.Observer):
    """Keeps the names of the four events of a call."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_request_start(self, event: httptrace.TraceRequestStartParams) -> None:
        self.told.append(event.name)

    def on_request_end(self, event: httptrace.TraceRequestEndParams) -> None:
        self.told.append(event.name)

    def on_request_exception(self, event: httptrace.TraceRequestExceptionParams) -> None:
        self.told.append(event.name)

    def on_request_finish(self, event: httptrace.TraceRequestFinishParams) -> None:
        self.told.append(event.name)


async def parted(peer: Peer) -> None:
    """Send the head, and later the body, for each request."""
    while True:
        await peer.request()
        await peer.send_pieces([HELLO[:-5], HELLO[-5:]])


@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
@pytest.mark.parametrize("script", [HELLO, parted], ids=["whole", "parted"])
@pytest.mark.parametrize("also", ["config", "two configs", "config and observer"])
async def test_a_span_closed_at_end_or_exception_is_closed_once(
    make_session: MakeSession,
    scripted: Any,
    recorder: EventRecorder,
    also: str,
    script: Any,
    late: bool,
) -> None:
    """Whenever a call is cancelled, its listeners get `request_end` or `request_exception`, not
    both, and `request_finish` last; after `request_end` its outcome is `cancelled`."""
    httptrace.uninstall(recorder)
    server = await scripted(script)
    told: list[list[str]] = [[], []]
    observer = Watching()
    outcomes: list[str] = []
    configs = [slow_config(names) for names in told[: 2 if also == "two configs" else 1]]
    configs[0].on_request_finish.append(lambda _s, _c, params: outcomes.append(params.outcome))
    observers = [observer] if also == "config and observer" else []
    session = make_session(trace_configs=configs, observers=observers)
    seen: Counter[tuple[str, str]] = Counter()

    async def work() -> None:
        async with session.get(server.url) as response:
            await response.read()

    async def check() -> None:
        async with asyncio.timeout(5):
            while not outcomes:
                await asyncio.sleep(0)
            await turns(8)
        for names in [names for names in (*told, observer.told) if names]:
            names[:] = [name for name in names if f"on_{name}" in WATCHED]
            assert names[:1] == START and names[-1:] == ["request_finish"]
            (closing,) = names[1:-1]
            assert closing in CLOSING
            seen[closing, outcomes[0]] += 1
            names.clear()
        assert len(outcomes) == 1
        outcomes.clear()

    assert await walk(work, check, late=late) >= 8
    assert set(seen) >= {
        ("request_exception", "cancelled"),
        ("request_end", "cancelled"),
        ("request_end", "completed"),
    }


@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
async def test_observer_alone(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, late: bool
) -> None:
    """The same holds for an observer alone, wherever its request is cancelled."""
    httptrace.uninstall(recorder)
    server = await scripted(parted)
    observer = Watching()
    session = make_session(observers=[observer])

    async def work() -> None:
        async with session.get(server.url) as response:
            await response.read()

    async def check() -> None:
        start, closing, finish = observer.told
        assert (start, finish) == ("request_start", "request_finish") and closing in CLOSING
        observer.told.clear()

    assert await walk(work, check, late=late) >= 2
