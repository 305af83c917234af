"""`EventRecorder`: keeps the events of requests and checks the rules that hold for all of them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..trace.events import TraceRequestFinishParams
from ..trace.observer import Observer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..trace.events import Event
    from ..trace.observer import Span
    from ..trace.timeline import Timeline

__all__ = ["EventRecorder"]

_OfRequest = tuple[list["Event"], list["int | None"]]


class EventRecorder(Observer):
    """Keeps every event and span, for tests to look at.

    Give it to a session or a request (``observers=[recorder]``), to a block
    (``with httptrace.observe(recorder)``) or to the process (``httptrace.install(recorder)``).
    `events` are all events in the order in which they were told.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._spans: list[Span] = []
        self._connections: list[int | None] = []  # the id that each event had when it was delivered

    def on_event(self, event: Event) -> None:
        """Keep the event."""
        self.events.append(event)
        self._connections.append(event.connection_id)

    def on_span_start(self, span: Span) -> None:
        """Keep the span."""
        self._spans.append(span)

    @property
    def requests(self) -> list[int]:
        """The ids of the requests that were seen, in the order in which they began."""
        ids = dict.fromkeys(event.request_id for event in self.events)
        return [number for number in ids if number is not None]

    def names(self, request_id: int | None = None) -> list[str]:
        """The names of the events (signals without ``on_``), of one request or of all."""
        return [event.name for event in self._of(request_id)]

    def of(self, name: str, request_id: int | None = None) -> list[Any]:
        """The events of one name, of one request or of all."""
        return [event for event in self._of(request_id) if event.name == name]

    def spans(self, request_id: int | None = None) -> list[Span]:
        """The spans in the order in which they opened, of one request or of all."""
        return [s for s in self._spans if request_id is None or s.start.request_id == request_id]

    def timelines(self) -> list[Timeline]:
        """The timelines of the requests that have ended, in the order in which they ended."""
        return [e.timeline for e in self.events if isinstance(e, TraceRequestFinishParams)]

    def clear(self) -> None:
        """Forget everything. Of a request that is running, only later events are then kept."""
        self.events.clear()
        self._spans.clear()
        self._connections.clear()

    def check(self) -> None:
        """Assert the rules that hold for every request; all that were seen must have ended.

        A request begins with ``request_start`` and ends with its only ``request_finish``. After
        ``request_end`` there is no ``request_exception``. Every start has one end or exception, and
        spans nest; only the sockets of one race overlap. Times and attempts do not decrease. Once
        an event of an attempt has a connection id, all later ones have the same. The phases of the
        timeline sum to the request's time, without gaps or overlaps.

        Raises
        ------
        AssertionError
            With each rule that is broken, and the events of the request.
        """
        wrong = [f"{event!r} tells no connection" for event in self._without_any_id()]
        for request_id, (events, connections) in self._by_request().items():
            broken = [*_broken(events, connections)]
            if broken:
                names = " ".join(event.name for event in events)
                wrong += [f"request {request_id}: {rule}" for rule in broken]
                wrong.append(f"request {request_id}: its events are {names}")
        if wrong:
            raise AssertionError("\n".join(wrong))

    def _of(self, request_id: int | None) -> list[Event]:
        return [e for e in self.events if request_id is None or e.request_id == request_id]

    def _without_any_id(self) -> list[Event]:
        return [e for e in self.events if e.request_id is None and e.connection_id is None]

    def _by_request(self) -> dict[int, _OfRequest]:
        """The events of each request, and the connection id that each had when it was delivered."""
        found: dict[int, _OfRequest] = {}
        for event, connection_id in zip(self.events, self._connections, strict=True):
            if event.request_id is not None:
                events, connections = found.setdefault(event.request_id, ([], []))
                events.append(event)
                connections.append(connection_id)
        return found


def _broken(events: list[Event], connections: list[int | None]) -> Iterator[str]:
    yield from _ends(events)
    yield from _nesting(events)
    yield from _order(events)
    yield from _connected(events, connections)
    for event in events:
        if isinstance(event, TraceRequestFinishParams):
            yield from _partition(event.timeline)


def _connected(events: list[Event], connections: list[int | None]) -> Iterator[str]:
    """Once an event of an attempt has a connection id, all later ones have the same."""
    known: dict[int, int] = {}
    for event, connection_id in zip(events, connections, strict=True):
        expected = known.get(event.attempt)
        if expected is None:
            if connection_id is not None:
                known[event.attempt] = connection_id
            elif event.name == "connection_acquired":
                yield f"{event.name} of attempt {event.attempt} tells no connection"
        elif connection_id != expected:
            yield f"{event.name} tells connection {connection_id}, before it was {expected}"


def _ends(events: list[Event]) -> Iterator[str]:
    if events[0].name != "request_start":
        yield f"it begins with {events[0].name}"
    finished = [at for at, event in enumerate(events) if event.name == "request_finish"]
    if len(finished) != 1:
        yield f"it finished {len(finished)} times"
    names = [event.name for event in events]
    if "request_end" in names and "request_exception" in names[names.index("request_end") :]:
        yield "it has request_exception after request_end"
    if finished and finished[0] != len(events) - 1:
        yield f"after its end came {names[finished[0] + 1 :]}"


def _nesting(events: list[Event]) -> Iterator[str]:
    """Every start has exactly one end or exception, and the innermost span ends first."""
    stack: list[tuple[str, object]] = []
    for event in events:
        if event.span is None:
            continue
        span = (event.span, getattr(event, "address", None))
        if event.edge == "start":
            stack.append(span)
        elif span not in stack:
            yield f"{event.name} ends what has not begun"
        else:
            yield from _inner(event, stack, span)
    if stack:
        yield f"without end are {[kind for kind, _ in stack]}"


def _inner(
    event: Event, stack: list[tuple[str, object]], span: tuple[str, object]
) -> Iterator[str]:
    at = len(stack) - 1 - stack[::-1].index(span)
    within = [kind for kind, _ in stack[at + 1 :] if (kind, span[0]) != ("socket", "socket")]
    if within:
        yield f"{event.name} comes before the end of {within}"
    del stack[at]


def _order(events: list[Event]) -> Iterator[str]:
    for before, event in pairwise(events):
        if event.time_ns < before.time_ns:
            early = before.time_ns - event.time_ns
            yield f"{event.name} is told after {before.name}, and was {early} ns before it"
        if event.attempt < before.attempt:
            yield f"{event.name} of attempt {event.attempt} comes after attempt {before.attempt}"


def _partition(timeline: Timeline) -> Iterator[str]:
    if not timeline.complete:
        yield "its timeline has no end"
    if sum(timeline.phases_ns.values()) != timeline.total_ns:
        yield f"{timeline.phases_ns} do not sum to {timeline.total_ns}"
    end_ns = timeline.start_ns
    for hop in timeline.hops:
        if hop.start_ns != end_ns:
            yield f"between attempts {hop.attempt - 1} and {hop.attempt} time is lost"
        if sum(hop.phases_ns.values()) != hop.total_ns or min(hop.phases_ns.values()) < 0:
            yield f"{hop.phases_ns} of attempt {hop.attempt} are no partition of {hop.total_ns}"
        end_ns = hop.end_ns
