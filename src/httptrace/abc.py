"""Abstract base classes, at the place where aiohttp documents them (``aiohttp.abc``)."""

from __future__ import annotations

from .body.stream_writer import AbstractStreamWriter
from .cookies.jar import AbstractCookieJar
from .net.resolver import AbstractResolver, ResolveResult

__all__ = ["AbstractCookieJar", "AbstractResolver", "AbstractStreamWriter", "ResolveResult"]
