"""A real aiohttp.web application on loopback, with the endpoints that a client's tests need.

/                        GET: "hello"
/echo                    any method: the body as it came, its type kept
/inspect                 any method: JSON of method, target, headers, cookies, body's length
/json                    JSON {"hello": "world"}
/form                    POST: JSON of the fields of a form, url-encoded or multipart
/status/{code}           an answer with this status
/redirect/{count}        302 to itself, count times, then "arrived"
/redirect-to             ?url=&status= one redirect
/cookies/set             ?name=value: sets these cookies
/stream/{count}          count chunks of 1 KiB, chunked
/large/{size}            size bytes with a Content-Length
/compressed/{coding}     gzip or deflate of 10 KiB of text
/basic-auth              "in" for user:secret, otherwise 401
/early                   answers before it has read the request's body, then closes
/gate                    answers once the test has set `server.gate`
"""

from __future__ import annotations

import asyncio
import ssl as ssl_module
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from aiohttp import web

LARGE_TEXT = "a line that repeats itself\n" * 400


class AiohttpServer:
    """Runs the application; `url` is its origin, `requests` counts what came.

    `gate` holds back the answer of /gate until it is set; `entered` tells that a request waits
    there.
    """

    def __init__(self, *, host: str = "127.0.0.1", ssl: ssl_module.SSLContext | None = None):
        self.host = host
        self.port = 0
        self.requests = 0
        self.gate = asyncio.Event()
        self.entered = asyncio.Event()
        self._ssl = ssl
        self._runner: Any = None

    @property
    def url(self) -> str:
        """The origin, without a slash at the end."""
        return f"{'https' if self._ssl else 'http'}://{self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        from aiohttp import web

        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, 0, ssl_context=self._ssl)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.gate.set()
        await self._runner.cleanup()

    def _application(self) -> web.Application:
        from aiohttp import web

        @web.middleware
        async def count(request: web.Request, handler: Any) -> web.StreamResponse:
            self.requests += 1
            response: web.StreamResponse = await handler(request)
            return response

        app = web.Application(middlewares=[count], client_max_size=64 * 2**20)
        for path, handler in _HANDLERS.items():
            app.router.add_route("*", path, handler)
        app.router.add_route("*", "/gate", self._wait_at_gate)
        return app

    async def _wait_at_gate(self, request: web.Request) -> web.Response:
        from aiohttp import web

        self.entered.set()
        await self.gate.wait()
        return web.Response(text="through")


async def _hello(request: web.Request) -> web.Response:
    from aiohttp import web

    return web.Response(text="hello")


async def _echo(request: web.Request) -> web.Response:
    from aiohttp import web

    body = await request.read()
    return web.Response(body=body, headers={"Content-Type": request.content_type})


async def _inspect(request: web.Request) -> web.Response:
    from aiohttp import web

    body = await request.read()
    return web.json_response(
        {
            "method": request.method,
            "target": request.raw_path,
            "headers": [[name, value] for name, value in request.headers.items()],
            "cookies": dict(request.cookies),
            "body_length": len(body),
        }
    )


async def _json(request: web.Request) -> web.Response:
    from aiohttp import web

    return web.json_response({"hello": "world"})


async def _form(request: web.Request) -> web.Response:
    from aiohttp import web

    fields: list[list[Any]] = []
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            content = value.file.read().decode("latin-1")
            fields.append([name, value.filename, value.content_type, content])
        else:
            fields.append([name, value])
    return web.json_response(fields)


async def _status(request: web.Request) -> web.Response:
    from aiohttp import web

    return web.Response(status=int(request.match_info["code"]))


async def _redirect(request: web.Request) -> web.Response:
    from aiohttp import web

    left = int(request.match_info["count"])
    if left == 0:
        return web.Response(text="arrived")
    return web.Response(status=302, headers={"Location": f"/redirect/{left - 1}"})


async def _redirect_to(request: web.Request) -> web.Response:
    from aiohttp import web

    status = int(request.query.get("status", "302"))
    return web.Response(status=status, headers={"Location": request.query["url"]})


async def _set_cookies(request: web.Request) -> web.Response:
    from aiohttp import web

    response = web.Response(text="set")
    for name, value in request.query.items():
        response.set_cookie(name, value)
    return response


async def _stream(request: web.Request) -> web.StreamResponse:
    from aiohttp import web

    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    for number in range(int(request.match_info["count"])):
        await response.write(bytes([number % 256]) * 1024)
    await response.write_eof()
    return response


async def _large(request: web.Request) -> web.Response:
    from aiohttp import web

    return web.Response(body=b"x" * int(request.match_info["size"]))


async def _compressed(request: web.Request) -> web.Response:
    from aiohttp import web

    response = web.Response(text=LARGE_TEXT)
    response.enable_compression(web.ContentCoding[request.match_info["coding"]])
    return response


async def _basic_auth(request: web.Request) -> web.Response:
    from aiohttp import web

    if request.headers.get("Authorization") == "Basic dXNlcjpzZWNyZXQ=":
        return web.Response(text="in")
    return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="tests"'})


async def _early(request: web.Request) -> web.Response:
    from aiohttp import web

    response = web.Response(status=413, text="too much")
    response.force_close()
    return response


_HANDLERS = {
    "/": _hello,
    "/echo": _echo,
    "/inspect": _inspect,
    "/json": _json,
    "/form": _form,
    "/status/{code}": _status,
    "/redirect/{count}": _redirect,
    "/redirect-to": _redirect_to,
    "/cookies/set": _set_cookies,
    "/stream/{count}": _stream,
    "/large/{size}": _large,
    "/compressed/{coding}": _compressed,
    "/basic-auth": _basic_auth,
    "/early": _early,
}
