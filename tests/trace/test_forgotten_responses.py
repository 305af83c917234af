"""Kept events do not keep responses and connections that the program has dropped."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, FunctionType, ModuleType
from typing import Any

import pytest

import httptrace
from httptrace.call.core import SessionCore
from httptrace.http1.connection import Http1Connection
from httptrace.pool.pool import ConnectionPool
from httptrace.testing import EventRecorder, Peer, response_bytes

from .breaking import half
from .conftest import MakeSession
from .listening import listening
from .test_exchanges import HELLO

REDIRECT = response_bytes(302, b"", ("Location", "/there"), ("X-Which", "first"))


@contextmanager
def forgetting() -> Iterator[None]:
    """Responses are dropped here, which issues warnings."""
    with pytest.warns(ResourceWarning, match="Unclosed response"):
        yield
        gc.collect()


async def test_forgotten_under_record(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A program that drops its responses can go on under `record()`."""
    server = await scripted(half)
    session = make_session(connector=httptrace.TCPConnector(limit=1))
    with httptrace.record() as recording, forgetting():
        async with asyncio.timeout(5):
            for _ in range(3):
                await session.get(server.url)
    await asyncio.sleep(0)
    assert [event.outcome for event in recorder.of("request_finish")] == ["dropped"] * 3
    assert len(recording.timelines) == 3


async def test_callbacks_that_keep_events(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """The same holds for callbacks of a TraceConfig that keep their events."""
    server = await scripted(half)
    kept: list[Any] = []
    config = listening(lambda _name, _session, _context, params: kept.append(params))
    session = make_session(connector=httptrace.TCPConnector(limit=1), trace_configs=[config])
    with forgetting():
        async with asyncio.timeout(5):
            for _ in range(3):
                await session.get(server.url)
    assert [params.name for params in kept].count("request_end") == 3


async def test_the_response_of_a_kept_event(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """It is the response itself as long as it exists, and then another one with the same head."""

    async def script(peer: Peer) -> None:
        for answer in (REDIRECT, HELLO.replace(b"200 OK", b"299 Fine")):
            await peer.request()
            await peer.send(answer)

    server = await scripted(script)
    async with session.get(server.url) as response:
        await response.read()
    end, redirect = recorder.of("request_end")[0], recorder.of("request_redirect")[0]
    assert end.response is response
    assert redirect.response is response.history[0]
    gone = [weakref.ref(response), weakref.ref(response.history[0])]
    del response
    gc.collect()
    assert [reference() for reference in gone] == [None, None]
    assert (end.response.status, end.response.reason) == (299, "Fine")
    assert end.response.url == redirect.response.url.joinpath("there", encoded=True)
    assert redirect.response.status == 302
    assert redirect.response.headers["X-Which"] == "first"


async def test_the_body_of_a_forgotten_response(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """The body of a response that was released early cannot be read through its event."""
    server = await scripted(half)
    with forgetting():
        await session.get(server.url)
    await asyncio.sleep(0)
    (end,) = recorder.of("request_end")
    with pytest.raises(httptrace.ClientConnectionError):
        await end.response.read()


async def test_a_response_of_another_call(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A middleware may return the response of another call: the event has that one."""
    server = await scripted(HELLO)
    async with session.get(server.url) as first:
        await first.read()

    async def middleware(request: Any, handler: Any) -> Any:
        return first

    assert await session.get(server.url, middlewares=[middleware]) is first
    assert recorder.of("request_end")[-1].response is first


class Finishes(httptrace.Observer):
    """Keeps the last event of each request."""

    def __init__(self) -> None:
        self.kept: list[httptrace.TraceRequestFinishParams] = []

    def on_request_finish(self, event: httptrace.TraceRequestFinishParams) -> None:
        self.kept.append(event)


def kept_by(*roots: object) -> list[object]:
    """Everything that is reachable from these objects; not through the session and its loop."""
    skipped = (
        *(type, ModuleType, FunctionType, FrameType, asyncio.AbstractEventLoop),
        *(httptrace.ClientSession, SessionCore, ConnectionPool),
    )
    seen: dict[int, object] = {}
    todo = list(roots)
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, skipped):
            continue
        seen[id(one)] = one
        todo.extend(gc.get_referents(one))
    return list(seen.values())


LARGE = 1 << 20


@pytest.mark.parametrize("use", ["nothing", "content", "read", "release", "iterate"])
async def test_bodies_of_kept_events(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, use: str
) -> None:
    """Kept events keep no bytes of bodies, and no connection, once the response is gone."""
    httptrace.uninstall(recorder)
    server = await scripted(response_bytes(200, bytes(LARGE)))
    observer = Finishes()
    session = make_session(observers=[observer])
    for _ in range(3):
        response = await session.post(server.url, data=bytes(LARGE))
        await asyncio.sleep(0)
        if use == "content":
            await response.content.read(10)
        elif use == "read":
            await response.read()
        elif use == "iterate":
            async for _chunk in response.content.iter_chunked(1000):
                break
        response.release()
        del response
    await session.close()
    gc.collect()
    assert len(observer.kept) == 3
    kept = kept_by(*observer.kept)
    assert not [one for one in kept if isinstance(one, bytes | bytearray) and len(one) > 4096]
    assert not [one for one in kept if isinstance(one, Http1Connection | httptrace.ClientResponse)]
    timeline = observer.kept[0].timeline
    assert timeline.hops[0].address == f"127.0.0.1:{server.port}"
    assert timeline.hops[0].connection_id is not None


async def test_a_stream_outlives_its_response(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A program that keeps the stream alone can read the body to its end."""
    server = await scripted(response_bytes(200, bytes(LARGE)))
    session = make_session(observers=[Finishes()])
    response = await session.get(server.url)
    stream = response.content
    while not stream.is_eof():
        await asyncio.sleep(0)
        if stream.total_raw_bytes == LARGE:
            break
        if not await stream.read(1000):
            break
    del response
    gc.collect()
    rest = await stream.read()
    assert stream.total_bytes == LARGE
    assert set(rest) <= {0}
