"""Random WebSocket frames: the same however they are split, and each WebSocket ends."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from random import Random

from tests.faults.walking import turns
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks
from tests.ws.peers import accept, answer, close_frame, server_frame
from tests.ws.test_frames import read

import httptrace
from httptrace.errors import ClientConnectionResetError, ClientError
from httptrace.testing import EventRecorder
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import response_bytes
from httptrace.ws.deflate import Deflater, Inflater
from httptrace.ws.messages import WSMsgType

from .campaign import Campaign
from .making import PIECES, cut, mutated

HEADS = [
    *(b"\x81\x00", b"\x82\x7e\x00\x80", b"\x01\x02", b"\x80\x01x", b"\x89\x00"),
    *(b"\x88\x02\x03\xe8", struct.pack("!Q", 1 << 40)),
]
PAYLOADS = [
    *(b"", b"a", "grün 🌿".encode(), b"\xe2\x82", b"\xff"),
    *(b"x" * 125, b"x" * 126, b"y" * 70_000),
]
FIELDS = [
    "Sec-WebSocket-Protocol: a",
    "Sec-WebSocket-Protocol: b",
    "Sec-WebSocket-Extensions: permessage-deflate",
    "Sec-WebSocket-Extensions: x",
    "Content-Length: 5",
    "Transfer-Encoding: chunked",
]
"""Fields that an answer to the handshake may bring."""
LAST = {WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR, WSMsgType.CLOSING}


def frames(rng: Random, deflater: Deflater | None = None) -> bytes:
    """Some frames, most of them valid."""
    made = b""
    for _ in range(rng.randrange(6)):
        payload = rng.choice(PAYLOADS)
        match rng.randrange(6):
            case 0:
                made += server_frame(rng.choice([9, 10]), payload[:125])
            case 1:
                made += close_frame(rng.choice([1000, 1001, 4000, 999, None]), payload[:100])
            case 2 if deflater is not None:
                made += server_frame(2, deflater.deflate(payload), rsv=4)
            case 3:
                made += server_frame(rng.choice([1, 2]), payload, fin=False)
                made += server_frame(rng.choice([0, 0, 0, 1]), payload)
            case _:
                made += server_frame(rng.choice([1, 2]), payload)
    return made


def changed(rng: Random, data: bytes) -> bytes:
    """The frames, with a change or two or none."""
    return mutated(rng, data, rng.choice([0, 1, 1, 2]), HEADS)


def test_frames(campaign: Campaign) -> None:
    """Frames give the same messages, control frames and end in any pieces."""
    for rng in campaign.cases(300):
        packed, most = rng.random() < 0.5, rng.choice([0, 100, 1 << 22])
        data = changed(rng, frames(rng, Deflater(15, takeover=True) if packed else None))
        pieces = cut(rng, data)
        campaign.notes.update(packed=packed, most=most, pieces=pieces)
        whole = read([data], most, Inflater(takeover=True) if packed else None)
        assert read(pieces, most, Inflater(takeover=True) if packed else None) == whole


async def converse(ws: httptrace.ClientWebSocketResponse, rng: Random) -> None:
    """Receive to the end, and sometimes send something or close."""
    for _ in range(rng.choice([1, 3, 1000])):
        message = await ws.receive()
        if message.type in LAST:
            return
        assert type(message.data) is (str if message.type is WSMsgType.TEXT else bytes)
        if rng.random() < 0.2:
            with contextlib.suppress(ClientConnectionResetError):  # the end may be under way
                await ws.send_str("echo")


async def test_conversations(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory, campaign: Campaign
) -> None:
    """Whatever frames arrive, the WebSocket ends, and its connection is closed."""
    pieces: list[bytes] = []

    async def script(peer: Peer) -> None:
        await accept(peer, *extensions)
        await peer.send_pieces(pieces)
        ending = len(b"".join(pieces)) % 3
        if ending:
            await turns(20)
            return peer.reset() if ending == 1 else None
        peer.half_close()
        await peer.until_closed()

    server = await scripted(script)
    extensions: tuple[str, ...] = ()
    async with httptrace.ClientSession() as session:
        for rng in campaign.cases(80):
            packed = rng.random() < 0.5
            extensions = ("Sec-WebSocket-Extensions: permessage-deflate",) if packed else ()
            pieces = cut(rng, changed(rng, frames(rng, Deflater(15, True) if packed else None)))
            campaign.notes.update(packed=packed, pieces=pieces)
            async with asyncio.timeout(10):
                async with session.ws_connect(server.url, compress=15 * packed) as ws:
                    await converse(ws, rng)
                assert ws.closed
                assert (await ws.receive()).type is WSMsgType.CLOSED
            await server.no_connections()
            assert session.connector is not None and session.connector.stats().open == 0
            recorder.check()
            recorder.clear()
            del server.connections[:], server.requests[:]


async def test_handshakes(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory, campaign: Campaign
) -> None:
    """Whatever the response to the handshake, it succeeds or raises the documented error."""

    async def script(peer: Peer) -> None:
        request = await peer.request()
        fields = rng.sample(FIELDS, rng.randrange(2))
        good = rng.random() < 0.8
        data = answer(request, *fields) if good else response_bytes(200, b"no")
        data = mutated(rng, data, rng.choice([0, 1, 2]), [*PIECES, b"101", b"\r\nUpgrade: x"])
        data += rng.choice([b"", server_frame(1, b"early"), close_frame()])
        made = cut(rng, data)
        campaign.notes.update(pieces=made)
        await peer.send_pieces(made)
        peer.half_close()
        await peer.until_closed()

    server = await scripted(script)
    async with httptrace.ClientSession() as session:
        for rng in campaign.cases(80):
            try:
                async with asyncio.timeout(10):
                    async with session.ws_connect(server.url, protocols=("a",)) as ws:
                        await converse(ws, rng)
            except ClientError as exc:
                assert str(exc)
            assert session.connector is not None
            assert session.connector.stats().open == session.connector.stats().idle
            recorder.check()
            recorder.clear()
