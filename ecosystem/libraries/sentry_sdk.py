"""Each request becomes a span and a breadcrumb, and carries the trace on."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ecosystem.serving import serve

REQUIREMENTS = ["sentry-sdk"]
WAY = "alias"


async def test_requests_become_spans() -> None:
    """The span has method, URL and status."""
    import sentry_sdk
    from sentry_sdk.integrations.aiohttp import AioHttpIntegration

    events: list[Any] = []

    def keep(event: Any, hint: Any) -> None:
        events.append(event)

    sentry_sdk.init(
        dsn="http://key@127.0.0.1:1/1",
        traces_sample_rate=1.0,
        integrations=[AioHttpIntegration()],
        default_integrations=False,
        before_send_transaction=keep,
        trace_propagation_targets=[".*"],
    )
    import aiohttp

    async def headers(request: web.Request) -> web.Response:
        return web.json_response(dict(request.headers), status=202)

    async with serve({"/": headers}) as url:
        with sentry_sdk.start_transaction(name="work"):
            async with aiohttp.ClientSession() as session, session.get(f"{url}/") as response:
                sent = await response.json()
    assert "Sentry-Trace" in sent or "sentry-trace" in sent, sent
    work = next(event for event in events if event["transaction"] == "work")
    (span,) = (span for span in work["spans"] if span["op"] == "http.client")
    assert span["data"]["http.response.status_code"] == 202
    assert span["description"] == f"GET {url}/"
