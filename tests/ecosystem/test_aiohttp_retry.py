"""aiohttp-retry: its client gets a session of httptrace."""

from __future__ import annotations

from aiohttp import web
from tests.ecosystem.conftest import Serve, module

from httptrace import ClientResponse, ClientSession, ServerDisconnectedError, TraceConfig
from httptrace.testing import EventRecorder

aiohttp_retry = module("aiohttp_retry")


async def test_requests_are_retried_until_they_succeed(
    serve: Serve, session: ClientSession, recorder: EventRecorder
) -> None:
    """A status to retry is retried; every attempt is a request of its own in the events."""
    tries = 0

    async def flaky(request: web.Request) -> web.Response:
        nonlocal tries
        tries += 1
        return web.json_response({"tries": tries}, status=503 if tries < 3 else 200)

    url = await serve({"/": flaky})
    options = aiohttp_retry.ExponentialRetry(attempts=5, start_timeout=0.001, statuses={503})
    client = aiohttp_retry.RetryClient(client_session=session, retry_options=options)
    async with client.get(url) as response:
        assert isinstance(response, ClientResponse)
        assert await response.json() == {"tries": 3}
    assert len(recorder.of("request_finish")) == 3


async def test_our_errors_are_retried(serve: Serve, session: ClientSession) -> None:
    """The errors to retry are given as classes of httptrace."""
    tries = 0

    async def rude(request: web.Request) -> web.Response:
        nonlocal tries
        tries += 1
        if tries == 1 and request.transport is not None:
            request.transport.abort()
        return web.Response(text=await request.text())

    url = await serve({"/": rude})
    options = aiohttp_retry.ListRetry([0.001] * 2, exceptions={ServerDisconnectedError})
    client = aiohttp_retry.RetryClient(client_session=session, retry_options=options)
    async with client.post(url, data="body") as response:
        assert await response.text() == "body"
    assert tries == 2


async def test_its_number_of_the_try_reaches_our_signals(serve: Serve) -> None:
    """Its trace_request_ctx reaches trace callbacks with each attempt."""
    seen: list[int] = []

    async def note(session: object, context: object, params: object) -> None:
        seen.append(context.trace_request_ctx["current_attempt"])  # type: ignore[attr-defined]

    async def busy(request: web.Request) -> web.Response:
        return web.Response(status=500)

    config = TraceConfig()
    config.on_request_start.append(note)
    url = await serve({"/": busy})
    async with ClientSession(trace_configs=[config]) as session:
        options = aiohttp_retry.ListRetry([0.001, 0.001])
        client = aiohttp_retry.RetryClient(client_session=session, retry_options=options)
        async with client.get(url) as response:
            assert response.status == 500
    assert seen == [1, 2]
