"""The resolvers, where aiohttp's documentation has them (``aiohttp.resolver``)."""

from __future__ import annotations

from .net.resolver import AsyncResolver, DefaultResolver, ThreadedResolver

__all__ = ["AsyncResolver", "DefaultResolver", "ThreadedResolver"]
