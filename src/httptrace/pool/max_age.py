"""How old a connection may become: `max_connection_age`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from ..http1.connection import Http1Connection
    from .pool import ConnectionPool


_AGAIN = 1.0
"""Seconds until a connection that was busy is looked at once more."""


class MaxAge:
    """Closes idle connections when they become too old, and tells which of the busy ones are.

    Each connection has a timer, set when it is opened: nothing is done for a request.
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
        """A connection was opened."""
        if self.is_set:
            timer = self._pool.later(self._seconds, partial(self._end, connection))
            self._timers[connection] = timer

    def forget(self, connection: Http1Connection) -> None:
        """A connection is gone."""
        timer = self._timers.pop(connection, None)
        if timer is not None:
            timer.cancel()

    def why_discard(self, connection: Http1Connection, now_ns: int) -> str | None:
        """Why it must not be used again, if it must not."""
        if self._pool.force_close or self._pool.closed:
            return "force_close"
        old = self.is_set and now_ns - connection.opened_ns >= self._seconds * 1e9
        return "max age" if old else None

    def _end(self, connection: Http1Connection) -> None:
        if connection in self._pool.state.idle:
            self._pool.close_unused(connection, "max age")
        else:  # busy: it will not be kept, unless whoever waited for it went away
            self._timers[connection] = self._pool.later(_AGAIN, partial(self._end, connection))
