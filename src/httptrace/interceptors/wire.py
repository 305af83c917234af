"""The last link of the chain: send the request; again if a reused connection was closed."""

from __future__ import annotations

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
from .stale import STALE, can_retry, retried
from .upload import upload

if TYPE_CHECKING:
    from ..call.call import Call
    from ..call.connection import Connection
    from ..call.exchange import Exchange
    from ..response.response import ClientResponse

_NEW = (TraceConnectionAcquiredParams,)
_REUSED = (TraceConnectionReuseconnParams, TraceConnectionAcquiredParams)
_SENT = (TraceRequestHeadersSentParams, TraceRequestBodySentParams)


async def wire(call: Call[Any]) -> ClientResponse:
    """Get a connection, send the request, and wait for the head of the response."""
    exchange, pool, target = call.exchange, call.pool, call.target
    host = target.host
    if host is None or not host.live:
        host = target.host = pool.host(target.key)
    connection = pool.reuse(host, exchange.start_ns - pool.keepalive_ns)
    while True:
        try:
            if connection is None:
                call.await_outside()
                plain = call.head is not None and call.payload is None and exchange.trace is None
                send = _send if plain else None
                connection = await pool.obtain(host, exchange, call.settings.timeout, send)
            if not exchange.send_ns:
                _send(exchange, connection)
            while not exchange.head_ns:
                if exchange.error is not None:
                    raise exchange.error
                if exchange.trace is not None and exchange.trace.pending:
                    await exchange.trace.flush()
                    continue
                exchange.waiter = waiter = call.loop.create_future()
                await waiter
                exchange.waiter = None
            break
        except STALE as exc:
            if exc is not exchange.error or not can_retry(call):  # a listener's, or final
                raise
            exchange.waiter = None
            exchange, connection = await retried(call, exc), None
        finally:
            exchange.waiter = None
    if exchange.has_cookies:
        call.core.keep_cookies(exchange)
    response: ClientResponse = call.core.response_class(call, exchange)
    return response


def _send(exchange: Exchange, connection: Connection) -> None:
    call = exchange.call
    exchange.connection = connection
    exchange.served_before = connection.requests_served
    if call.head is None:
        refresh_head(call)
    if call.payload is not None:
        _note_acquired(exchange, perf_counter_ns())
        call.await_outside()
        exchange.upload = call.loop.create_task(upload(call, exchange, connection))
        return
    connection.send(exchange, call.head, call.body)  # type: ignore[arg-type]
    trace = exchange.trace
    if trace is None:
        return
    _note_acquired(exchange, exchange.send_ns or perf_counter_ns())
    if exchange.send_ns and not call.body:
        trace.note_all(_SENT, exchange, exchange.sent_ns)
    elif exchange.send_ns:
        trace.note(TraceRequestHeadersSentParams, exchange, exchange.sent_ns)
        trace.note(TraceRequestChunkSentParams, exchange, exchange.sent_ns, call.body)
        trace.note(TraceRequestBodySentParams, exchange, exchange.sent_ns)


def _note_acquired(exchange: Exchange, time_ns: int) -> None:
    if exchange.trace is not None:
        exchange.trace.note_all(_REUSED if exchange.served_before else _NEW, exchange, time_ns)
