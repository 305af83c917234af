"""`Hop`: one attempt of a request, with its phases and all that is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from .derived import (
    held_back_ns,
    length_of,
    out_of_order,
    providing_ns,
    resent_ns,
    retransmitted,
    silent_ns,
)

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy
    from yarl import URL

    from ..headers.server_timing import ServerTiming
    from .loop_lag import LoopBlock
    from .record import (
        AddressTry,
        CacheFacts,
        ClosedBefore,
        DnsFacts,
        Phase,
        QueueFacts,
        Record,
        TlsFacts,
    )
    from .tcp_info import TcpInfo


class Hop:
    """One attempt of a request: the first one, a redirect that was followed, or a retry.

    The values of `phases_ns` sum to `total_ns` exactly. It has no entry for a phase that the hop
    did not have.
    """

    attempt: int
    """Its number within the request, from 1."""
    method: str
    """The request's method."""
    url: URL
    """The request's URL; secrets are not masked."""
    status: int | None
    """The response's status; None if no response was received."""
    reason: str
    """The status line's reason phrase."""
    version: str | None
    """The response's version of HTTP, '1.1' or '1.0'; None if no response was received."""
    protocol: str
    """The protocol by its ALPN name (RFC 7301): `http/1.1` or `http/1.0`."""
    connection_id: int | None
    """The connection's number in this process; None if there was no connection."""
    address: str | None
    """The address and port of the connection's peer, or the path of a Unix socket."""
    proxy: URL | None
    """The proxy that was used, without credentials."""
    addresses_failed: tuple[tuple[str, str], ...]
    """Addresses to which no connection was opened, each with the reason."""
    addresses_tried: tuple[AddressTry, ...]
    """Every address that was tried, with start, end and failure."""
    dns: DnsFacts | None
    """Where the addresses came from; None if there was no host name to look up."""
    queued: QueueFacts | None
    """Why it waited for the pool; None if it did not."""
    pool_wait_ns: int
    """Nanoseconds of `queue` in which it waited for the pool."""
    reused: bool
    """Whether the connection served requests before."""
    why_not_reused: str | None
    """Why a new one was opened: 'first', 'busy', 'none idle' or 'force_close'."""
    closed_before: ClosedBefore | None
    """How the connection ended that a new one replaces; None if it came in addition, or to an
    origin that had none before."""
    cache: CacheFacts | None
    """What the cache did for it; None without a cache."""
    tls: TlsFacts | None
    """The results of the TLS handshake; None without TLS."""
    body_sent: int
    """Bytes of the request's body, after content coding and before transfer coding."""
    bytes_sent: int
    """Bytes of the request as sent, including head and transfer coding, without TLS."""
    send_until: Literal["sent", "accepted"]
    """'sent': `send` ends when the last byte left for the network. 'accepted': the operating
    system tells only when it took the last byte, and `wait` begins then."""
    blocked_ns: int
    """Nanoseconds of sending in which the transport's buffer was full."""
    continue_wait_ns: int
    """Nanoseconds of sending that were spent on waiting for `100 Continue`."""
    providing_ns: int
    """Nanoseconds of sending in which the program had not yet provided more of the body."""
    cookie_bytes: int
    """The length of the request's Cookie header."""
    accepts_coding: bool
    """Whether the request had Accept-Encoding."""
    bytes_received: int
    """Bytes of the response as received, including head and framing."""
    body_received: int
    """Bytes of the response's body, after transfer coding and before content decoding."""
    content_type: str = ""
    """The response's media type; empty without this header."""
    content_encoding: str = ""
    """The response's content coding; empty without this header."""
    content_length: int | None = None
    """The response's Content-Length; None without it."""
    server_timing: tuple[ServerTiming, ...] = ()
    """What the server says of its own time (the header `Server-Timing`)."""
    tcp: TcpInfo | None
    """What the kernel knew of the connection when the response began; None if it was not asked
    or is not Linux."""
    tcp_before: TcpInfo | None
    """What it knew when it was asked the last time before, for an earlier request."""
    tcp_later: TcpInfo | None
    """What it knew when it was asked the last time while the body came."""
    retransmitted: int | None
    """Segments that were sent again for this hop; None if the kernel did not tell."""
    resent_ns: int
    """Nanoseconds of waiting until the last of them was sent."""
    out_of_order: tuple[int, int]
    """Segments that arrived out of order, as after a loss: before the response began to be
    read, and in all; as far as the kernel was asked."""
    min_rtt_ns: int | None
    """The connection's shortest round trip so far; None if the kernel did not tell."""
    retry_reason: str | None
    """Why the request was sent again; None if it was not."""
    exception: BaseException | None
    """The exception that it failed with; None if it did not fail, and in a pickled copy."""
    start_ns: int
    """When it began, a ``time.perf_counter_ns()`` reading."""
    end_ns: int
    """When it ended; the time at which the timeline was made, if it has not ended."""
    spans_ns: list[tuple[Phase, int, int]]
    """Each phase with its start and end in nanoseconds, in order and without gaps."""
    network_wait_ns: int
    """Nanoseconds of receiving in which the caller waited for the network."""
    consumer_ns: int
    """Nanoseconds of receiving in which the caller did not wait for the response."""
    held_back_ns: int
    """Nanoseconds by which the caller, who did not read, made receiving longer."""
    silent_ns: int
    """Nanoseconds before the end in which nothing was received, or was sent of an upload."""
    wait_late_ns: int
    """Nanoseconds of waiting in which the response lay in the kernel while the event loop did
    something else. Less than a tick of the kernel's clock cannot be seen."""
    receive_late_ns: int
    """The same for receiving."""
    loop_blocks: tuple[LoopBlock, ...]
    """What held the event loop meanwhile; `loop_lag` with a threshold must run to see it."""

    def __init__(self, record: Record, now_ns: int) -> None:
        self.attempt = record.attempt
        self.method, self.url = record.method, record.url
        self.retry_reason = record.retry_reason
        self.exception = record.exception
        self.start_ns, self.end_ns = record.start_ns, record.end_ns or now_ns
        self.spans_ns = spans_of(record, self.end_ns)
        self._take_connection(record)
        self._take_sent(record)
        self._take_received(record)
        self._take_from_kernel(record)

    def _take_connection(self, record: Record) -> None:
        self.connection_id = record.connection_id
        self.address, self.proxy, self.tls = record.address, record.proxy, record.tls
        self.addresses_failed = record.addresses_failed
        self.addresses_tried = record.addresses_tried
        self.dns, self.queued = record.dns, record.queued
        self.pool_wait_ns = record.pool_wait_ns
        self.reused, self.why_not_reused = record.reused, record.why_not_reused
        self.closed_before = record.closed_before
        self.cache = record.cache

    def _take_sent(self, record: Record) -> None:
        head = record.head_sent
        self.body_sent = record.body_sent
        self.bytes_sent = len(head) + record.body_sent + record.framing_sent
        self.send_until = "sent" if record.sent_is_known else "accepted"
        self.blocked_ns = record.blocked_ns
        self.continue_wait_ns = record.continue_wait_ns
        self.providing_ns = providing_ns(record, self.end_ns)
        self.cookie_bytes = length_of(b"\r\nCookie: ", head)
        self.accepts_coding = length_of(b"\r\nAccept-Encoding: ", head) > 0

    def _take_received(self, record: Record) -> None:
        self.status, self.reason = record.status or None, record.reason
        self.version = record.http_version if record.status else None
        self.protocol = f"http/{record.http_version}"
        self.bytes_received, self.body_received = record.bytes_received, record.body_received
        self.network_wait_ns, self.consumer_ns = record.network_wait_ns, record.consumer_ns
        self.held_back_ns = held_back_ns(record, self.end_ns)
        self.silent_ns = silent_ns(record, self.end_ns)
        if record.status:
            self._read_headers(record.response_headers)

    def _take_from_kernel(self, record: Record) -> None:
        self.tcp = record.kernel
        self.tcp_before, self.tcp_later = record.kernel_before, record.kernel_later
        self.min_rtt_ns = record.min_rtt_ns
        self.retransmitted, self.resent_ns = retransmitted(record), resent_ns(record)
        self.out_of_order = out_of_order(record)
        self.wait_late_ns, self.receive_late_ns = record.wait_late_ns, record.receive_late_ns
        self.loop_blocks = record.loop_blocks()

    def _read_headers(self, headers: CIMultiDictProxy[str]) -> None:
        self.content_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        self.content_encoding = headers.get("Content-Encoding", "").strip().lower()
        length = headers.get("Content-Length", "")
        self.content_length = int(length) if length.isdecimal() and len(length) < 20 else None
        if "Server-Timing" in headers:
            from ..headers.server_timing import parse_server_timing

            self.server_timing = parse_server_timing(headers.getall("Server-Timing"))

    @property
    def loop_late_ns(self) -> int:
        """Nanoseconds for which received data waited for the event loop."""
        return self.wait_late_ns + self.receive_late_ns

    @property
    def server_ns(self) -> int | None:
        """About how long the server worked: `wait` without the network and a late event loop.

        The network's part is a round trip, and the time until lost segments were sent again. None
        if the round trip is unknown, or if there was no wait.
        """
        waited_ns = self.phases_ns.get("wait")
        if self.min_rtt_ns is None or waited_ns is None or not self.status:
            return None
        return max(0, waited_ns - self.min_rtt_ns - self.resent_ns - self.wait_late_ns)

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
            "cache": None if self.cache is None else self.cache._asdict(),
            "tls": None if self.tls is None else self.tls._asdict(),
            "closed_before": None if self.closed_before is None else self.closed_before._asdict(),
            "addresses_tried": [_try_for_json(one, self.start_ns) for one in self.addresses_tried],
            "dns": None if self.dns is None else self.dns._asdict(),
            "queued": None if self.queued is None else self.queued._asdict(),
            "bytes_sent": self.bytes_sent,
            "body_sent": self.body_sent,
            "send_until": self.send_until,
            "bytes_received": self.bytes_received,
            "body_received": self.body_received,
            "retry_reason": self.retry_reason,
            "error": self.error,
            "total": self.total_ns / 1e9,
            "phases": {phase: ns / 1e9 for phase, ns in self.phases_ns.items()},
            "phases_ns": dict(self.phases_ns),
            "pool_wait": self.pool_wait_ns / 1e9,
            "providing": self.providing_ns / 1e9,
            "held_back": self.held_back_ns / 1e9,
            "retransmitted": self.retransmitted,
            "network_wait": self.network_wait_ns / 1e9,
            "consumer": self.consumer_ns / 1e9,
            "loop_late": self.loop_late_ns / 1e9,
            "wait_late": self.wait_late_ns / 1e9,
            "receive_late": self.receive_late_ns / 1e9,
            "server": None if self.server_ns is None else self.server_ns / 1e9,
            "server_timing": [one._asdict() for one in self.server_timing],
            "min_rtt": None if self.min_rtt_ns is None else self.min_rtt_ns / 1e9,
            "tcp": None if self.tcp is None else self.tcp.to_dict(),
        }


def spans_of(record: Record, end_ns: int) -> list[tuple[Phase, int, int]]:
    """Each phase of the attempt with its start and end, without gaps or overlaps."""
    entries = [*record.entries()]
    starts = [min(start_ns, end_ns) for _phase, start_ns in entries]
    ends = [*starts[1:], end_ns]
    return [
        (phase, start_ns, stop_ns)
        for (phase, _), start_ns, stop_ns in zip(entries, starts, ends, strict=True)
    ]


def _try_for_json(tried: AddressTry, start_ns: int) -> dict[str, Any]:
    return {
        "address": tried.address,
        "start": (tried.start_ns - start_ns) / 1e9,
        "end": (tried.end_ns - start_ns) / 1e9,
        "failure": tried.failure,
    }


def _text_of(exc: BaseException) -> str:
    from ..masking import mask_text

    text = str(exc)
    return f"{type(exc).__name__}: {mask_text(text)}" if text else type(exc).__name__
