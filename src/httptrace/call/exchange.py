"""One attempt to send a request: what is recorded of it, and the response while it arrives.

The connection's parser stores received data here and wakes the caller, which takes the data.
"""

from __future__ import annotations

import asyncio
import sys
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDictProxy

from ..headers.head import fields_of, headers_in, headers_of, reason_of, received_headers
from ..trace.record import Record
from .kept import facts_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from multidict import CIMultiDict
    from yarl import URL

    from ..headers.head import RawHeaders
    from ..trace.loop_lag import LoopBlock
    from ..trace.record import TlsFacts
    from .call import Call
    from .connection import Connection, Upgraded
    from .kept import UnreadBody
    from .target import Target


class Exchange(Record):
    """One attempt to send a request, and its response."""

    __slots__ = (
        *("call", "target", "connection", "chunks", "taken", "head", "has_cookies", "encoded"),
        *("waiter", "waits_for_end", "waiting_since_ns", "queue_number"),
        *("dropped", "complete", "error", "continued", "on_complete"),
    )

    call: Call[Any]
    target: Target
    connection: Connection | None
    chunks: list[bytes]
    """Pieces of the body that the caller has not taken. An empty piece marks the end of a chunk."""
    taken: int
    head: bytes | None
    """The bytes of the response's head if the fast parser read it; parsed on first access."""
    has_cookies: bool
    encoded: bool
    """Whether the response has a Content-Encoding."""
    waiter: asyncio.Future[None] | None
    """The future that the caller awaits, for the head, more of the body, or the body's end."""
    waits_for_end: bool
    waiting_since_ns: int
    dropped: bool
    """Whether the rest of the response is discarded."""
    complete: bool
    """Whether the response was received completely."""
    error: BaseException | None
    """The error that ended the response early; raised when the caller reads on."""
    continued: asyncio.Future[bool] | None
    """The future of an upload that waits for 100 Continue; its result is whether to send."""
    on_complete: list[Callable[[], None]] | None
    """Called with ``loop.call_soon`` once the response was received completely."""

    queue_number: int
    """The number of the request's last ticket in the pool's queues; 0 if it had none."""

    # Attributes that few exchanges set: the class holds the defaults.
    ticket: Any = None
    """The ticket with which the request waits in a queue although it holds a connection."""
    is_past: bool = False
    """Whether the call has begun another attempt."""
    version_received: str = "1.1"
    raw_trailers: RawHeaders | None = None
    upload: asyncio.Task[None] | None = None
    unsent: int = 0
    """The size of the transport's write buffer when it was last checked."""
    unread_ns: int = 0
    """How long the data of the current wait lay in the kernel before the loop read it."""
    unread: UnreadBody | None = None
    """Drops `chunks` with the response, if kept events may refer to the exchange."""
    left_at: str | None = None
    """Where the program let the response go before its body was read."""
    upgraded: Upgraded | None = None
    """What the connection became after a 101 that the program has asked for."""
    at_end: Callable[[], None] | None = None
    """Called at once when the response was received completely, in the same turn.
    It is looked at only if `on_complete` is a list."""
    _headers_sent: CIMultiDict[str] | None = None
    _raw_headers: RawHeaders | None = None
    _response_headers: CIMultiDictProxy[str] | None = None

    def __init__(self, call: Call[Any], start_ns: int) -> None:
        # not super().__init__(): this runs for every request and must be fast
        self.call = call
        self.target = call.target
        self.method = call.method
        self.trace = None
        self.start_ns = start_ns
        self.chunks = []
        self.connection = self.head = self.waiter = self.error = self.continued = None
        self.on_complete = None
        self.has_cookies = self.encoded = self.waits_for_end = self.dropped = self.complete = False
        self.send_ns = self.sent_ns = self.first_byte_ns = self.head_ns = self.end_ns = 0
        self.idle_ns = self.waiting_since_ns = self.last_data_ns = 0
        self.body_sent = self.bytes_received = self.body_received = self.body_decoded = 0
        self.status = self.taken = self.served_before = self.queue_number = 0
        self.head_sent = b""

    @property
    def address(self) -> str | None:
        """The address and port of the connection's peer."""
        return self._address if self.connection is None else self.connection.address

    @address.setter
    def address(self, value: str | None) -> None:
        self._address = value

    @property
    def tls(self) -> TlsFacts | None:
        """The result of the connection's TLS handshake."""
        return self._tls if self.connection is None else self.connection.tls

    @tls.setter
    def tls(self, value: TlsFacts | None) -> None:
        self._tls = value

    @property
    def min_rtt_ns(self) -> int | None:
        """The shortest round trip of the connection that the kernel has told."""
        kernel = self.kernel if self.connection is None else self.connection.kernel
        return None if kernel is None else kernel.min_rtt_ns

    def loop_blocks(self) -> tuple[LoopBlock, ...]:
        """What held the event loop meanwhile, as far as `loop_lag` with a threshold has seen it."""
        if "httptrace.trace.loop_lag" not in sys.modules:  # nobody has watched
            return ()
        from ..trace.loop_lag import blocks_during

        return blocks_during(self.call.loop, self.start_ns, self.end_ns or perf_counter_ns())

    @property
    def request_id(self) -> int:
        """The request's number in this process."""
        return self.call.request_id

    @property
    def context_id(self) -> str | None:
        """The id of the context that made the request."""
        return self.call.context_id

    @property
    def url(self) -> URL:
        """The URL of the attempt."""
        return self.target.url

    @property
    def proxy(self) -> URL | None:
        """The proxy's URL, without credentials."""
        return self.target.key.proxy

    @property
    def connection_id(self) -> int | None:
        """The connection's number in this process; None before there is a connection."""
        return None if self.connection is None else self.connection.id

    @property
    def opened_ns(self) -> int:
        """When the connection was opened."""
        return 0 if self.connection is None else self.connection.opened_ns

    @property
    def request_headers(self) -> CIMultiDict[str]:
        """The headers of the request, parsed on first access.

        For an earlier attempt they are the headers that it sent.
        """
        if not (self.is_past and self.head_sent):
            return self.call.request_headers
        if self._headers_sent is None:
            self._headers_sent = headers_in(self.head_sent[:-4])
        return self._headers_sent

    @property
    def raw_headers(self) -> RawHeaders:
        """The header fields of the response as bytes."""
        if self._raw_headers is None:
            self._raw_headers = [] if self.head is None else fields_of(self.head)
        return self._raw_headers

    @raw_headers.setter
    def raw_headers(self, fields: RawHeaders) -> None:
        self._raw_headers = fields

    @property
    def http_version(self) -> str:
        """The HTTP version of the response: '1.1' or '1.0'."""
        return self.version_received if self.head is None else self.head[5:8].decode("ascii")

    @property
    def reason(self) -> str:
        """The reason phrase."""
        if self.head is None:
            return self.reason_phrase
        return reason_of(self.head.split(b"\r\n", 1)[0][13:])

    @property
    def response_headers(self) -> CIMultiDictProxy[str]:
        """The headers of the response, parsed on first access."""
        if self._response_headers is None:
            if self.head is None:
                self._response_headers = headers_of(self.raw_headers)
            else:
                self._response_headers = received_headers(self.head)
        return self._response_headers

    def keep_facts(self) -> None:
        """The call has ended: kept events refer to its exchanges, which let the connection go."""
        connection: Any = self.connection
        if connection is not None and self.upgraded is None:
            kept: Any = connection.facts or facts_of(connection)
            self.connection = kept

    def response_again(self, response_class: type[Any]) -> Any:
        """Another response object, for an event that is kept longer than the first one."""
        return response_class._received(self.call, self)

    async def wait(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for the head, for more of the body, or with `waits_for_end` for the body's end.

        Raises
        ------
        RuntimeError
            If another task waits already.
        """
        if self.waiter is not None:
            raise RuntimeError("Another task already waits for this response")
        self.waiter = waiter = loop.create_future()
        self.waiting_since_ns = perf_counter_ns()
        try:
            await waiter
        finally:
            self.waiter = None
            if self.head_ns:
                self._count_wait(self.end_ns or perf_counter_ns())

    def _count_wait(self, until_ns: int) -> None:
        """Split a wait of the reader: for the network until data came, then for the loop."""
        since_ns = max(self.waiting_since_ns, self.head_ns)
        arrived_ns = self.last_data_ns
        ended_by_data = self.complete or not self.waits_for_end
        if not ended_by_data or not since_ns < arrived_ns < until_ns:
            arrived_ns = max(since_ns, until_ns)
        late_ns = min(self.unread_ns, arrived_ns - since_ns)
        self.unread_ns = 0
        self.network_wait_ns += arrived_ns - since_ns - late_ns
        self.receive_late_ns += late_ns + max(0, until_ns - arrived_ns)

    def silent_since(self, now_ns: int) -> int:
        """Since when the server has sent nothing, for the timeout `sock_read`.

        While the request is being sent, it is since when the server has received nothing.
        """
        if self.sent_ns or self.first_byte_ns:
            return max(self.last_data_ns, self.waiting_since_ns, self.sent_ns)
        unsent = 0 if self.connection is None else self.connection.unsent()
        if self.blocked_since_ns and unsent != self.unsent:
            self.blocked_since_ns, self.unsent = now_ns, unsent
        return self.blocked_since_ns or now_ns

    def error_for_caller(self, exc: BaseException) -> BaseException:
        """The error to record: the timeout's error if a timeout caused this CancelledError."""
        if not isinstance(exc, asyncio.CancelledError):
            return exc
        told = None if self.expired is None else self.expired()
        if told is None and self.call.cancelled:
            told = self.call.timeout_error
        return told or exc

    def wake(self) -> None:
        """Wake the caller if it waits."""
        waiter = self.waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def fail(self, error: BaseException) -> None:
        """End the response with an error."""
        if self.complete or self.error is not None:
            return
        self.error = error
        self.end_ns = self.end_ns or perf_counter_ns()
        waiter = self.waiter
        if waiter is not None and not waiter.done():
            if self.head_ns:  # the reader gets the received data first, then the error
                waiter.set_result(None)
            else:
                waiter.set_exception(error)
        if self.continued is not None and not self.continued.done():
            self.continued.set_result(False)

    def take(self) -> bytes:
        """Take the received data of the body, and resume reading."""
        chunks = self.chunks
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self.taken += len(data)
        if self.connection is not None:
            self.connection.resume_reading()
        return data
