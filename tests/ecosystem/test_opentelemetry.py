"""OpenTelemetry's instrumentation of aiohttp: its TraceConfig is given to a session."""

from __future__ import annotations

import pytest
from aiohttp import web
from tests.ecosystem.conftest import Serve, module

from httptrace import ClientConnectorError, ClientSession
from httptrace.testing import refused_port

instrumentation = module("opentelemetry.instrumentation.aiohttp_client")
exporting = module("opentelemetry.sdk.trace.export.in_memory_span_exporter")
sdk = module("opentelemetry.sdk.trace")
processors = module("opentelemetry.sdk.trace.export")


class Spans:
    """What the instrumentation exports, and the TraceConfig that makes it do so."""

    def __init__(self) -> None:
        self._exporter = exporting.InMemorySpanExporter()
        provider = sdk.TracerProvider()
        provider.add_span_processor(processors.SimpleSpanProcessor(self._exporter))
        self.config = instrumentation.create_trace_config(tracer_provider=provider)

    def finished(self) -> list[tuple[str, dict[str, object]]]:
        """Name and attributes of each span."""
        spans = self._exporter.get_finished_spans()
        return [(span.name, dict(span.attributes or {})) for span in spans]


async def test_requests_become_spans(serve: Serve) -> None:
    """A request is a span with its method, URL and status, and propagates the trace."""

    async def traced(request: web.Request) -> web.Response:
        return web.Response(text=request.headers.get("traceparent", "none"), status=202)

    url = await serve({"/": traced})
    spans = Spans()
    async with ClientSession(trace_configs=[spans.config]) as session:
        async with session.get(f"{url}/") as response:
            assert (await response.text()).startswith("00-")
    ((name, attributes),) = spans.finished()
    assert name == "GET"
    assert attributes["http.url"] == f"{url}/"
    assert attributes["http.status_code"] == 202


async def test_failures_become_spans() -> None:
    """A request that fails is a span that ends with the error."""
    spans = Spans()
    async with ClientSession(trace_configs=[spans.config]) as session:
        with refused_port() as port, pytest.raises(ClientConnectorError):
            await session.get(f"http://127.0.0.1:{port}/")
    ((name, _attributes),) = spans.finished()
    assert name == "GET"


async def test_its_config_is_fixed_once_it_is_in_use() -> None:
    """A callback that is added too late raises an error instead of being ignored."""

    async def late(*args: object) -> None:
        """Never called."""

    spans = Spans()
    async with ClientSession(trace_configs=[spans.config]):
        with pytest.raises(RuntimeError):
            spans.config.on_request_end.append(late)
