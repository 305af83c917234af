"""The interface of the connection pool for calls and connections; `pool.pool` implements it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Hashable

    from ..timeouts import ClientTimeout
    from .exchange import Exchange


class Limited(Protocol):
    """A call with timeouts."""

    def check_limits(self, now_ns: int) -> int:
        """Fail the call if a timeout has expired. Returns when to check again; 0 means never."""
        ...


class Deadlines(Protocol):
    """One timer for the timeouts of all calls."""

    next_ns: int
    """When the timer fires next."""

    def arm(self, due_ns: int) -> None:
        """Let the timer fire at this time at the latest."""


class Host(Protocol):
    """The connections of one origin, and its queue of waiting requests."""

    key: Any
    live: bool
    """Whether the pool still uses this object; if not, call `Pool.host` again."""


class Pool(Protocol):
    """The connections of one connector."""

    deadlines: Any
    """Its `Deadlines`."""
    unconnected: set[Any]
    """Calls without a connection (`Limited`); the timer also checks their timeouts."""
    keepalive_ns: int
    """How long an idle connection is kept."""
    force_close: bool
    """Whether each connection is closed after one response."""
    schemes: frozenset[str]
    """The schemes of URLs that the connector takes."""
    tells_process: bool
    """Whether observers of the process see the events of idle connections."""
    uses_proxies: bool
    """Whether requests may use the proxies that environment variables name."""
    buffer: memoryview
    """The buffer that all connections read into."""
    reuse: Callable[[Any, int], Any]
    """Take the host's most recently used idle `Connection`, if it was used after the given time."""

    @property
    def closed(self) -> bool:
        """Whether the connector was closed."""
        ...

    def host(self, key: Hashable) -> Any:
        """The `Host` of an origin."""

    def obtain(
        self, host: Any, exchange: Exchange, timeout: ClientTimeout, send: Any = None
    ) -> Awaitable[Any]:
        """Get an idle connection or open one; wait first if a limit is reached."""
        ...

    def release(self, connection: Any, exchange: Exchange) -> None:
        """Take back a connection whose response is complete, for the next request."""

    def put_back(self, connection: Any) -> None:
        """Give the connection to the next waiting request, or keep it idle."""

    def discard(
        self, connection: Any, exchange: Exchange, reason: str, error: Exception | None = None
    ) -> None:
        """Close the connection of an exchange that has ended."""

    def close_unused(self, connection: Any, reason: str) -> None:
        """Close a connection without an exchange."""

    def tell_closed(self, connection: Any, exchange: Exchange | None = None) -> None:
        """Emit the event of a connection that was closed while a request held it, if still due."""

    def keep_place(self, host: Any, exchange: Exchange) -> None:
        """Queue a request that holds a connection which may be closed."""

    def leave_queue(self, exchange: Exchange) -> None:
        """Return the ticket of `keep_place`."""

    def transport_closed(self, connection: Any) -> None:
        """A connection calls this when its transport is closed."""

    def is_idle(self, connection: Any) -> bool:
        """Whether the connection is idle."""
        ...

    def later(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        """The same as ``loop.call_later``, in an empty context."""
        ...
