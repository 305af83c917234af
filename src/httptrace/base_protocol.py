"""Names of ``aiohttp.base_protocol``, for programs that import them from there."""

from __future__ import annotations

from .pool.response_handler import BaseProtocol

__all__ = [
    "BaseProtocol",
]
