"""Names of ``aiohttp.client_middlewares``, for programs that import them from there."""

from __future__ import annotations

from .aiohttp_names import build_client_middlewares
from .request.client_request import ClientHandlerType, ClientMiddlewareType

__all__ = [
    "ClientHandlerType",
    "ClientMiddlewareType",
    "build_client_middlewares",
]
