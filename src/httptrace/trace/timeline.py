"""`Timeline`: where the time of a request went, hop by hop and phase by phase."""

from __future__ import annotations

from contextlib import suppress
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from .hop import Hop
from .record import PHASES

if TYPE_CHECKING:
    from .record import Phase, Record
    from .why.finding import Finding


class Timeline:
    """Where the time of a request went.

    `hops` are its attempts. `str()` draws a waterfall, `to_dict()` returns a dict for JSON. The
    properties that are named after phases are seconds, summed over the hops. Those that end in
    ``_ns`` are nanoseconds.
    """

    def __init__(self, last: Record) -> None:
        now_ns = perf_counter_ns()
        records = [last]
        while (previous := records[-1].previous) is not None:
            records.append(previous)
        self.request_id = last.request_id
        """The request's number in this process."""
        self.context_id = last.context_id
        """The request id of the surrounding context (`httptrace.Context`), if there is one."""
        self.hops = [Hop(record, now_ns) for record in reversed(records)]
        """The attempts, in order."""
        self.complete = bool(last.end_ns)
        """Whether the last hop has ended."""

    @property
    def start_ns(self) -> int:
        """When the request began, a ``time.perf_counter_ns()`` reading."""
        return self.hops[0].start_ns

    @property
    def total_ns(self) -> int:
        """Nanoseconds from the request's start to its end (last byte or failure), or to now."""
        return self.hops[-1].end_ns - self.start_ns

    @property
    def phases_ns(self) -> dict[Phase, int]:
        """Nanoseconds of each phase, summed over the hops; together they are `total_ns` exactly."""
        phases: dict[Phase, int] = dict.fromkeys(PHASES, 0)
        for hop in self.hops:
            for phase, ns in hop.phases_ns.items():
                phases[phase] += ns
        return phases

    @property
    def why(self) -> tuple[Finding, ...]:
        """Why the request took long: at most three findings, the most expensive one first."""
        from .why.ranking import findings_of

        return findings_of(self)

    @property
    def total(self) -> float:
        """Seconds from the request's start to its end (last byte or failure), or to now."""
        return self.total_ns / 1e9

    @property
    def queue(self) -> float:
        """Seconds until the request got an idle connection or began to open a new one."""
        return self.phases_ns["queue"] / 1e9

    @property
    def dns(self) -> float:
        """Seconds of DNS lookups."""
        return self.phases_ns["dns"] / 1e9

    @property
    def connect(self) -> float:
        """Seconds of connecting sockets."""
        return self.phases_ns["connect"] / 1e9

    @property
    def tls(self) -> float:
        """Seconds of TLS handshakes."""
        return self.phases_ns["tls"] / 1e9

    @property
    def send(self) -> float:
        """Seconds of sending the request."""
        return self.phases_ns["send"] / 1e9

    @property
    def wait(self) -> float:
        """Seconds from the last byte sent to the first byte received."""
        return self.phases_ns["wait"] / 1e9

    @property
    def receive(self) -> float:
        """Seconds from the response's first byte to its last one."""
        return self.phases_ns["receive"] / 1e9

    def to_dict(self) -> dict[str, Any]:
        """The timeline for JSON; times in seconds. Secrets in URLs are masked."""
        return {
            "request_id": self.request_id,
            "context_id": self.context_id,
            "complete": self.complete,
            "total": self.total,
            "total_ns": self.total_ns,
            "phases": {phase: ns / 1e9 for phase, ns in self.phases_ns.items()},
            "phases_ns": self.phases_ns,
            "hops": [hop.to_dict() for hop in self.hops],
            "why": [finding.to_dict() for finding in self.why],
        }

    def __str__(self) -> str:
        from .waterfall import draw

        return draw(self)

    def __repr__(self) -> str:
        last = self.hops[-1]
        hops = len(self.hops)
        return (
            f"<Timeline #{self.request_id} {hops} hop(s) {last.status} {self.total * 1e3:.3f} ms>"
        )


def timeline_of(record: Record, *, over: bool = True) -> Timeline:
    """The timeline of a call up to this attempt; `over` means that the call has ended.

    From then on, every reader gets the same object.
    """
    if record.timeline is not None:
        return record.timeline
    timeline = Timeline(record)
    if over:
        record.timeline = timeline
    return timeline


def attach_timeline(exc: BaseException, record: Record) -> None:
    """Set ``timeline`` on what a call raises, if the exception has no attribute of that name."""
    if isinstance(getattr(exc, "timeline", None), Timeline | None):
        with suppress(Exception):  # a class may forbid it
            exc.timeline = timeline_of(record)  # type: ignore[attr-defined]
