"""`Record`: the clock readings and facts of one attempt; events and timelines read from it."""

from __future__ import annotations

from asyncio import CancelledError
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from multidict import CIMultiDict, CIMultiDictProxy
    from yarl import URL

    from .loop_lag import LoopBlock
    from .tcp_info import TcpInfo
    from .timeline import Timeline
    from .traces import Trace

Phase = Literal["queue", "dns", "connect", "tls", "send", "wait", "receive"]
"""The phases of an attempt, in order."""

PHASES: tuple[Phase, ...] = ("queue", "dns", "connect", "tls", "send", "wait", "receive")


class TlsFacts(NamedTuple):
    """The results of a TLS handshake."""

    version: str
    cipher: str
    alpn: str | None
    session_reused: bool | None
    peer_subject: str | None
    peer_expiry: str | None


class QueueFacts(NamedTuple):
    """Why a request waited for the pool."""

    limit: str
    """The limit that was reached: 'limit' or 'limit_per_host'."""
    value: int
    """What it is set to."""
    ahead: int
    """How many requests waited for it before."""


class DnsFacts(NamedTuple):
    """Where the addresses of a host came from."""

    host: str
    source: Literal["look-up", "shared look-up", "cache"]
    """A shared look-up was begun by another request."""
    age: float | None
    """Seconds since the host was looked up before; None if it was not, and if that is shared."""


class AddressTry(NamedTuple):
    """One address that a socket was connected to, or should have been."""

    address: str
    start_ns: int
    end_ns: int
    failure: str | None
    """Why it was not used; None for the one that was."""


class CacheFacts(NamedTuple):
    """What the cache did for an attempt."""

    state: Literal["hit", "stale", "revalidated", "miss", "refused"]
    """'hit': a fresh stored response; 'stale': a stale one; 'revalidated': one that the origin has
    confirmed; 'miss': the origin's response; 'refused': none, since ``only-if-cached`` was asked
    for."""
    reason: str
    """Why, in words."""
    age: float | None = None
    """The age of the stored response in seconds; None for a miss."""


class ClosedBefore(NamedTuple):
    """How the connection ended that a new one replaces."""

    reason: str
    """The same as `TraceConnectionClosedParams.reason`."""
    call_site: str | None = None
    """The line of the program that caused it, as file, line and function; None if not known."""
    idle: float | None = None
    """Seconds for which it was idle then; None if it was in use."""


class _Slots:
    """The attributes that every attempt sets. They are slots because those are fastest to read."""

    __slots__ = (
        *("method", "trace", "served_before", "status", "head_sent"),
        *("start_ns", "send_ns", "sent_ns", "first_byte_ns", "head_ns", "end_ns", "idle_ns"),
        "last_data_ns",
        *("body_sent", "bytes_received", "body_received", "body_decoded"),
    )

    method: str
    trace: Trace | None
    served_before: int
    """How many requests its connection served before."""
    status: int
    head_sent: bytes
    start_ns: int
    send_ns: int
    sent_ns: int
    first_byte_ns: int
    head_ns: int
    end_ns: int
    last_data_ns: int
    idle_ns: int
    """Nanoseconds for which its connection was idle before."""
    body_sent: int
    bytes_received: int
    body_received: int
    body_decoded: int


