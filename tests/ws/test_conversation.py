"""An open WebSocket: what the server may send and must not, and what is answered on the wire.

What every implementation must bear and refuse is in `test_conformance`.
"""

from __future__ import annotations

import asyncio
import zlib

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks

import httptrace
from httptrace.errors import ClientConnectionResetError, WSMessageTypeError
from httptrace.testing import EventRecorder
from httptrace.testing.peer import Peer
from httptrace.ws.deflate import Deflater
from httptrace.ws.messages import (
    WSCloseCode,
    WSMessageTextBytes,
    WSMsgType,
)
from httptrace.ws.timeouts import ClientWSTimeout

from .peers import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    accept,
    after_accepting,
    close_frame,
    read_close,
    read_frame,
    server_frame,
    speaking,
    turns,
)

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"
LIMIT = 4 * 1024 * 1024


async def test_pings_are_answered_while_nobody_receives(
    leak_check: Leaks, scripted: ScriptedFactory
) -> None:
    """Pongs have the payloads of the pings, in order, without a call of the program."""
    answers: list[tuple[int, bytes]] = []

    async def ask(peer: Peer) -> None:
        for payload in (b"", b"one", b"*" * 125):
            await peer.send(server_frame(PING, payload))
            answers.append(await read_frame(peer))
        peer.events["answered"].set()
        await peer.send(close_frame((await read_close(peer))[0]))

    server = await scripted(after_accepting(ask))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url):
        await server.events["answered"].wait()
    assert answers == [(0x8A, b""), (0x8A, b"one"), (0x8A, b"*" * 125)]


async def test_without_autoping_the_caller_answers(
    leak_check: Leaks, scripted: ScriptedFactory
) -> None:
    """With ``autoping=False`` pings and pongs are received like messages."""
    answers: list[tuple[int, bytes]] = []

    async def ask(peer: Peer) -> None:
        await peer.send(server_frame(PING, b"ask") + server_frame(PONG, b"none"))
        answers.append(await read_frame(peer))
        await peer.send(close_frame((await read_close(peer))[0]))

    server = await scripted(after_accepting(ask))
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, autoping=False) as ws,
    ):
        assert await ws.receive() == (WSMsgType.PING, b"ask", "")
        assert await ws.receive() == (WSMsgType.PONG, b"none", "")
        await ws.pong("mine")
    assert answers == [(0x8A, b"mine")]


async def test_compressed_messages(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """12 and 13: compressed, fragmented, with and without context; events have the sizes."""
    deflater = Deflater(15, takeover=True)
    parts = [deflater.deflate(b"hello " * 100), deflater.deflate(b"hello " * 100)]
    sent = (
        server_frame(TEXT, parts[0], rsv=4)
        + server_frame(TEXT, parts[1][:5], rsv=4, fin=False)
        + server_frame(CONTINUATION, parts[1][5:])
        + server_frame(TEXT, b"not compressed")
    )
    server = await scripted(speaking(sent, fields=(DEFLATE,)))
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, compress=15) as ws,
    ):
        assert [await ws.receive_str() for _ in range(2)] == ["hello " * 100] * 2
        assert await ws.receive_str() == "not compressed"
    first, second, third = recorder.of("websocket_message_received")
    assert first.size == 600 > first.wire_size == len(parts[0])  # type: ignore[attr-defined]
    assert second.frames == 2 and third.wire_size == third.size == 14  # type: ignore[attr-defined]


def bomb(size: int) -> bytes:
    """Write this many zeros as deflate data."""
    maker = zlib.compressobj(9, zlib.DEFLATED, -15)
    return maker.compress(bytes(size)) + maker.flush(zlib.Z_SYNC_FLUSH)[:-4]


async def test_a_compressed_bomb(leak_check: Leaks, scripted: ScriptedFactory) -> None:
    """A message that inflates to more than ``max_msg_size`` is refused with 1009."""
    server = await scripted(
        speaking(server_frame(BINARY, bomb(LIMIT + 1), rsv=4), fields=(DEFLATE,)),
        speaking(server_frame(BINARY, bomb(LIMIT), rsv=4), fields=(DEFLATE,)),
        speaking(server_frame(BINARY, bomb(4 * LIMIT), rsv=4), fields=(DEFLATE,)),
    )
    async with httptrace.ClientSession() as session:
        async with session.ws_connect(server.url, compress=15) as ws:
            assert (await ws.receive()).data.code == WSCloseCode.MESSAGE_TOO_BIG
        async with session.ws_connect(server.url, compress=15) as ws:
            assert await ws.receive_bytes() == bytes(LIMIT)
        async with session.ws_connect(server.url, compress=15, max_msg_size=0) as ws:
            assert await ws.receive_bytes() == bytes(4 * LIMIT)


@pytest.mark.parametrize("size", [10, 0])
async def test_max_msg_size(leak_check: Leaks, scripted: ScriptedFactory, size: int) -> None:
    """``max_msg_size`` limits a message in bytes; 0 means no limit."""
    server = await scripted(speaking(server_frame(BINARY, b"*" * 11)))
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, max_msg_size=size) as ws,
    ):
        message = await ws.receive()
    assert message.type is (WSMsgType.ERROR if size else WSMsgType.BINARY)


