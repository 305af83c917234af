"""A connection that is lost when an upload begins: the events of its request, in this order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace import ClientOSError, ClientSession, ServerDisconnectedError, TCPConnector
from httptrace.testing import EventRecorder, Peer, response_bytes

OK = response_bytes(200, b"hello")
CONNECTED = [
    *("request_start", "connection_create_start", "socket_connect_start"),
    *("socket_connect_end", "connection_create_end", "connection_acquired"),
]
LOST = ["connection_closed", "request_exception", "request_finish"]


async def never() -> AsyncIterator[bytes]:
    """A body whose first piece never arrives."""
    await asyncio.Event().wait()
    yield b""


@pytest.mark.parametrize("reset", [True, False])
async def test_after_the_head(
    scripted: ScriptedFactory, recorder: EventRecorder, reset: bool
) -> None:
    """Only the head was sent: the end of the connection is an event of the request."""

    async def script(peer: Peer) -> None:
        await peer.read_head()
        peer.reset() if reset else peer.close()

    server = await scripted(script)
    async with ClientSession() as session:
        with pytest.raises(ClientOSError if reset else ServerDisconnectedError):
            await session.post(server.url, data=never())
        stats = session.connector.stats()  # type: ignore[union-attr]
    assert recorder.names() == [*CONNECTED, "request_headers_sent", *LOST]
    assert (stats.created, stats.open, stats.closed) == (1, 0, {"error": 1})


async def test_after_the_head_on_a_reused_connection(
    scripted: ScriptedFactory, recorder: EventRecorder
) -> None:
    """The same on a reused connection: the second request has the event, once."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.read_head()
        peer.reset()

    server = await scripted(script)
    async with ClientSession() as session:
        await (await session.get(server.url)).read()
        with pytest.raises(ClientOSError):
            await session.post(server.url, data=never())
        stats = session.connector.stats()  # type: ignore[union-attr]
    second = recorder.requests[1]
    names = [event.name for event in recorder.events if event.request_id == second]
    assert names == [
        *("request_start", "connection_reuseconn", "connection_acquired"),
        *("request_headers_sent", *LOST),
    ]
    assert (stats.created, stats.open, stats.closed) == (1, 0, {"error": 1})


@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.parametrize("data", [None, b"small", b"x" * (1 << 20)])
async def test_before_the_head(
    scripted: ScriptedFactory, recorder: EventRecorder, data: bytes | None
) -> None:
    """If it is lost before the head is sent, the request has the event once."""

    async def script(peer: Peer) -> None:
        peer.reset()

    class Late(TCPConnector):
        """Gives a connection when its transport is gone."""

        async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
            connection = await super().connect(req, traces, timeout)
            async with asyncio.timeout(5):
                while not connection._connection.lost:
                    await asyncio.sleep(0)
            return connection

    server = await scripted(script)
    async with ClientSession(connector=Late()) as session:
        with pytest.raises(ServerDisconnectedError):
            await session.request("POST" if data else "GET", server.url, data=data)
        stats = session.connector.stats()  # type: ignore[union-attr]
    assert recorder.names() == [*CONNECTED, *LOST]
    assert (stats.created, stats.open, stats.closed) == (1, 0, {"server close": 1})
