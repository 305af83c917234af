"""httpx over its transport: bodies, streams, redirects, time-outs and errors as httpx has them."""

from __future__ import annotations

import asyncio

from aiohttp import web

from ecosystem.serving import serve

REQUIREMENTS = ["httpx-aiohttp"]
WAY = "alias"


async def echo(request: web.Request) -> web.Response:
    """What was sent."""
    return web.Response(text=f"{request.method} {await request.text()}")


async def away(request: web.Request) -> web.Response:
    """Redirects."""
    raise web.HTTPFound("/echo")


async def never(request: web.Request) -> web.Response:
    """Does not answer."""
    await asyncio.sleep(30)
    return web.Response()


async def test_requests_of_httpx() -> None:
    """Each with its answer."""
    from httpx_aiohttp import HttpxAiohttpClient

    async with serve({"/echo": echo, "/away": away}) as url, HttpxAiohttpClient() as client:
        response = await client.post(f"{url}/echo", content="text")
        assert response.text == "POST text"
        response = await client.get(f"{url}/away", follow_redirects=True)
        assert response.text == "GET "

        async def pieces():
            for piece in (b"a", b"b"):
                yield piece

        async with client.stream("POST", f"{url}/echo", content=pieces()) as streamed:
            assert [chunk async for chunk in streamed.aiter_text()] == ["POST ab"]


async def test_errors_are_those_of_httpx() -> None:
    """A server that is not there, and one that does not answer."""
    import httpx
    from httpx_aiohttp import HttpxAiohttpClient

    async with serve({"/": never}) as url, HttpxAiohttpClient(timeout=0.2) as client:
        for where, error in (
            ("http://127.0.0.1:1/", httpx.TransportError),
            (url, httpx.ReadTimeout),
        ):
            try:
                await client.get(where)
            except error:
                continue
            raise AssertionError(f"{error} was not raised")
