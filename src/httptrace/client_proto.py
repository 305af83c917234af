"""Names of ``aiohttp.client_proto``, for programs that import them from there."""

from __future__ import annotations

from .body.empty import EMPTY_PAYLOAD
from .body.queues import DataQueue
from .body.streams import StreamReader
from .pool.response_handler import BaseProtocol, ResponseHandler

__all__ = [
    "BaseProtocol",
    "DataQueue",
    "EMPTY_PAYLOAD",
    "ResponseHandler",
    "StreamReader",
]
