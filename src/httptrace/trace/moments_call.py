"""The moments of a call: start, end, redirects and retries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from .declare import Event, field
from .timeline import Timeline

if TYPE_CHECKING:
    from multidict import CIMultiDict

    from ..response import ClientResponse


Outcome = Literal["completed", "failed", "cancelled", "dropped"]
"""How a request ended: body read whole; an error; cancelled; or let go before its body was read."""


class RequestEvent(Event):
    """A moment that shows the request as it is sent."""

    @property
    def headers(self) -> CIMultiDict[str]:
        """the request's headers; ``on_request_start`` may change them"""
        return self.source.request_headers


class TraceRequestStartParams(
    RequestEvent, signal="on_request_start", group="call", span="request", edge="start"
):
    """A request begins. Nothing was sent; its headers may still be changed."""


class TraceRequestEndParams(RequestEvent, signal="on_request_end", group="call"):
    """The final response's head is in, redirects included; its body may still be on its way."""

    response: ClientResponse = field("the response that the caller gets")


class TraceRequestExceptionParams(RequestEvent, signal="on_request_exception", group="call"):
    """The request failed or was cancelled before the final response's head was in."""

    exception: BaseException = field("what the caller will see")
    phase: str = field("the phase it happened in: queue, dns, connect, tls, send, wait or receive")
    timeout: str | None = field("which limit of ClientTimeout fired, if one did")


class TraceRequestFinishParams(
    RequestEvent, signal="on_request_finish", group="call", span="request", edge="end"
):
    """The request is over; nothing follows. Every request has exactly one of these."""

    outcome: Outcome = field("completed, failed, cancelled or dropped (let go before it was read)")
    exception: BaseException | None = field("what failed or cancelled it")

    @property
    def timeline(self) -> Timeline:
        """where the time went, all attempts together"""
        return Timeline(self.source)


class TraceRequestRedirectParams(RequestEvent, signal="on_request_redirect", group="redirect"):
    """A redirect was received; it is followed unless it is one too many or leads nowhere."""

    response: ClientResponse = field("the redirecting response")


class TraceRequestRetryParams(RequestEvent, signal="on_request_retry", group="redirect"):
    """The attempt is given up and the request will be sent once more."""

    reason: str = field("why: 'stale connection' for a reused connection that had died")
    exception: BaseException | None = field("what the attempt failed with")
    delay: float = field("seconds until the next attempt")
