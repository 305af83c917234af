"""`Timeline`: where the time of a request went, hop by hop and phase by phase."""

from __future__ import annotations

from contextlib import suppress
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from .record import PHASES

if TYPE_CHECKING:
    from yarl import URL

    from .record import Phase, Record, TlsFacts


class Hop:
    """One attempt of a request: the first one, a redirect that was followed, or a retry.

    The values of `phases_ns` sum to `total_ns` exactly. It has no entry for a phase that the hop
    did not have.
    """

    def __init__(self, record: Record, now_ns: int) -> None:
        self.attempt = record.attempt
        """Its number within the request, from 1."""
        self.method = record.method
        """The request's method."""
        self.url: URL = record.url
        """The request's URL; secrets are not masked."""
        self.status = record.status or None
        """The response's status; None if no response was received."""
        self.reason = record.reason
        """The status line's reason phrase."""
        self.version = record.http_version if record.status else None
        """The response's version of HTTP, '1.1' or '1.0'; None if no response was received."""
        self.protocol = f"http/{record.http_version}"
        """The protocol by its ALPN name (RFC 7301): `http/1.1` or `http/1.0`."""
        self.connection_id = record.connection_id
        """The connection's number in this process; None if there was no connection."""
        self.address = record.address
        """The address and port of the connection's peer, or the path of a Unix socket."""
        self.proxy: URL | None = record.proxy
        """The proxy that was used, without credentials."""
        self.addresses_failed = record.addresses_failed
        """Addresses to which no connection was opened, each with the reason."""
        self.reused = record.reused
        """Whether the connection served requests before."""
        self.why_not_reused = record.why_not_reused
        """Why a new one was opened: 'first', 'busy', 'none idle' or 'force_close'."""
        self.tls: TlsFacts | None = record.tls
        """The results of the TLS handshake; None without TLS."""
        self.bytes_sent = len(record.head_sent) + record.body_sent
        """Bytes sent: the head, and the body before transfer coding."""
        self.bytes_received = record.bytes_received
        """Bytes of the response as received, including head and framing."""
        self.retry_reason = record.retry_reason
        """Why the request was sent again; None if it was not."""
        self.exception = record.exception
        """The exception that it failed with; None if it did not fail, and in a pickled copy."""
        self.start_ns = record.start_ns
        """When it began, a ``time.perf_counter_ns()`` reading."""
        self.end_ns = record.end_ns or now_ns
        """When it ended; the time at which the timeline was made, if it has not ended."""
        self.spans_ns = _spans(record, self.end_ns)
        """Each phase with its start and end in nanoseconds, in order and without gaps."""
        self.network_wait_ns = record.network_wait_ns
        """Nanoseconds of receiving in which the caller waited for the network."""
        self.consumer_ns = record.consumer_ns
        """Nanoseconds of receiving in which the response waited for the caller."""

    @property
    def total_ns(self) -> int:
        """Nanoseconds from the hop's start to its end."""
        return self.end_ns - self.start_ns

    @property
    def phases_ns(self) -> dict[Phase, int]:
        """Nanoseconds of each phase."""
        phases: dict[Phase, int] = {}
        for phase, start_ns, end_ns in self.spans_ns:
            phases[phase] = phases.get(phase, 0) + end_ns - start_ns
        return phases

    @property
    def error(self) -> str | None:
        """The exception as text, its class and message; None if the hop did not fail.

        Secrets in URLs are masked.
        """
        return self._error if self.exception is None else _text_of(self.exception)

    _error: str | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Pickle everything but the exception, which may hold what cannot be pickled."""
        return {**self.__dict__, "exception": None, "_error": self.error}

    def to_dict(self) -> dict[str, Any]:
        """The hop for JSON; times in seconds. Secrets in the URL are masked."""
        from ..masking import mask_url

        return {
            "attempt": self.attempt,
            "method": self.method,
            "url": mask_url(self.url),
            "status": self.status,
            "protocol": self.protocol,
            "address": self.address,
            "proxy": None if self.proxy is None else mask_url(self.proxy),
            "addresses_failed": [list(pair) for pair in self.addresses_failed],
            "connection_id": self.connection_id,
            "reused": self.reused,
            "why_not_reused": self.why_not_reused,
            "tls": None if self.tls is None else self.tls._asdict(),
            "bytes_sent": self.bytes_sent,
            "bytes_received": self.bytes_received,
            "retry_reason": self.retry_reason,
            "error": self.error,
            "total": self.total_ns / 1e9,
            "phases": {phase: ns / 1e9 for phase, ns in self.phases_ns.items()},
            "phases_ns": dict(self.phases_ns),
            "network_wait": self.network_wait_ns / 1e9,
            "consumer": self.consumer_ns / 1e9,
        }


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


def _spans(record: Record, end_ns: int) -> list[tuple[Phase, int, int]]:
    """Each phase of the attempt with its start and end, without gaps or overlaps."""
    entries = [*record.entries()]
    starts = [min(start_ns, end_ns) for _phase, start_ns in entries]
    ends = [*starts[1:], end_ns]
    return [
        (phase, start_ns, stop_ns)
        for (phase, _), start_ns, stop_ns in zip(entries, starts, ends, strict=True)
    ]


def _text_of(exc: BaseException) -> str:
    from ..masking import mask_text

    text = str(exc)
    return f"{type(exc).__name__}: {mask_text(text)}" if text else type(exc).__name__
