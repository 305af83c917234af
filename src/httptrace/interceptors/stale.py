"""Once more on a fresh connection when a reused one turns out to be dead (RFC 9110 §9.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ClientOSError, ServerDisconnectedError
from ..trace.events import TraceRequestRetryParams

if TYPE_CHECKING:
    from ..call.call import Call
    from ..call.exchange import Exchange

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
STALE = (ServerDisconnectedError, ClientOSError, ConnectionResetError)
"""What a request on a connection fails with that the server had closed meanwhile."""


def can_retry(call: Call[Any]) -> bool:
    """Whether nothing of an answer came, on a connection that was used before."""
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
    """Note that the attempt is given up; returns the next one."""
    stale = call.exchange
    stale.exception, stale.retry_reason = error, "stale connection"
    if stale.upload is not None:
        stale.upload.cancel()
    if call.upload_tracker is not None:
        call.upload_tracker.begin()
    if call.trace is not None:
        await call.trace.tell(TraceRequestRetryParams, stale, 0, "stale connection", error, 0.0)
    return call.new_exchange()
