"""An open WebSocket: what the server may send and must not, and what is answered on the wire.

The cases are those of the Autobahn test suite for clients (its sections 1 to 7, 9 and 12) as far
as a server decides them.
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks

import httptrace
from httptrace.errors import ClientConnectionResetError, WSMessageTypeError
from httptrace.testing import EventRecorder
from httptrace.testing.peer import Peer
from httptrace.ws.deflate import Deflater
from httptrace.ws.messages import (
    WebSocketError,
    WSCloseCode,
    WSMessageTextBytes,
    WSMsgType,
)
from httptrace.ws.timeouts import ClientWSTimeout

from .peers import (
    BINARY,
    CLOSE,
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


def fragments(opcode: int, *parts: bytes) -> bytes:
    """Write a message in fragments."""
    opcodes = [opcode, *([CONTINUATION] * (len(parts) - 1))]
    last = len(parts) - 1
    return b"".join(
        server_frame(opcode, part, fin=at == last)
        for at, (opcode, part) in enumerate(zip(opcodes, parts, strict=True))
    )


GOOD: dict[str, tuple[bytes, list[Any]]] = {
    "1 text and binary of each form of length": (
        b"".join(server_frame(BINARY, b"*" * n) for n in (0, 125, 126, 127, 128, 65535, 65536)),
        [b"*" * n for n in (0, 125, 126, 127, 128, 65535, 65536)],
    ),
    "2 a ping without payload, one with 125 bytes, ten at once": (
        server_frame(PING)
        + server_frame(PING, b"\x00\xff\xfe" * 41)
        + server_frame(PING, b"p") * 10
        + server_frame(TEXT, b"after"),
        ["after"],
    ),
    "2 pongs that nobody asked for": (
        server_frame(PONG, b"x") + server_frame(PONG) + server_frame(TEXT, b"after"),
        ["after"],
    ),
    "5 fragments with pings between": (
        server_frame(TEXT, b"frag", fin=False)
        + server_frame(PING, b"p")
        + server_frame(CONTINUATION, b"ment"),
        ["fragment"],
    ),
    "6 UTF-8 cut inside of characters": (
        fragments(TEXT, *(bytes([b]) for b in "κόσμε 🌿".encode())),
        ["κόσμε 🌿"],
    ),
    "6 characters at the borders of UTF-8": (
        server_frame(TEXT, "\0\x7f\x80\u07ff\u0800\ud7ff\ue000\ufffd\uffff\U0010ffff".encode()),
        ["\0\x7f\x80\u07ff\u0800\ud7ff\ue000\ufffd\uffff\U0010ffff"],
    ),
    "9 four MiB in one frame": (server_frame(BINARY, b"*" * LIMIT), [b"*" * LIMIT]),
    "9 a MiB in fragments of 64 bytes": (
        fragments(BINARY, *([b"*" * 64] * 16_384)),
        [b"*" * (1 << 20)],
    ),
}


@pytest.mark.parametrize(("sent", "expected"), GOOD.values(), ids=GOOD)
async def test_what_a_server_may_send(
    leak_check: Leaks,
    recorder: EventRecorder,
    scripted: ScriptedFactory,
    sent: bytes,
    expected: list[Any],
) -> None:
    """Messages arrive as they were sent, control frames are dealt with on the side."""
    server = await scripted(speaking(sent))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        assert [(await ws.receive()).data for _ in expected] == expected
    assert ws.close_code == 1000


BAD: dict[str, tuple[bytes, int]] = {
    "2.5 a ping of 126 bytes": (server_frame(PING, b"*" * 126), 1002),
    "3.1 a reserved bit": (server_frame(TEXT, b"*", rsv=1), 1002),
    "3.2 a reserved bit after a good message": (
        server_frame(TEXT, b"good") + server_frame(TEXT, b"*", rsv=2),
        1002,
    ),
    "3.4 a compressed frame that was not negotiated": (server_frame(TEXT, b"*", rsv=4), 1002),
    "3.6 reserved bits of a ping": (server_frame(PING, b"*", rsv=7), 1002),
    "4.1 a reserved data opcode": (server_frame(3), 1002),
    "4.2 a reserved control opcode": (server_frame(12, b"*"), 1002),
    "5.1 a fragmented ping": (fragments(PING, b"a", b"b"), 1002),
    "5.2 a fragmented pong": (fragments(PONG, b"a", b"b"), 1002),
    "5.9 a continuation of nothing": (server_frame(CONTINUATION, b"*"), 1002),
    "5.18 a new message inside of another": (
        server_frame(TEXT, b"a", fin=False) + server_frame(TEXT, b"b"),
        1002,
    ),
    "5.x a masked frame": (server_frame(TEXT, b"*", masked=True), 1002),
    "6.3 text that is not UTF-8": (
        server_frame(TEXT, "κόσμε".encode() + b"\xed\xa0\x80edited"),
        1007,
    ),
    "6.x fragments that are not UTF-8": (fragments(TEXT, b"\xce\xba", b"\xf4\x90\x80\x80"), 1007),
    "7.3 a close of one byte": (server_frame(CLOSE, b"\x03"), 1002),
    "7.3 a close of 126 bytes": (server_frame(CLOSE, b"\x03\xe8" + b"*" * 124), 1002),
    "7.5 a close reason that is not UTF-8": (close_frame(1000, b"\xce\xba\xe1\xff"), 1007),
    **{
        f"7.9 the close code {code}": (close_frame(code), 1002)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
    "9 a message over the limit": (b"\x82\x7f" + struct.pack("!Q", LIMIT + 1), 1009),
    "9 a flood of fragments": (
        server_frame(TEXT, fin=False) + server_frame(CONTINUATION, fin=False) * (1 << 17),
        1009,
    ),
}


@pytest.mark.parametrize(("sent", "code"), BAD.values(), ids=BAD)
async def test_what_a_server_must_not_send(
    leak_check: Leaks,
    recorder: EventRecorder,
    scripted: ScriptedFactory,
    sent: bytes,
    code: int,
) -> None:
    """It is told by a Close frame with the code for it; the caller gets ERROR, then CLOSED."""
    told: list[int] = []

    async def violate(peer: Peer) -> None:
        await peer.send(sent)
        told.append((await read_close(peer))[0])

    server = await scripted(after_accepting(violate))
    async with httptrace.ClientSession() as session:
        async with session.ws_connect(server.url) as ws:
            message = await ws.receive()
            while message.type is WSMsgType.TEXT:
                message = await ws.receive()
            assert message.type is WSMsgType.ERROR
            assert isinstance(message.data, WebSocketError) and message.data.code == code
            assert ws.exception() is message.data and ws.closed and ws.close_code == code
            assert (await ws.receive()).type is WSMsgType.CLOSED
            with pytest.raises(ClientConnectionResetError):
                await ws.send_str("too late")
        await server.finished()
        assert session.connector is not None and session.connector.stats().open == 0
    assert told == [code]
    (closed,) = recorder.of("websocket_closed")
    assert (closed.code, closed.by, closed.clean) == (code, "client", False)  # type: ignore[attr-defined]
    assert recorder.of("request_finish")[0].outcome == "failed"  # type: ignore[attr-defined]


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999])
async def test_close_codes_are_answered(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory, code: int
) -> None:
    """A valid Close frame is answered with its code, and told with its reason."""
    told: list[tuple[int, bytes]] = []

    async def leave(peer: Peer) -> None:
        await peer.send(close_frame(code, "grüße".encode()) + server_frame(TEXT, b"nothing"))
        told.append(await read_close(peer))

    server = await scripted(after_accepting(leave))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        assert await ws.receive() == (WSMsgType.CLOSE, code, "grüße")
    await server.finished()
    assert told == [(code, b"")]


async def test_a_close_without_a_code(leak_check: Leaks, scripted: ScriptedFactory) -> None:
    """It is 1005 to the caller, and is answered without a code (RFC 6455 §7.4.1)."""
    told: list[tuple[int, bytes]] = []

    async def leave(peer: Peer) -> None:
        await peer.send(close_frame(None))
        told.append(await read_close(peer))

    server = await scripted(after_accepting(leave))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        assert await ws.receive() == (WSMsgType.CLOSE, 1005, "")
        assert ws.close_code == 1005
    await server.finished()
    assert told == [(0, b"")]


async def test_pings_are_answered_while_nobody_receives(
    leak_check: Leaks, scripted: ScriptedFactory
) -> None:
    """Pongs carry what the pings did, in order, without the caller's help."""
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
    """With ``autoping=False`` pings and pongs are messages like any other."""
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
    """12 and 13: compressed, in fragments, with history or not; sizes on the wire are told."""
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
    """Write so many zeros as deflate data."""
    maker = zlib.compressobj(9, zlib.DEFLATED, -15)
    return maker.compress(bytes(size)) + maker.flush(zlib.Z_SYNC_FLUSH)[:-4]


async def test_a_compressed_bomb(leak_check: Leaks, scripted: ScriptedFactory) -> None:
    """A message that inflates to more than ``max_msg_size`` is given up with 1009."""
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
    """``max_msg_size`` bounds a message in bytes; 0 leaves it unbounded."""
    server = await scripted(speaking(server_frame(BINARY, b"*" * 11)))
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, max_msg_size=size) as ws,
    ):
        message = await ws.receive()
    assert message.type is (WSMsgType.ERROR if size else WSMsgType.BINARY)


async def test_types_that_were_not_asked_for(scripted: ScriptedFactory) -> None:
    """receive_str and receive_bytes refuse what is of another type, the end included."""
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
    """With ``decode_text=False`` text comes as bytes, and JSON is made of them."""
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
    """Each way to send writes the frame that it says, in the order of the calls."""
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
    """Wrong types and control frames that are too long are refused, and nothing is sent."""
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
    """A second task that receives at the same time is told that it cannot."""
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
    """What came before the server's close is received after it has long been answered."""

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
