"""Names of ``aiohttp.base_protocol``, for programs that import them from there."""

from __future__ import annotations

from .aiohttp_names import BaseProtocol

__all__ = [
    "BaseProtocol",
]
