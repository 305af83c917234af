"""The list of the Autobahn test suite for clients: what a client must bear, echo and refuse.

The numbers are those of its sections. Like there, the client sends back each message that it gets.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks

import httptrace
from httptrace.errors import ClientConnectionResetError
from httptrace.testing import EventRecorder
from httptrace.testing.peer import Peer
from httptrace.ws.deflate import Deflater, Inflater
from httptrace.ws.messages import WebSocketError, WSMsgType

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
)

MIB = 1 << 20
LIMIT = 4 * MIB
SIZES = (0, 125, 126, 127, 128, 65_535, 65_536)
KOSME = "κόσμε"


def fragments(opcode: int, *parts: bytes, between: bytes = b"") -> bytes:
    """Write a message in fragments, with other frames between them."""
    opcodes = [opcode, *([CONTINUATION] * (len(parts) - 1))]
    last = len(parts) - 1
    return between.join(
        server_frame(opcode, part, fin=at == last)
        for at, (opcode, part) in enumerate(zip(opcodes, parts, strict=True))
    )


def pieces(data: bytes, size: int) -> list[bytes]:
    """The bytes in pieces of this size."""
    return [data[at : at + size] for at in range(0, len(data), size)]


# --- what is sent back ----------------------------------------------------------------------------


class Case(NamedTuple):
    """Send these bytes in pieces of `cut` bytes; returns what the client sends."""

    sent: bytes
    said: list[tuple[int, bytes]]
    cut: int = 0


def messages(opcode: int) -> Iterator[Case]:
    """1: messages of each form of length, whole and in pieces."""
    for size in SIZES:
        yield Case(server_frame(opcode, b"*" * size), [(opcode, b"*" * size)])
    yield Case(server_frame(opcode, b"*" * 65_536), [(opcode, b"*" * 65_536)], 997)


def pings() -> Iterator[Case]:
    """2: pings are answered with their payload, pongs are accepted."""
    for payload in (b"", b"Hello", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", b"\xfe" * 125):
        yield Case(server_frame(PING, payload), [(PONG, payload)])
        yield Case(server_frame(PING, payload), [(PONG, payload)], 1)
    ping = server_frame(PING, b"p")
    yield Case(server_frame(PONG) + ping, [(PONG, b"p")])
    yield Case(server_frame(PONG, b"unsolicited") + ping, [(PONG, b"p")])
    ten = [(PONG, b"payload-%d" % n) for n in range(10)]
    ten_at_once = b"".join(server_frame(PING, payload) for _, payload in ten)
    yield Case(ten_at_once, ten)
    yield Case(ten_at_once, ten, 1)


def in_fragments() -> Iterator[Case]:
    """5: fragmented messages; pings between fragments are answered before the message ends."""
    ping, pong = server_frame(PING, b"ping"), (PONG, b"ping")
    for cut in (0, 1):
        yield Case(fragments(TEXT, b"one", b"two"), [(TEXT, b"onetwo")], cut)
        yield Case(fragments(TEXT, b"one", b"two", between=ping), [pong, (TEXT, b"onetwo")], cut)
        yield Case(
            fragments(TEXT, *(b"%d" % n for n in range(5)), between=ping),
            [*[pong] * 4, (TEXT, b"01234")],
            cut,
        )
    yield Case(fragments(BINARY, b"", b"", b"", b""), [(BINARY, b"")])
    yield Case(fragments(TEXT, b"", b"middle", b""), [(TEXT, b"middle")])


def unicode() -> Iterator[Case]:
    """6: UTF-8 in frames, fragments and pieces that split characters."""
    text = f"Hello-µ@ßöäüàá-UTF-8!! {KOSME} \U0001f33f".encode()
    yield Case(server_frame(TEXT, text), [(TEXT, text)], 1)
    for size in (1, 2, 3):
        yield Case(fragments(TEXT, *pieces(text, size)), [(TEXT, text)])
    yield Case(fragments(TEXT, b"", text, b""), [(TEXT, text)])
    for point in "\0 \x7f \x80 \u07ff \u0800 \ud7ff \ue000 \ufdd0 \ufffd \ufffe \uffff".split(" "):
        yield Case(server_frame(TEXT, point.encode()), [(TEXT, point.encode())])
    for number in (0x10000, *range(0x1FFFE, 0x110000, 0x10000), 0x10FFFF):
        yield Case(server_frame(TEXT, chr(number).encode()), [(TEXT, chr(number).encode())])


def large() -> Iterator[Case]:
    """9: large messages, whole, in pieces and in fragments."""
    for opcode in (TEXT, BINARY):
        whole = b"*" * LIMIT
        yield Case(server_frame(opcode, whole), [(opcode, whole)])
        yield Case(fragments(opcode, *pieces(whole, 65_536)), [(opcode, whole)])
    yield Case(fragments(BINARY, *pieces(b"*" * MIB, 64)), [(BINARY, b"*" * MIB)])
    yield Case(server_frame(TEXT, b"*" * MIB), [(TEXT, b"*" * MIB)], 32_768)
    hundred = [(TEXT, b"*" * size) for size in (0, 16, 64, 256, 1024) for _ in range(20)]
    yield Case(b"".join(server_frame(*message) for message in hundred), hundred)


SECTIONS = {
    "1.1 text": messages(TEXT),
    "1.2 binary": messages(BINARY),
    "2 pings": pings(),
    "5 fragments": in_fragments(),
    "6 UTF-8": unicode(),
    "9 sizes": large(),
}


@pytest.mark.parametrize("cases", [list(cases) for cases in SECTIONS.values()], ids=SECTIONS)
async def test_what_a_client_must_bear(
    leak_check: Leaks, scripted: ScriptedFactory, cases: list[Case]
) -> None:
    """Each message is echoed and each ping answered; then both sides close."""
    heard: list[Any] = []

    async def perform(peer: Peer) -> None:
        case = cases[peer.index]
        await accept(peer)
        for piece in pieces(case.sent, case.cut or len(case.sent)):
            await peer.send(piece)
        heard.append([await read_frame(peer) for _ in case.said])
        await peer.send(close_frame(1000))
        assert await read_close(peer) == (1000, b"")

    server = await scripted(perform)
    async with httptrace.ClientSession() as session:
        for number, case in enumerate(cases):
            async with session.ws_connect(server.url) as ws:
                await echo(ws)
            assert ws.close_code == 1000, number
            assert heard.pop() == [(0x80 | opcode, data) for opcode, data in case.said], number


async def echo(ws: httptrace.ClientWebSocketResponse) -> None:
    """Echo all messages until the end."""
    async for message in ws:
        if message.type is WSMsgType.TEXT:
            await ws.send_str(message.data)
        else:
            await ws.send_bytes(message.data)


# --- what is refused ------------------------------------------------------------------------------

GOOD = server_frame(TEXT, b"good")
BAD: dict[str, tuple[bytes, int]] = {
    "2.5 a ping of 126 bytes": (server_frame(PING, b"*" * 126), 1002),
    **{
        f"3 reserved bits {rsv} of opcode {opcode}": (
            GOOD + server_frame(opcode, b"*", rsv=rsv) + server_frame(PING),
            1002,
        )
        for rsv, opcode in ((1, TEXT), (2, TEXT), (3, TEXT), (4, TEXT), (5, BINARY), (6, PING))
    },
    "3.7 reserved bits of a close": (server_frame(CLOSE, rsv=7), 1002),
    **{
        f"4 the reserved opcode {opcode}": (GOOD * (opcode % 2) + server_frame(opcode, load), 1002)
        for opcode, load in zip((3, 4, 5, 6, 7, 11, 12, 13, 14, 15), (b"", b"*") * 5, strict=True)
    },
    "5.1 a fragmented ping": (fragments(PING, b"a", b"b"), 1002),
    "5.2 a fragmented pong": (fragments(PONG, b"a", b"b"), 1002),
    "5.9 a continuation of nothing": (server_frame(CONTINUATION, b"*") + GOOD, 1002),
    "5.10 a beginning of nothing": (server_frame(CONTINUATION, b"*", fin=False) + GOOD, 1002),
    "5.15 a continuation after the end": (
        fragments(TEXT, b"a", b"b") + server_frame(CONTINUATION, b"c", fin=False) + GOOD,
        1002,
    ),
    "5.18 a new message inside of another": (server_frame(TEXT, b"a", fin=False) + GOOD, 1002),
    "5.x a masked frame": (server_frame(TEXT, b"*", masked=True), 1002),
    "6.3 text that is not UTF-8": (
        server_frame(TEXT, KOSME.encode() + b"\xed\xa0\x80edited"),
        1007,
    ),
    "6.4 fragments that are not UTF-8": (
        fragments(TEXT, KOSME.encode(), b"\xf4\x90\x80\x80", b"edited"),
        1007,
    ),
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
    """The server gets a Close frame with the right code; the caller gets ERROR, then CLOSED."""
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


# --- closing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999])
async def test_close_codes_are_answered(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory, code: int
) -> None:
    """7.7: a valid Close frame is answered with its code, and received with its reason."""
    told: list[tuple[int, bytes]] = []

    async def leave(peer: Peer) -> None:
        await peer.send(close_frame(code, "grüße".encode()) + server_frame(TEXT, b"nothing"))
        told.append(await read_close(peer))

    server = await scripted(after_accepting(leave))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        assert await ws.receive() == (WSMsgType.CLOSE, code, "grüße")
    await server.finished()
    assert told == [(code, b"")]


@pytest.mark.parametrize(
    "after",
    [close_frame(1000), server_frame(PING, b"p"), GOOD, b"\xff" * 300],
    ids=["a second close", "a ping", "a message", "garbage"],
)
async def test_nothing_counts_after_a_close(
    leak_check: Leaks, scripted: ScriptedFactory, after: bytes
) -> None:
    """7.1: bytes after a Close frame are ignored; it is answered once."""
    rest: list[bytes] = []

    async def leave(peer: Peer) -> None:
        await peer.send(GOOD + close_frame(1000) + after)
        assert await read_close(peer) == (1000, b"")
        peer.half_close()
        rest.append(await peer.receive())

    server = await scripted(after_accepting(leave))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        assert [message.data async for message in ws] == ["good"]
    await server.finished()
    assert rest == [b""]


async def test_a_close_without_a_code(leak_check: Leaks, scripted: ScriptedFactory) -> None:
    """7.3.1: without a code the caller gets 1005, and the answer has no code (RFC 6455 §7.4.1)."""
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


# --- compression ----------------------------------------------------------------------------------

AGREED = {
    "12 as offered": "",
    "13.2 no history of the server": "; server_no_context_takeover",
    "13.3 a small window of the server": "; server_max_window_bits=9",
    "13.4 a window of 15 bits": "; server_max_window_bits=15",
    "13.5 no history, a small window": "; server_no_context_takeover; server_max_window_bits=9",
    "13.x no history of the client": "; client_no_context_takeover",
    "13.x a small window of the client": "; client_max_window_bits=9",
}
LENGTHS = (0, 16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072)


@pytest.mark.parametrize("parameters", AGREED.values(), ids=AGREED)
async def test_compressed_messages_are_echoed(
    leak_check: Leaks, scripted: ScriptedFactory, parameters: str
) -> None:
    """12 and 13: messages of many sizes, whole and fragmented, with each negotiated compression."""
    bits = 9 if "server_max_window_bits=9" in parameters else 15
    deflater = Deflater(bits, takeover="server_no" not in parameters)
    inflater = Inflater(takeover="client_no" not in parameters)
    pattern = b"".join(b'{"key-%d": [%d, "\xc3\xa4"]}' % (n, n * n) for n in range(6_000))

    async def perform(peer: Peer) -> None:
        await accept(peer, f"Sec-WebSocket-Extensions: permessage-deflate{parameters}")
        for size in LENGTHS:
            text = pattern[:size].decode(errors="ignore").encode()
            whole, parts = deflater.deflate(text), pieces(deflater.deflate(text), 100)
            await peer.send(server_frame(TEXT, whole, rsv=4))
            frames = [server_frame(CONTINUATION, part, fin=False) for part in parts[1:]]
            await peer.send(server_frame(TEXT, parts[0], rsv=4, fin=False) + b"".join(frames))
            await peer.send(server_frame(CONTINUATION))
            for _ in range(2):
                first, payload = await read_frame(peer)
                assert first == 0xC1  # whole, compressed text
                assert inflater.inflate(payload, 0) == text
                assert not text or len(payload) < len(text) + 16
        await peer.send(close_frame(1000))
        assert await read_close(peer) == (1000, b"")

    server = await scripted(perform)
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, compress=15) as ws,
    ):
        await echo(ws)
    assert ws.close_code == 1000
    await server.finished()
