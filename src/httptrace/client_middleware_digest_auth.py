"""Names of ``aiohttp.client_middleware_digest_auth``, for programs that import them from there."""

from __future__ import annotations

from .auth.digest import DigestAuthMiddleware

__all__ = [
    "DigestAuthMiddleware",
]
