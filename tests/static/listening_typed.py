"""What type checkers see of listening: signals, observers, recordings, timelines."""

from __future__ import annotations

from traceback import FrameSummary
from types import SimpleNamespace
from typing import assert_type

from yarl import URL

import httptrace


async def on_start(
    session: httptrace.ClientSession,
    context: SimpleNamespace,
    params: httptrace.TraceRequestStartParams,
) -> None:
    """A callback as users annotate it."""
    assert_type(params.method, str)
    assert_type(params.url, URL)
    params.headers["X-A"] = "b"


async def on_end(
    session: httptrace.ClientSession,
    context: SimpleNamespace,
    params: httptrace.TraceRequestEndParams,
) -> None:
    """The response is known."""
    assert_type(params.response, httptrace.ClientResponse)


def on_reuse(
    session: httptrace.ClientSession,
    context: SimpleNamespace,
    params: httptrace.TraceConnectionReuseconnParams,
) -> None:
    """Plain functions can be callbacks too."""


async def signals_take_callbacks_with_their_params() -> None:
    """Each signal names the class of its params."""
    config = httptrace.TraceConfig()
    assert_type(config.on_request_start, httptrace.Signal[httptrace.TraceRequestStartParams])
    config.on_request_start.append(on_start)
    config.on_request_end.append(on_end)
    config.on_connection_reuseconn.append(on_reuse)
    config.on_request_end.append(on_start)  # type: ignore[arg-type]
    httptrace.ClientSession(trace_configs=[config])


class Printer(httptrace.Observer):
    """An observer as users write one."""

    def on_event(self, event: httptrace.Event) -> None:
        """Called with each event."""
        if isinstance(event, httptrace.TraceRequestFinishParams):
            assert_type(event.timeline, httptrace.Timeline)

    def on_span_end(self, span: httptrace.Span) -> None:
        """Called with each span that ends."""
        assert_type(span.duration_ns, int | None)


async def observers_are_taken_everywhere(session: httptrace.ClientSession) -> None:
    """For the process, a session and one request."""
    printer = Printer()
    httptrace.install(printer)
    httptrace.uninstall(printer)
    httptrace.ClientSession(observers=[printer])
    await session.get("http://localhost", observers=[printer])
    with httptrace.observe(printer):
        await session.get("http://localhost")


async def a_recording_has_timelines(session: httptrace.ClientSession) -> None:
    """`record` gives a Recording."""
    with httptrace.record() as recording:
        response = await session.get("http://localhost")
    assert_type(recording, httptrace.Recording)
    assert_type(recording.events, list[httptrace.Event])
    assert_type(recording.timelines, list[httptrace.Timeline])
    assert_type(response.timeline.hops, list[httptrace.Hop])


async def a_watch_of_the_loop_has_blocks() -> None:
    """`loop_lag` gives a LoopLag."""
    with httptrace.loop_lag(threshold=0.05) as lag:
        pass
    assert_type(lag, httptrace.LoopLag)
    assert_type(lag.percentile(99), float)
    assert_type(lag.histogram, list[tuple[float, int]])
    assert_type(lag.blocks, list[httptrace.LoopBlock])
    assert_type(lag.blocks[0].culprit, FrameSummary | None)
