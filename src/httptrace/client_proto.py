"""Names of ``aiohttp.client_proto``, for programs that import them from there."""

from __future__ import annotations

from .aiohttp_names import BaseProtocol, ResponseHandler
from .body.empty import EMPTY_PAYLOAD
from .body.queues import DataQueue
from .body.streams import StreamReader

__all__ = [
    "BaseProtocol",
    "DataQueue",
    "EMPTY_PAYLOAD",
    "ResponseHandler",
    "StreamReader",
]
