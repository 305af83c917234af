"""The last interceptor: it sends the request, and retries if a reused connection was closed."""

from __future__ import annotations

from asyncio import _get_running_loop as _running_loop
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from ..request.prepare import refresh_head
from ..trace.events import (
    TraceConnectionAcquiredParams,
    TraceConnectionReuseconnParams,
    TraceRequestBodySentParams,
    TraceRequestChunkSentParams,
    TraceRequestHeadersSentParams,
)
from .stale import (
    IDEMPOTENT,
    STALE,
    can_retry,
    drop_expectation,
    expectation_failed,
    is_closed_by_server,
    next_attempt,
    was_read,
)
from .upload import begin_upload, sent_whole

if TYPE_CHECKING:
    from ..call.call import Call
    from ..call.connection import Connection
    from ..call.exchange import Exchange
    from ..response.response import ClientResponse
    from ..trace.declare import Fact

_UNUSUAL = frozenset({101, 417})


async def wire(call: Call[Any]) -> ClientResponse:
    """Get a connection, send the request, and wait for the head of the response."""
    exchange, pool, target = call.exchange, call.pool, call.target
    host = target.host
    if host is None or not host.live:
        host = target.host = pool.host(target.key)
    if _running_loop() is not call.loop:
        raise RuntimeError("Session and connector have to be used in their own event loop")
    connection = pool.reuse(host, exchange.start_ns - pool.keepalive_ns)
    while True:
        try:
            is_new = connection is None
            if connection is None:
                call.watch_task()
                plain = call.head is not None and call.payload is None and exchange.trace is None
                send = _send if plain and call.method in IDEMPOTENT else None
                connection = await pool.obtain(host, exchange, call.settings.timeout, send)
            if (
                (call.payload is not None or call.method not in IDEMPOTENT)
                and connection.requests_served
                and await is_closed_by_server(call, connection)
            ):
                connection = pool.reuse(host, exchange.start_ns - pool.keepalive_ns)
                if connection is not None:
                    pool.leave_queue(exchange)
                continue
            if not exchange.send_ns:
                if is_new and not connection.requests_served and connection.is_readable():
                    await was_read(connection)
                _send(exchange, connection)
                if is_new and connection.early:
                    connection.answer_early()
            while not exchange.head_ns:
                if exchange.error is not None:
                    pool.tell_closed(connection, exchange)
                    raise exchange.error
                if exchange.trace is not None and exchange.trace.pending:
                    await exchange.trace.flush()
                    continue
                exchange.waiter = waiter = call.loop.create_future()
                await waiter
                exchange.waiter = None
            if exchange.status not in _UNUSUAL:
                break
            if exchange.status == 101:
                await sent_whole(exchange)
                break
            if not expectation_failed(call):
                break
            drop_expectation(call)
            exchange, connection = await next_attempt(call, "expectation failed", None), None
        except STALE as exc:
            if exc is not exchange.error or not can_retry(call):  # a listener's, or final
                raise
            exchange.waiter = None
            exchange, connection = await next_attempt(call, "stale connection", exc), None
        finally:
            exchange.waiter = None
    if exchange.has_cookies:
        call.core.keep_cookies(exchange)
    response: ClientResponse = call.core.new_response(call, exchange)
    return response


def _send(exchange: Exchange, connection: Connection) -> None:
    call = exchange.call
    exchange.connection = connection
    exchange.served_before = connection.requests_served
    if call.head is None:
        refresh_head(call)
    if call.payload is None:
        connection.send(exchange, call.head, call.body)  # type: ignore[arg-type]
    else:
        connection.begin(exchange, call.head)  # type: ignore[arg-type]
    if exchange.trace is not None:
        _note_sent(exchange, exchange.trace.pending)
    if call.payload is not None:
        call.watch_task()
        if exchange.send_ns:
            begin_upload(call, exchange, connection)


def _note_sent(exchange: Exchange, pending: list[Fact]) -> None:
    """Note the connection, and what was written: all but a payload."""
    call, acquired_ns = exchange.call, exchange.send_ns or perf_counter_ns()
    if exchange.served_before:
        pending.append((TraceConnectionReuseconnParams, exchange, acquired_ns, ()))
    pending.append((TraceConnectionAcquiredParams, exchange, acquired_ns, ()))
    if exchange.send_ns and call.payload is None:
        sent_ns = exchange.sent_ns
        pending.append((TraceRequestHeadersSentParams, exchange, sent_ns, ()))
        if call.body:
            pending.append((TraceRequestChunkSentParams, exchange, sent_ns, (call.body,)))
        pending.append((TraceRequestBodySentParams, exchange, sent_ns, ()))
