"""A session with one connection, and checks of its state after any fault."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from tests.servers.leaks import Leaks

import httptrace
from httptrace import ClientSession, TCPConnector
from httptrace.pool.connector import pool_of
from httptrace.testing import EventRecorder


@pytest.fixture(autouse=True)
def looked_at(leak_check: Leaks) -> None:
    """No test here leaves a task or socket behind."""


@pytest.fixture(params=[False, True], ids=["unheard", "heard"])
def heard(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Without listeners, and with one that checks that all events are complete."""
    if not request.param:
        yield False
        return
    recorder = EventRecorder()
    httptrace.install(recorder)
    try:
        yield True
    finally:
        httptrace.uninstall(recorder)
    recorder.check()


@pytest.fixture
async def session(looked_at: None, heard: bool) -> AsyncIterator[ClientSession]:
    """A session with at most one connection, so that a lost place is noticed at once."""
    async with ClientSession(connector=TCPConnector(limit=1)) as session:
        yield session


@pytest.fixture
def at_rest(session: ClientSession) -> Callable[[], None]:
    """Assert that no request holds a connection or a place."""

    def check() -> None:
        connector = session.connector
        assert connector is not None
        stats = connector.stats()
        assert stats.waiting == 0
        assert stats.open == stats.idle <= 1
        assert not pool_of(connector).unconnected
        assert not pool_of(connector).state.active

    return check
