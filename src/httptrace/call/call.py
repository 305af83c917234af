"""One request of a session, from its arguments to the last byte of its response.

``session.get(…)`` returns a `Call`: it can be awaited, used with ``async with``, and passed to
``asyncio.create_task``. A hop is the request to one URL: each redirect begins a new hop. The
attributes of a call describe its current hop. An `Exchange` is one attempt to send a hop's request.
"""

from __future__ import annotations

import asyncio
from asyncio import current_task
from collections.abc import Coroutine, Generator, Iterator
from itertools import count
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from multidict import CIMultiDictProxy

from ..errors import ClientResponseError, SocketTimeoutError, TotalTimeoutError
from ..headers.head import headers_in, version_of
from ..request_info import RequestInfo
from ..trace.awaitables import COMPLETED
from ..trace.call_site import call_site
from ..trace.events import TraceRequestFinishParams
from ..trace.timeline import attach_timeline
from .exchange import Exchange

if TYPE_CHECKING:
    from types import TracebackType

    from multidict import CIMultiDict
    from yarl import URL

    from ..body.payload import Payload
    from ..body.upload_progress import UploadProgress
    from ..trace.events import Outcome
    from ..trace.traces import Trace
    from .core import SessionCore
    from .pool import Pool
    from .target import Target

next_request_id = count(1).__next__
_OF_RESPONSES = frozenset(
    {
        *("cache", "charset", "closed", "connection", "content", "content_length"),
        *("content_type", "from_cache"),
        *("cookies", "get_encoding", "host", "json", "links", "ok", "raise_for_status"),
        *("raw_headers", "read", "real_url", "reason", "release", "server_timing", "sse", "status"),
        "text",
        *("content_disposition", "timeline", "trailers", "version", "wait_for_close"),
        *("close_code", "exception", "get_extra_info", "ping", "pong", "protocol", "receive"),
        *("receive_bytes", "receive_json", "receive_str", "send_bytes", "send_frame"),
        *("send_json", "send_json_bytes", "send_str"),
    }
)
"""Attributes of responses and WebSockets that a program may look for on a call."""
R = TypeVar("R", covariant=True)
"""The result of awaiting a call: a response or a WebSocket."""


