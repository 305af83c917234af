"""Pings and pongs of a link: answers, round-trip times, and those of the heartbeat."""

from __future__ import annotations

from collections import deque
from time import perf_counter_ns
from typing import TYPE_CHECKING

from ..trace.events import (
    TraceWebSocketPingReceivedParams,
    TraceWebSocketPingSentParams,
    TraceWebSocketPongReceivedParams,
)
from .frames import PING, PONG
from .messages import WSMsgType

if TYPE_CHECKING:
    from .link import WebSocketLink

_MOST_UNANSWERED = 64


class Pings:
    """With `answers`, pings are answered at once and pongs are not shown to the caller."""

    __slots__ = ("_answers", "_due", "_link", "_sent")

    def __init__(self, link: WebSocketLink, answers: bool) -> None:
        self._link = link
        self._answers = answers
        self._sent: deque[tuple[bytes, int]] = deque(maxlen=_MOST_UNANSWERED)
        self._due: bytes | None = None  # a pong that waits until the transport takes it

    def send(self, payload: bytes, *, heartbeat: bool) -> None:
        """Write a ping and remember when."""
        link = self._link
        link.write_frame(PING, payload)
        self._sent.append((payload, perf_counter_ns()))
        if link.trace is not None:
            link.trace.note(TraceWebSocketPingSentParams, link.exchange, 0, payload, heartbeat)

    def received(self, payload: bytes) -> None:
        """The server has sent a ping."""
        link, answers = self._link, self._answers and not self._link.close_sent
        if link.trace is not None:
            link.trace.note(TraceWebSocketPingReceivedParams, link.exchange, 0, payload, answers)
        if answers and link.blocked:
            self._due = payload  # the latest will do (RFC 6455 §5.5.3)
        elif answers:
            link.write_frame(PONG, payload)
        if not self._answers:
            link.queue_control(WSMsgType.PING, payload)

    def writable(self) -> None:
        """The transport takes more: send the pong that waits."""
        due, self._due = self._due, None
        if due is not None and not self._link.close_sent:
            self._link.write_frame(PONG, due)

    def answered(self, payload: bytes) -> None:
        """The server has sent a pong."""
        link, now_ns = self._link, perf_counter_ns()
        round_trip = self._round_trip(payload, now_ns)
        if link.trace is not None:
            told = (payload, round_trip)
            link.trace.note(TraceWebSocketPongReceivedParams, link.exchange, now_ns, *told)
        if not self._answers:
            link.queue_control(WSMsgType.PONG, payload)

    def _round_trip(self, payload: bytes, now_ns: int) -> float | None:
        """Seconds since the ping; a pong answers those before it as well (RFC 6455 §5.5.3)."""
        if all(payload != sent for sent, _sent_ns in self._sent):
            return None
        while True:
            sent, sent_ns = self._sent.popleft()
            if sent == payload:
                return (now_ns - sent_ns) / 1e9
