"""Shared by the tests of this room: a record that keeps its events, and resolvers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from yarl import URL

from httptrace.net.key import ConnectionKey
from httptrace.net.resolver import AbstractResolver, ResolveResult
from httptrace.trace.events import Event
from httptrace.trace.listening import listened
from httptrace.trace.observer import Observer
from httptrace.trace.record import Record

Stream = tuple[asyncio.Transport, asyncio.Protocol]


class Kept(Observer):
    """Keeps events in the order in which they are delivered."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def on_event(self, event: Event) -> None:
        self.events.append(event)


class Listened(Record):
    """A record whose events are kept; `names` returns their names once they are flushed."""

    url = URL("http://test/")

    def __init__(self, *configs: Any) -> None:
        super().__init__()
        self.start_ns = perf_counter_ns()
        self.kept = Kept()
        self.trace = listened(None, list(configs), [self.kept])

    async def flushed(self) -> list[str]:
        assert self.trace is not None
        await self.trace.flush()
        return self.names

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.kept.events]

    def events(self, name: str) -> list[Any]:
        return [event for event in self.kept.events if event.name == name]

    @property
    def phases(self) -> list[str]:
        return [phase for phase, _since in self.marks or ()]

    def assert_spans_are_closed(self) -> None:
        """Every start has exactly one end or exception, and times do not decrease."""
        open_spans: list[tuple[str | None, object]] = []
        for event in self.kept.events:
            span = (event.span, getattr(event, "address", None))
            if event.edge == "start":
                assert span not in open_spans, f"{span} was opened twice"
                open_spans.append(span)
            elif event.edge != "point":
                assert span in open_spans, f"{event} closes what is not open"
                open_spans.remove(span)
        assert not open_spans, f"never closed: {open_spans}"


def key(host: str, port: int, is_ssl: bool = False, **more: Any) -> ConnectionKey:
    return ConnectionKey(host, port, is_ssl, **more)


def result(host: str, port: int, **more: Any) -> ResolveResult:
    found: Any = {
        "hostname": "test.example",
        "host": host,
        "port": port,
        "family": socket.AF_INET6 if ":" in host else socket.AF_INET,
        "proto": 0,
        "flags": 0,
        **more,
    }
    return found  # type: ignore[no-any-return]


class Fixed(AbstractResolver):
    """Always returns these addresses, with the requested port; counts the calls."""

    def __init__(self, *hosts: str, **more: Any) -> None:
        self.hosts = hosts
        self.more = more
        self.calls = 0
        self.closed = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.calls += 1
        return [result(one, port, **self.more) for one in self.hosts]

    async def close(self) -> None:
        self.closed = True


class Gated(Fixed):
    """Returns its addresses, or fails, when `gate` is set."""

    def __init__(self, *hosts: str, error: Exception | None = None) -> None:
        super().__init__(*hosts)
        self.gate = asyncio.Event()
        self.error = error
        self.seen: Callable[[], object] = lambda: None

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.seen()
        await self.gate.wait()
        found = await super().resolve(host, port, family)
        if self.error is not None:
            raise self.error
        return found


async def turns(count: int) -> None:
    """Run this many iterations of the loop."""
    for _ in range(count):
        await asyncio.sleep(0)


async def gone(stream: Stream) -> None:
    """Close a stream and let the loop finish it."""
    stream[0].abort()
    await turns(3)
