"""`Record`: the clock readings and facts of one attempt; events and timelines read from it."""

from __future__ import annotations

from asyncio import CancelledError
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from multidict import CIMultiDict, CIMultiDictProxy
    from yarl import URL

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


class _Slots:
    """The attributes that every attempt sets. They are slots because those are fastest to read."""

    __slots__ = (
        *("method", "trace", "served_before", "status", "head_sent"),
        *("start_ns", "send_ns", "sent_ns", "first_byte_ns", "head_ns", "end_ns", "idle_ns"),
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
    blocked_ns: int = 0
    network_wait_ns: int = 0
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
        self.head_ns = self.end_ns = self.idle_ns = 0
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

    def enter(self, phase: Phase) -> None:
        """Begin a phase; it lasts until the next one begins."""
        if self.marks is None:
            self.marks = []
        self.marks.append((phase, perf_counter_ns()))

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
        return max(0, (self.end_ns or perf_counter_ns()) - self.head_ns - self.network_wait_ns)

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
