"""`Exporter`: what every observer has that sends or writes what it sees."""

from __future__ import annotations

import logging
import threading
from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING, Any, NamedTuple

from ..session.session import core_of
from ..trace.declare import record_of
from ..trace.observer import Observer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

    from aiohttp import TraceConfig as AiohttpTraceConfig

    from ..session.session import ClientSession
    from ..trace.hop import Hop
    from ..trace.listening import SessionObservers
    from ..trace.moments_call import TraceRequestFinishParams
    from ..trace.record import Record

logger = logging.getLogger("httptrace")


class Exporter(Observer):
    """An observer that sends or writes what it sees.

    It is used as any observer is: with `install`, ``ClientSession(observers=[…])``, the request
    parameter ``observers=``, or `observe`. With aiohttp's own sessions use `trace_config`. Call
    `close` at the end, or use it with ``with``. It never blocks the event loop and never fails a
    request. What it cannot send or write is counted in `lost`, and is told once by a warning of the
    logger ``httptrace``.
    """

    def __init__(self) -> None:
        self.lost = 0
        """How many requests or other entries could not be sent or written."""
        self._lost_lock = threading.Lock()
        self._loss_told = False

    def close(self) -> None:
        """Send or write what is left, and release what the exporter holds. It may block.

        It does nothing the second time. What comes after it is lost.
        """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def trace_config(self) -> AiohttpTraceConfig:
        """A TraceConfig for the sessions of aiohttp itself: ``trace_configs=[…]``.

        The exporter then sees what aiohttp tells. Phases that aiohttp does not tell are absent, for
        instance TLS handshakes, which are part of `connect`.

        Raises
        ------
        ImportError
            If aiohttp is not installed.
        """
        from .over_aiohttp import trace_config

        return trace_config(self)

    def _lose(self, number: int, why: str) -> None:
        """Count what is lost, and tell the first loss. Any thread may call this."""
        with self._lost_lock:
            self.lost += number
            told, self._loss_told = self._loss_told, True
        if not told:
            name = type(self).__name__
            logger.warning(
                "%s loses what it should export: %s. Later losses are counted in %s.lost only",
                *(name, why, name),
            )


class Attempt(NamedTuple):
    """One attempt of a request: what was measured, and its headers."""

    hop: Hop
    record: Record

    @property
    def request_headers(self) -> Iterable[tuple[str, str]]:
        """The headers of the request; secrets are not masked."""
        return self.record.request_headers.items()

    @property
    def response_headers(self) -> Iterable[tuple[str, str]]:
        """The headers of the response, none if there was none; secrets are not masked."""
        return self.record.response_headers.items() if self.record.status else ()


def attempts_of(event: TraceRequestFinishParams) -> list[Attempt]:
    """The attempts of a request that has ended, in order."""
    records = [record_of(event)]
    while (previous := records[-1].previous) is not None:
        records.append(previous)
    return [*map(Attempt, event.timeline.hops, reversed(records))]


def wall_clock_offset_ns() -> int:
    """What to add to a reading of ``perf_counter_ns()`` to get nanoseconds since the epoch.

    Take it anew for each request or batch: the system's clock may be set.
    """
    return time_ns() - perf_counter_ns()


class _Nobody:
    """The listeners of a session that no observer may see."""

    def __bool__(self) -> bool:
        return False

    def trace(self, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""


def unseen(session: ClientSession) -> ClientSession:
    """Hide a session, which an exporter sends with, from every observer; return the session.

    Otherwise each request that sends would have to be sent itself.
    """
    core = core_of(session)
    nobody: SessionObservers = _Nobody()  # type: ignore[assignment]
    core.observers, core.trace_configs, core.lone_config = nobody, [], None
    if core.pool is not None:
        core.pool.tells_process = False
    return session
