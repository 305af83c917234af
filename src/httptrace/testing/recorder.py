"""`EventRecorder`: keeps the events of requests, and asserts the rules that hold for them all."""

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


class EventRecorder(Observer):
    """Keeps what it hears, for tests to look at.

    Give it to a session or a request (``observers=[recorder]``), to a block
    (``with httptrace.observe(recorder)``) or to the process (``httptrace.install(recorder)``).
    `events` are all events in the order in which they were told.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._spans: list[Span] = []
        self._connections: list[int | None] = []  # as each event told it when it came

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
        """The timelines of the requests that are over, in the order in which they ended."""
        return [e.timeline for e in self.events if isinstance(e, TraceRequestFinishParams)]

    def clear(self) -> None:
        """Forget everything; what is under way is then seen from its middle."""
        self.events.clear()
        self._spans.clear()
        self._connections.clear()

    def check(self) -> None:
        """Assert what holds always, of every request that was seen; all must be over.

        A request begins with ``request_start`` and ends with its only ``request_finish``. Every
        start has one end or exception, and spans nest; only the sockets of one race overlap. Times
        and attempts do not run backwards. Once an attempt has told its connection, all its events
        do. The phases of the timeline are a partition of the request's time.

        Raises
        ------
        AssertionError
            Telling each rule that is broken, and the events of the request.
        """
        wrong = [f"{event!r} tells no connection" for event in self._unasked()]
        for request_id in self.requests:
            broken = [*self._broken(request_id)]
            if broken:
                told = " ".join(self.names(request_id))
                wrong += [f"request {request_id}: {rule}" for rule in broken]
                wrong.append(f"request {request_id}: its events are {told}")
        if wrong:
            raise AssertionError("\n".join(wrong))

    def _of(self, request_id: int | None) -> list[Event]:
        return [e for e in self.events if request_id is None or e.request_id == request_id]

    def _unasked(self) -> list[Event]:
        return [e for e in self.events if e.request_id is None and e.connection_id is None]

    def _broken(self, request_id: int) -> Iterator[str]:
        events = self._of(request_id)
        yield from _ends(events)
        yield from _nesting(events)
        yield from _order(events)
        yield from self._connected(request_id)
        for event in events:
            if isinstance(event, TraceRequestFinishParams):
                yield from _partition(event.timeline)

    def _connected(self, request_id: int) -> Iterator[str]:
        """Once an attempt has told its connection, all its events do."""
        known: dict[int, int] = {}
        for event, connection_id in zip(self.events, self._connections, strict=True):
            if event.request_id != request_id:
                continue
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
    if finished and finished[0] != len(events) - 1:
        yield f"after its end came {[event.name for event in events[finished[0] + 1 :]]}"


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
