"""Handlers that a Starlette application has for unhandled exceptions.

Starlette calls such a handler in its outermost middleware, after a middleware of the application
has left its scope. It is therefore wrapped, so that it runs with the values of the request.
Starlette is not imported here before an application uses it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

from httptrace.local.logs import work_of
from httptrace.local.request import ResumedContext, current_work


def answers_itself(app: Any) -> bool:
    """Whether the Starlette application around the middleware answers unhandled exceptions."""
    handlers = getattr(app, "exception_handlers", {})
    return bool(getattr(app, "debug", False) or 500 in handlers or Exception in handlers)


def give_work_to_handler(app: Any, header: str | None) -> None:
    """Let the application's handler run with the values of the request that raised.

    :param header: the header of its response that carries the request id.
    """
    errors = sys.modules.get("starlette.middleware.errors")
    layer = getattr(app, "middleware_stack", None)
    while errors is not None and layer is not None:
        if isinstance(layer, errors.ServerErrorMiddleware):
            if layer.handler is not None and not isinstance(layer.handler, _HandlerWithWork):
                layer.handler = _HandlerWithWork(layer.handler, header)
            return
        layer = getattr(layer, "app", None)


class _HandlerWithWork:
    def __init__(self, handler: Callable[[Any, Exception], Any], header: str | None) -> None:
        self._handler = handler
        self._header = header

    async def __call__(self, request: Any, error: Exception) -> Any:
        work = work_of(error)
        if not work or current_work():
            return await self._handle(request, error)
        with ResumedContext(work):
            response = await self._handle(request, error)
        if self._header is not None and hasattr(response, "headers"):
            response.headers.setdefault(self._header, work["id"])
        return response

    async def _handle(self, request: Any, error: Exception) -> Any:
        handler = self._handler
        call = getattr(handler, "__call__", None)  # noqa: B004  (it may have an async __call__)
        if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(call):
            return await handler(request, error)
        from starlette.concurrency import run_in_threadpool

        return await run_in_threadpool(handler, request, error)
