"""Heartbeat: a ping when the server has been silent, and the end if it stays so."""

from __future__ import annotations

from itertools import count
from time import monotonic
from typing import TYPE_CHECKING

from ..errors import ServerTimeoutError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from .link import WebSocketLink

_numbers = count(1)


class Heartbeat:
    """Pings after `seconds` without a byte from the server; half of that is its time to answer.

    Whatever it sends counts as an answer. While reading is paused, because the caller does not
    receive, silence is ours and not the server's.
    """

    __slots__ = ("_later", "_link", "_seconds", "heard_at", "timer")

    def __init__(
        self,
        link: WebSocketLink,
        seconds: float,
        later: Callable[[float, Callable[[], None]], asyncio.TimerHandle],
    ) -> None:
        self._link = link
        self._seconds = seconds
        self._later = later
        self.heard_at = monotonic()
        self.timer = later(seconds, self._look)

    def _look(self) -> None:
        link, now = self._link, monotonic()
        if link.paused:
            self.heard_at = now
        left = self.heard_at + self._seconds - now
        if left > 0:
            self.timer = self._later(left, self._look)
        elif not link.close_sent:
            link.ping(b"heartbeat %d" % next(_numbers), heartbeat=True)
            self.timer = self._later(self._seconds / 2, self._judge)

    def _judge(self) -> None:
        """Its time is up; but what the loop, being late itself, has not read yet counts.

        uvloop calls timers before it looks for data.
        """
        self.timer = self._later(0, self._judge_at_last)

    def _judge_at_last(self) -> None:
        link = self._link
        if link.paused or monotonic() - self.heard_at < self._seconds:
            self._look()
            return
        waited = self._seconds / 2
        error = ServerTimeoutError(f"No PONG received after {waited} seconds")
        error.timeout, error.limit, error.elapsed = "heartbeat", waited, monotonic() - self.heard_at
        link.break_off(error)
