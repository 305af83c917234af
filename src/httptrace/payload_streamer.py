"""Names of ``aiohttp.payload_streamer``, for programs that import them from there."""

from __future__ import annotations

from .body.streamer import streamer

__all__ = [
    "streamer",
]
