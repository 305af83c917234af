"""One line for each request that has ended."""

from __future__ import annotations

import asyncio
import json
import logging
import re

import pytest

import httptrace
from httptrace.testing.scripted import ScriptedServer

MS = r"\d+\.\d"


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The lines at INFO and above."""
    caplog.set_level(logging.INFO, logger="httptrace.requests")
    return caplog


async def fetch(
    server: ScriptedServer, path: str, log: httptrace.RequestLog, **options: object
) -> None:
    async with httptrace.ClientSession(observers=[log]) as session:
        async with session.get(server.url + path, **options) as response:  # type: ignore[arg-type]
            await response.read()


def line_of(caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    (record,) = [one for one in caplog.records if one.name == "httptrace.requests"]
    return record


async def test_text(caplog: pytest.LogCaptureFixture, server: ScriptedServer) -> None:
    """The line has the method, the masked URL, the status, the time, and each phase."""
    await fetch(server, "/?token=secret", httptrace.RequestLog())
    line = line_of(caplog)
    assert line.levelname == "INFO"
    phases = f"queue {MS}, connect {MS}, send {MS}, wait {MS}, receive {MS}"
    url = re.escape(f"{server.url}/?token=***")
    assert re.fullmatch(rf"GET {url} 200 in {MS} ms \({phases}\)", line.getMessage())


async def test_reused_connection(caplog: pytest.LogCaptureFixture, server: ScriptedServer) -> None:
    """On a reused connection nothing is connected; the phases are those of the timeline."""
    with httptrace.record() as recording:
        async with httptrace.ClientSession(observers=[httptrace.RequestLog(json=True)]) as session:
            for _ in range(2):
                await (await session.get(server.url)).read()
    for line, timeline in zip(caplog.records, recording.timelines, strict=True):
        said = json.loads(line.getMessage())
        expected = {phase: ns / 1e9 for phase, ns in timeline.hops[0].phases_ns.items()}
        assert said["phases"] == expected
        assert (said["duration"], said["reused"]) == (timeline.total, timeline.hops[0].reused)


async def test_redirect(caplog: pytest.LogCaptureFixture, server: ScriptedServer) -> None:
    """Attempts are counted, their phases summed, and the last URL is named."""
    await fetch(server, "/moved", httptrace.RequestLog())
    text = line_of(caplog).getMessage()
    assert text.startswith(f"GET {server.url}/json?token=*** 200 in ")
    assert text.endswith("), 2 attempts")


async def test_json(caplog: pytest.LogCaptureFixture, server: ScriptedServer) -> None:
    """As JSON, with OpenTelemetry's names; what does not apply is absent."""
    with httptrace.job_context("nightly", id="abc"):
        await fetch(server, "/", httptrace.RequestLog(json=True))
    said = json.loads(line_of(caplog).getMessage())
    assert [*said] == [
        *("http.request.method", "url.full", "http.response.status_code", "outcome", "duration"),
        *("phases", "attempts", "reused", "request_id", "context_id"),
    ]
    assert (said["http.response.status_code"], said["context_id"]) == (200, "abc")


async def test_slow(caplog: pytest.LogCaptureFixture, server: ScriptedServer) -> None:
    """A slow request is a warning, with the phase that took the most time."""
    async with httptrace.ClientSession(observers=[httptrace.RequestLog(slow=0.1)]) as session:
        task = asyncio.create_task(session.get(f"{server.url}/hang"))
        await asyncio.sleep(0.15)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    line = line_of(caplog)
    assert line.levelname == "WARNING"
    assert " - cancelled in " in line.getMessage() and line.getMessage().endswith(", slow: wait")


async def test_timeout(caplog: pytest.LogCaptureFixture, server: ScriptedServer) -> None:
    """A timeout is a warning with the phase and the limit."""
    timeout = httptrace.ClientTimeout(total=0.05)
    with pytest.raises(httptrace.TotalTimeoutError):
        await fetch(server, "/hang", httptrace.RequestLog(), timeout=timeout)
    line = line_of(caplog)
    assert line.levelname == "WARNING"
    assert " in wait (total=0.05): httptrace.errors.TotalTimeoutError: " in line.getMessage()


async def test_failure(caplog: pytest.LogCaptureFixture, server: ScriptedServer) -> None:
    """A body that breaks off is a failure in `receive`."""
    with pytest.raises(httptrace.ClientPayloadError):
        await fetch(server, "/cut", httptrace.RequestLog(json=True))
    said = json.loads(line_of(caplog).getMessage())
    assert (said["outcome"], said["failed_phase"]) == ("failed", "receive")
    assert said["error.type"] == "httptrace.errors.ClientPayloadError" and "limit" not in said


async def test_hidden(caplog: pytest.LogCaptureFixture, server: ScriptedServer) -> None:
    """The logger's level hides usual lines."""
    caplog.set_level(logging.WARNING, logger="httptrace.requests")
    await fetch(server, "/", httptrace.RequestLog())
    assert caplog.records == []


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"slow": 0}, "slow must be above 0 s, not 0"),
        ({"slow": "1"}, "slow must be a number of seconds, not '1'"),
        ({"json": "yes"}, "json must be True or False, not 'yes'"),
        ({"logger": None}, "logger must be the name of a logger, not None"),
    ],
)
def test_bad_arguments(options: dict[str, object], error: str) -> None:
    """A wrong argument is named."""
    with pytest.raises((TypeError, ValueError)) as caught:
        httptrace.RequestLog(**options)  # type: ignore[arg-type]
    assert str(caught.value) == error


async def test_over_aiohttp(caplog: pytest.LogCaptureFixture, server: ScriptedServer) -> None:
    """The same line for a request of aiohttp's own session."""
    aiohttp = pytest.importorskip("aiohttp", reason="aiohttp is not installed")
    config = httptrace.RequestLog().trace_config()
    async with aiohttp.ClientSession(trace_configs=[config]) as session:
        async with session.get(server.url) as response:
            await response.read()
    text = line_of(caplog).getMessage()
    assert text.startswith(f"GET {server.url} 200 in ")
