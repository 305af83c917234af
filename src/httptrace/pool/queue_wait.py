"""How a request waits in a queue of the pool."""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING

from ..errors import ClientConnectionError
from ..net.timeouts import StepTimeout
from ..trace.events import (
    TraceConnectionQueuedEndParams,
    TraceConnectionQueuedExceptionParams,
    TraceConnectionQueuedStartParams,
)
from ..trace.record import QueueFacts

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ..call.exchange import Exchange
    from ..http1.connection import Http1Connection
    from .pool import ConnectionPool
    from .state import Grant, Ticket

    Send = Callable[[Exchange, Http1Connection], None]


class QueueWait:
    """Waits until a ticket is granted. The pool then calls this object.

    With `send`, the request is sent in that call, if the grant has a connection. The future then
    waits for the head of the response, so that the task is woken only once, and
    `exchange.connection` is set.
    """

    __slots__ = ("_exchange", "_future", "_pool", "_send", "_since_ns", "_ticket")

    def __init__(
        self,
        pool: ConnectionPool,
        ticket: Ticket,
        exchange: Exchange,
        future: asyncio.Future[None],
        send: Send | None,
    ) -> None:
        self._since_ns = perf_counter_ns()
        self._pool = pool
        pool.queued_by[ticket.limit] += 1
        self._ticket = ticket
        self._exchange = exchange
        self._future = future
        self._send = send
        ticket.on_grant = self

    def __call__(self) -> None:
        future, grant = self._future, self._ticket.granted
        if future.done():
            return
        self._leave()
        connection: Http1Connection | None = None if grant is None else grant.connection  # type: ignore[assignment]
        if self._send is None or connection is None or connection.closed:
            if connection is not None:
                connection.granted_to = self._ticket
            future.set_result(None)
        else:
            self._exchange.waiter = future
            self._send(self._exchange, connection)

    def _leave(self) -> None:
        if self._since_ns:
            waited_ns = perf_counter_ns() - self._since_ns
            self._pool.queued_ns += waited_ns
            self._exchange.pool_wait_ns += waited_ns
            self._since_ns = 0

    async def granted(self, limit: float | None) -> Grant:
        """Wait for the grant, for at most `limit` seconds.

        Raises
        ------
        ClientConnectionError
            If the connector is closed. If the request was sent: the error of its response.
        ConnectionTimeoutError
            After `limit` seconds.
        """
        ticket, exchange = self._ticket, self._exchange
        pool, trace = self._pool, exchange.trace
        grant: Grant | None = None
        exchange.queued = QueueFacts(
            ticket.limit, getattr(pool.state, ticket.limit), ticket.position
        )
        try:
            if trace is not None:
                told = (ticket.limit, ticket.position, pool.state.waiting)
                await trace.tell(TraceConnectionQueuedStartParams, exchange, 0, *told)
            await self._wait(limit)
            if ticket.granted is None or (pool.closed and exchange.connection is None):
                raise ClientConnectionError("Connector is closed")
            grant = ticket.granted
            if trace is not None:
                await trace.tell(TraceConnectionQueuedEndParams, exchange)
        except BaseException as exc:
            if exchange.connection is None:
                pool.cancel_wait(ticket)
            if trace is not None and grant is None:
                error = exchange.error_for_caller(exc)
                trace.note(TraceConnectionQueuedExceptionParams, exchange, 0, error)
            raise
        finally:
            ticket.on_grant = None  # this breaks the reference cycle
            self._leave()
        return grant

    async def _wait(self, limit: float | None) -> None:
        """Wait until the ticket is granted and what was granted is still there, or for `_shut`."""
        ticket, pool = self._ticket, self._pool
        while True:
            if not limit:
                await self._future
            else:
                step = StepTimeout(ticket.host.key, self._exchange, "pool", limit)
                await step.wait_for(self._future)
            grant = ticket.granted
            if grant is not None:
                if grant.connection is not None:
                    grant.connection.granted_to = None
                return
            if pool.closed:
                return
            self._future = pool.loop.create_future()  # the connection was closed meanwhile
