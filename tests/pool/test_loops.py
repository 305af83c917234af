"""Sessions that are used, or closed, in another event loop."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import warnings
from collections.abc import Iterator

import pytest

import httptrace
from httptrace.testing.scripted import response_bytes


@pytest.fixture
def url() -> Iterator[str]:
    """A server without an event loop, which responds to one request and keeps the connection."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _address = listener.accept()
            with client:
                client.recv(65536)
                client.sendall(response_bytes(200, b"ok"))
                done.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        done.set()
        thread.join()


async def _session_in_use(url: str) -> httptrace.ClientSession:
    session = httptrace.ClientSession()
    async with session.get(url) as response:
        assert await response.read() == b"ok"
    return session


def test_closing_after_the_loop_was_closed(url: str) -> None:
    """As in aiohttp nothing is raised: the connections of a closed loop are dropped."""
    session = asyncio.run(_session_in_use(url))
    connector = session.connector
    assert connector is not None
    asyncio.run(session.close())
    assert session.closed and connector.closed
    assert connector.stats().open == 0
    with warnings.catch_warnings():  # asyncio tells of its own transports that nobody closed
        warnings.simplefilter("ignore", ResourceWarning)
        del session, connector
        gc.collect()


def test_a_request_in_another_loop(url: str) -> None:
    """A new connection for a session of another loop is refused with an error that says so."""

    async def request(session: httptrace.ClientSession) -> None:
        async with session.get("http://localhost:1/"):
            pass

    with asyncio.Runner() as runner:
        session = runner.run(_session_in_use(url))
        own = runner.get_loop()
        other = asyncio.new_event_loop()
        with pytest.raises(RuntimeError, match="used in their own event loop"):
            other.run_until_complete(request(session))
        other.close()
        own.run_until_complete(session.close())


def test_another_loop_counts_no_reuse(url: str) -> None:
    """A request in another loop does not use the idle connection, and counts nothing."""

    async def request(session: httptrace.ClientSession) -> None:
        await session.get(url)

    with asyncio.Runner() as runner:
        session = runner.run(_session_in_use(url))
        assert session.connector is not None
        before = session.connector.stats()
        with asyncio.Runner() as other, pytest.raises(RuntimeError, match="their own event loop"):
            other.run(request(session))
        assert session.connector.stats() == before
        assert (before.idle, before.reused) == (1, 0)
        runner.run(session.close())
