"""A local server for the scripts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from httptrace.testing import TestServer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serve(handlers: Mapping[str, Handler]) -> AsyncIterator[str]:
    """Serve handlers by path; gives the origin, without a slash at the end."""
    app = web.Application(client_max_size=2**24)
    for path, handler in handlers.items():
        app.router.add_route("*", path, handler)
    async with TestServer(app) as server:
        yield str(server.make_url("/")).rstrip("/")


def answering(body: object, **kwargs: object) -> Handler:
    """A handler that answers every request with this, as JSON."""

    async def handler(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response(body, **kwargs)  # type: ignore[arg-type]

    return handler