class Call(Coroutine[Any, Any, R], Generic[R]):
    """A request with its redirects and retries."""

    __slots__ = (  # set or read for every request: faster than `__dict__`
        *("session", "core", "pool", "loop", "settings", "method", "request_id", "start_ns"),
        *("coroutine", "target", "headers", "head", "body", "payload", "trace", "exchange"),
        *("history", "task", "finished", "entered", "returned", "cancelled", "closes", "early"),
        *("__dict__", "__weakref__"),
    )

    target: Target
    """The URL and the origin of the current hop."""
    headers: CIMultiDict[str] | None
    """The hop's headers; None until `request_headers` parses them from `head`."""
    head: bytes | None
    """The hop's request line and headers as bytes; None if they must be serialized (again)."""
    body: bytes
    payload: Payload | None
    trace: Trace | None
    exchange: Exchange
    """The current attempt."""
    history: tuple[Any, ...]
    """The responses of the earlier hops."""
    task: asyncio.Task[Any] | None
    coroutine: Coroutine[Any, Any, R]
    closes: bool
    """Whether the request has ``Connection: close``."""
    early: tuple[Outcome, BaseException | None] | None
    """How the response ended, if it ended before the caller received it."""
    cancelled: bool
    """Whether the task was cancelled because a timeout expired."""

    # Attributes that few calls set: the class holds the defaults.
    chunked: bool = False
    expect100: bool = False
    compress: str | None = None
    skip_content_type: bool = False
    tunnel: bool = False
    """Whether to send CONNECT to an HTTP proxy even if the URL is not https."""
    made_request: Any = None
    """The hop's `ClientRequest`, if its class overrides what is called."""
    upload_tracker: UploadProgress | None = None
    """The progress that the request's `UploadTracker` shows."""
    head_version: int = 0
    headers_before: CIMultiDict[str] | None = None
    """A copy of the hop's headers from before its middlewares ran."""
    own_cookies: Any = None
    """The ``cookies=`` of the request; dropped by a redirect to another origin."""
    cookie_header: str = ""
    """The Cookie header in the request's ``headers=``."""
    propagated: tuple[str, ...] = ()
    """Names of the headers with propagated ids."""
    context_id: str | None = None
    timeout_error: BaseException | None = None
    cancelling: int = 0
    """``task.cancelling()`` from before the timeout."""

    def __init__(self, session: Any, core: SessionCore, method: str) -> None:
        if core.pool is None:
            raise RuntimeError("Session is closed")
        self.session = session  # for callbacks alone
        self.core = core
        self.method = method
        self.loop = core.loop
        self.pool: Pool = core.pool
        self.settings = core.settings
        self.request_id = next_request_id()
        self.start_ns = perf_counter_ns()
        self.headers = self.head = self.payload = self.trace = self.task = self.early = None
        self.body = b""
        self.history = ()
        self.finished = self.entered = self.returned = self.cancelled = self.closes = False

    # --- the interface for the caller ---------------------------------------------------------

    def __await__(self) -> Generator[Any, Any, R]:
        return self.coroutine.__await__()

    def __aenter__(self) -> Coroutine[Any, Any, R]:
        self.entered = True
        return self.coroutine

    def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> Any:
        if self.finished:
            return COMPLETED
        return self.drop_response(exc)

    def send(self, value: Any) -> Any:
        """Resume the coroutine."""
        return self.coroutine.send(value)

    def throw(self, *args: Any) -> Any:
        """Raise an exception inside of the coroutine."""
        return self.coroutine.throw(*args)

    def close(self) -> None:
        """Close the coroutine."""
        self.coroutine.close()

    # --- attempts -----------------------------------------------------------------------------

    @property
    def url(self) -> URL:
        """The hop's URL."""
        return self.target.url

    @property
    def request_headers(self) -> CIMultiDict[str]:
        """The hop's headers, parsed on first access."""
        if self.headers is None:
            assert self.head is not None
            self.headers = headers_in(self.head[:-4])
            self.head_version = version_of(self.headers)
        return self.headers

    @property
    def request_info(self) -> RequestInfo:
        """The method, URL and headers, for responses and errors."""
        url = self.target.url
        headers = CIMultiDictProxy(self.request_headers)
        return RequestInfo(url.with_fragment(None), self.method, headers, url)

    def new_exchange(self) -> Exchange:
        """Begin the next attempt. It starts when the previous attempt ended.

        Raises
        ------
        TotalTimeoutError, SocketTimeoutError
            If a timeout expired before.
        """
        if self.timeout_error is not None:
            raise self.timeout_error
        previous = self.exchange
        if not previous.complete:
            self.abandon("unread body")
        previous.is_past, self.early = True, None
        exchange = Exchange(self, previous.end_ns or perf_counter_ns())
        exchange.previous, exchange.attempt = previous, previous.attempt + 1
        exchange.trace = previous.trace
        self.exchange = exchange
        if first_ns := self.settings.first_limit_ns:  # no timer watched the call in between
            self.pool.deadlines.arm(max(perf_counter_ns(), self.start_ns + first_ns))
        return exchange

    def malformed(self, message: str) -> ClientResponseError:
        """The error for a response that the parser rejected."""
        return ClientResponseError(
            self.request_info, self.history, status=400, message=f"Bad HTTP response: {message}"
        )

    # --- the end of the call ------------------------------------------------------------------

    def drop_response(self, exc: BaseException | None = None) -> Any:
        """End the call, whether its response was read or not. The caller awaits the result."""
        if self.finished:
            return COMPLETED
        if self.exchange.complete:
            return self.finish("completed")
        outcome = self._leave()
        if isinstance(exc, asyncio.CancelledError):
            return self.finish("cancelled", exc)
        if self.timeout_error is not None:
            return self.finish("failed", self.timeout_error)
        return self.finish(outcome)

    def _leave(self) -> Outcome:
        """The caller wants no more of the response, or of the connection after a 101."""
        exchange = self.exchange
        if exchange.complete:
            return "completed"
        if exchange.upgraded is None:
            exchange.left_at = call_site()
            self.abandon("unread body")
            return "dropped"
        exchange.dropped = True
        exchange.upgraded.leave()
        return "completed"

    def abandon(self, reason: str, error: Exception | None = None) -> None:
        """Stop the current attempt: cancel its upload and close its connection."""
        if self.finished:
            return
        exchange = self.exchange
        exchange.dropped = True
        exchange.end_ns = exchange.end_ns or perf_counter_ns()
        if self.upload_tracker is not None:
            self.upload_tracker.freeze()
        if exchange.upload is not None:
            exchange.upload.cancel()
        if exchange.connection is not None and not exchange.complete:
            self.pool.discard(exchange.connection, exchange, reason, error)

    def finish(self, outcome: Outcome, exc: BaseException | None = None) -> Any:
        """End the call once and emit its last event. The caller awaits the result.

        Before the caller has received the response, the outcome is stored in `early`, and
        `finish_if_complete` ends the call.
        """
        if not self.returned:
            self.early = (outcome, exc)
        elif self._end(outcome, exc) and self.trace is not None:
            return self.trace.flush()
        return COMPLETED

    def finish_nowait(self, error: BaseException | None = None) -> None:
        """Like `drop_response`, for callers that cannot await, or have an error."""
        if self.finished:
            return
        outcome: Outcome = "failed" if error is not None else self._leave()
        if not self.returned:
            self.early = (outcome, error)
        elif self._end(outcome, error) and self.trace is not None:
            self.trace.flush_soon(self.core.create_task)

    def _end(self, outcome: Outcome, exc: BaseException | None) -> bool:
        if self.finished:
            return False
        self.finished = True
        self.pool.unconnected.discard(self)
        if self.payload is not None:
            self.close_payload(self.payload)
        if self.upload_tracker is not None:
            self.upload_tracker.end(exc)
        if exc is not None:
            self.exchange.exception = exc
            attach_timeline(exc, self.exchange)
        if self.trace is not None:
            self.trace.note(TraceRequestFinishParams, self.exchange, 0, outcome, exc)
            self._keep_facts()
        del self.exchange  # it refers to the call: this breaks the reference cycle
        return True

    def _keep_facts(self) -> None:
        """Events refer to the exchanges: let go what kept events must not keep."""
        self.history, self.body = (), b""
        exchange: Any = self.exchange
        if exchange.upload is None or exchange.upload.done():
            self.payload = None
        if exchange.dropped:
            exchange.chunks.clear()
        while exchange is not None:
            exchange.keep_facts()
            exchange = exchange.previous

    def finish_if_complete(self) -> bool:
        """The caller receives the response now. Returns whether the call has ended.

        It ends here if the whole body has arrived, or if the response has ended before.
        """
        self.returned = True
        if self.cancelled:  # and the program caught the CancelledError
            self._uncancel()
        if self.finished:
            return True
        exchange = self.exchange
        if self.early is not None:
            self._end(*self.early)
        elif exchange.complete and (self.trace is None or not exchange.encoded):
            if self.trace is None and self.task is None and self.payload is None:
                self.finished = True
                del self.exchange
            else:
                self._end("completed", None)
        return self.finished

    def watch_task(self) -> None:
        """Let timeouts apply while the task awaits something other than a connection."""
        self.task = task = current_task(self.loop)
        if task is not None and (cancelling := task.cancelling()) != self.cancelling:
            self.cancelling = cancelling
        self.pool.unconnected.add(self)

    def close_payload(self, payload: Payload) -> None:
        """Close the payload, after the upload that reads it has ended."""
        from ..body.payload_base import needs_close

        upload = self.exchange.upload
        if not needs_close(payload):
            return
        if upload is None or upload.done():
            self.core.create_task(payload.close())
        else:  # the upload still reads the payload
            upload.add_done_callback(lambda _: self.core.create_task(payload.close()))

    def error_for_caller(self, exc: BaseException) -> BaseException:
        """The error to raise: the timeout's error if a timeout caused this CancelledError."""
        if self.cancelled and self._uncancel() and isinstance(exc, asyncio.CancelledError):
            return self.timeout_error or exc
        return exc

    def _uncancel(self) -> bool:
        """Undo the timeout's cancellation. Returns whether nobody else has cancelled the task.

        If the program caught the CancelledError, the task must not count as cancelled any more.
        """
        self.cancelled = False
        return self.task is not None and self.task.uncancel() <= self.cancelling

    async def fail(self, exc: BaseException) -> None:
        """End a call that raises `exc` and returns no response."""
        if self.finished:  # a listener raised while it handled the last event
            return
        self.returned = True
        exchange, trace = self.exchange, self.trace
        phase = exchange.phase
        cancelled = isinstance(exc, asyncio.CancelledError | GeneratorExit)
        self.abandon("cancelled" if cancelled else "error")
        if trace is not None:
            limit = getattr(self.timeout_error or exc, "timeout", None)
            trace.note_exception(exchange, exc, phase, limit)
        if not isinstance(exc, GeneratorExit):
            await self.finish("cancelled" if cancelled else "failed", exc)
        elif self._end("cancelled", exc) and trace is not None:  # `close`: nothing can be awaited
            trace.flush_soon(self.core.create_task)

    # --- timeouts -----------------------------------------------------------------------------

    def _limits_ns(self, now_ns: int) -> Iterator[tuple[int, str, float]]:
        """When each timeout of the call expires, its name and its seconds."""
        timeout, exchange = self.settings.timeout, self.exchange
        if exchange.upgraded is not None and self.returned:
            return  # what the program does on the connection has no limits
        if timeout.total:
            yield self.start_ns + self.settings.total_ns, "total", timeout.total
        if timeout.sock_read:
            silent_since_ns = now_ns
            if exchange.waiter is not None:
                silent_since_ns = exchange.silent_since(now_ns)
            yield silent_since_ns + int(timeout.sock_read * 1e9), "sock_read", timeout.sock_read
        if timeout.response_headers and not exchange.head_ns:
            since_ns = exchange.sent_ns or now_ns
            limit = timeout.response_headers
            yield since_ns + int(limit * 1e9), "response_headers", limit

    def check_limits(self, now_ns: int) -> int:
        """Fail the call if a timeout has expired. Returns when to check again; 0 means never."""
        if self.finished or self.timeout_error is not None:
            return 0
        limits = min(self._limits_ns(now_ns), default=None)
        if limits is None:
            return 0
        due_ns, name, limit = limits
        if due_ns > now_ns:
            return due_ns
        error = TotalTimeoutError() if name == "total" else SocketTimeoutError()
        self._expire(error, name, limit, now_ns)
        return 0

    def _expire(self, error: Any, name: str, limit: float, now_ns: int) -> None:
        exchange = self.exchange
        elapsed = (now_ns - self.start_ns) / 1e9
        error.phase, error.limit, error.elapsed = exchange.phase, limit, elapsed
        error.timeout = name
        said = "no data arrived for" if name == "sock_read" else "not done within"
        error.args = (f"Timeout in phase {exchange.phase}: {said} {limit} s ({name})",)
        self.timeout_error = error
        waited_for = exchange.waiter is not None
        self.abandon("timeout", error)
        exchange.fail(error)
        if not waited_for and self.task is not None:
            self.cancelled = True
            self.task.cancel()


def _missing(name: str) -> property:
    """An attribute that a call does not have, and that its response has."""

    def get(call: Call[Any]) -> Any:
        text = (
            f"'Call' object has no attribute {name!r}: await the request first, "
            "or use it with 'async with'"
        )
        raise AttributeError(text, name=name, obj=call)

    return property(get)


# Properties, since a ``__getattr__`` would slow every attribute down.
for _name in sorted(_OF_RESPONSES):
    setattr(Call, _name, _missing(_name))
