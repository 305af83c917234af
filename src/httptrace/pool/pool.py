"""The connection pool of a connector: it does what `PoolState` decides."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextvars import Context
from math import inf
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from ..errors import ClientConnectionError
from ..net.timeouts import StepTimeout
from ..trace.events import (
    TraceConnectionClosedParams,
    TraceConnectionCreateEndParams,
    TraceConnectionCreateExceptionParams,
    TraceConnectionCreateStartParams,
    TraceConnectionReleasedParams,
)
from ..trace.observer import tell_process
from ..trace.record import ClosedBefore
from . import forgotten
from .deadlines import Deadlines
from .max_age import MaxAge
from .queue_wait import QueueWait
from .state import HostPool, PoolState, Ticket, wake

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable
    from weakref import WeakKeyDictionary

    from ..call.exchange import Exchange
    from ..call.pool import Limited
    from ..http1.connection import Http1Connection
    from ..net.dialer import AnyDialer
    from ..timeouts import ClientTimeout
    from .queue_wait import Send
    from .stats import ConnectorStats

_READ = 1 << 18
"""The size of the buffer that all connections of a pool read into."""


_PATIENCE = 1.0
"""Seconds that `close` waits for connections that close gently."""


class ConnectionPool:
    """The implementation of a connector, and of the interface `call.pool.Pool`."""

    schemes: frozenset[str] = frozenset()
    uses_proxies = True
    dialer: AnyDialer | None = None
    hooked_dialer: AnyDialer | None = None
    """Used in place of `dialer` if the connector overrides how connections are opened."""
    connector: Callable[[], Any]
    """A weak reference to the connector."""
    held: WeakKeyDictionary[Any, Any] | None = None
    """By connection: the protocol that a program's own way to connect returned. It may hold what
    closes the transport when it is deleted."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        keepalive_ns: int,
        force_close: bool,
        limit: int,
        limit_per_host: int,
        max_connection_age: float | None,
    ) -> None:
        self.loop = loop
        self.keepalive_ns = keepalive_ns
        self.force_close = force_close
        self.closed = self._abandoned = False
        self.tells_process = True
        self._begin(limit, limit_per_host)
        self.queued_ns = 0
        self.queued_by: Counter[str] = Counter()
        self.unconnected: set[Limited] = set()
        self.deadlines = Deadlines(self.later, self._calls)
        # a memoryview, since asyncio's TLS reads into slices, and a slice of a bytearray is a copy
        self.buffer = memoryview(bytearray(_READ))
        self._context = Context()
        self._open: set[Http1Connection] = set()
        self._all_gone: asyncio.Future[None] | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._created = self._failed = 0
        self.handed_out: dict[Exchange, Http1Connection] = {}
        self._closed_by: Counter[str] = Counter()
        self._max_age = MaxAge(self, max_connection_age)
        self._may_discard = force_close or self._max_age.is_set
        # Imported with the first pool: a program that makes none, or not yet, starts faster.
        from ..http1.protocols import connection_class

        self._connection_class = connection_class(loop)

    def _begin(self, limit: int, limit_per_host: int) -> None:
        self.state: PoolState[Http1Connection] = PoolState(limit, limit_per_host)
        self.reuse: Callable[[Any, int], Http1Connection | None] = self.state.reuse

    def stats(self) -> ConnectorStats:
        """The counters, and the current connections and requests."""
        from .stats import ConnectorStats

        return ConnectorStats(
            created=self._created,
            reused=self.state.reused,
            closed=dict(self._closed_by),
            failed=self._failed,
            queued=dict(self.queued_by),
            queued_seconds=self.queued_ns / 1e9,
            open=len(self.state.idle) + len(self.state.active),
            idle=len(self.state.idle),
            waiting=self.state.waiting,
            round_trips=self._round_trips(),
            retransmitted=sum(
                connection.kernel.total_retrans
                for connection in self._open
                if connection.kernel is not None
            ),
        )

    def _round_trips(self) -> dict[str, float]:
        shortest: dict[str, float] = {}
        for connection in self._open:
            rtt_ns = None if connection.kernel is None else connection.kernel.min_rtt_ns
            if rtt_ns is not None and connection.address is not None:
                seconds = min(rtt_ns / 1e9, shortest.get(connection.address, inf))
                shortest[connection.address] = seconds
        return shortest

    async def close(self) -> None:
        """Close all connections, fail waiting requests, and wait until all sockets are closed."""
        if not self.closed and self.loop.is_closed():
            self.closed = self._may_discard = True
            self._begin(self.state.limit, self.state.limit_per_host)
            self._open.clear()
        elif not self.closed:
            self._shut()
            if self.dialer is not None:
                await self.dialer.close()
        if self._open:
            self._all_gone = self._all_gone or self.loop.create_future()
            timer = self.later(_PATIENCE, self._abort_rest)
            try:
                await asyncio.shield(self._all_gone)
            finally:
                timer.cancel()

    def _abort_rest(self) -> None:
        """Abort the connections that still send what was written to them."""
        for connection in self._open:
            connection.transport.abort()  # type: ignore[union-attr]

    def abandon(self) -> bool:
        """Close a pool whose connector was dropped. False if there is nothing to close."""
        if self.closed or self._abandoned or not self._open:
            return False
        self._abandoned = True
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._shut)
        return True

    def is_idle(self, connection: Http1Connection) -> bool:
        """Whether the connection is idle."""
        return connection in self.state.idle

    # --- getting a connection ----------------------------------------------------------------

    def host(self, key: Hashable) -> HostPool:
        """The connections and the queue of an origin."""
        return self.state.host(key)

    def obtain(
        self,
        host: HostPool,
        exchange: Exchange,
        timeout: ClientTimeout,
        send: Send | None = None,
    ) -> Awaitable[Http1Connection]:
        """Get an idle connection or open one; wait first if a limit is reached.

        A waiting request with `send` is sent by the task that releases the connection. The waiting
        task is then woken once, by the head of the response, instead of twice.

        Raises
        ------
        ClientConnectionError
            Or a subclass: no address, refused, TLS failed, a timeout, or the connector is closed.
        """
        if not timeout.connect:
            return self._obtain(host, exchange, timeout, None if timeout.pool else send)
        obtained = self._obtain(host, exchange, timeout, None)
        return StepTimeout(host.key, exchange, "connect", timeout.connect).wait_for(obtained)

    async def _obtain(
        self,
        host: HostPool,
        exchange: Exchange,
        timeout: ClientTimeout,
        send: Send | None,
    ) -> Http1Connection:
        while True:
            if self.closed:
                self.leave_queue(exchange)
                raise ClientConnectionError("Connector is closed")
            if asyncio.get_running_loop() is not self.loop:
                raise RuntimeError("Session and connector have to be used in their own event loop")
            self._close_expired(exchange.start_ns)
            if not host.live:
                host = self.state.host(host.key)
            if exchange.ticket is None:
                asked = self.state.ask(host, exchange.queue_number)
            else:
                asked = exchange.ticket.granted or exchange.ticket
                exchange.ticket = None
            if isinstance(asked, Ticket):
                exchange.queue_number = asked.number
                waiting = QueueWait(self, asked, exchange, self.loop.create_future(), send)
                grant = await waiting.granted(timeout.pool)
                if exchange.connection is not None:
                    return exchange.connection  # type: ignore[return-value]
            else:
                grant = asked
            if grant.evicted is not None:
                self._finish_closing(grant.evicted, "evicted")  # type: ignore[arg-type]
            connection: Any = grant.connection
            if connection is None:
                return await self._dial(host, exchange, timeout)
            if not connection.closed:
                return connection  # type: ignore[no-any-return]
            self.tell_closed(connection)

    async def connect(self, exchange: Exchange) -> Http1Connection:
        """A connection for an attempt: an idle one, or one from `obtain`."""
        host = self.state.host(exchange.target.key)
        not_before_ns = exchange.start_ns - self.keepalive_ns
        connection: Http1Connection | None = self.state.reuse(host, not_before_ns)
        if connection is None:
            timeout = exchange.call.settings.timeout
            connection = await ConnectionPool.obtain(self, host, exchange, timeout)
        self.handed_out[exchange] = connection
        return connection

    def cancel_wait(self, ticket: Ticket) -> None:
        """A request no longer waits: remove its ticket, or free what the ticket was granted."""
        grant = ticket.granted
        if grant is None:
            self.state.withdraw(ticket)
        elif grant.connection is None:
            wake(self.state.give_back(ticket.host))
        elif not grant.connection.closed:
            grant.connection.granted_to = None
            self.put_back(grant.connection)  # type: ignore[arg-type]
        else:
            self.tell_closed(grant.connection)  # type: ignore[arg-type]

    def keep_place(self, host: HostPool, exchange: Exchange) -> None:
        """Queue a request that holds a connection, with the number that it had in the queue.

        If the connection is closed, the place becomes that of the request, unless others have
        waited longer. `obtain` uses the ticket, `leave_queue` returns it.
        """
        exchange.ticket = self.state.wait(host, exchange.queue_number)

    def leave_queue(self, exchange: Exchange) -> None:
        """Return the ticket of `keep_place`."""
        if exchange.ticket is not None:
            ticket, exchange.ticket = exchange.ticket, None
            self.cancel_wait(ticket)

    async def _dial(
        self, host: HostPool, exchange: Exchange, timeout: ClientTimeout
    ) -> Http1Connection:
        trace = exchange.trace
        exchange.why_not_reused = host.why_new(self.force_close)
        exchange.closed_before = host.replaced() or forgotten.take(self.loop, host.key)
        try:
            if trace is not None:
                await trace.tell(TraceConnectionCreateStartParams, exchange)
            dialer = self.hooked_dialer or self.dialer
            _transport, protocol = await dialer.connect(  # type: ignore[union-attr]
                host.key,
                exchange,
                lambda: self._connection_class(self, host),
                sock_connect=timeout.sock_connect,
                dns=timeout.dns,
                tls=timeout.tls,
            )
            connection: Http1Connection = protocol  # type: ignore[assignment]
            if connection.closed:
                raise connection.disconnected()
            if self.closed:
                connection.close("connector closed")
                raise ClientConnectionError("Connector is closed")
        except BaseException as exc:
            self._failed += 1
            if trace is not None:
                trace.note(
                    TraceConnectionCreateExceptionParams,
                    exchange,
                    0,
                    exchange.error_for_caller(exc),
                )
            wake(self.state.give_back(host))
            raise
        self._created += 1
        connection.announced = True
        if not connection.lost:
            self._open.add(connection)
            self._max_age.watch(connection)
        connection.address, connection.tls = exchange.address, exchange.tls
        exchange.connection = connection
        self.state.dialled(connection)
        return await self._ready(connection, exchange)

    async def _ready(self, connection: Http1Connection, exchange: Exchange) -> Http1Connection:
        """Emit the event of a new connection. If a listener fails, close the connection."""
        try:
            if exchange.trace is not None:
                await exchange.trace.tell(TraceConnectionCreateEndParams, exchange)
        except BaseException:
            self.discard(connection, exchange, "cancelled")
            raise
        return connection

    def later(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        """The same as ``loop.call_later``, in an empty context."""
        return self.loop.call_later(seconds, call, context=self._context)

    # --- what connections call ---------------------------------------------------------------

    def transport_closed(self, connection: Http1Connection) -> None:
        """A connection calls this when its transport is closed."""
        self._open.discard(connection)
        self._max_age.forget(connection)
        if self._all_gone is not None and not self._open and not self._all_gone.done():
            self._all_gone.set_result(None)

    def release(self, connection: Http1Connection, exchange: Exchange) -> None:
        """Take back a connection whose response is complete, for the next request."""
        connection.requests_served += 1
        connection.idle_since_ns = exchange.end_ns
        if self._may_discard and (reason := self._max_age.why_discard(connection, exchange.end_ns)):
            self.discard(connection, exchange, reason)
            return
        if exchange.trace is not None:
            fact = (TraceConnectionReleasedParams, exchange, exchange.end_ns, ())
            exchange.trace.pending.append(fact)
        if self.state.waiting or self._sweeper is None:
            self.put_back(connection)
        else:
            self.state.release(connection)

    def discard(
        self,
        connection: Http1Connection,
        exchange: Exchange,
        reason: str,
        error: Exception | None = None,
    ) -> None:
        """Close the connection of an exchange that has ended."""
        if connection.closed:
            self.tell_closed(connection, exchange)
            self.leave_queue(exchange)
            return
        if exchange.trace is not None:
            exchange.trace.note(TraceConnectionClosedParams, exchange, 0, reason)
        if error is not None:
            connection.fail(error)
            is_stale = reason == "error" and exchange.served_before and not exchange.bytes_received
            if is_stale and not exchange.dropped:
                self.keep_place(connection.host, exchange)  # it may be sent again
        if exchange.status != 101:  # a WebSocket's connection serves no other request
            connection.host.closed.append(ClosedBefore(reason, exchange.left_at))
        ticket = self.state.remove(connection)
        self._finish_closing(connection, reason, told=True)
        wake(ticket)

    def close_unused(self, connection: Http1Connection, reason: str) -> None:
        """Close a connection without an exchange.

        If a request holds it that was not sent yet, it tells of this later with `tell_closed`: the
        event follows that of the connection's being acquired.
        """
        if connection.closed:
            return
        idle_ns = perf_counter_ns() - connection.idle_since_ns
        connection.host.closed.append(ClosedBefore(reason, None, idle_ns / 1e9))
        waiting, connection.granted_to = connection.granted_to, None
        if waiting is not None:
            self.state.take_back(waiting)
        is_held = connection in self.state.active and not connection.switched and not waiting
        connection.close_untold = is_held and connection.announced
        ticket = self.state.remove(connection)
        self._finish_closing(connection, reason, told=is_held)
        wake(ticket)

    def tell_closed(self, connection: Http1Connection, exchange: Exchange | None = None) -> None:
        """Emit the event of a connection that was closed while a request held it, if still due.

        Without `exchange`, no request has acquired the connection.
        """
        if not connection.close_untold:
            return
        connection.close_untold = False
        reason = connection.close_reason
        if exchange is not None and exchange.trace is not None:
            exchange.trace.note(TraceConnectionClosedParams, exchange, 0, reason)
        else:
            self._tell_process(connection, reason)

    def _tell_process(self, connection: Http1Connection, reason: str | None) -> None:
        if self.tells_process:
            tell_process(TraceConnectionClosedParams, connection, connection.host.key, reason)

    def put_back(self, connection: Http1Connection) -> None:
        """Give the connection to the next waiting request, or keep it idle."""
        granted = self.state.release(connection)
        if granted is not None:
            ticket, unwanted = granted
            if unwanted is not None:
                self._finish_closing(unwanted, "evicted")
            wake(ticket)
        elif not self.keepalive_ns:
            self.close_unused(connection, "idle timeout")
        elif self._sweeper is None:
            self._sweeper = self.later(self.keepalive_ns / 1e9, self._sweep)

    def _finish_closing(self, connection: Http1Connection, reason: str, told: bool = False) -> None:
        """Close a connection that was removed from the state."""
        if connection.closed:
            return
        connection.close(reason)
        if not connection.announced:
            return
        self._closed_by[reason] += 1
        if not told:
            self._tell_process(connection, reason)

    def _sweep(self) -> None:
        """Close expired idle connections, and call this again when the next one expires."""
        self._sweeper = None
        now_ns = perf_counter_ns()
        self._close_expired(now_ns)
        oldest = next(iter(self.state.idle), None)
        if oldest is not None:
            seconds = (oldest.idle_since_ns + self.keepalive_ns - now_ns) / 1e9
            self._sweeper = self.later(max(0.001, seconds), self._sweep)

    def _close_expired(self, now_ns: int) -> None:
        for connection in self.state.expired(now_ns - self.keepalive_ns):
            self.close_unused(connection, "idle timeout")

    def _calls(self) -> list[Any]:
        """All current calls: without a connection, and on one."""
        busy = [connection.exchange for connection in self.state.active]
        return [*self.unconnected, *(exchange.call for exchange in busy if exchange is not None)]

    def _shut(self) -> None:
        self.closed = self._may_discard = True
        self.deadlines.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for ticket in self.state.tickets():
            if ticket.on_grant is not None:
                ticket.on_grant()
        forgotten.remember(self.loop, [one.host.key for one in self.state.idle])
        for connection in [*self.state.idle, *self.state.active]:
            if connection.exchange is None:
                self.close_unused(connection, "connector closed")
            else:
                self.discard(connection, connection.exchange, "connector closed")


def pool_of(connector: Any) -> ConnectionPool:
    """The pool of a connector, which no attribute of a subclass can replace."""
    pool: ConnectionPool = connector._BaseConnector__pool
    return pool
