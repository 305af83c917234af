"""Observers: synchronous listeners that see the requests of a process, a session or a block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ._methods import ObserverMethods
from .declare import event_of
from .events import TraceRequestFinishParams
from .record import Record
from .spans import Span as Span
from .subscription import Subscription, handlers_of, subscription_of

if TYPE_CHECKING:
    from yarl import URL

    from .declare import Event
    from .record import TlsFacts
    from .timeline import Timeline


class Observer(ObserverMethods):
    """Sees the events of requests, and can change nothing.

    Override the methods of the events that you want. Each event has one, named after its signal:
    ``on_request_finish(event)``, ``on_dns_resolvehost_start(event)`` and so on. Override
    `on_event` to get every event, `on_span_start` and `on_span_end` to get spans. Of one event
    first `on_event` is called, then the event's own method, then the span's. Events that no
    listener wants are not made.

    The methods are called synchronously in the task of the caller and must not block. If one
    raises, that is logged once, the observer is not called again, and the request goes on.
    Installing or uninstalling an observer during a request takes effect for later requests.

    Raises
    ------
    TypeError
        When a subclass is made with a method ``on_…`` that belongs to no event, or with one that
        is a coroutine function.
    """

    _dropped = False
    _subscription: ClassVar[Subscription] = Subscription(False, False, ())

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._subscription = subscription_of(cls, Observer)

    def on_event(self, event: Event) -> None:
        """Called with every event."""

    def on_span_start(self, span: Span) -> None:
        """A span has opened."""

    def on_span_end(self, span: Span) -> None:
        """A span has closed."""


installed: tuple[Observer, ...] = ()
"""The observers of the process; `install` and `uninstall` replace it."""
_ambient: ContextVar[tuple[Observer, ...]] = ContextVar("httptrace_observers", default=())
ambient = _ambient.get


def each_once(observers: Iterable[Observer]) -> list[Observer]:
    """The observers without repetitions of the same object.

    Identity counts, not equality: an observer may be a dataclass, which has no hash.
    """
    return list({id(one): one for one in observers}.values())


def install(observer: Observer) -> None:
    """Let an observer see every request of this process, in every session."""
    global installed
    if not isinstance(observer, Observer):
        raise TypeError(f"install() takes an httptrace.Observer, not {observer!r}")
    if all(one is not observer for one in installed):
        installed = (*installed, observer)


def uninstall(observer: Observer) -> None:
    """Undo `install`; do nothing if the observer is not installed."""
    global installed
    installed = tuple(one for one in installed if one is not observer)


class Recording(Observer):
    """The events and timelines of the requests that a block of code made.

    It keeps no response alive: see `TraceRequestEndParams`. It keeps the pieces of bodies, which
    are data of events (``response_chunk_received``, ``request_chunk_sent``).
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        """All events, in the order in which the observer got them."""

    def on_event(self, event: Event) -> None:
        """Keep the event."""
        self.events.append(event)

    @property
    def timelines(self) -> list[Timeline]:
        """The timeline of each request that has ended, in the order in which they ended."""
        return [e.timeline for e in self.events if isinstance(e, TraceRequestFinishParams)]

    def __str__(self) -> str:
        return "\n\n".join(str(timeline) for timeline in self.timelines)


@contextmanager
def record() -> Iterator[Recording]:
    """Record every request that the block makes, in every session, and in tasks that it starts."""
    recording = Recording()
    with observe(recording):
        yield recording


@contextmanager
def observe(*observers: Observer) -> Iterator[None]:
    """Let observers see the requests that the block makes, and those of tasks that it starts.

    Leaving the block never raises, even in another task, or if blocks are left in another order.

    Raises
    ------
    TypeError
        If one of them is not an Observer.
    """
    for observer in observers:
        if not isinstance(observer, Observer):
            raise TypeError(f"observe() takes httptrace.Observer objects, not {observer!r}")
    _ambient.set((*_ambient.get(), *observers))
    try:
        yield
    finally:
        _ambient.set(_less(_ambient.get(), observers))


def _less(present: tuple[Observer, ...], leaving: tuple[Observer, ...]) -> tuple[Observer, ...]:
    """`present` without `leaving`; if an observer occurs several times, the last one is removed."""
    ids = [id(one) for one in present]
    for one in leaving:
        if id(one) in ids:
            at = len(ids) - 1 - ids[::-1].index(id(one))
            del ids[at]
            present = (*present[:at], *present[at + 1 :])
    return present


class _Connection(Protocol):
    """What the events of an idle connection read from it."""

    id: int
    opened_ns: int
    requests_served: int
    address: str | None
    tls: TlsFacts | None


class _IdleConnection(Record):
    """The record of events of a connection that serves no request."""

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
    """Deliver an event of a connection that serves no request to the observers of the process.

    ``key.origin`` is the URL of the server that the connection leads to.
    """
    handlers = [handler for one in installed if (handler := handlers_of(one).get(event))]
    if handlers:
        moment = event_of(event, _IdleConnection(connection, key), perf_counter_ns(), *data)
        for handler in handlers:
            handler(moment)
