"""Names of ``aiohttp.streams``, for programs that import them from there."""

from __future__ import annotations

from .aiohttp_names import BaseTimerContext, TimerNoop
from .body.empty import EMPTY_PAYLOAD, EmptyStreamReader
from .body.queues import DataQueue, EofStream, FlowControlDataQueue
from .body.streams import StreamReader
from .pool.response_handler import BaseProtocol

__all__ = [
    "BaseProtocol",
    "BaseTimerContext",
    "DataQueue",
    "EMPTY_PAYLOAD",
    "EmptyStreamReader",
    "EofStream",
    "FlowControlDataQueue",
    "StreamReader",
    "TimerNoop",
]
