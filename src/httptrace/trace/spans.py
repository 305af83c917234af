"""Spans: the events of a request in pairs, made for the observers that ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .declare import Event
    from .observer import Observer


class Span:
    """A part of a request's time: one event opens it and another closes it.

    `kind` is what the events declare ("request", "queue", "connection", "dns", "socket", "proxy",
    "tls", "websocket_handshake").
    """

    __slots__ = ("end", "kind", "outcome", "parent", "start")

    def __init__(self, kind: str, start: Event, parent: Span | None) -> None:
        self.kind = kind
        """What the span measures: "request", "dns", "tls" and so on."""
        self.start = start
        """The event that opened it."""
        self.parent = parent
        """The span that encloses it; None for the request's own span."""
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


class SpanTracker:
    """The open spans of one request, for one observer."""

    __slots__ = ("_observer", "_open")

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._open: list[Span] = []

    def update(self, event: Event) -> None:
        """Open or close the span of an event, and call the observer with it."""
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
        # Several addresses are tried at once (RFC 8305): their spans are siblings, not nested.
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
