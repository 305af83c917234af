"""Callbacks of a `TraceConfig` that raise, at every event."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import httptrace
from httptrace.testing import EventRecorder, Peer

from .conftest import MakeSession
from .listening import listening
from .sequences import ANSWERED, BODY, CLOSED, END, FAILED, FINISH, FRESH, HEAD, SENT, START
from .test_exchanges import HELLO, fetch


class Broken(Exception):
    """The exception of the listeners of these tests."""


@pytest.mark.parametrize("name", [*START, *FRESH, *SENT, *HEAD, *END])
async def test_raising_before_the_response(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, name: str
) -> None:
    """A callback that raises fails the request, and all other listeners are told everything.

    If it raises at `request_end`, no `request_exception` follows.
    """

    def hear(told: str, *_: Any) -> None:
        if told == name:
            raise Broken(told)

    after: list[str] = []
    server = await scripted(HELLO)
    session = make_session(
        trace_configs=[listening(hear), listening(lambda n, *_: after.append(n))]
    )
    with pytest.raises(Broken, match=name):
        await fetch(session, "GET", server.url)
    names = recorder.names()
    assert after == names
    finish = recorder.of("request_finish")[0]
    assert finish.outcome == "failed" and isinstance(finish.exception, Broken)
    if name in END:
        assert "request_exception" not in names and names[-1:] == FINISH
    else:
        assert names[-2:] == FAILED
        assert recorder.of("request_exception")[0].exception is finish.exception
    assert session.connector is not None
    stats = session.connector.stats()
    assert stats.open == stats.idle
    httptrace.uninstall(recorder)
    silent = make_session()
    assert await fetch(silent, "GET", server.url) == b"hello"


@pytest.mark.parametrize("name", [*BODY, "connection_released"])
async def test_raising_in_the_body(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, name: str
) -> None:
    """A callback that raises while the body is read fails the reader, and ends the request."""

    async def parted(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send_pieces([HELLO[:-5], HELLO[-5:]])

    def hear(told: str, *_: Any) -> None:
        if told == name:
            raise Broken(told)

    server = await scripted(parted)
    session = make_session(trace_configs=[listening(hear)])
    with pytest.raises(Broken, match=name):
        await fetch(session, "GET", server.url)
    names = recorder.names()
    assert [n for n in names if n not in CLOSED] == [*START, *FRESH, *SENT, *ANSWERED]
    assert names[-1] == "request_finish"


@pytest.mark.parametrize("name", ["request_finish"])
async def test_raising_at_the_end(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, name: str
) -> None:
    """An exception of a callback of the last event is raised, and changes nothing else."""

    def hear(told: str, *_: Any) -> None:
        if told == name:
            raise Broken(told)

    server = await scripted(HELLO)
    session = make_session(trace_configs=[listening(hear)])
    with pytest.raises(Broken, match=name):
        await fetch(session, "GET", server.url)
    assert recorder.names() == [*START, *FRESH, *SENT, *ANSWERED]


async def test_raising_in_the_queue_gives_the_place_back(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A callback that raises at a queue's start or end leaves no place taken."""

    async def gate(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.events["gate"].wait()
            await peer.send(HELLO)

    for name in ("connection_queued_start", "connection_queued_end"):

        def hear(told: str, *_: Any, wrong: str = name) -> None:
            if told == wrong:
                raise Broken(told)

        server = await scripted(gate)
        connector = httptrace.TCPConnector(limit=1)
        session = make_session(connector=connector, trace_configs=[listening(hear)])
        first = asyncio.create_task(fetch(session, "GET", server.url))
        await server.received()
        second = asyncio.create_task(fetch(session, "GET", server.url))
        await asyncio.sleep(0.01)
        server.events["gate"].set()
        results = await asyncio.gather(first, second, return_exceptions=True)
        assert results[0] == b"hello"
        assert isinstance(results[1], Broken)
        stats = connector.stats()
        assert (stats.waiting, stats.open - stats.idle) == (0, 0)
        assert await fetch(session, "GET", server.url) == b"hello"


async def test_raising_from_where_nobody_waits(
    make_session: MakeSession,
    scripted: Any,
    recorder: EventRecorder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """After `release()` the error can only be logged, once."""

    async def half(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO[:-3])
        await peer.hang()

    def hear(told: str, *_: Any) -> None:
        if told == "request_finish":
            raise Broken(told)

    server = await scripted(half)
    session = make_session(trace_configs=[listening(hear)])
    response = await session.get(server.url)
    response.release()
    await session.close()
    records = [record for record in caplog.records if record.name == "httptrace"]
    assert len(records) == 1
    assert records[0].exc_info is not None and records[0].exc_info[0] is Broken
