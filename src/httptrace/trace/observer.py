"""Observers: synchronous listeners that see everything and can change nothing."""

from __future__ import annotations

import logging
from asyncio import CancelledError
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Protocol

from .record import Record
from .timeline import Timeline

if TYPE_CHECKING:
    from yarl import URL

    from .declare import Event
    from .record import TlsFacts

logger = logging.getLogger("httptrace")


class Span:
    """A stretch of a request: it opened with one event and closes with another.

    `kind` is what the events declare ("request", "queue", "connection", "dns", "socket", "proxy",
    "tls", "websocket_handshake").
    """

    __slots__ = ("end", "kind", "outcome", "parent", "start")

    def __init__(self, kind: str, start: Event, parent: Span | None) -> None:
        self.kind = kind
        """What the span is of."""
        self.start = start
        """The event that opened it."""
        self.parent = parent
        """The span that it lies in; None for the request's own."""
        self.end: Event | None = None
        """The event that closed it; None while it is open."""
        self.outcome: str | None = None
        """None while it is open, then "end" or "exception"."""

    @property
    def duration_ns(self) -> int | None:
        """Nanoseconds from opening to closing; None while it is open."""
        return None if self.end is None else self.end.time_ns - self.start.time_ns

    def __repr__(self) -> str:
        return f"<Span {self.kind} {self.outcome or 'open'} {self.duration_ns or 0} ns>"


class Observer:
    """Sees every event and span of the requests that it is installed for.

    Override what is of interest. The methods are called synchronously in the task of the caller and
    must not block. One that raises is logged once and not called again; the request goes on.
    A request is heard from its start to its end: who is installed or uninstalled meanwhile is so
    for those that begin later.
    """

    _dropped = False

    def on_event(self, event: Event) -> None:
        """A moment has come."""

    def on_span_start(self, span: Span) -> None:
        """A span has opened."""

    def on_span_end(self, span: Span) -> None:
        """A span has closed."""


installed: list[Observer] = []
"""The observers of the process; `install` and `uninstall` change it."""
_ambient: ContextVar[tuple[Observer, ...]] = ContextVar("httptrace_observers", default=())
ambient = _ambient.get


def everybody() -> list[Observer]:
    """The observers of the process and of the surrounding block, each once."""
    return each_once((*installed, *ambient()))


def each_once(observers: Iterable[Observer]) -> list[Observer]:
    """The observers without those that come again.

    However they compare: dataclasses, for one, may be equal, and cannot be hashed.
    """
    return list({id(one): one for one in observers}.values())


def install(observer: Observer) -> None:
    """Let an observer see every request of this process, in whatever session."""
    if not isinstance(observer, Observer):
        raise TypeError(f"install() takes an httptrace.Observer, not {observer!r}")
    if all(one is not observer for one in installed):
        installed.append(observer)


def uninstall(observer: Observer) -> None:
    """Undo `install`; an observer that is not installed is left alone."""
    installed[:] = [one for one in installed if one is not observer]


def listener(observer: Observer) -> Callable[[Event], None]:
    """What to call with each event of one request: guarded, and with spans if they are wanted."""
    kind = type(observer)
    spans = (kind.on_span_start, kind.on_span_end) != (Observer.on_span_start, Observer.on_span_end)
    hear = _Spans(observer).hear if spans else observer.on_event

    def told(event: Event) -> None:
        if observer._dropped:
            return
        try:
            hear(event)
        except (Exception, CancelledError):  # nobody cancels what is not awaited
            object.__setattr__(observer, "_dropped", True)
            uninstall(observer)
            logger.exception("The observer %r raised at %s and is dropped", observer, event.name)

    return told


class _Spans:
    """Makes spans of one request's events for one observer."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._open: list[Span] = []

    def hear(self, event: Event) -> None:
        self._observer.on_event(event)
        if event.span is None:
            return
        if event.edge == "start":
            span = Span(event.span, event, self._parent(event))
            self._open.append(span)
            self._observer.on_span_start(span)
        elif (found := self._find(event)) is not None:
            self._open.remove(found)
            found.end, found.outcome = event, event.edge
            self._observer.on_span_end(found)

    def _parent(self, event: Event) -> Span | None:
        # addresses are tried side by side: their spans are siblings, not nested
        return next((span for span in reversed(self._open) if span.kind != event.span), None)

    def _find(self, event: Event) -> Span | None:
        address = getattr(event, "address", None)
        return next(
            (
                span
                for span in reversed(self._open)
                if span.kind == event.span and getattr(span.start, "address", None) == address
            ),
            None,
        )


class Recording(Observer):
    """The events and timelines of the requests that a block of code made."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        """All events, in the order in which they came."""

    def on_event(self, event: Event) -> None:
        """Keep the event."""
        self.events.append(event)

    @property
    def timelines(self) -> list[Timeline]:
        """The timeline of each request that is over, in the order in which they ended."""
        return [Timeline(event.source) for event in self.events if event.name == "request_finish"]

    def __str__(self) -> str:
        return "\n\n".join(str(timeline) for timeline in self.timelines)


@contextmanager
def record() -> Iterator[Recording]:
    """Record every request that the block makes, in whatever session, and in tasks it starts."""
    recording = Recording()
    with observe(recording):
        yield recording


@contextmanager
def observe(*observers: Observer) -> Iterator[None]:
    """Let observers see the requests that the block makes, and those of tasks that it starts.

    Leaving it never raises, in whatever task and order that is done.
    """
    _ambient.set((*_ambient.get(), *observers))
    try:
        yield
    finally:
        _ambient.set(_less(_ambient.get(), observers))


def _less(present: tuple[Observer, ...], leaving: tuple[Observer, ...]) -> tuple[Observer, ...]:
    """Those that stay: of one that is there several times, the last goes."""
    ids = [id(one) for one in present]
    for one in leaving:
        if id(one) in ids:
            at = len(ids) - 1 - ids[::-1].index(id(one))
            del ids[at]
            present = (*present[:at], *present[at + 1 :])
    return present


class _Connection(Protocol):
    """What is known of a connection without a request."""

    id: int
    opened_ns: int
    requests_served: int
    address: str | None
    tls: TlsFacts | None


class _Unasked(Record):
    """The source of moments of a connection that no request caused."""

    def __init__(self, connection: _Connection, key: Any) -> None:
        super().__init__()
        self._connection_id = connection.id
        self._opened_ns = connection.opened_ns
        self._requests_served = connection.requests_served
        self._address, self._tls = connection.address, connection.tls
        self._key = key

    @property
    def connection_id(self) -> int:
        return self._connection_id

    @property
    def opened_ns(self) -> int:
        return self._opened_ns

    @property
    def requests_served(self) -> int:
        return self._requests_served

    @property
    def url(self) -> URL:
        origin: URL = self._key.origin
        return origin


def tell_process(event: type[Event], connection: _Connection, key: Any, *data: object) -> None:
    """Tell the observers of the process of a moment of a connection without a request.

    `key` tells in its ``origin`` where the connection leads.
    """
    if installed:
        moment = event.of(_Unasked(connection, key), perf_counter_ns(), *data)
        for one in list(installed):
            listener(one)(moment)
