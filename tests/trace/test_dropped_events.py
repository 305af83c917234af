"""Exact events of responses that the caller releases: unread, dropped, partly read."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

import httptrace
from httptrace.testing import EventRecorder, Peer, response_bytes

from .breaking import half
from .conftest import MakeSession
from .sequences import (
    BODY,
    CHUNK,
    CLOSED,
    END,
    FINISH,
    FRESH,
    HEAD,
    RELEASED,
    SENT,
    START,
    together,
)
from .test_exchanges import HELLO


@pytest.mark.parametrize("way", ["block", "release", "close"])
async def test_unread_response(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, way: str
) -> None:
    """A response that is released during its body closes the connection: it is dropped."""
    server = await scripted(half)
    if way == "block":
        async with session.get(server.url):
            pass
    else:
        response = await session.get(server.url)
        getattr(response, way)()
    names = recorder.names()
    ended = [*CLOSED, *FINISH]
    assert names in (
        [*START, *FRESH, *SENT, *HEAD, *END, *ended],
        [*START, *FRESH, *SENT, *HEAD, *END, *CHUNK, *ended],
    )
    assert recorder.of("connection_closed")[0].reason == "unread body"
    (finish,) = recorder.of("request_finish")
    assert (finish.outcome, finish.exception) == ("dropped", None)
    await server.no_connections()


async def test_session_closed_by_a_listener(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Each listener of dropped responses may close the session."""
    server = await scripted(half)
    config = httptrace.TraceConfig()
    closed: list[int] = []

    async def close(session: httptrace.ClientSession, _context: Any, event: Any) -> None:
        await session.close()
        closed.append(event.request_id)

    config.on_request_finish.append(close)
    session = make_session(trace_configs=[config])
    responses = [await session.get(server.url) for _ in range(2)]
    for response in responses:
        response.release()
    async with asyncio.timeout(5):
        await session.close()
    assert closed == recorder.requests


class Names(httptrace.Observer):
    """Keeps names only."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.outcome = ""

    def on_event(self, event: Any) -> None:
        self.names.append(event.name)
        if event.name == "request_finish":
            self.outcome = event.outcome


async def test_dropped_response(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A response without references is dropped: its connection is closed, its end is an event."""
    httptrace.uninstall(recorder)
    names = Names()
    server = await scripted(half)
    session = make_session(observers=[names])
    response = await session.get(server.url)
    with pytest.warns(ResourceWarning, match="Unclosed response"):
        del response
        gc.collect()
    await server.no_connections()
    assert together(names.names) in (
        [*START, *FRESH, *SENT, *HEAD, *END, *CLOSED, *FINISH],
        [*START, *FRESH, *SENT, *HEAD, *END, *CHUNK, *CLOSED, *FINISH],
    )
    assert names.outcome == "dropped"
    assert session.connector is not None
    assert session.connector.stats().closed == {"unread body": 1}


async def test_dropped_response_tells_trace_configs(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Coroutine callbacks are called too: `close` waits for them."""
    httptrace.uninstall(recorder)
    heard: list[str] = []

    async def finish(session: Any, context: Any, params: Any) -> None:
        await asyncio.sleep(0.01)
        heard.append(params.outcome)

    config = httptrace.TraceConfig()
    config.on_request_finish.append(finish)
    server = await scripted(half)
    session = make_session(trace_configs=[config])
    response = await session.get(server.url)
    with pytest.warns(ResourceWarning, match="Unclosed response"):
        del response
        gc.collect()
    await server.no_connections()
    await session.close()
    assert heard == ["dropped"]


@pytest.mark.parametrize("way", ["block", "release", "close", "del"])
async def test_response_that_came_whole_and_is_not_read(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, way: str
) -> None:
    """A response that arrived completely is complete, even if it is not read."""
    server = await scripted(HELLO)
    if way == "block":
        async with session.get(server.url):
            pass
    else:
        response = await session.get(server.url)
        if way == "del":
            del response
        else:
            getattr(response, way)()
    gc.collect()
    assert recorder.names() == [*START, *FRESH, *SENT, *HEAD, *END, *BODY, *RELEASED, *FINISH]
    assert recorder.of("request_finish")[0].outcome == "completed"


async def test_error_in_the_block(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """What the caller raises in the block is his own: the response is dropped, the request did
    not fail."""
    server = await scripted(half)
    with pytest.raises(ZeroDivisionError):
        async with session.get(server.url) as response:
            await response.content.readexactly(2)
            raise ZeroDivisionError
    assert recorder.names() == [
        *START, *FRESH, *SENT, *HEAD, *END, *CHUNK, *CLOSED, *FINISH
    ]  # fmt: skip
    assert recorder.of("request_finish")[0].outcome == "dropped"


async def test_read_in_part(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Reading a part of a body: its pieces are events, then the connection is closed."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response_bytes(200, b"", ("Content-Length", "1000"), length=False))
        await peer.send(b"0123456789")
        await peer.hang()

    server = await scripted(script)
    async with session.get(server.url) as response:
        assert await response.content.readexactly(10) == b"0123456789"
    assert together(recorder.names()) == [
        *START, *FRESH, *SENT, *HEAD, *END, *CHUNK, *CLOSED, *FINISH
    ]  # fmt: skip
    with pytest.raises(httptrace.ClientConnectionError):
        await response.read()
