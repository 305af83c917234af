"""Timeouts of the steps that open a connection."""

from __future__ import annotations

import asyncio
from time import perf_counter_ns
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from ..errors import ConnectionTimeoutError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from ..trace.record import Record
    from .key import ConnectionKey

T = TypeVar("T")


class ConnectTimeouts(NamedTuple):
    """The fields of ``ClientTimeout`` that apply while a dialer connects, in seconds.

    `sock_connect` covers sockets, tunnel and TLS together, as in aiohttp; `dns` covers each look-up
    and `tls` each handshake. None or 0 means no limit.
    """

    sock_connect: float | None = None
    dns: float | None = None
    tls: float | None = None


class StepTimeout:
    """``asyncio.timeout()`` for one step of getting a connection.

    A step that takes longer than `seconds` is cancelled and raises `ConnectionTimeoutError`, which
    has the `name` of the field of ``ClientTimeout`` that set the limit. Steps may be nested.
    While a step runs, `Record.error_for_caller` turns the cancellation into that error for the
    spans inside.
    """

    __slots__ = ("_error", "_key", "_name", "_outer", "_record", "_scope", "_seconds", "_since_ns")

    _outer: Callable[[], BaseException | None] | None
    _since_ns: int

    def __init__(
        self, key: ConnectionKey, record: Record, name: str, seconds: float | None
    ) -> None:
        self._key = key
        self._record = record
        self._name = name
        self._seconds = seconds or 0
        self._scope: asyncio.Timeout | None = None
        self._error: ConnectionTimeoutError | None = None

    async def __aenter__(self) -> None:
        if self._seconds:
            self._outer, self._record.expired = self._record.expired, self._expired
            self._since_ns = perf_counter_ns()
            self._scope = asyncio.timeout(self._seconds)
            await self._scope.__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._scope is None:
            return
        self._record.expired = self._outer
        try:
            await self._scope.__aexit__(exc_type, exc, traceback)
        except TimeoutError as fired:
            raise self._timeout_error() from fired

    async def wait_for(self, awaitable: Awaitable[T]) -> T:
        """Run the awaitable as the step.

        Raises
        ------
        ConnectionTimeoutError
            When it takes too long.
        """
        async with self:
            return await awaitable

    def _expired(self) -> BaseException | None:
        """The error of this step or of an outer one, if its timeout expired."""
        if self._scope is not None and self._scope.expired():
            return self._timeout_error()
        return None if self._outer is None else self._outer()

    def _timeout_error(self) -> ConnectionTimeoutError:
        if self._error is None:
            phase, limit = self._record.phase, self._seconds
            text = f"Connection timeout to host {self._key.authority}"
            error = ConnectionTimeoutError(f"{text}: {phase} not done within {limit} s")
            error.timeout, error.phase, error.limit = self._name, phase, limit
            error.elapsed = (perf_counter_ns() - self._since_ns) / 1e9
            self._error = error
        return self._error
