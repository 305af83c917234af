"""Nested timeouts of steps."""

from __future__ import annotations

import asyncio

import pytest

import httptrace
from httptrace import ClientTimeout
from httptrace.errors import ConnectionTimeoutError
from httptrace.net.timeouts import StepTimeout
from httptrace.testing import EventRecorder, hang
from httptrace.testing.scripted import ScriptedServer

from .recording import Listened, key


async def test_the_outer_timeout_is_seen_by_inner_spans() -> None:
    """A step that the timeout of an outer step cancels ends with the error of that timeout."""
    record, to = Listened(), key("::1", 443)
    seen: list[BaseException] = []
    with pytest.raises(ConnectionTimeoutError) as caught:
        async with StepTimeout(to, record, "sock_connect", 0.01):
            async with StepTimeout(to, record, "tls", 30):
                record.enter("tls")
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError as exc:
                    seen.append(record.error_for_caller(exc))
                    raise
    assert seen == [caught.value]
    assert (caught.value.timeout, caught.value.limit, caught.value.phase) == (
        *("sock_connect", 0.01),
        "tls",
    )
    assert str(caught.value) == ("Connection timeout to host [::1]:443: tls not done within 0.01 s")
    assert record.expired is None


async def test_a_cancelled_step_is_no_timeout() -> None:
    """A step that is cancelled from outside ends with the cancellation."""
    record = Listened()

    async def step() -> None:
        async with StepTimeout(key("test.example", 80), record, "dns", 30):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError as exc:
                assert record.error_for_caller(exc) is exc
                raise

    task = asyncio.create_task(step())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert record.expired is None


async def test_connect_ends_a_wait_with_a_longer_limit(recorder: EventRecorder) -> None:
    """If `connect` expires before `pool`, the span of the queue ends with its error."""
    connector = httptrace.TCPConnector(limit=1)
    async with (
        ScriptedServer(hang) as server,
        httptrace.ClientSession(connector=connector) as session,
    ):
        first = asyncio.create_task(session.request("GET", server.url))
        while not server.connections:
            await asyncio.sleep(0.001)
        limits = ClientTimeout(connect=0.05, pool=30)
        with pytest.raises(ConnectionTimeoutError) as caught:
            await session.get(server.url, timeout=limits)
        assert caught.value.timeout == "connect"
        (queued,) = recorder.of("connection_queued_exception")
        assert queued.exception is caught.value
        first.cancel()
        await asyncio.wait([first])
