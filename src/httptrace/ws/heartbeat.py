"""Heartbeat: pings a silent server, and ends the WebSocket if it stays silent."""

from __future__ import annotations

from itertools import count
from time import monotonic
from typing import TYPE_CHECKING

from ..errors import ServerTimeoutError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from .connection import WebSocketConnection

_numbers = count(1)


class Heartbeat:
    """Pings after `seconds` without a byte from the server, which has half of that to answer.

    Any byte counts as an answer. Silence does not count while reading is paused because the caller
    does not receive. The server's Close ends the heartbeat.
    """

    __slots__ = ("_call_later", "_connection", "_seconds", "last_received", "timer")

    def __init__(
        self,
        connection: WebSocketConnection,
        seconds: float,
        call_later: Callable[[float, Callable[[], None]], asyncio.TimerHandle],
    ) -> None:
        self._connection = connection
        self._seconds = seconds
        self._call_later = call_later
        self.last_received = monotonic()
        self.timer = call_later(seconds, self._check_silence)

    def _check_silence(self) -> None:
        connection, now = self._connection, monotonic()
        if connection.paused:
            self.last_received = now
        left = self.last_received + self._seconds - now
        if left > 0:
            self.timer = self._call_later(left, self._check_silence)
        elif not connection.close_sent:
            connection.ping(b"heartbeat %d" % next(_numbers), heartbeat=True)
            self.timer = self._call_later(self._seconds / 2, self._answer_due)

    def _answer_due(self) -> None:
        """Check in the next iteration of the event loop.

        If the loop was late, the answer may have arrived without being read: uvloop runs timers
        before it reads from sockets.
        """
        self.timer = self._call_later(0, self._check_answer)

    def _check_answer(self) -> None:
        connection = self._connection
        if connection.paused or monotonic() - self.last_received < self._seconds:
            self._check_silence()
            return
        limit, elapsed = self._seconds / 2, monotonic() - self.last_received
        error = ServerTimeoutError(f"No PONG received after {limit} seconds")
        error.timeout, error.limit, error.elapsed = "heartbeat", limit, elapsed
        connection.abort_with(error)
