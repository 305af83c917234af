"""The last message of a WebSocket, if a cancelled receive did not return it."""

from __future__ import annotations

import asyncio

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks

import httptrace
from httptrace import WSMsgType
from httptrace.testing import EventRecorder
from httptrace.testing.peer import Peer

from .peers import accept, close_frame, read_close, server_frame


@pytest.mark.parametrize("last", ["close", "error"])
async def test_a_last_message_is_not_lost_with_a_cancelled_receive(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory, last: str
) -> None:
    """If `receive` is cancelled while the connection lingers, the next one returns its message."""
    frame = close_frame(1001, b"bye") if last == "close" else server_frame(3)

    async def script(peer: Peer) -> None:
        await accept(peer)
        await peer.send(frame)
        await read_close(peer)
        receiving.cancel()
        await peer.until_closed()

    server = await scripted(script)
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        receiving = asyncio.create_task(ws.receive())
        with pytest.raises(asyncio.CancelledError):
            await receiving
        server.connections[0].close()
        message = await ws.receive()
        assert message.type is (WSMsgType.CLOSE if last == "close" else WSMsgType.ERROR)
        assert (await ws.receive()).type is WSMsgType.CLOSED
    assert recorder.names().count("websocket_closed") == 1
