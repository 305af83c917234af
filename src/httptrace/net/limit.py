"""The time that a part of making a connection may take."""

from __future__ import annotations

import asyncio
from time import perf_counter_ns
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ConnectionTimeoutError

if TYPE_CHECKING:
    from types import TracebackType

    from ..trace.record import Record
    from .key import ConnectionKey


class Limits(NamedTuple):
    """The limits of ``ClientTimeout`` that hold while a connection is made, in seconds.

    `sock_connect` covers sockets, tunnel and TLS together, as in aiohttp; `dns` each look-up and
    `tls` each handshake. None or 0 is no limit.
    """

    sock_connect: float | None = None
    dns: float | None = None
    tls: float | None = None


class Limit:
    """A block that may take so many seconds; `name` is the limit's in ``ClientTimeout``.

    When it fires, the block is cancelled and ends with `ConnectionTimeoutError`; `seen` gives that
    error beforehand, for the spans that the cancellation closes. `outer` is the limit of a block
    around this one, if there is one.
    """

    __slots__ = ("_error", "_key", "_name", "_outer", "_record", "_scope", "_seconds", "_since_ns")

    def __init__(
        self,
        key: ConnectionKey,
        record: Record,
        seconds: float | None,
        name: str = "sock_connect",
        outer: Limit | None = None,
    ) -> None:
        self._key = key
        self._record = record
        self._seconds = seconds or 0
        self._name = name
        self._outer = outer
        self._scope = asyncio.timeout(seconds) if seconds else None
        self._since_ns = perf_counter_ns()
        self._error: ConnectionTimeoutError | None = None

    async def __aenter__(self) -> Limit:
        if self._scope is not None:
            await self._scope.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._scope is None:
            return
        try:
            await self._scope.__aexit__(exc_type, exc, traceback)
        except TimeoutError as fired:
            raise self._timeout() from fired

    def seen(self, exc: BaseException) -> BaseException:
        """What the caller will see of an error: the timeout, if it is what cancelled the work."""
        cancelled = isinstance(exc, asyncio.CancelledError)
        if cancelled and self._scope is not None and self._scope.expired():
            return self._timeout()
        return self._record.seen(exc) if self._outer is None else self._outer.seen(exc)

    def _timeout(self) -> ConnectionTimeoutError:
        if self._error is None:
            phase, limit = self._record.phase, self._seconds
            error = self._error = ConnectionTimeoutError(
                f"Connection timeout to host {self._key.host}:{self._key.port}: "
                f"{phase} not done within {limit} s"
            )
            error.timeout, error.phase, error.limit = self._name, phase, limit
            error.elapsed = (perf_counter_ns() - self._since_ns) / 1e9
        return self._error
