"""The pool of a session whose connector is an object around one: what tracers put there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .connect_hook import no_reuse, obtain_by
from .connector import BaseConnector
from .pool import pool_of

if TYPE_CHECKING:
    from .pool import ConnectionPool


def pool_behind(connector: BaseConnector) -> Any:
    """The pool of a connector; if it is an object around one, each request calls its `connect`."""
    pool = pool_of(connector)
    if issubclass(type(connector), BaseConnector):
        return pool
    return WrappedPool(pool, connector)


class WrappedPool:
    """A pool for one session. Other sessions of the same connector do not call the wrapper."""

    def __init__(self, pool: ConnectionPool, wrapper: Any) -> None:
        self._pool = pool
        self.reuse = no_reuse
        self.obtain = obtain_by(pool, wrapper.connect)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)