class Record(_Slots):
    """One attempt: a request that is sent once. Class attributes are defaults that few attempts
    change."""

    attempt: int = 1
    previous: Record | None = None
    """The attempt before this one, of the same request."""
    why_not_reused: str | None = None
    retry_reason: str | None = None
    exception: BaseException | None = None
    expired: Callable[[], BaseException | None] | None = None
    """Returns the error of a step's timeout once it has fired; set while such a step runs."""
    marks: list[tuple[Phase, int]] | None = None
    """The phases entered before sending began, with times; None if an idle connection was used."""
    addresses_failed: tuple[tuple[str, str], ...] = ()
    """Addresses to which no connection was made, each with the reason."""
    queued: QueueFacts | None = None
    dns: DnsFacts | None = None
    addresses_tried: tuple[AddressTry, ...] = ()
    closed_before: ClosedBefore | None = None
    cache: CacheFacts | None = None
    """What the cache did; None without a cache."""
    pool_wait_ns: int = 0
    """How long it waited for a place in the pool."""
    continue_wait_ns: int = 0
    """How long the upload waited for 100 Continue."""
    blocked_ns: int = 0
    blocked_since_ns: int = 0
    """Since when the write buffer has not shrunk while the upload awaits `drain`; else 0."""
    providing_ns: int = 0
    """How long the upload waited for pieces of the body, which the program provides."""
    providing_since_ns: int = 0
    """Since when it waits for the next one; else 0."""
    framing_sent: int = 0
    """Bytes of the body's transfer coding that were sent."""
    sent_is_known: bool = True
    """Whether `sent_ns` is when the last byte left the kernel, or only when the kernel took it."""
    kernel: TcpInfo | None = None
    """The kernel's facts about the connection when the response began."""
    kernel_before: TcpInfo | None = None
    """The same when the kernel was asked the last time before that."""
    kernel_later: TcpInfo | None = None
    """The same when the kernel was asked the last time while the body came."""
    wait_late_ns: int = 0
    """How long the response's first bytes lay in the kernel before the event loop read them."""
    receive_late_ns: int = 0
    """How long later bytes, or the caller, waited for the event loop."""
    network_wait_ns: int = 0
    paused_ns: int = 0
    """How long reading was paused, because the caller had not taken what was received."""
    paused_since_ns: int = 0
    """Since when it is paused; else 0."""
    reason_phrase: str = ""
    timeline: Timeline | None = None
    """Set when it is first read after the call has ended: see `timeline_of`."""
    _address: str | None = None
    _tls: TlsFacts | None = None

    def __init__(self) -> None:
        self.method, self.trace, self.served_before, self.status, self.head_sent = (
            "",
            None,
            0,
            0,
            b"",
        )
        self.start_ns = self.send_ns = self.sent_ns = self.first_byte_ns = 0
        self.head_ns = self.end_ns = self.idle_ns = self.last_data_ns = 0
        self.body_sent = self.bytes_received = self.body_received = self.body_decoded = 0

    @property
    def reused(self) -> bool:
        """Whether its connection served requests before."""
        return self.served_before > 0

    @property
    def address(self) -> str | None:
        """The address and port of its connection's peer."""
        return self._address

    @address.setter
    def address(self, value: str | None) -> None:
        self._address = value

    @property
    def tls(self) -> TlsFacts | None:
        """The results of its connection's TLS handshake; None without TLS."""
        return self._tls

    @tls.setter
    def tls(self, value: TlsFacts | None) -> None:
        self._tls = value

    @property
    def min_rtt_ns(self) -> int | None:
        """The shortest round trip of its connection that the kernel has told."""
        return None if self.kernel is None else self.kernel.min_rtt_ns

    def loop_blocks(self) -> tuple[LoopBlock, ...]:
        """What held the event loop meanwhile, as far as `loop_lag` with a threshold has seen it."""
        return ()

    @property
    def proxy(self) -> URL | None:
        """The proxy that it uses, without credentials."""
        return None

    @property
    def opened_ns(self) -> int:
        """When its connection was opened."""
        return 0

    @property
    def requests_served(self) -> int:
        """How many requests its connection was used for, including this one."""
        return self.served_before + bool(self.send_ns)

    def error_for_caller(self, exc: BaseException) -> BaseException:
        """The error to record: the timeout's error if a timeout caused this CancelledError."""
        if self.expired is None or not isinstance(exc, CancelledError):
            return exc
        return self.expired() or exc

    def response_again(self, response_class: type[Any]) -> Any:
        """Another response object, if the first one no longer exists."""
        raise NotImplementedError

    def enter(self, phase: Phase, time_ns: int = 0) -> None:
        """Begin a phase; it lasts until the next one begins. `time_ns` 0 means now."""
        if self.marks is None:
            self.marks = []
        self.marks.append((phase, time_ns or perf_counter_ns()))

    def entries(self) -> Iterator[tuple[Phase, int]]:
        """Each phase that began, and when, in order."""
        yield "queue", self.start_ns
        yield from self.marks or ()
        if self.send_ns:
            yield "send", self.send_ns
        if self.sent_ns and not 0 < self.first_byte_ns < self.sent_ns:
            yield "wait", self.sent_ns
        if self.first_byte_ns:
            yield "receive", self.first_byte_ns

    @property
    def phase(self) -> Phase:
        """The current phase, or the last one if the attempt has ended."""
        *_, (phase, _since) = self.entries()
        return phase

    @property
    def consumer_ns(self) -> int:
        """Nanoseconds of receiving in which the response waited for the caller to read."""
        if not self.head_ns:
            return 0
        received_ns = (self.end_ns or perf_counter_ns()) - self.head_ns
        return max(0, received_ns - self.network_wait_ns - self.receive_late_ns)

    @property
    def request_id(self) -> int | None:
        """The request's number in this process; None for an idle connection."""
        return None

    @property
    def context_id(self) -> str | None:
        """The request id of the surrounding context (`httptrace.Context`), if there is one."""
        return None

    @property
    def url(self) -> URL:
        """The URL of the attempt."""
        raise NotImplementedError

    @property
    def connection_id(self) -> int | None:
        """The connection's number in this process; None before there is a connection."""
        return None

    @property
    def http_version(self) -> str:
        """The response's version of HTTP: '1.1' or '1.0'."""
        return "1.1"

    @property
    def reason(self) -> str:
        """The reason phrase of the response."""
        return self.reason_phrase

    @property
    def request_headers(self) -> CIMultiDict[str]:
        """The headers of the request; parsed when first read."""
        raise NotImplementedError

    @property
    def response_headers(self) -> CIMultiDictProxy[str]:
        """The headers of the response; parsed when first read."""
        raise NotImplementedError
