"""Observers: which requests they see, and what happens if they raise."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.net.recording import Gated

import httptrace
from httptrace.testing import EventRecorder, Peer
from httptrace.trace.declare import record_of

from .conftest import MakeSession
from .sequences import ANSWERED, FINISH, FRESH, SENT, START
from .test_exchanges import HELLO, fetch

FRESH_REQUEST = [*START, *FRESH, *SENT, *ANSWERED]


async def test_process_session_request_and_block_at_once(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Listeners of all four kinds, and both kinds of TraceConfigs, get a request's events once."""
    server = await scripted(HELLO)
    of_session, of_request, of_block = EventRecorder(), EventRecorder(), EventRecorder()
    heard: list[str] = []
    config = httptrace.TraceConfig()
    config.on_request_start.append(lambda *_: heard.append("session"))
    another = httptrace.TraceConfig()
    another.on_request_start.append(lambda *_: heard.append("request"))
    session = make_session(observers=[of_session], trace_configs=[config])
    with httptrace.observe(of_block), httptrace.record() as recording:
        await fetch(session, "GET", server.url, observers=[of_request], trace_configs=[another])
    await fetch(session, "GET", server.url)
    for one in (recorder, of_session):
        assert len(one.requests) == 2
    for one in (of_request, of_block):
        assert one.names() == FRESH_REQUEST
        one.check()
    assert [event.name for event in recording.events] == FRESH_REQUEST
    assert heard == ["session", "request", "session"]


