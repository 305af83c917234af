"""The events of a call: start, end, redirects and retries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from .declare import Event, field
from .timeline import timeline_of

if TYPE_CHECKING:
    from multidict import CIMultiDict

    from ..response.response import ClientResponse
    from .timeline import Timeline


Outcome = Literal["completed", "failed", "cancelled", "dropped"]
"""How a request ended: see `TraceRequestFinishParams.outcome`."""


class RequestEvent(Event):
    """An event that has the headers of the request."""

    @property
    def headers(self) -> CIMultiDict[str]:
        """the request's headers; callbacks of ``on_request_start`` may change them, no others"""
        return self._record.request_headers


class ResponseEvent(RequestEvent):
    """An event that has a response."""

    @property
    def response(self) -> ClientResponse:
        """the response; the event has a weak reference: if the object no longer exists, this is
        another one with the same status and headers, whose body may be missing"""
        response, *rest = self._fact[3]
        if not rest:
            return response  # type: ignore[no-any-return]
        present = response()
        return self._record.response_again(*rest) if present is None else present  # type: ignore[no-any-return]


class TraceRequestStartParams(
    RequestEvent, signal="on_request_start", group="call", span="request", edge="start"
):
    """A request begins. This is its first event.

    Nothing was sent and no connection was requested. The headers may still be changed.
    """


class TraceRequestEndParams(ResponseEvent, signal="on_request_end", group="call"):
    """The head of the final response arrived: redirects and middlewares are done.

    The caller gets the response next; its body may still be arriving. A request has this event at
    most once, and ``on_request_exception`` never follows it.
    """


class TraceRequestExceptionParams(RequestEvent, signal="on_request_exception", group="call"):
    """The request failed or was cancelled before the caller got a response.

    ``on_request_finish`` follows. After an error that follows ``on_request_end``, there is only
    ``on_request_finish``.
    """

    exception: BaseException = field(
        "the exception that is raised to the caller; CancelledError if its task was cancelled"
    )
    phase: str = field(
        "the phase in which it ended: queue, dns, connect, tls, send, wait or receive"
    )
    timeout: str | None = field(
        "the field of ClientTimeout whose limit was exceeded, such as 'total'; None if none was"
    )


class TraceRequestFinishParams(
    RequestEvent, signal="on_request_finish", group="call", span="request", edge="end"
):
    """The request has ended: it completed, failed, was cancelled or was dropped.

    Every request has exactly one of these events, and it is the last one.
    """

    outcome: Outcome = field(
        "completed, failed, cancelled or dropped (released before the whole body arrived)"
    )
    exception: BaseException | None = field(
        "the exception of a failed or cancelled request; otherwise None"
    )

    @property
    def timeline(self) -> Timeline:
        """where the time went, over all attempts"""
        return timeline_of(self._record)


class TraceRequestRedirectParams(ResponseEvent, signal="on_request_redirect", group="redirect"):
    """A redirect was received.

    It is followed, unless ``max_redirects`` is reached or its target cannot be used. `attempt` is
    that of the redirected request.
    """


class TraceRequestRetryParams(RequestEvent, signal="on_request_retry", group="redirect"):
    """The attempt failed, and the request will be sent again on another connection."""

    reason: str = field(
        "the reason: 'stale connection' if the server had closed a reused connection"
    )
    exception: BaseException | None = field("the exception of the attempt")
    delay: float = field("seconds until the next attempt")