async def test_types_that_were_not_asked_for(scripted: ScriptedFactory) -> None:
    """receive_str and receive_bytes raise for other types, the end included."""
    server = await scripted(speaking(server_frame(BINARY, b"b") + server_frame(TEXT, b"t")))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        with pytest.raises(WSMessageTypeError, match=r"is not WSMsgType\.TEXT"):
            await ws.receive_str()
        with pytest.raises(WSMessageTypeError, match=r"is not WSMsgType\.BINARY"):
            await ws.receive_bytes()
        await ws.close()
        with pytest.raises(WSMessageTypeError):
            await ws.receive_str()


async def test_text_as_bytes(scripted: ScriptedFactory) -> None:
    """With ``decode_text=False`` text is received as bytes, and JSON is parsed from them."""
    import json

    server = await scripted(speaking(server_frame(TEXT, b'{"a":1}') * 3))
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, decode_text=False) as ws,
    ):
        message = await ws.receive()
        assert type(message) is WSMessageTextBytes and message.json() == {"a": 1}
        assert await ws.receive_str() == b'{"a":1}'
        assert await ws.receive_json(loads=json.loads) == {"a": 1}


async def test_what_is_sent(leak_check: Leaks, scripted: ScriptedFactory) -> None:
    """Each method of sending writes its frame, in the order of the calls."""
    frames: list[tuple[int, bytes]] = []

    async def keep(peer: Peer) -> None:
        while (frame := await read_frame(peer))[0] != 0x88:
            frames.append(frame)
        await peer.send(close_frame())

    server = await scripted(after_accepting(keep))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        await ws.send_str("t")
        await ws.send_bytes(b"b")
        await ws.send_bytes(bytearray(b"ba"))
        await ws.send_bytes(memoryview(b"mv"))
        await ws.send_json([1])
        await ws.send_json_bytes([1], dumps=lambda value: str(value).encode())
        await ws.send_frame(b"frame", WSMsgType.TEXT)
        await ws.send_frame(b"ping", WSMsgType.PING)
        await ws.ping()
        await ws.ping("text")
        await ws.pong(b"pong")
    assert frames == [
        (0x81, b"t"),
        (0x82, b"b"),
        (0x82, b"ba"),
        (0x82, b"mv"),
        (0x81, b"[1]"),
        (0x82, b"[1]"),
        (0x81, b"frame"),
        (0x89, b"ping"),
        (0x89, b""),
        (0x89, b"text"),
        (0x8A, b"pong"),
    ]


async def test_what_cannot_be_sent(scripted: ScriptedFactory) -> None:
    """Wrong types and too long control frames are refused, and nothing is sent."""
    server = await scripted(speaking())
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        with pytest.raises(TypeError):
            await ws.send_str(b"bytes")  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            await ws.send_bytes("text")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="125"):
            await ws.ping(b"*" * 126)
        with pytest.raises(ValueError, match="125"):
            await ws.pong(b"*" * 126)
        with pytest.raises(ValueError, match="send_frame"):
            await ws.send_frame(b"", WSMsgType.CLOSE)
        with pytest.raises(ValueError, match="cannot be sent"):
            await ws.close(code=1006)
        assert not ws.closed
        await ws.close()
        for send in (ws.send_str("a"), ws.send_bytes(b"a"), ws.ping(), ws.pong()):
            with pytest.raises(ClientConnectionResetError):
                await send


async def test_two_receivers(scripted: ScriptedFactory) -> None:
    """A second task that receives at the same time gets an error."""
    server = await scripted(speaking())
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        first = asyncio.create_task(ws.receive())
        await turns()
        with pytest.raises(RuntimeError, match="Concurrent call"):
            await ws.receive()
        await ws.close()
        assert (await first).type is WSMsgType.CLOSING


async def test_a_receive_that_times_out_loses_nothing(
    leak_check: Leaks, scripted: ScriptedFactory
) -> None:
    """After a timeout, or a cancellation, the next receive gets the message."""

    async def later(peer: Peer) -> None:
        await peer.events["late"].wait()
        await peer.send(server_frame(TEXT, b"late"))
        await read_close(peer)
        await peer.send(close_frame())

    server = await scripted(after_accepting(later))
    timeout = ClientWSTimeout(ws_receive=0.01)
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, timeout=timeout) as ws,
    ):
        with pytest.raises(TimeoutError):
            await ws.receive()
        with pytest.raises(TimeoutError):
            await ws.receive(timeout=0.001)
        receiving = asyncio.create_task(ws.receive(timeout=5))
        await turns()
        receiving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await receiving
        server.events["late"].set()
        assert (await ws.receive(timeout=5)).data == "late"


async def test_messages_before_the_close_are_not_lost(
    leak_check: Leaks, scripted: ScriptedFactory
) -> None:
    """Messages before the server's Close are received after it."""

    async def leave(peer: Peer) -> None:
        await peer.send(server_frame(TEXT, b"a") * 3 + close_frame(1001))
        await read_close(peer)
        peer.events["answered"].set()

    server = await scripted(after_accepting(leave))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        await server.events["answered"].wait()
        assert not ws.closed
        assert [message.data async for message in ws] == ["a"] * 3
        assert ws.closed and ws.close_code == 1001


async def test_an_extra_accept_is_harmless(scripted: ScriptedFactory) -> None:
    """Two sockets of one session are independent of each other."""

    async def script(peer: Peer) -> None:
        request = await accept(peer)
        await peer.send(server_frame(TEXT, request.target.encode()))
        await read_close(peer)
        await peer.send(close_frame())

    server = await scripted(script)
    async with (
        httptrace.ClientSession(server.url) as session,
        session.ws_connect("/a") as a,
        session.ws_connect("/b") as b,
    ):
        assert (await b.receive_str(), await a.receive_str()) == ("/b", "/a")
