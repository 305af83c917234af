"""One call of a session, from its arguments to the last byte of its response.

`Call` is what ``session.get(…)`` returns: it can be awaited, used with ``async with``, and given to
``asyncio.create_task``. Its attributes describe the hop that is under way; redirects change them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator, Iterator
from itertools import count
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from multidict import CIMultiDictProxy

from ..errors import ClientResponseError, SocketTimeoutError, TotalTimeoutError
from ..headers.head import headers_in, version_of
from ..request_info import RequestInfo
from ..trace.awaitables import COMPLETED
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

_ids = count(1)
_OF_RESPONSES = frozenset(
    {
        *("charset", "closed", "connection", "content", "content_length", "content_type"),
        *("cookies", "get_encoding", "host", "json", "links", "ok", "raise_for_status"),
        *("raw_headers", "read", "real_url", "reason", "release", "sse", "status", "text"),
        *("timeline", "trailers", "version"),
        *("ping", "receive", "receive_bytes", "receive_json", "receive_str"),
        *("send_bytes", "send_json", "send_str"),
    }
)
"""Attributes of responses and WebSockets that a program may look for on a call."""
R = TypeVar("R", covariant=True)
"""What awaiting a call gives: a response, or a WebSocket."""


class Call(Coroutine[Any, Any, R], Generic[R]):
    """A request with its redirects and retries."""

    __slots__ = (  # what every call has and is read at every turn
        *("session", "core", "pool", "loop", "settings", "method", "request_id", "start_ns"),
        *("coroutine", "target", "headers", "head", "body", "payload", "trace", "exchange"),
        *("history", "task", "finished", "entered", "returned"),
        *("__dict__", "__weakref__"),
    )

    target: Target
    """Where the hop that is under way goes."""
    headers: CIMultiDict[str] | None
    """The hop's headers; None as long as nobody has looked at what `head` says."""
    head: bytes | None
    """The hop's head as bytes; None when it must be made (again)."""
    body: bytes
    payload: Payload | None
    trace: Trace | None
    exchange: Exchange
    """The attempt that is under way."""
    history: tuple[Any, ...]
    """The responses of the hops before."""
    task: asyncio.Task[Any] | None
    coroutine: Coroutine[Any, Any, R]

    # What few calls have: the class holds the defaults.
    chunked: bool = False
    expect100: bool = False
    compress: str | None = None
    closes: bool = False
    """The request's headers ask for the connection to be closed after the response."""
    skip_content_type: bool = False
    tunnel: bool = False
    """An HTTP proxy must not see the request, even if it is not encrypted."""
    upload_tracker: UploadProgress | None = None
    """The progress that the request's `UploadTracker` shows."""
    head_version: int = 0
    headers_before: CIMultiDict[str] | None = None
    """The hop's headers before its middlewares saw them."""
    own_cookies: Any = None
    """The request's ``cookies=``, for the origin that they were given for."""
    cookie_header: str = ""
    """The Cookie header that the request was given."""
    propagated: tuple[str, ...] = ()
    """Names of the headers that carry ids of the surrounding work."""
    context_id: str | None = None
    timeout_error: BaseException | None = None
    early: tuple[Outcome, BaseException | None] | None = None
    """How a middleware, a check or a listener ended the response before the caller had it."""
    cancelled: bool = False
    """A limit was reached and the task was cancelled for it."""
    cancelling: int = 0
    """How often the task had been cancelled before."""

    def __init__(self, session: Any, core: SessionCore, method: str) -> None:
        if core.pool is None:
            raise RuntimeError("Session is closed")
        self.session = session  # for callbacks alone
        self.core = core
        self.method = method
        self.loop = core.loop
        self.pool: Pool = core.pool
        self.settings = core.settings
        self.request_id = next(_ids)
        self.start_ns = perf_counter_ns()
        self.headers = self.head = self.payload = self.trace = self.task = None
        self.body = b""
        self.history = ()
        self.finished = self.entered = self.returned = False

    # --- what the caller does with it -------------------------------------------------------

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
        return self.let_go(exc)

    def send(self, value: Any) -> Any:
        """Run on, as a coroutine does."""
        return self.coroutine.send(value)

    def throw(self, *args: Any) -> Any:
        """Raise within, as in a coroutine."""
        return self.coroutine.throw(*args)

    def close(self) -> None:
        """End it, as a coroutine."""
        self.coroutine.close()

    # --- attempts -----------------------------------------------------------------------------

    @property
    def url(self) -> URL:
        """The hop's URL."""
        return self.target.url

    @property
    def request_headers(self) -> CIMultiDict[str]:
        """The hop's headers; made when first looked at."""
        if self.headers is None:
            assert self.head is not None
            self.headers = headers_in(self.head[:-4])
            self.head_version = version_of(self.headers)
        return self.headers

    @property
    def request_info(self) -> RequestInfo:
        """What was asked, for responses and errors."""
        url = self.target.url
        headers = CIMultiDictProxy(self.request_headers)
        return RequestInfo(url.with_fragment(None), self.method, headers, url)

    def new_exchange(self) -> Exchange:
        """The next time on the wire; its clock goes on where the last one's stopped.

        Raises
        ------
        TotalTimeoutError, SocketTimeoutError
            If a limit was reached at the moment when the last one ended.
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
        if first_ns := self.settings.first_limit_ns:  # nobody has looked at the call in between
            self.pool.deadlines.arm(max(perf_counter_ns(), self.start_ns + first_ns))
        return exchange

    def malformed(self, message: str) -> ClientResponseError:
        """The server's answer is no HTTP."""
        return ClientResponseError(
            self.request_info, self.history, status=400, message=f"Bad HTTP response: {message}"
        )

    # --- how it ends --------------------------------------------------------------------------

    def let_go(self, exc: BaseException | None = None) -> Any:
        """The caller is done with the response, read or not; returns what is left to await."""
        if self.finished:
            return COMPLETED
        if self.exchange.complete:
            return self.finish("completed")
        self.abandon("unread body")
        if isinstance(exc, asyncio.CancelledError):
            return self.finish("cancelled", exc)
        if self.timeout_error is not None:
            return self.finish("failed", self.timeout_error)
        return self.finish("dropped")

    def abandon(self, reason: str, error: Exception | None = None) -> None:
        """Nothing more is wanted of the attempt under way."""
        if self.finished:
            return
        exchange = self.exchange
        exchange.let_go = True
        exchange.end_ns = exchange.end_ns or perf_counter_ns()
        if self.upload_tracker is not None:
            self.upload_tracker.freeze()
        if exchange.upload is not None:
            exchange.upload.cancel()
        if exchange.connection is not None and not exchange.complete:
            self.pool.discard(exchange.connection, exchange, reason, error)

    def finish(self, outcome: Outcome, exc: BaseException | None = None) -> Any:
        """The terminal moment, once; returns what is left to await.

        As long as the caller has no response, the call goes on: it ends when he gets it.
        """
        if not self.returned:
            self.early = (outcome, exc)
        elif self._end(outcome, exc) and self.trace is not None:
            return self.trace.flush()
        return COMPLETED

    def finish_soon(self) -> None:
        """Let the response go from where nothing can be awaited."""
        if self.finished:
            return
        complete = self.exchange.complete
        outcome: Outcome = "completed" if complete else "dropped"
        if not complete:
            self.abandon("unread body")
        if not self.returned:
            self.early = (outcome, None)
        elif self._end(outcome, None) and self.trace is not None:
            self.trace.flush_soon(self.core.spawn)

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
            self.history = ()  # events that are kept must not keep the responses of redirects
        del self.exchange  # which knows the call: no circle is left for the collector
        return True

    def may_end(self) -> bool:
        """The caller gets the response now: end the call if that is all; whether it is over.

        It is if the body came with the head and nothing can go wrong with it any more.
        """
        self.returned = True
        if self.cancelled:  # and somebody caught that
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

    def await_outside(self) -> None:
        """Something is awaited that is not the connection: limits must find the call there."""
        self.task = task = asyncio.current_task(self.loop)
        if task is not None and (cancelling := task.cancelling()) != self.cancelling:
            self.cancelling = cancelling
        self.pool.unconnected.add(self)

    def close_payload(self, payload: Payload) -> None:
        """Close what the body was read from, once it no longer is."""
        from ..body.payload_base import needs_close

        upload = self.exchange.upload
        if not needs_close(payload):
            return
        if upload is None or upload.done():
            self.core.spawn(payload.close())
        else:  # which still reads from it
            upload.add_done_callback(lambda _: self.core.spawn(payload.close()))

    def seen(self, exc: BaseException) -> BaseException:
        """What the caller will see of an error: the timeout, if it is what cancelled the task."""
        if self.cancelled and self._uncancel() and isinstance(exc, asyncio.CancelledError):
            return self.timeout_error or exc
        return exc

    def _uncancel(self) -> bool:
        """Take the cancellation for a limit back; whether nobody else has cancelled the task.

        It must not be left if somebody caught it: what the task does next would be misled.
        """
        self.cancelled = False
        return self.task is not None and self.task.uncancel() <= self.cancelling

    async def fail(self, exc: BaseException) -> None:
        """The request ended before the head of its final response was in: tell and tidy up."""
        if self.finished:  # a listener raised when it heard of the end
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
            trace.flush_soon(self.core.spawn)

    # --- its deadlines ------------------------------------------------------------------------

    def _limits_ns(self, now_ns: int) -> Iterator[tuple[int, str, float]]:
        """When each limit that holds for the whole call will be reached, its name, and itself."""
        timeout, exchange = self.settings.timeout, self.exchange
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

    def overdue(self, now_ns: int) -> int:
        """A limit may be reached: act, or tell when to look again; 0 means never."""
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
