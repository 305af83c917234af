"""A block of getting a connection that may take so many seconds."""

from __future__ import annotations

import asyncio
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from ..errors import ConnectionTimeoutError

if TYPE_CHECKING:
    from ..exchange import Exchange


class Within:
    """A block that may take so many seconds; then it is cancelled and ends with an error.

    Nothing is cancelled if there is no limit.
    """

    def __init__(self, exchange: Exchange, name: str, limit: float | None) -> None:
        self._exchange = exchange
        self._name = name
        self._limit = limit
        self._scope = asyncio.timeout(limit or None)
        self._since_ns = perf_counter_ns()

    async def __aenter__(self) -> None:
        await self._scope.__aenter__()

    async def __aexit__(self, kind: Any, exc: Any, traceback: Any) -> None:
        try:
            await self._scope.__aexit__(kind, exc, traceback)
        except TimeoutError as fired:
            raise self._error() from fired

    def _error(self) -> ConnectionTimeoutError:
        phase, limit = self._exchange.phase, self._limit
        error = ConnectionTimeoutError(
            f"Connection timeout to host {self._exchange.url.origin()}: "
            f"{phase} not done within {limit} s"
        )
        error.timeout, error.phase, error.limit = self._name, phase, limit
        error.elapsed = (perf_counter_ns() - self._since_ns) / 1e9
        return error
