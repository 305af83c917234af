"""Frames that a server must not send; `tests/ws` has fragments, empty messages and bombs."""

from __future__ import annotations

import zlib

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.ws.peers import BINARY, CONTINUATION, PING, TEXT, accept, read_frame, server_frame

import httptrace
from httptrace.testing.peer import Peer

PACKED = zlib.compress(bytes(1 << 20))[2:-4]
FRAMES = {
    "text": server_frame(TEXT, PACKED, rsv=4),
    "bytes": server_frame(BINARY, PACKED, rsv=4),
    "fragments": server_frame(TEXT, b"a", fin=False) + server_frame(CONTINUATION, PACKED, rsv=4),
    "a ping": server_frame(PING, b"a", rsv=4),
    "another bit": server_frame(TEXT, b"a", rsv=2),
}


@pytest.mark.parametrize("compress", [0, 15])
@pytest.mark.parametrize("name", FRAMES)
async def test_a_compressed_frame_that_was_not_negotiated(
    session: httptrace.ClientSession, scripted: ScriptedFactory, name: str, compress: int
) -> None:
    """A compressed frame without the extension closes the connection with 1002 (RFC 6455 §5.2)."""
    closed: list[bytes] = []

    async def script(peer: Peer) -> None:
        await accept(peer, extra=FRAMES[name])
        closed.append((await read_frame(peer))[1])

    server = await scripted(script)
    async with session.ws_connect(server.url, compress=compress) as ws:
        message = await ws.receive()
        assert message.type is httptrace.WSMsgType.ERROR
        assert isinstance(message.data, httptrace.WebSocketError)
        assert message.data.code == httptrace.WSCloseCode.PROTOCOL_ERROR == ws.close_code
    await server.no_connections()
    assert [int.from_bytes(payload[:2], "big") for payload in closed] == [1002]
