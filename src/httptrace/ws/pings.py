"""Pings and pongs of a WebSocket: answers to the server's pings, round-trip times of pings."""

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
    from .connection import WebSocketConnection

_MAX_UNANSWERED = 64


class Pings:
    """With `autoping`, pings are answered at once and the caller receives no pings and pongs."""

    __slots__ = ("_autoping", "_connection", "_delayed_pong", "_unanswered")

    def __init__(self, connection: WebSocketConnection, autoping: bool) -> None:
        self._connection = connection
        self._autoping = autoping
        self._unanswered: deque[tuple[bytes, int]] = deque(maxlen=_MAX_UNANSWERED)
        self._delayed_pong: bytes | None = None  # until the transport has room

    def send(self, payload: bytes, *, heartbeat: bool) -> None:
        """Write a ping and remember the time."""
        connection = self._connection
        connection.write_frame(PING, payload)
        self._unanswered.append((payload, perf_counter_ns()))
        if connection.trace is not None:
            fields = (payload, heartbeat)
            connection.trace.note(TraceWebSocketPingSentParams, connection.exchange, 0, *fields)

    def received(self, payload: bytes) -> None:
        """Answer a ping of the server, or pass it to the caller."""
        connection = self._connection
        answers = self._autoping and not (connection.close_sent or connection.gone)
        if connection.trace is not None:
            fields = (payload, answers)
            connection.trace.note(TraceWebSocketPingReceivedParams, connection.exchange, 0, *fields)
        if answers and connection.blocked:
            self._delayed_pong = payload  # only the latest needs an answer (RFC 6455 §5.5.3)
        elif answers:
            connection.write_frame(PONG, payload)
        if not self._autoping:
            connection.queue_control(WSMsgType.PING, payload)

    def resume_writing(self) -> None:
        """The transport has room: write the delayed pong."""
        pong, self._delayed_pong = self._delayed_pong, None
        if pong is not None and not (self._connection.close_sent or self._connection.gone):
            self._connection.write_frame(PONG, pong)

    def pong_received(self, payload: bytes) -> None:
        """Find the round-trip time of the ping that this pong answers."""
        connection, now_ns = self._connection, perf_counter_ns()
        round_trip = self._round_trip(payload, now_ns)
        if connection.trace is not None:
            fields = (payload, round_trip)
            connection.trace.note(
                TraceWebSocketPongReceivedParams, connection.exchange, now_ns, *fields
            )
        if not self._autoping:
            connection.queue_control(WSMsgType.PONG, payload)

    def _round_trip(self, payload: bytes, now_ns: int) -> float | None:
        """Seconds since the ping. A pong also answers all earlier pings (RFC 6455 §5.5.3)."""
        if all(payload != sent for sent, _sent_ns in self._unanswered):
            return None
        while True:
            sent, sent_ns = self._unanswered.popleft()
            if sent == payload:
                return (now_ns - sent_ns) / 1e9
