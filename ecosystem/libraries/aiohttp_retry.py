"""A request is sent again after an answer of 503 and after a connection that broke."""

from __future__ import annotations

from aiohttp import web

from ecosystem.client import client as http
from ecosystem.serving import serve

REQUIREMENTS = ["aiohttp-retry"]
WAY = "session"


async def test_requests_are_sent_again() -> None:
    """Until one succeeds."""
    from aiohttp_retry import ListRetry, RetryClient

    tries = 0

    async def flaky(request: web.Request) -> web.Response:
        nonlocal tries
        tries += 1
        if tries == 1 and request.transport is not None:
            request.transport.abort()
        return web.Response(status=503 if tries < 3 else 200, text=await request.text())

    options = ListRetry([0.001] * 3, statuses={503}, exceptions={http.ServerDisconnectedError})
    async with serve({"/": flaky}) as url, http.ClientSession() as session:
        client = RetryClient(client_session=session, retry_options=options)
        async with client.post(url, data="text") as response:
            assert await response.text() == "text"
    assert tries == 3
