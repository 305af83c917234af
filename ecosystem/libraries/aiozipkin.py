"""Spans of requests are made by its TraceConfig and sent to Zipkin's API."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ecosystem.serving import serve

REQUIREMENTS = ["aiozipkin"]
WAY = "alias"


async def test_spans_of_requests_are_sent() -> None:
    """A request carries the trace on, and its span arrives at Zipkin."""
    import aiohttp
    import aiozipkin

    spans: list[dict[str, Any]] = []

    async def keep(request: web.Request) -> web.Response:
        spans.extend(await request.json())
        return web.Response(status=202)

    async def headers(request: web.Request) -> web.Response:
        return web.json_response(dict(request.headers))

    async with serve({"/api/v2/spans": keep, "/": headers}) as url:
        endpoint = aiozipkin.create_endpoint("tests")
        tracer = await aiozipkin.create(f"{url}/api/v2/spans", endpoint, sample_rate=1.0)
        configuration = aiozipkin.make_trace_config(tracer)
        async with aiohttp.ClientSession(trace_configs=[configuration]) as session:
            with tracer.new_trace() as span:
                context = {"span_context": span.context}
                async with session.get(f"{url}/", trace_request_ctx=context) as response:
                    sent = await response.json()
        await tracer.close()
    assert sent["X-B3-TraceId"] == span.context.trace_id
    (found,) = (span for span in spans if span.get("kind") == "CLIENT")
    assert found["name"].startswith("client"), found
    assert found["parentId"] == span.context.span_id
