"""Keeps the heads and the timeline of a request for its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..trace.declare import record_of
from ..trace.events import TraceRequestFinishParams, TraceResponseInformationalParams
from ..trace.observer import Observer

if TYPE_CHECKING:
    from ..trace.events import Event
    from ..trace.timeline import Timeline


class Head(NamedTuple):
    """The head of a request or response: its first line, and its fields in order and case."""

    attempt: int
    sent: bool
    line: str
    fields: list[tuple[str, str]]


class Watch(Observer):
    """Observes one request."""

    def __init__(self) -> None:
        self.heads: list[Head] = []
        self.timeline: Timeline | None = None
        self.phase = ""

    def on_event(self, event: Event) -> None:
        """Keep heads and the timeline."""
        if event.name == "request_headers_sent":
            self.heads.append(_sent(event.attempt, record_of(event).head_sent))
        elif isinstance(event, TraceResponseInformationalParams):
            line = f"HTTP/1.1 {event.status}"
            self.heads.append(Head(event.attempt, False, line, list(event.headers.items())))
        elif event.name == "response_headers_received":
            self.heads.append(_received(event))
        elif isinstance(event, TraceRequestFinishParams):
            self.timeline = event.timeline
            self.phase = self.timeline.hops[-1].spans_ns[-1][0]


def _sent(attempt: int, head: bytes) -> Head:
    line, *fields = head.decode("utf-8", "backslashreplace").rstrip("\r\n").split("\r\n")
    pairs = [field.partition(":") for field in fields]
    return Head(attempt, True, line, [(name, value.strip()) for name, _, value in pairs])


def _received(event: Event) -> Head:
    record = record_of(event)
    line = f"HTTP/{record.http_version} {record.status} {record.reason}".rstrip()
    return Head(event.attempt, False, line, list(record.response_headers.items()))
