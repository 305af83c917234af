"""Private attributes of aiohttp's connectors that programs read all the same.

Setting one raises AttributeError instead of doing nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from .pool import ConnectionPool, pool_of


def _idle(pool: ConnectionPool) -> dict[Any, deque[tuple[Any, float]]]:
    """The idle connections by key, each with the time since when; a copy."""
    from .connector import Connection

    connector = pool.connector()
    found: dict[Any, deque[tuple[Any, float]]] = {}
    for one in pool.state.idle:
        held = (Connection(connector, one), one.idle_since_ns / 1e9)
        found.setdefault(one.host.key, deque()).append(held)
    return found


def _acquired(pool: ConnectionPool) -> set[Any]:
    """The connections that requests use; a copy."""
    from .connector import Connection

    connector = pool.connector()
    return {Connection(connector, one) for one in pool.state.active}


def _keepalive(pool: ConnectionPool) -> float | None:
    return None if pool.force_close else pool.keepalive_ns / 1e9


Read = Callable[[ConnectionPool], Any]

READ: dict[str, Read] = {
    "_acquired": _acquired,
    "_closed": lambda pool: pool.closed,
    "_conns": _idle,
    "_force_close": lambda pool: pool.force_close,
    "_keepalive_timeout": _keepalive,
    "_limit": lambda pool: pool.state.limit,
    "_limit_per_host": lambda pool: pool.state.limit_per_host,
    "_loop": lambda pool: pool.loop,
}
REFUSED = (
    *("_acquired_per_host", "_waiters", "_timeout_ceil_threshold", "_cleanup_handle"),
    *("_cleanup_closed_disabled", "_cleanup_closed_handle", "_cleanup_closed_transports"),
)
READ_OF_TCP: dict[str, Read] = {
    "_family": lambda pool: pool.dialer.names.family,  # type: ignore[union-attr]
    "_resolver": lambda pool: pool.dialer.names.resolver,  # type: ignore[union-attr]
    "_ssl": lambda pool: pool.dialer.transports.ssl,  # type: ignore[union-attr]
    "_use_dns_cache": lambda pool: pool.dialer.names.uses_cache,  # type: ignore[union-attr]
}
REFUSED_OF_TCP = (
    *("_cached_hosts", "_happy_eyeballs_delay", "_interleave", "_local_addr_infos"),
    *("_resolver_owner", "_resolve_host_tasks", "_socket_factory", "_ssl_shutdown_timeout"),
    "_throttle_dns_futures",
)


def _private(name: str, read: Read | None) -> property:
    def get(connector: Any) -> Any:
        if read is None:
            text = f"an httptrace connector has no {name}"
            raise AttributeError(text, name=name, obj=connector)
        return read(pool_of(connector))

    def put(connector: Any, value: Any) -> None:
        text = f"{name} of an httptrace connector cannot be set: use its parameters"
        raise AttributeError(text, name=name, obj=connector)

    return property(get, put)


class ConnectorNames:
    """The properties of `READ` and `REFUSED`."""


class TCPNames:
    """The properties of `READ_OF_TCP` and `REFUSED_OF_TCP`."""


for _name in (*READ, *REFUSED):
    setattr(ConnectorNames, _name, _private(_name, READ.get(_name)))
for _name in (*READ_OF_TCP, *REFUSED_OF_TCP):
    setattr(TCPNames, _name, _private(_name, READ_OF_TCP.get(_name)))
