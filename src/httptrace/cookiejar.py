"""Names of ``aiohttp.cookiejar``, for programs that import them from there."""

from __future__ import annotations

from .cookies.jar import AbstractCookieJar, CookieJar, DummyCookieJar, LooseCookies

__all__ = [
    "AbstractCookieJar",
    "CookieJar",
    "DummyCookieJar",
    "LooseCookies",
]
