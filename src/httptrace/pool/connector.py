"""`BaseConnector`: the connections that one or more sessions use."""

from __future__ import annotations

import asyncio
import warnings
import weakref
from typing import TYPE_CHECKING, Any

from ..checks import flag
from ..overrides import CALLED, UNCALLED, Patchable, follow, original
from .arguments import checked_limits, keepalive_ns
from .hooks import INSTEAD, ConnectorHooks, use_overrides
from .pool import ConnectionPool, pool_of
from .private_names import ConnectorNames

if TYPE_CHECKING:
    from types import TracebackType

    from ..http1.connection import Http1Connection
    from ..net.dialer import AnyDialer
    from ..timeouts import ClientTimeout
    from .stats import ConnectorStats

__all__ = ["BaseConnector", "Connection", "pool_of", "warn_unclosed"]


class BaseConnector(ConnectorNames, ConnectorHooks, metaclass=Patchable):
    """Keeps the connections of one or more sessions (aiohttp's documentation, "Connectors").

    `limit` is the maximum number of open connections and `limit_per_host` that of one origin; 0 or
    None means no limit. An idle connection is closed after `keepalive_timeout` seconds; with
    `force_close` each one is closed after its response. A connection is not reused when it is older
    than `max_connection_age` seconds. `dialer` is an `AnyDialer` that opens the connections.
    `enable_cleanup_closed` and `timeout_ceil_threshold` change nothing: closed transports are
    aborted, timeouts are exact.

    Raises
    ------
    ValueError, TypeError
        For a negative limit or timeout, or `keepalive_timeout` together with `force_close`.
    RuntimeError
        When no event loop is running.
    """

    allowed_protocol_schema_set: frozenset[str] = frozenset({"", "http", "https", "ws", "wss"})
    """The schemes of URLs that may be requested, also by redirects (``""`` stands for none).

    A subclass may have others: all but https and wss mean HTTP without TLS.
    """
    __pool: ConnectionPool | None = None  # until it exists: __del__ runs even if __init__ raises

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
        kept_ns = keepalive_ns(keepalive_timeout, force_close)
        most, most_per_host = checked_limits(limit, limit_per_host)
        pool = ConnectionPool(
            loop or asyncio.get_running_loop(),
            keepalive_ns=kept_ns,
            force_close=flag("force_close", force_close),
            limit=most,
            limit_per_host=most_per_host,
            max_connection_age=max_connection_age,
        )
        pool.dialer, pool.schemes = dialer, frozenset(self.allowed_protocol_schema_set)
        pool.connector = weakref.ref(self)
        use_overrides(pool)
        follow("BaseConnector", pool, use_overrides)
        self.__pool = pool

    @property
    def force_close(self) -> bool:
        """Whether each connection is closed after its response."""
        return pool_of(self).force_close

    @property
    def limit(self) -> int:
        """The maximum number of open connections; 0 means no limit."""
        return pool_of(self).state.limit

    @property
    def limit_per_host(self) -> int:
        """The maximum number of open connections to one origin; 0 means no limit."""
        return pool_of(self).state.limit_per_host

    @property
    def closed(self) -> bool:
        """Whether the connector is closed."""
        return pool_of(self).closed

    def stats(self) -> ConnectorStats:
        """The counters, and the current connections and requests."""
        return pool_of(self).stats()

    @original
    async def connect(self, req: Any, traces: list[Any], timeout: ClientTimeout) -> Connection:
        """Get a connection for a request: an idle one, or a new one (as in aiohttp).

        It is called for each request if a subclass or an assignment overrides it.
        """
        return Connection(self, await pool_of(self).connect(req._call.exchange))

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: Any) -> None:
            if name in UNCALLED["BaseConnector"]:
                text = f"{name} of a connector is never called by httptrace: {INSTEAD}"
                raise AttributeError(text)
            object.__setattr__(self, name, value)
            if name in CALLED["BaseConnector"] and pool_of(self) is not None:
                use_overrides(pool_of(self))
            elif name == "allowed_protocol_schema_set" and self.__pool is not None:
                self.__pool.schemes = frozenset(value)

        def __delattr__(self, name: str) -> None:
            object.__delattr__(self, name)
            if name in CALLED["BaseConnector"]:
                use_overrides(pool_of(self))

    async def close(self, *, abort_ssl: bool = False) -> None:
        """Close every connection, fail waiting requests, and wait until all sockets are closed.

        `abort_ssl` changes nothing: connections over TLS are always closed at once. If the event
        loop is closed already, the sockets are left to the garbage collector.
        """
        await pool_of(self).close()

    async def __aenter__(self) -> BaseConnector:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __del__(self, _warn: Any = warnings.warn) -> None:
        if self.__pool is not None:
            warn_unclosed(self, _warn)


class Connection:
    """A connection that a request got from a connector (aiohttp's documentation, "Connection")."""

    def __init__(self, connector: BaseConnector, connection: Http1Connection) -> None:
        self._connector = connector
        self._connection = connection

    @property
    def closed(self) -> bool:
        """Whether the connection is closed."""
        return self._connection.closed

    @property
    def transport(self) -> asyncio.Transport | None:
        """The transport; None once it is closed."""
        return None if self.closed else self._connection.transport

    @property
    def protocol(self) -> asyncio.BaseProtocol | None:
        """The protocol of the transport; None once it is closed."""
        return None if self.closed else self._connection

    def close(self) -> None:
        """Close the connection."""
        pool = pool_of(self._connector)
        pool.close_unused(self._connection, "client close")
        pool.tell_closed(self._connection)

    def release(self) -> None:
        """Give the connection back to the connector, unused."""
        pool = pool_of(self._connector)
        if not self.closed:
            pool.put_back(self._connection)
        pool.tell_closed(self._connection)


def warn_unclosed(connector: BaseConnector, warn: Any = warnings.warn) -> None:
    """Warn that a connector was dropped with open connections, once, and close them."""
    pool = pool_of(connector)
    if not pool.abandon():
        return
    warn(f"Unclosed connector {connector!r}", ResourceWarning, source=connector)
    if not pool.loop.is_closed():
        context = {"connector": connector, "message": "Unclosed connector"}
        pool.loop.call_exception_handler(context)
