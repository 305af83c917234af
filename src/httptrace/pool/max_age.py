"""The connector's parameter `max_connection_age`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from ..http1.connection import Http1Connection
    from .pool import ConnectionPool


_AGAIN = 1.0
"""Seconds until the age of a busy connection is checked again."""


class MaxAge:
    """Closes idle connections that are too old, and says which connections must not be reused.

    Each connection has a timer from when it is opened, so that requests need not check the age.
    """

    def __init__(self, pool: ConnectionPool, seconds: float | None) -> None:
        if seconds is not None:
            if isinstance(seconds, bool) or not isinstance(seconds, int | float):
                raise TypeError(f"max_connection_age must be seconds or None, not {seconds!r}")
            if not seconds > 0:
                raise ValueError(f"max_connection_age must be above 0, got {seconds!r}")
        self.is_set = seconds is not None
        self._seconds = seconds or 0.0
        self._pool = pool
        self._timers: dict[Http1Connection, asyncio.TimerHandle] = {}

    def watch(self, connection: Http1Connection) -> None:
        """Start the timer of a connection that was opened."""
        if self.is_set:
            timer = self._pool.later(self._seconds, partial(self._end, connection))
            self._timers[connection] = timer

    def forget(self, connection: Http1Connection) -> None:
        """Cancel the timer of a connection whose transport is closed."""
        timer = self._timers.pop(connection, None)
        if timer is not None:
            timer.cancel()

    def why_discard(self, connection: Http1Connection, now_ns: int) -> str | None:
        """The reason why a connection must not be reused; None if it may be."""
        if self._pool.force_close or self._pool.closed:
            return "force_close"
        old = self.is_set and now_ns - connection.opened_ns >= self._seconds * 1e9
        return "max age" if old else None

    def _end(self, connection: Http1Connection) -> None:
        if connection in self._pool.state.idle:
            self._pool.close_unused(connection, "max age")
        else:  # busy: checked by `why_discard` after its response, and here if that is not called
            self._timers[connection] = self._pool.later(_AGAIN, partial(self._end, connection))
