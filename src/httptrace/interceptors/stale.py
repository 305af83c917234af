"""Retry on a new connection if the server had closed a reused one (RFC 9112 §9.3.1)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..errors import ClientOSError, ServerDisconnectedError
from ..trace.events import TraceRequestRetryParams

if TYPE_CHECKING:
    from ..call.call import Call
    from ..call.connection import Connection
    from ..call.exchange import Exchange

IDEMPOTENT = frozenset(
    {
        *("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"),
        *("PROPFIND", "QUERY", "REPORT", "SEARCH"),  # RFC 4918, RFC 10008, RFC 3253, RFC 5323
    }
)
"""Methods whose requests may be sent twice (RFC 9110 §9.2.2)."""
_TURNS = 4
"""After how many turns of the event loop a readable socket has been read."""
STALE = (ServerDisconnectedError, ClientOSError, ConnectionResetError)
"""The errors of a request whose connection the server has closed."""


def can_retry(call: Call[Any]) -> bool:
    """Whether the request may be retried: it was sent on a reused connection and got no response.

    If no byte of it was sent, any request may be retried, else only a repeatable one.
    """
    exchange = call.exchange
    if not exchange.reused or exchange.bytes_received or call.timeout_error is not None:
        return False
    if not call.core.retry_connection:
        return False
    return not exchange.send_ns or is_repeatable(call)


def is_repeatable(call: Call[Any]) -> bool:
    """Whether the method is idempotent, and the body can be sent again."""
    payload = call.payload
    return call.method in IDEMPOTENT and (payload is None or payload.can_resend)


async def is_closed_by_server(call: Call[Any], connection: Connection) -> bool:
    """Whether the server has closed an idle connection, even if that was not read yet.

    This is checked for requests that may not be retried after they were sent. If the socket is
    readable, the event loop gets some turns to read it: the end of the stream closes the
    connection, and a message of TLS, such as a session ticket, does not. If the connection is
    closed, the request keeps its place for another one: the next requests in the queue are served
    after it.
    """
    pool, exchange = call.pool, call.exchange
    if connection.closed or not connection.is_readable():
        pool.tell_closed(connection)
        return connection.closed
    call.watch_task()
    pool.keep_place(connection.host, exchange)
    try:
        if not await was_read(connection):
            pool.close_unused(connection, "unexpected data")
    except BaseException:
        pool.close_unused(connection, "cancelled")
        pool.leave_queue(exchange)
        raise
    finally:
        pool.tell_closed(connection)
    if not connection.closed:
        pool.leave_queue(exchange)
    return connection.closed


async def was_read(connection: Connection) -> bool:
    """Whether the event loop has read all that a socket has, within some turns."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)
        if connection.closed or not connection.is_readable():
            return True
    return False


async def next_attempt(call: Call[Any], reason: str, error: Exception | None) -> Exchange:
    """End the current attempt with its `request_retry` event, and begin the next one."""
    exchange = call.exchange
    exchange.exception, exchange.retry_reason = error, reason
    if exchange.upload is not None:
        exchange.upload.cancel()
    if call.upload_tracker is not None:
        call.upload_tracker.begin()
    if call.trace is not None:
        await call.trace.tell(TraceRequestRetryParams, exchange, 0, reason, error, 0.0)
    return _in_its_place(call, exchange)


def _in_its_place(call: Call[Any], exchange: Exchange) -> Exchange:
    """Begin the next attempt; it has the place in the queue that the last one had."""
    if exchange.ticket is None:
        fresh = call.new_exchange()
    else:
        ticket, exchange.ticket = exchange.ticket, None
        try:
            fresh = call.new_exchange()
        except BaseException:
            exchange.ticket = ticket
            call.pool.leave_queue(exchange)
            raise
        fresh.ticket = ticket
    fresh.queue_number = exchange.queue_number
    return fresh


def expectation_failed(call: Call[Any]) -> bool:
    """Whether the request had ``Expect: 100-continue`` and can be sent without it."""
    exchange, payload = call.exchange, call.payload
    resendable = not exchange.body_sent or (payload is not None and payload.can_resend)
    return call.expect100 and resendable


def drop_expectation(call: Call[Any]) -> None:
    """Remove ``Expect`` from the next attempt (RFC 9110 §10.1.1)."""
    call.expect100 = False
    call.request_headers.popall("Expect", None)
    call.head = None
