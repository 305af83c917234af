"""One timer for the timeouts of all requests of a connector.

A new request only compares its deadline with the time at which the timer fires. When the timer
fires, it checks all current requests: expired ones fail, and the timer is set to the next deadline.
It fires so rarely that checking takes at most a twentieth of the time: with many requests whose
deadlines are close together, timeouts become less exact.
"""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from ..call.pool import Limited

_NEVER_NS = 1 << 62
_SHARE = 20


class Deadlines:
    """Calls `check_limits` of all current requests when the first deadline is reached."""

    __slots__ = ("_later", "_timer", "_under_way", "next_ns")

    def __init__(
        self,
        later: Callable[[float, Callable[[], None]], asyncio.TimerHandle],
        under_way: Callable[[], Iterable[Limited]],
    ) -> None:
        self._later = later
        self._under_way = under_way
        self._timer: asyncio.TimerHandle | None = None
        self.next_ns = _NEVER_NS
        """When the timer fires. A request with an earlier deadline must call `arm`."""

    def arm(self, due_ns: int) -> None:
        """Let the timer fire at this time at the latest."""
        if due_ns < self.next_ns:
            if self._timer is not None:
                self._timer.cancel()
            self.next_ns = due_ns
            seconds = max(0, due_ns - perf_counter_ns()) / 1e9
            self._timer = self._later(seconds, self._look)

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        self.next_ns = _NEVER_NS
        began_ns = perf_counter_ns()
        soonest = _NEVER_NS
        for limited in self._under_way():
            again_ns = limited.check_limits(began_ns)
            if 0 < again_ns < soonest:
                soonest = again_ns
        if soonest < _NEVER_NS:
            now_ns = perf_counter_ns()
            self.arm(max(soonest, now_ns + (now_ns - began_ns) * _SHARE))
