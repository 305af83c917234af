"""Each request becomes a span with its method, URL and status, and carries the trace on."""

from __future__ import annotations

import os
from typing import Any

from aiohttp import web

from ecosystem.serving import serve

REQUIREMENTS = ["ddtrace"]
WAY = "alias"

os.environ["DD_INSTRUMENTATION_TELEMETRY_ENABLED"] = "false"
os.environ["DD_REMOTE_CONFIGURATION_ENABLED"] = "false"
os.environ["DD_TRACE_STARTUP_LOGS"] = "false"


async def test_requests_become_spans() -> None:
    """One span for the request, one within it for the connection."""
    from ddtrace.contrib.internal.aiohttp.patch import patch
    from ddtrace.trace import TraceFilter, tracer

    spans: list[Any] = []

    class Keep(TraceFilter):
        def process_trace(self, trace: list[Any]) -> None:
            spans.extend(trace)

    tracer.configure(trace_processors=[Keep()])
    patch()
    import aiohttp

    async def headers(request: web.Request) -> web.Response:
        return web.json_response(dict(request.headers), status=202)

    async with serve({"/": headers}) as url:
        async with aiohttp.ClientSession() as session, session.get(f"{url}/") as response:
            sent = await response.json()
    assert "x-datadog-trace-id" in sent, sent
    names = [span.name for span in spans]
    assert "aiohttp.request" in names, names
    assert "TCPConnector.connect" in names, names
    request = spans[names.index("aiohttp.request")]
    assert request.get_tag("http.method") == "GET"
    assert request.get_tag("http.status_code") == "202"
