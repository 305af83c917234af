"""The server's side: middleware that opens a `Context` for each request.

``context_middleware``, ``context_middleware_factory``, ``setup_context`` and ``AccessLogger`` are
for aiohttp.web and import it when they are first used; ``ContextMiddleware`` is for any ASGI
application and imports no framework. This is not ``aiohttp.web``: httptrace has no server.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from httptrace.web.aiohttp_scopes import AccessLogger
    from httptrace.web.aiohttp_web import (
        context_middleware,
        context_middleware_factory,
        setup_context,
    )
    from httptrace.web.asgi import ContextMiddleware

__all__ = [
    "AccessLogger",
    "ContextMiddleware",
    "context_middleware",
    "context_middleware_factory",
    "setup_context",
]

_LATER = {
    "AccessLogger": "aiohttp_scopes",
    "ContextMiddleware": "asgi",
    "context_middleware": "aiohttp_web",
    "context_middleware_factory": "aiohttp_web",
    "setup_context": "aiohttp_web",
}


if not TYPE_CHECKING:  # or type checkers would accept every name

    def __getattr__(name: str) -> Any:
        module = _LATER.get(name)
        if module is None:
            raise AttributeError(
                f"module {__name__!r} has no attribute {name!r}: httptrace has no server; use "
                "aiohttp's ('from aiohttp import web') beside httptrace's client",
                name=name,
            )
        value = getattr(import_module(f"{__name__}.{module}"), name)
        globals()[name] = value
        return value
