"""Getting a connection, or a part of that, within so many seconds."""

from __future__ import annotations

import asyncio
from time import perf_counter_ns
from typing import TYPE_CHECKING, TypeVar

from ..errors import ConnectionTimeoutError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ..exchange import Exchange

T = TypeVar("T")


async def within(awaited: Awaitable[T], exchange: Exchange, name: str, limit: float) -> T:
    """Await it for so many seconds; then it is cancelled.

    Raises
    ------
    ConnectionTimeoutError
        Naming the limit, and the phase in which the time ran out.
    """
    since_ns = perf_counter_ns()
    try:
        async with asyncio.timeout(limit) as scope:
            return await awaited
    except TimeoutError as fired:
        if not scope.expired():
            raise
        phase = exchange.phase
        error = ConnectionTimeoutError(
            f"Connection timeout to host {exchange.url.origin()}: {phase} not done within {limit} s"
        )
        error.timeout, error.phase, error.limit = name, phase, limit
        error.elapsed = (perf_counter_ns() - since_ns) / 1e9
        raise error from fired