async def test_the_same_observer_twice(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """An observer that is installed in several ways gets each event once."""
    server = await scripted(HELLO)
    session = make_session(observers=[recorder])
    with httptrace.observe(recorder):
        await fetch(session, "GET", server.url, observers=[recorder])
    assert recorder.names() == FRESH_REQUEST


@dataclass
class Counter(httptrace.Observer):
    """A dataclass: equal to others with the same count, and without a hash."""

    count: int = 0

    def on_event(self, event: Any) -> None:
        self.count += 1


async def test_equal_observers(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Observers are compared by identity: equal ones, and those without a hash, are called."""
    server = await scripted(HELLO)
    first, second, third, fourth, staying = (Counter() for _ in range(5))
    session = make_session(observers=[first, second])
    httptrace.install(staying)
    httptrace.install(third)
    httptrace.install(third)
    try:
        with httptrace.observe(fourth):
            await fetch(session, "GET", server.url, observers=[first])
        httptrace.uninstall(third)
        await fetch(session, "GET", server.url, observers=[])
    finally:
        httptrace.uninstall(third)
        httptrace.uninstall(staying)
    of_first, of_second = (len(recorder.names(number)) for number in recorder.requests)
    both = of_first + of_second
    assert (first.count, second.count, staying.count) == (both, both, both)
    assert (third.count, fourth.count) == (of_first, of_first)


async def test_a_block_left_in_another_task(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A generator with a block, such as a fixture, may be ended by another task."""
    server = await scripted(HELLO)

    async def recorded() -> AsyncIterator[httptrace.Recording]:
        with httptrace.record() as recording:
            await fetch(session, "GET", server.url)
            yield recording

    generator = recorded()
    recording = await asyncio.create_task(anext(generator))  # type: ignore[arg-type]
    assert await asyncio.create_task(anext(generator, None)) is None  # type: ignore[arg-type]
    await fetch(session, "GET", server.url)
    assert len(recording.timelines) == 1


async def test_blocks_left_out_of_order(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Each block observes until it is left, even if an outer block is left before."""
    server = await scripted(HELLO)
    outer, inner, again = EventRecorder(), EventRecorder(), EventRecorder()
    blocks = [httptrace.observe(one) for one in (again, outer, inner, again)]
    for block in blocks:
        block.__enter__()
    heard = []
    for block in (blocks[1], blocks[3], blocks[2], blocks[0]):
        block.__exit__(None, None, None)
        await fetch(session, "GET", server.url)
        heard.append([len(one.requests) for one in (outer, inner, again)])
    assert heard == [[0, 1, 1], [0, 2, 2], [0, 2, 3], [0, 2, 3]]


async def test_install_and_uninstall(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """An observer of the process sees requests that begin while it is installed, of any session."""
    server = await scripted(HELLO)
    late = EventRecorder()
    await fetch(session, "GET", server.url)
    httptrace.install(late)
    httptrace.install(late)
    await fetch(session, "GET", server.url)
    httptrace.uninstall(late)
    httptrace.uninstall(late)
    await fetch(session, "GET", server.url)
    assert late.requests == recorder.requests[1:2]
    late.check()
    with pytest.raises(TypeError, match="Observer"):
        httptrace.install(print)  # type: ignore[arg-type]


async def test_record_sees_the_block_and_its_tasks(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """`record()` sees the requests of the block and of tasks that it starts, and no others."""
    server = await scripted(HELLO)
    go = asyncio.Event()

    async def beside() -> None:
        await go.wait()
        await fetch(session, "GET", server.url + "/beside")

    task = asyncio.create_task(beside())
    with httptrace.record() as recording:
        await fetch(session, "GET", server.url + "/block")
        await asyncio.create_task(fetch(session, "GET", server.url + "/task"))
        await asyncio.gather(*(fetch(session, "GET", server.url + "/gathered") for _ in range(2)))
        go.set()
        await task
    await fetch(session, "GET", server.url + "/after")
    paths = [timeline.hops[0].url.path for timeline in recording.timelines]
    assert sorted(paths) == ["/block", "/gathered", "/gathered", "/task"]
    assert "GET" in str(recording)


async def test_nested_records(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Requests of an inner block belong to the outer one too, and not the other way round."""
    server = await scripted(HELLO)
    with httptrace.record() as outer:
        await fetch(session, "GET", server.url)
        with httptrace.record() as inner:
            await fetch(session, "GET", server.url)
    assert len(outer.timelines) == 2
    assert len(inner.timelines) == 1


async def test_sessions_that_share_a_connector(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Two sessions with one connector never see each other's events, also of shared look-ups."""
    server = await scripted(HELLO)
    resolver = Gated("127.0.0.1")
    url = f"http://test.example:{server.port}/"
    async with httptrace.TCPConnector(limit=1, resolver=resolver) as connector:
        recorders = [EventRecorder(), EventRecorder()]
        sessions = [
            make_session(connector=connector, connector_owner=False, observers=[one])
            for one in recorders
        ]
        tasks = [
            asyncio.create_task(fetch(session, "GET", url)) for session in sessions for _ in "ab"
        ]
        await asyncio.sleep(0.01)
        resolver.gate.set()
        await asyncio.gather(*tasks)
    ids = [one.requests for one in recorders]
    assert sorted([*ids[0], *ids[1]]) == sorted(recorder.requests)
    assert not set(ids[0]) & set(ids[1])
    for one in recorders:
        one.check()
        assert {record_of(event).call.session for event in one.events} == {
            sessions[recorders.index(one)]
        }
    for request_id in recorder.requests:
        own = recorders[0] if request_id in ids[0] else recorders[1]
        assert own.names(request_id) == recorder.names(request_id)


async def test_raising_observer_is_dropped(
    make_session: MakeSession,
    scripted: Any,
    recorder: EventRecorder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An observer that raises is logged once and not called again; request and others go on."""

    class Raising(httptrace.Observer):
        calls = 0

        def on_event(self, event: Any) -> None:
            self.calls += 1
            if event.name == "connection_acquired":
                raise ZeroDivisionError

    server = await scripted(HELLO)
    raising, good = Raising(), EventRecorder()
    session = make_session(observers=[raising, good])
    with caplog.at_level(logging.ERROR, logger="httptrace"):
        for _ in range(2):
            assert await fetch(session, "GET", server.url) == b"hello"
    assert raising.calls == len([*START, *FRESH])
    assert good.names(good.requests[0]) == FRESH_REQUEST
    assert len(good.requests) == 2
    (record,) = caplog.records
    assert "connection_acquired" in record.getMessage() and "Raising" in record.getMessage()
    assert record.exc_info is not None and record.exc_info[0] is ZeroDivisionError


@pytest.mark.parametrize("method", ["on_span_start", "on_span_end"])
async def test_raising_in_spans(
    make_session: MakeSession,
    scripted: Any,
    recorder: EventRecorder,
    caplog: pytest.LogCaptureFixture,
    method: str,
) -> None:
    """An observer may raise at any event."""

    def fail(self: Any, span: Any) -> None:
        raise ZeroDivisionError

    raising = type("Raising", (httptrace.Observer,), {method: fail})()
    server = await scripted(HELLO)
    session = make_session(observers=[raising])
    with caplog.at_level(logging.ERROR, logger="httptrace"):
        await fetch(session, "GET", server.url)
    assert len(caplog.records) == 1
    assert recorder.names() == FRESH_REQUEST


async def test_spans(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Spans open and close with their events, and have their parents."""
    server = await scripted(HELLO)
    await fetch(session, "GET", server.url)
    spans = recorder.spans()
    assert [span.kind for span in spans] == ["request", "connection", "socket"]
    request, connection, sock = spans
    assert (request.parent, connection.parent, sock.parent) == (None, request, connection)
    assert [span.outcome for span in spans] == ["end", "end", "end"]
    for span in spans:
        assert span.end is not None and span.duration_ns is not None
        assert span.duration_ns == span.end.time_ns - span.start.time_ns >= 0
    assert request.start.name == "request_start"
    assert request.end is not None and request.end.name == "request_finish"


@pytest.mark.parametrize("wrong", [[print], ["x"], [EventRecorder]])
async def test_what_is_no_observer(wrong: list[Any]) -> None:
    """What is not an Observer is refused."""
    with pytest.raises(TypeError, match="Observer"):
        httptrace.ClientSession(observers=wrong)


async def test_observer_of_the_request_only(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """An invalid observer of a request fails it before anything is sent."""
    server = await scripted(HELLO)
    with pytest.raises(TypeError, match="Observer"):
        await fetch(session, "GET", server.url, observers=["x"])
    assert server.connections == []


async def test_connection_outlives_its_listeners(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """An idle connection keeps no request and no listener alive."""
    httptrace.uninstall(recorder)
    server = await scripted(HELLO)
    session = make_session()
    mine = EventRecorder()
    await fetch(session, "GET", server.url, observers=[mine])
    gone = weakref.ref(mine)
    del mine
    gc.collect()
    assert gone() is None


async def test_request_that_is_dialled_for_goes_away(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Later events of its connection do not belong to a request that has ended."""

    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO)
        await peer.events["close"].wait()

    server = await scripted(once)
    mine = EventRecorder()
    session = make_session(observers=[mine])
    await fetch(session, "GET", server.url)
    server.events["close"].set()
    async with asyncio.timeout(5):
        while not recorder.of("connection_closed"):
            await asyncio.sleep(0)
    assert mine.names() == FRESH_REQUEST
    assert mine.names()[-1:] == FINISH
    assert [e.request_id for e in recorder.of("connection_closed")] == [None]


async def test_redirect_and_post_are_logged_whole(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """From events alone a listener can write every byte of heads and bodies, in both directions."""
    log: list[bytes] = []

    class Wire(httptrace.Observer):
        def on_event(self, event: Any) -> None:
            if event.name == "request_headers_sent":
                log.append(event.head)
            elif event.name in ("request_chunk_sent", "response_chunk_received"):
                log.append(event.chunk)
            elif event.name == "response_headers_received":
                fields = "".join(f"{n}: {v}\r\n" for n, v in event.headers.items())
                line = f"HTTP/{event.version} {event.status} {event.reason}\r\n"
                log.append(f"{line}{fields}\r\n".encode())

    first = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /b\r\nContent-Length: 4\r\n\r\nthen"
    second = b"HTTP/1.1 201 Created\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 5\r\n\r\nhello"

    async def script(peer: Peer) -> None:
        for answer in (first, second):
            await peer.request()
            await peer.send(answer)
        await peer.until_closed()

    server = await scripted(script)
    session = make_session(observers=[Wire()])
    async with session.post(server.url + "/a", data=b"payload") as response:
        assert await response.text() == "hello"
    sent = [request.raw for request in server.requests]
    assert b"".join(log) == sent[0] + first + sent[1] + second


async def test_a_connection_that_no_request_closed(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """The events of an idle connection have its number, its origin and its statistics."""
    server = await scripted(HELLO)
    session = make_session()
    for _ in range(3):
        await fetch(session, "GET", server.url + "/path?q=1")
    await session.close()
    (closed,) = recorder.of("connection_closed")
    assert (closed.request_id, closed.method, closed.context_id) == (None, "", None)
    assert (closed.reason, closed.requests_served) == ("connector closed", 3)
    assert str(closed.url) == f"http://127.0.0.1:{server.port}/"
    assert closed.connection_id == recorder.of("connection_acquired")[0].connection_id
    opened_ns = recorder.of("connection_create_end")[0].time_ns
    assert 0 < closed.age - (closed.time_ns - opened_ns) / 1e9 < 0.05
    assert "requests_served=3" in repr(closed)
