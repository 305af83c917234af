"""Getting a connection, or a part of that, within so many seconds."""

from __future__ import annotations

import asyncio
from time import perf_counter_ns
from typing import TYPE_CHECKING, TypeVar

from ..errors import ConnectionTimeoutError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ..call.exchange import Exchange

T = TypeVar("T")


async def within(awaited: Awaitable[T], exchange: Exchange, name: str, limit: float) -> T:
    """Await it for so many seconds; then it is cancelled.

    Raises
    ------
    ConnectionTimeoutError
        Naming the limit, and the phase in which the time ran out.
    """
    since_ns, scope = perf_counter_ns(), asyncio.timeout(limit)
    error: ConnectionTimeoutError | None = None

    def expired() -> ConnectionTimeoutError | None:
        nonlocal error
        if error is None and scope.expired():
            host, phase = exchange.url.origin(), exchange.phase
            text = f"Connection timeout to host {host}: {phase} not done within {limit} s"
            error = ConnectionTimeoutError(text)
            error.timeout, error.phase, error.limit = name, phase, limit
            error.elapsed = (perf_counter_ns() - since_ns) / 1e9
        return error

    outer, exchange.expired = exchange.expired, expired
    try:
        async with scope:
            return await awaited
    except TimeoutError as fired:
        told = expired()
        if told is None:
            raise
        raise told from fired
    finally:
        exchange.expired = outer
