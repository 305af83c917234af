"""Servers that send frames right after their 101 and close at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks

import httptrace
from httptrace import WSMsgType, WSServerHandshakeError
from httptrace.testing import EventRecorder
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import Script

from .peers import PING, TEXT, accept, answer, close_frame, server_frame
from .test_events import BEGIN

HELLO = server_frame(TEXT, b"hello")


def parting(*frames: bytes, reset: bool = False) -> Script:
    """Make a script that accepts, sends these frames with the 101, and closes."""

    async def script(peer: Peer) -> None:
        request = await peer.request()
        await peer.send(answer(request) + b"".join(frames))
        if reset:
            peer.reset()

    return script


async def late(request: Any, handler: Any) -> Any:
    """A middleware that returns the response once the connection is known to be lost."""
    response = await handler(request)
    async with asyncio.timeout(5):
        while request.session.connector.stats().open:
            await asyncio.sleep(0)
    return response


async def test_what_came_before_the_end_is_received(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """Messages and the Close frame count, though the connection ends during the handshake."""
    server = await scripted(parting(HELLO, server_frame(PING, b"?"), close_frame(1001, b"bye")))
    async with (
        httptrace.ClientSession(middlewares=[late]) as session,
        session.ws_connect(server.url, heartbeat=60) as ws,
    ):
        assert await ws.receive_str() == "hello"
        assert await ws.receive() == (WSMsgType.CLOSE, 1001, "bye")
    (closed,) = recorder.of("websocket_closed")
    assert (closed.code, closed.by, closed.messages_received) == (1001, "server", 1)
    assert recorder.names() == [
        *[*BEGIN, "request_end", "connection_closed"],
        *["websocket_handshake_end", "websocket_message_received", "websocket_ping_received"],
        *["websocket_closed", "request_finish"],
    ]


@pytest.mark.parametrize("reset", [False, True])
async def test_an_end_without_close_frame(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory, reset: bool
) -> None:
    """The WebSocket opens; then it is ended by the network."""
    server = await scripted(parting(HELLO, reset=reset))
    async with (
        httptrace.ClientSession(middlewares=[late]) as session,
        session.ws_connect(server.url) as ws,
    ):
        assert await ws.receive_str() == "hello"
        assert await ws.receive() == (WSMsgType.CLOSED, None, None)
        assert isinstance(ws.exception(), httptrace.ClientConnectionError)
        assert ws.close_code == 1006
        with pytest.raises(httptrace.ClientConnectionResetError):
            await ws.send_str("too late")
    assert recorder.of("websocket_closed")[0].by == "network"


async def test_a_refusal_of_an_answer_that_has_ended(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """An invalid 101 is reported, also if its connection is lost."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")

    server = await scripted(script)
    async with httptrace.ClientSession(middlewares=[late]) as session:
        with pytest.raises(WSServerHandshakeError, match="Invalid challenge response"):
            await session.ws_connect(server.url)
    assert recorder.of("websocket_handshake_exception")[0].exception.status == 101


async def test_a_session_that_is_closed_within_the_handshake(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """A handshake whose connection the client closed says so, and does not blame the server."""

    async def closing(request: Any, handler: Any) -> Any:
        response = await handler(request)
        await request.session.close()
        return response

    async def script(peer: Peer) -> None:
        await accept(peer)
        await peer.until_closed()

    server = await scripted(script)
    async with httptrace.ClientSession(middlewares=[closing]) as session:
        with pytest.raises(httptrace.ClientConnectionError, match="connector closed"):
            await session.ws_connect(server.url)
    assert recorder.names()[-3:] == [
        "websocket_handshake_exception",
        "request_exception",
        "request_finish",
    ]
