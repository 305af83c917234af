"""The application of `leaking_app` for aiohttp.web: ``python -m ... socket application``."""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web
from tests.web.leaking_app import named, state

from httptrace.local import bind, current_request_id, request
from httptrace.web import context_middleware, setup_context


async def handle(req: web.Request) -> web.Response:
    """Reads the body in pieces, as a handler that is slower than its client."""
    found = {
        "id": current_request_id(),
        "user": state.user,
        "named": getattr(named, "user", None),
        "settings": state.settings,
        "fields": dict(request.fields),
    }
    state.user = named.user = req.query_string
    state.settings = "of a request"
    bind(user=req.query_string)
    async for _ in req.content.iter_any():
        await asyncio.sleep(0.001)
    return web.json_response(found)


def make(**options) -> web.Application:
    application = web.Application(client_max_size=1 << 20)
    setup_context(application, **options)
    application.router.add_route("*", "/", handle)
    return application


def bare() -> web.Application:
    application = web.Application(middlewares=[context_middleware(locals=(named,))])
    application.router.add_route("*", "/", handle)
    return application


app = make()
with_names = bare()


if __name__ == "__main__":
    web.run_app({"app": app, "with_names": with_names}[sys.argv[2]], path=sys.argv[1], print=None)
