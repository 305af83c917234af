"""Observers that raise or interfere: requests continue."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from dataclasses import dataclass
from typing import Any

import pytest

import httptrace
from httptrace.testing import EventRecorder, Peer

from .conftest import MakeSession
from .sequences import ANSWERED, CLOSED, FAILED, FRESH, SENT, START
from .test_exchanges import HELLO, fetch

FRESH_REQUEST = [*START, *FRESH, *SENT, *ANSWERED]


class Doing(httptrace.Observer):
    """Calls a function at one event, and keeps the names of all events."""

    def __init__(self, name: str, do: Any) -> None:
        self.names: list[str] = []
        self._name = name
        self._do = do

    def on_event(self, event: Any) -> None:
        self.names.append(event.name)
        if event.name == self._name:
            self._do()


def raising(error: type[BaseException]) -> Any:
    def do() -> None:
        raise error

    return do


@pytest.mark.parametrize("name", FRESH_REQUEST)
async def test_raising_at_each_moment(
    session: httptrace.ClientSession,
    scripted: Any,
    recorder: EventRecorder,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    """If it raises at any event, the request continues, one error is logged, and it is dropped."""
    server = await scripted(HELLO)
    observer = Doing(name, raising(LookupError))
    with httptrace.observe(observer), caplog.at_level(logging.ERROR, logger="httptrace"):
        for _ in range(2):
            assert await fetch(session, "GET", server.url) == b"hello"
    assert observer.names == FRESH_REQUEST[: FRESH_REQUEST.index(name) + 1]
    assert recorder.names(recorder.requests[0]) == FRESH_REQUEST
    (record,) = caplog.records
    assert name in record.getMessage()


async def test_raising_cancelled_error(
    session: httptrace.ClientSession,
    scripted: Any,
    recorder: EventRecorder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A CancelledError of an observer is an error like any other, and cancels nothing."""
    server = await scripted(HELLO)
    observer = Doing("connection_acquired", raising(asyncio.CancelledError))
    with caplog.at_level(logging.ERROR, logger="httptrace"):
        for _ in range(2):
            assert await fetch(session, "GET", server.url, observers=[observer]) == b"hello"
    assert observer.names == [*START, *FRESH]
    assert len(caplog.records) == 1


async def test_raising_about_an_idle_connection(
    make_session: MakeSession,
    scripted: Any,
    recorder: EventRecorder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An observer of the process that raises at what belongs to no request is dropped as well; the
    connection is closed, the pool is in order, and other observers hear of it."""
    server = await scripted(HELLO)
    observer = Doing("connection_closed", raising(LookupError))
    httptrace.install(observer)
    session = make_session(connector=httptrace.TCPConnector(keepalive_timeout=0.02))
    with caplog.at_level(logging.ERROR, logger="httptrace"):
        await fetch(session, "GET", server.url)
        await server.no_connections()
        await fetch(session, "GET", server.url)
        await server.no_connections()
    assert observer.names == [*FRESH_REQUEST, "connection_closed"]
    assert len(recorder.of("connection_closed")) == 2
    assert len(caplog.records) == 1
    assert session.connector is not None
    assert session.connector.stats().closed == {"idle timeout": 2}


@dataclass(frozen=True, eq=True)
class Equal(httptrace.Observer):
    """Equal to all of its kind, and immutable."""

    name: str

    def on_event(self, event: Any) -> None:
        raise LookupError(self.name)


async def test_what_is_dropped_is_not_kept(
    session: httptrace.ClientSession,
    scripted: Any,
    recorder: EventRecorder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A dropped observer is not kept alive: an observer for each request may raise every time."""
    caplog.set_level(logging.CRITICAL, logger="httptrace")  # log records keep what they tell of
    server = await scripted(HELLO)
    observers: list[Any] = [Equal("a"), Doing("request_start", raising(LookupError))]
    await fetch(session, "GET", server.url, observers=observers)
    gone = [weakref.ref(observer) for observer in observers]
    observers.clear()
    recorder.clear()
    gc.collect()
    assert [reference() for reference in gone] == [None, None]


async def test_installed_and_uninstalled_in_the_middle(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A request is observed whole or not at all: changes apply to later requests."""
    server = await scripted(HELLO)
    late = EventRecorder()
    leaving = Doing("connection_acquired", lambda: httptrace.uninstall(leaving))
    coming = Doing("connection_acquired", lambda: httptrace.install(late))
    httptrace.install(leaving)
    httptrace.install(coming)
    try:
        for _ in range(2):
            await fetch(session, "GET", server.url)
    finally:
        httptrace.uninstall(coming)
        httptrace.uninstall(late)
    assert leaving.names == FRESH_REQUEST
    assert late.requests == recorder.requests[1:]
    late.check()


@pytest.mark.parametrize("name", [*START, *FRESH, *SENT])
async def test_closing_the_connector(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, name: str
) -> None:
    """An observer that closes the connector ends the request with an error, and all its spans."""

    async def silent(peer: Peer) -> None:
        await peer.request()
        await peer.hang()

    server = await scripted(silent)
    session = make_session()
    closing: list[Any] = []
    connector: Any = session.connector
    observer = Doing(name, lambda: closing.append(asyncio.ensure_future(connector.close())))
    with pytest.raises(httptrace.ClientConnectionError):
        async with asyncio.timeout(5):
            await fetch(session, "GET", server.url, observers=[observer])
    await asyncio.gather(*closing)
    assert recorder.names()[-2:] == FAILED
    if "connection_create_end" in recorder.names():
        assert recorder.names()[-3:-2] == CLOSED
    stats = connector.stats()
    assert (stats.open, stats.waiting) == (0, 0)


async def test_requests_of_an_observer(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """An observer may start a task with a request, which has its own events."""
    server = await scripted(HELLO)
    more: list[asyncio.Task[bytes]] = []

    def request() -> None:
        if not more:
            more.append(asyncio.create_task(fetch(session, "GET", server.url + "/more")))

    observer = Doing("connection_acquired", request)
    assert await fetch(session, "GET", server.url, observers=[observer]) == b"hello"
    assert await more[0] == b"hello"
    first, second = recorder.requests
    assert observer.names == recorder.names(first) == FRESH_REQUEST
    assert recorder.names(second) == FRESH_REQUEST
