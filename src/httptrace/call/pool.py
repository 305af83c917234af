"""The connection pool as a call and its connections see it; `pool.pool` is the one there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Hashable

    from ..timeouts import ClientTimeout
    from .exchange import Exchange


class Limited(Protocol):
    """Work that has a time limit."""

    def overdue(self, now_ns: int) -> int:
        """Act if the limit is reached; returns when to look again, 0 for never."""
        ...


class Deadlines(Protocol):
    """One timer for the time limits of all calls."""

    next_ns: int
    """When it fires next."""

    def arm(self, due_ns: int) -> None:
        """Let it fire at this time at the latest."""


class Host(Protocol):
    """The connections and the queue of one origin."""

    key: Any
    live: bool
    """Whether the pool still knows it; one that it has dropped must be looked up again."""


class Pool(Protocol):
    """Keeps the connections of one connector."""

    deadlines: Any
    """Its `Deadlines`."""
    unconnected: set[Any]
    """The calls that have time limits and hold no connection yet (`Limited`)."""
    keepalive_ns: int
    """How long an idle connection is kept."""
    force_close: bool
    """Whether each connection is closed after one response."""
    uses_proxies: bool
    """Whether its requests may go by the proxy that the environment names."""
    buffer: memoryview
    """What its connections read into."""
    reuse: Callable[[Any, int], Any]
    """Take the host's idle `Connection` that was used last, if it is not older than that time."""

    @property
    def closed(self) -> bool:
        """Whether its connector was closed."""
        ...

    def host(self, key: Hashable) -> Any:
        """The `Host` of an origin."""

    def obtain(
        self, host: Any, exchange: Exchange, timeout: ClientTimeout, send: Any = None
    ) -> Awaitable[Any]:
        """Wait for a place if a limit is reached, then take an idle connection or open one."""
        ...

    def release(self, connection: Any, exchange: Exchange) -> None:
        """The response is complete and the connection can serve the next request."""

    def put_back(self, connection: Any) -> None:
        """Let the next request have the connection, or keep it idle."""

    def discard(
        self, connection: Any, exchange: Exchange, reason: str, error: Exception | None = None
    ) -> None:
        """The exchange is over; close its connection."""

    def lose(self, connection: Any, reason: str) -> None:
        """Close an idle connection."""

    def gone(self, connection: Any) -> None:
        """A connection's transport is closed."""

    def is_idle(self, connection: Any) -> bool:
        """Whether the connection waits for a request."""
        ...

    def later(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        """Call something later, in a context that holds no request's values."""
        ...
