"""What the middleware adds to one request, without sockets: the server's part is left out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from benchmarks.context.clock import LOOPS
from httptrace.web import ContextMiddleware, context_middleware

Run = Callable[[], Awaitable[Any]]

ALONE = "ASGI application alone"
IN_MIDDLEWARE = "ASGI application in ContextMiddleware"

_HEADERS = {
    "host": "api.example",
    "user-agent": "benchmark",
    "accept": "*/*",
    "x-request-id": "0198c0de-7000-7000-8000-000000000000",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
}


def middleware_entries(rounds: int) -> dict[str, float]:
    """Nanoseconds of one call of each application."""
    return asyncio.run(_measure({**_asgi(), **_aiohttp()}, max(rounds // 10, 10)))


async def _measure(runs: dict[str, Run], rounds: int) -> dict[str, float]:
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter_ns()
            for _ in range(LOOPS):
                await run()
            best[name] = min(best[name], (time.perf_counter_ns() - start) / LOOPS)
    return best


def _asgi() -> dict[str, Run]:
    headers = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
    scope = {"type": "http", "path": "/users/7", "headers": headers}

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: MutableMapping[str, Any]) -> None:
        pass

    with_context = ContextMiddleware(app)
    return {
        ALONE: lambda: app(scope, None, send),
        IN_MIDDLEWARE: lambda: with_context(scope, None, send),
    }


def _aiohttp() -> dict[str, Run]:
    request = make_mocked_request("GET", "/users/7", headers=_HEADERS)
    keys: list[Any] = list(request)
    middleware: Any = context_middleware()

    async def handler(request: web.Request) -> web.Response:
        return web.Response()

    async def with_context() -> web.StreamResponse:
        for key in [key for key in request if key not in keys]:
            del request[key]
        response: web.StreamResponse = await middleware(request, handler)
        return response

    return {
        "aiohttp.web handler alone": lambda: handler(request),
        "aiohttp.web handler in context_middleware": with_context,
    }
