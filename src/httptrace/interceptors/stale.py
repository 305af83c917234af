"""Retry on a new connection if the server had closed a reused one (RFC 9112 §9.3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ClientOSError, ServerDisconnectedError
from ..trace.events import TraceRequestRetryParams

if TYPE_CHECKING:
    from ..call.call import Call
    from ..call.exchange import Exchange

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
STALE = (ServerDisconnectedError, ClientOSError, ConnectionResetError)
"""The errors of a request on a connection that the server has closed."""


def can_retry(call: Call[Any]) -> bool:
    """Whether the request can be sent again: its connection was reused and no response began."""
    exchange = call.exchange
    return (
        exchange.reused
        and not exchange.first_byte_ns
        and call.timeout_error is None
        and call.method in _IDEMPOTENT
        and call.core.retry_connection
        and (call.payload is None or call.payload.can_resend)
    )


async def retried(call: Call[Any], error: Exception) -> Exchange:
    """End the attempt and begin the next one, which is returned."""
    stale = call.exchange
    stale.exception, stale.retry_reason = error, "stale connection"
    if stale.upload is not None:
        stale.upload.cancel()
    if call.upload_tracker is not None:
        call.upload_tracker.begin()
    if call.trace is not None:
        await call.trace.tell(TraceRequestRetryParams, stale, 0, "stale connection", error, 0.0)
    return call.new_exchange()
