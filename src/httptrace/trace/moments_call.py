"""The moments of a call: start, end, redirects and retries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from .declare import Event, field
from .timeline import timeline_of

if TYPE_CHECKING:
    from multidict import CIMultiDict

    from ..response.response import ClientResponse
    from .timeline import Timeline


Outcome = Literal["completed", "failed", "cancelled", "dropped"]
"""How a request ended: body read whole; an error; cancelled; or let go before its body was read."""


class RequestEvent(Event):
    """A moment that shows the request as it is sent."""

    @property
    def headers(self) -> CIMultiDict[str]:
        """the request's headers; ``on_request_start`` may change them, no other moment"""
        return self.source.request_headers


class ResponseEvent(RequestEvent):
    """An event that tells a response."""

    @property
    def response(self) -> ClientResponse:
        """the response; an event does not keep it alive: once the program no longer has it, this is
        another object with the same status and headers, whose body may be gone"""
        response, *rest = self._fact[3]
        if not rest:
            return response  # type: ignore[no-any-return]
        present = response()
        return self.source.response_again(*rest) if present is None else present  # type: ignore[no-any-return]


class TraceRequestStartParams(
    RequestEvent, signal="on_request_start", group="call", span="request", edge="start"
):
    """A request begins: the first event of each.

    Nothing was sent, no connection was asked for, and the headers may still be changed.
    """


class TraceRequestEndParams(ResponseEvent, signal="on_request_end", group="call"):
    """The final response's head is in, redirects and middlewares included, and goes to the caller.

    Its body may still be arriving. Told at most once; ``on_request_exception`` never follows it.
    """


class TraceRequestExceptionParams(RequestEvent, signal="on_request_exception", group="call"):
    """The request failed or was cancelled before the caller had a response; its finish follows."""

    exception: BaseException = field(
        "what the caller will see; CancelledError if its task was cancelled"
    )
    phase: str = field(
        "the phase that it ended in: queue, dns, connect, tls, send, wait or receive"
    )
    timeout: str | None = field(
        "the limit of ClientTimeout that fired, such as 'total' or 'sock_read'; None if none"
    )


class TraceRequestFinishParams(
    RequestEvent, signal="on_request_finish", group="call", span="request", edge="end"
):
    """The request is over: the response came whole, or it failed, was cancelled or let go.

    Every request has exactly one of these, and nothing follows it.
    """

    outcome: Outcome = field(
        "completed, failed, cancelled or dropped (let go before its body was in)"
    )
    exception: BaseException | None = field("what failed or cancelled it; None otherwise")

    @property
    def timeline(self) -> Timeline:
        """where the time went, in seconds and nanoseconds, all attempts together"""
        return timeline_of(self.source)


class TraceRequestRedirectParams(ResponseEvent, signal="on_request_redirect", group="redirect"):
    """A redirect was received. It is followed unless it is one too many or leads nowhere.

    Told once for each, with the number of the attempt that it answers.
    """


class TraceRequestRetryParams(RequestEvent, signal="on_request_retry", group="redirect"):
    """The attempt is given up, and the request will be sent once more on another connection."""

    reason: str = field("why: 'stale connection' for a reused connection that had died")
    exception: BaseException | None = field("what the attempt failed with")
    delay: float = field("seconds until the next attempt; 0 for one that follows at once")
