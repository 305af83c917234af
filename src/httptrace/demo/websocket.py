"""The demonstration's WebSocket server (RFC 6455), which sends each message back."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from httptrace.testing.peer import ClientGone
from httptrace.testing.scripted import response_bytes
from httptrace.ws.frames import BINARY, CLOSE, FIN, PING, PONG, TEXT
from httptrace.ws.handshake import accept_of
from httptrace.ws.masking import mask_by_tables

if TYPE_CHECKING:
    from httptrace.testing.peer import Peer
    from httptrace.testing.received import ReceivedRequest

__all__ = ["converse"]


async def converse(peer: Peer, request: ReceivedRequest, seconds: float) -> None:
    """Answer the handshake, then send each message back after `seconds`, until a Close frame."""
    key = request.header("Sec-WebSocket-Key")
    if key is None:
        await peer.send(response_bytes(426, b"This is a WebSocket.\n", ("Upgrade", "websocket")))
        return
    agreed = ("Upgrade", "websocket"), ("Connection", "Upgrade")
    accept = ("Sec-WebSocket-Accept", accept_of(key))
    await peer.send(response_bytes(101, b"", *agreed, accept, length=False))
    with contextlib.suppress(ClientGone):
        while not await _answer(peer, seconds):
            pass
    peer.close()


async def _answer(peer: Peer, seconds: float) -> bool:
    """Read a frame and answer it. Returns whether it was a Close frame."""
    first, payload = await _read_frame(peer)
    opcode = first & ~FIN
    if opcode in (TEXT, BINARY):
        await asyncio.sleep(seconds)
    if opcode == PING:
        first = FIN | PONG
    if opcode != PONG:
        await peer.send(_frame(first, payload))
    return opcode == CLOSE


async def _read_frame(peer: Peer) -> tuple[int, bytes]:
    first, size = await peer.read(2)
    size &= 0x7F
    if size > 125:
        size = int.from_bytes(await peer.read(2 if size == 126 else 8), "big")
    key = await peer.read(4)
    return first, bytes(mask_by_tables(await peer.read(size), key))


def _frame(first: int, payload: bytes) -> bytes:
    """The bytes of a frame. Frames from a server are not masked."""
    size = len(payload)
    if size < 126:
        head = bytes((first, size))
    elif size < 1 << 16:
        head = bytes((first, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, 127)) + size.to_bytes(8, "big")
    return head + payload
