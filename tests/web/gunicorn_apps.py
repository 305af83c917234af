"""Applications for gunicorn's workers: one writes a line, one raises."""

from __future__ import annotations

import logging

from aiohttp import web
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from httptrace.local import LogConfiguration
from httptrace.web import ContextMiddleware, setup_context

log = logging.getLogger("app")
logconfig = LogConfiguration("shop").as_dict_config(debug=False, access_loggers=True)


async def ok(req) -> PlainTextResponse:
    log.info("working")
    return PlainTextResponse("ok")


async def fail(req) -> PlainTextResponse:
    raise KeyError("gone")


asgi = ContextMiddleware(Starlette(routes=[Route("/ok", ok), Route("/fail", fail)]))


async def ok_aiohttp(req: web.Request) -> web.Response:
    log.info("working")
    return web.Response(text="ok")


async def fail_aiohttp(req: web.Request) -> web.Response:
    raise KeyError("gone")


def aiohttp_app() -> web.Application:
    application = web.Application()
    setup_context(application)
    application.router.add_get("/ok", ok_aiohttp)
    application.router.add_get("/fail", fail_aiohttp)
    return application


aiohttp = aiohttp_app()
