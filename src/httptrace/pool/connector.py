"""Connectors: they wait, dial, keep and close connections as `PoolState` decides."""

from __future__ import annotations

import asyncio
import warnings
from collections import Counter
from contextvars import Context
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from ..checks import flag
from ..errors import ClientConnectionError, ServerDisconnectedError
from ..http1.protocols import connection_class
from ..net.timeouts import StepTimeout
from ..trace.events import (
    TraceConnectionClosedParams,
    TraceConnectionCreateEndParams,
    TraceConnectionCreateExceptionParams,
    TraceConnectionCreateStartParams,
    TraceConnectionReleasedParams,
)
from ..trace.observer import tell_process
from .ages import Ages
from .arguments import checked_limits, keepalive_ns
from .deadlines import Deadlines
from .state import HostPool, PoolState, Ticket, wake
from .stats import ConnectorStats
from .waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable
    from types import TracebackType

    from ..call.call import Call
    from ..call.exchange import Exchange
    from ..http1.connection import Http1Connection
    from ..net.dialer import AnyDialer
    from ..timeouts import ClientTimeout
    from .waiting import Send

_READ = 1 << 18
"""Bytes that are read at a time, into one buffer for all connections of a connector."""


class BaseConnector:
    """Keeps the connections of one or more sessions (aiohttp's documentation, "Connectors").

    `limit` bounds the open connections in all and `limit_per_host` those to one origin; 0 or None
    means no limit. `keepalive_timeout` is how many seconds an unused connection is kept; with
    `force_close` none is. One that is older than `max_connection_age` seconds is not used again.
    `dialer` makes the connections of your own connector (`AnyDialer`). `enable_cleanup_closed` and
    `timeout_ceil_threshold` change nothing: closed transports are aborted, timeouts are exact.

    Raises
    ------
    ValueError, TypeError
        For a negative limit or timeout, or `keepalive_timeout` together with `force_close`.
    RuntimeError
        When no event loop is running.
    """

    allowed_protocol_schema_set = frozenset({"", "http", "https", "ws", "wss"})
    uses_proxies = True
    """Internal: whether a proxy that the environment names is one for its requests."""

    def __init__(
        self,
        *,
        keepalive_timeout: Any = ...,
        force_close: bool = False,
        limit: int | None = 100,
        limit_per_host: int | None = 0,
        enable_cleanup_closed: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
        timeout_ceil_threshold: float = 5,
        max_connection_age: float | None = None,
        dialer: AnyDialer | None = None,
    ) -> None:
        self._closed = True  # until all is well: __del__ runs even if __init__ raises
        self.keepalive_ns = keepalive_ns(keepalive_timeout, force_close)
        self.state: PoolState[Http1Connection] = PoolState(*checked_limits(limit, limit_per_host))
        self._loop = loop or asyncio.get_running_loop()
        self._force_close = flag("force_close", force_close)
        self._open: set[Http1Connection] = set()
        self._all_gone: asyncio.Future[None] | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._created = self._failed = self.queued_ns = 0
        self._closed_by: Counter[str] = Counter()
        self.queued_by: Counter[str] = Counter()
        self._dialer: AnyDialer | None = dialer
        self._ages = Ages(self, max_connection_age)
        self._may_discard = self._force_close or self._ages.limited
        self._connection_class = connection_class(self._loop)
        # a view: asyncio's TLS reads on into slices of it, and a slice of bytes is a copy
        self.buffer = memoryview(bytearray(_READ))
        self._context = Context()
        self.deadlines = Deadlines(self.later, self._calls)
        self.unconnected: set[Call] = set()
        """Internal: calls with deadlines that have no connection yet."""
        self._closed = False

    @property
    def force_close(self) -> bool:
        """Whether each connection is closed after its response."""
        return self._force_close

    @property
    def limit(self) -> int:
        """The most connections open at once; 0 for no limit."""
        return self.state.limit

    @property
    def limit_per_host(self) -> int:
        """The most connections open at once to one origin; 0 for no limit."""
        return self.state.limit_per_host

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def stats(self) -> ConnectorStats:
        """What it has counted, and what it holds now."""
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
        )

    async def close(self, *, abort_ssl: bool = False) -> None:
        """Close every connection, fail whoever waits, and wait until all sockets are gone.

        `abort_ssl` is accepted for aiohttp's sake: TLS is never shut down at leisure. Where its
        event loop is closed already nothing can be done with the sockets: they are let go.
        """
        if not self._closed and self._loop.is_closed():
            self._closed = self._may_discard = True
            self.state = PoolState(self.limit, self.limit_per_host)
            self._open.clear()
        elif not self._closed:
            self._shut()
            if self._dialer is not None:
                await self._dialer.close()
        if self._open:
            self._all_gone = self._all_gone or self._loop.create_future()
            await asyncio.shield(self._all_gone)

    async def __aenter__(self) -> BaseConnector:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        self.dropped()

    def dropped(self, _warn: Any = warnings.warn) -> None:
        """Internal: nobody will close it; warn and do so, as its connections keep it from dying."""
        if self._closed or not self._open:
            return
        _warn(f"Unclosed connector {self!r}", ResourceWarning, source=self)
        if not self._loop.is_closed():
            context = {"connector": self, "message": "Unclosed connector"}
            self._loop.call_exception_handler(context)
            self._loop.call_soon_threadsafe(self._shut)

    # --- getting a connection ----------------------------------------------------------------

    def host(self, key: Hashable) -> HostPool:
        """Internal: the part of the pool for an origin."""
        return self.state.host(key)

    def obtain(
        self,
        host: HostPool,
        exchange: Exchange,
        timeout: ClientTimeout,
        send: Send | None = None,
    ) -> Awaitable[Http1Connection]:
        """Internal: a connection; waits for a place if a limit is reached, then takes one or dials.

        `send` spares a request that waits one of its two wake-ups: it is called by whoever hands
        the connection over, and what was waited for the place is waited for the response's head.

        Raises
        ------
        ClientConnectionError
            Or what stands below it: no address, refused, TLS failed, a timeout, connector closed.
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
            if self._closed:
                raise ClientConnectionError("Connector is closed")
            if asyncio.get_running_loop() is not self._loop:
                raise RuntimeError("Session and connector have to be used in their own event loop")
            self._close_expired(exchange.start_ns)
            if not host.live:
                host = self.state.host(host.key)
            asked = self.state.ask(host)
            if isinstance(asked, Ticket):
                waiting = Waiting(self, asked, exchange, self._loop.create_future(), send)
                grant = await waiting.granted(timeout.pool)
                if exchange.connection is not None:
                    return exchange.connection
            else:
                grant = asked
            if grant.evicted is not None:
                self._finish_closing(grant.evicted, "evicted")  # type: ignore[arg-type]
            connection: Any = grant.connection
            if connection is None:
                return await self._dial(host, exchange, timeout)
            if not connection.closed:
                return connection  # type: ignore[no-any-return]

    def not_wanted(self, ticket: Ticket) -> None:
        """Internal: the request went away; leave the queue, or give back what it was granted."""
        grant = ticket.granted
        if grant is None:
            self.state.withdraw(ticket)
        elif grant.connection is None:
            wake(self.state.give_back(ticket.host))
        elif not grant.connection.closed:
            self._put_back(grant.connection)  # type: ignore[arg-type]

    async def _dial(
        self, host: HostPool, exchange: Exchange, timeout: ClientTimeout
    ) -> Http1Connection:
        trace = exchange.trace
        exchange.why_not_reused = host.why_new(self._force_close)
        try:
            if trace is not None:
                await trace.tell(TraceConnectionCreateStartParams, exchange)
            _transport, protocol = await self._dialer.connect(  # type: ignore[union-attr]
                host.key,
                exchange,
                lambda: self._connection_class(self, host),
                sock_connect=timeout.sock_connect,
                dns=timeout.dns,
                tls=timeout.tls,
            )
            connection: Http1Connection = protocol  # type: ignore[assignment]
            if connection.closed:
                raise ServerDisconnectedError
            if self._closed:
                connection.close("connector closed")
                raise ClientConnectionError("Connector is closed")
        except BaseException as exc:
            self._failed += 1
            if trace is not None:
                trace.note(TraceConnectionCreateExceptionParams, exchange, 0, exchange.seen(exc))
            wake(self.state.give_back(host))
            raise
        self._created += 1
        self._open.add(connection)
        self._ages.watch(connection)
        connection.address, connection.tls = exchange.address, exchange.tls
        exchange.connection = connection
        self.state.dialled(connection)
        return await self._ready(connection, exchange)

    async def _ready(self, connection: Http1Connection, exchange: Exchange) -> Http1Connection:
        """Tell of the new connection; whatever goes wrong, it does not leak."""
        try:
            if exchange.trace is not None:
                await exchange.trace.tell(TraceConnectionCreateEndParams, exchange)
        except BaseException:
            self.discard(connection, exchange, "cancelled")
            raise
        return connection

    def later(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        """Internal: call something later, in a context that holds no request's values."""
        return self._loop.call_later(seconds, call, context=self._context)

    # --- what connections tell ---------------------------------------------------------------

    def gone(self, connection: Http1Connection) -> None:
        """Internal: a transport is no longer there."""
        self._open.discard(connection)
        self._ages.forget(connection)
        if self._all_gone is not None and not self._open and not self._all_gone.done():
            self._all_gone.set_result(None)

    def release(self, connection: Http1Connection, exchange: Exchange) -> None:
        """Internal: the exchange is over and the connection fit for the next one."""
        connection.requests_served += 1
        connection.idle_since_ns = exchange.end_ns
        if self._may_discard and (reason := self._ages.why_discard(connection, exchange.end_ns)):
            self.discard(connection, exchange, reason)
            return
        if exchange.trace is not None:
            exchange.trace.note(TraceConnectionReleasedParams, exchange, exchange.end_ns)
        if self.state.waiting or self._sweeper is None:
            self._put_back(connection)
        else:
            self.state.release(connection)

    def discard(
        self,
        connection: Http1Connection,
        exchange: Exchange,
        reason: str,
        error: Exception | None = None,
    ) -> None:
        """Internal: the exchange is over, well or with an error; close the connection."""
        if connection.closed:
            return
        if exchange.trace is not None:
            exchange.trace.note(TraceConnectionClosedParams, exchange, 0, reason)
        if error is not None:
            connection.fail(error)
        ticket = self.state.remove(connection)
        self._finish_closing(connection, reason, told=True)
        wake(ticket)

    def lose(self, connection: Http1Connection, reason: str) -> None:
        """Internal: an idle connection ends."""
        ticket = self.state.remove(connection)
        self._finish_closing(connection, reason)
        wake(ticket)

    def _put_back(self, connection: Http1Connection) -> None:
        granted = self.state.release(connection)
        if granted is not None:
            ticket, unwanted = granted
            if unwanted is not None:
                self._finish_closing(unwanted, "evicted")
            wake(ticket)
        elif not self.keepalive_ns:
            self.lose(connection, "idle timeout")
        elif self._sweeper is None:
            self._sweeper = self.later(self.keepalive_ns / 1e9, self._sweep)

    def _finish_closing(self, connection: Http1Connection, reason: str, told: bool = False) -> None:
        """Close what the state no longer holds."""
        if connection.closed:
            return
        was_ready = connection in self._open  # otherwise nobody has heard of it
        connection.close(reason)
        if not was_ready:
            return
        self._closed_by[reason] += 1
        if not told:
            tell_process(TraceConnectionClosedParams, connection, connection.host.key, reason)

    def _sweep(self) -> None:
        """Close what lay idle for too long; come again when the next one will have."""
        self._sweeper = None
        now_ns = perf_counter_ns()
        self._close_expired(now_ns)
        oldest = next(iter(self.state.idle), None)
        if oldest is not None:
            seconds = (oldest.idle_since_ns + self.keepalive_ns - now_ns) / 1e9
            self._sweeper = self.later(max(0.001, seconds), self._sweep)

    def _close_expired(self, now_ns: int) -> None:
        for connection in self.state.expired(now_ns - self.keepalive_ns):
            self.lose(connection, "idle timeout")

    def _calls(self) -> list[Call]:
        """The calls that are under way: waiting, or on a connection."""
        busy = [connection.exchange for connection in self.state.active]
        return [*self.unconnected, *(exchange.call for exchange in busy if exchange is not None)]

    def _shut(self) -> None:
        self._closed = self._may_discard = True
        self.deadlines.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for ticket in self.state.tickets():
            if ticket.on_grant is not None:
                ticket.on_grant()
        for connection in [*self.state.idle, *self.state.active]:
            if connection.exchange is None:
                self.lose(connection, "connector closed")
            else:
                self.discard(connection, connection.exchange, "connector closed")
