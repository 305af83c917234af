"""The server's side of a WebSocket, for scripts: accepts the handshake and sends any frame."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable

from httptrace.testing.peer import Peer
from httptrace.testing.received import ReceivedRequest
from httptrace.testing.scripted import Script
from httptrace.ws.handshake import accept_of
from httptrace.ws.masking import mask_by_tables

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


def server_frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = False,
    form: int | None = None,
) -> bytes:
    """Write a server's frame; `form` is the form of its length: 7, 16 or 64 bits."""
    size = len(payload)
    form = form or (7 if size < 126 else 16 if size < 1 << 16 else 64)
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    flag = 0x80 if masked else 0
    lengths = {7: bytes([flag | size & 0x7F])} if form == 7 else {}
    lengths |= {16: bytes([flag | 126]) + struct.pack("!H", size & 0xFFFF)}
    lengths |= {64: bytes([flag | 127]) + struct.pack("!Q", size)}
    key = b"\0\0\0\0" if masked else b""
    return bytes([first]) + lengths[form] + key + payload


def close_frame(code: int | None = 1000, reason: bytes = b"") -> bytes:
    """Write a server's Close frame."""
    return server_frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


async def accept(peer: Peer, *fields: str, extra: bytes = b"") -> ReceivedRequest:
    """Accept the handshake as a server must; `extra` is sent in the same segment."""
    request = await peer.request()
    await peer.send(answer(request, *fields) + extra)
    return request


def answer(request: ReceivedRequest, *fields: str) -> bytes:
    """Write the 101 that accepts."""
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept_of(request.header('Sec-WebSocket-Key') or '')}",
        *fields,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def read_frame(peer: Peer) -> tuple[int, bytes]:
    """Read the client's next frame: its first byte and its payload, unmasked."""
    first, length = await peer.read(2)
    assert length & 0x80, "a client must mask its frames"
    size = length & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", await peer.read(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", await peer.read(8))
    key = await peer.read(4)
    payload = await peer.read(size)
    return first, bytes(mask_by_tables(payload, key))


async def read_close(peer: Peer) -> tuple[int, bytes]:
    """Read the client's Close frame: its code (0 for none) and its reason."""
    first, payload = await read_frame(peer)
    assert first == 0x80 | CLOSE, f"not a close frame: {first:#x} {payload!r}"
    return (int.from_bytes(payload[:2], "big"), payload[2:])


def speaking(*frames: bytes, fields: tuple[str, ...] = ()) -> Script:
    """Make a script that accepts, sends these bytes, and answers only the client's Close frame."""

    async def script(peer: Peer) -> None:
        await accept(peer, *fields)
        await peer.send(b"".join(frames))
        first, payload = await read_frame(peer)
        while first & 0x0F != CLOSE:
            first, payload = await read_frame(peer)
        await peer.send(close_frame(int.from_bytes(payload[:2], "big") or None))

    return script


def after_accepting(then: Callable[[Peer], Awaitable[None]], *fields: str) -> Script:
    """Make a script that accepts and then runs the given function."""

    async def script(peer: Peer) -> None:
        await accept(peer, *fields)
        await then(peer)

    return script


async def turns(count: int = 10) -> None:
    """Run some iterations of the loop."""
    for _ in range(count):
        await asyncio.sleep(0)
