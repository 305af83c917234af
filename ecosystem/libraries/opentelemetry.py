"""Requests become spans of OpenTelemetry, and carry the trace on."""

from __future__ import annotations

from aiohttp import web

from ecosystem.client import client as http
from ecosystem.serving import serve

REQUIREMENTS = ["opentelemetry-instrumentation-aiohttp-client", "opentelemetry-sdk"]
WAY = "trace config"


async def test_a_request_becomes_a_span() -> None:
    """With its status."""
    from opentelemetry.instrumentation.aiohttp_client import create_trace_config
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    config = create_trace_config(tracer_provider=provider)

    async def traced(request: web.Request) -> web.Response:
        return web.Response(text=request.headers["traceparent"], status=202)

    async with serve({"/": traced}) as url, http.ClientSession(trace_configs=[config]) as session:
        async with session.get(url) as response:
            assert (await response.text()).startswith("00-")
    (span,) = exporter.get_finished_spans()
    assert dict(span.attributes or {})["http.status_code"] == 202
