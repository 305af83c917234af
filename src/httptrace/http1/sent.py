"""When the last byte of a request left for the network.

A transport and the kernel accept a body long before they send it. What they still hold is looked at
until it is nothing: each millisecond at first, later each hundredth of the time that has passed.
"""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..call.exchange import Exchange
    from .sending import Sending

SENT_AT_ONCE = 14_600
"""A body of so many bytes leaves at once: it fits the initial window of TCP (RFC 6928 §2)."""
_SOONEST, _LATEST = 0.001, 0.01


class SentWatch:
    """Moves `sent_ns` of an exchange on as long as bytes of its request are unsent."""

    __slots__ = ("_connection", "_exchange", "_seen_ns", "_since_ns")

    def __init__(self, connection: Sending, exchange: Exchange) -> None:
        self._connection = connection
        self._exchange = exchange
        self._since_ns = perf_counter_ns()
        self._seen_ns = 0  # when it last saw unsent bytes

    def __call__(self) -> None:
        exchange, connection = self._exchange, self._connection
        if connection.exchange is not exchange or exchange.first_byte_ns:
            return
        unsent, known = connection.unsent_below()
        exchange.sent_is_known = known and not unsent
        now_ns = perf_counter_ns()
        if not unsent:  # the last byte left between two looks
            exchange.sent_ns = (now_ns + (self._seen_ns or now_ns)) // 2
            return
        exchange.sent_ns = self._seen_ns = now_ns
        hundredth = (now_ns - self._since_ns) / 1e11
        exchange.call.loop.call_later(min(max(hundredth, _SOONEST), _LATEST), self)
