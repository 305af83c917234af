"""Names of ``aiohttp.http_writer``, for programs that import them from there."""

from __future__ import annotations

from .body.stream_writer import AbstractStreamWriter
from .version import HttpVersion, HttpVersion10, HttpVersion11

__all__ = [
    "AbstractStreamWriter",
    "HttpVersion",
    "HttpVersion10",
    "HttpVersion11",
]
