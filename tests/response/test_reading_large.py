"""Large bodies over the wire, at the reader's pace."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from hashlib import sha256
from ssl import SSLContext
from typing import Any

import pytest
from tests.client.conftest import MakeSession
from tests.servers.fixtures import ScriptedFactory

from httptrace import ClientSession, StreamReader
from httptrace.testing.peer import Peer

from .answers import CHUNKED, chunk, length, sending

SIZE = 4 << 20
BIG = random.Random(7).randbytes(SIZE // 2) + bytes(range(256)) * (SIZE // 512)
DIGEST = sha256(BIG).hexdigest()


def pieces_of(framing: str) -> Iterator[bytes]:
    """A large body on the wire."""
    sizes = random.Random(8)
    yield {"length": length(SIZE), "chunked": CHUNKED}.get(framing, b"HTTP/1.1 200 OK\r\n\r\n")
    at = 0
    while at < SIZE:
        piece = BIG[at : at + sizes.choice([1, 1000, 16_384, 70_000, 300_000])]
        at += len(piece)
        yield chunk(piece) if framing == "chunked" else piece
    if framing == "chunked":
        yield b"0\r\n\r\n"


async def _exactly(content: StreamReader) -> list[bytes]:
    return [await content.readexactly(SIZE - 5), await content.readexactly(5)]


LARGE: dict[str, Callable[[StreamReader], Awaitable[list[bytes]]]] = {
    "read": lambda content: _listed(content.read()),
    "iter_any": lambda content: _collected(content.iter_any()),
    "iter_chunked": lambda content: _collected(content.iter_chunked(65_536)),
    "readexactly": _exactly,
    "lines": lambda content: _collected(content),
}


async def _listed(reading: Awaitable[bytes]) -> list[bytes]:
    return [await reading]


async def _collected(stream: Any) -> list[bytes]:
    return [piece async for piece in stream]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("framing", ["length", "chunked", "until close"])
async def test_large(
    session: ClientSession,
    scripted: ScriptedFactory,
    server_ssl: SSLContext,
    client_ssl: SSLContext,
    framing: str,
    tls: bool,
) -> None:
    """Mebibytes are received completely with every way to read, and the connection is reused."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            for piece in pieces_of(framing):
                await peer.send(piece)
            if framing == "until close":
                return

    server = await scripted(script, ssl=server_ssl if tls else None)
    options: dict[str, Any] = {"ssl": client_ssl} if tls else {}
    for name, reading in LARGE.items():
        async with session.get(server.url, **options) as response:
            digest = sha256()
            for piece in await reading(response.content):
                digest.update(piece)
            assert digest.hexdigest() == DIGEST, name
            assert response.content.total_bytes == response.content.total_raw_bytes == SIZE
    assert len(server.connections) == (len(LARGE) if framing == "until close" else 1)


@pytest.mark.parametrize("name", ["lines", "read", "readexactly"])
async def test_small_pieces_of_what_lies_there(
    session: ClientSession, scripted: ScriptedFactory, name: str
) -> None:
    """Reading a few bytes at a time from buffered mebibytes does not take quadratic time."""
    body = b"0123456789\n" * 200_000
    server = await scripted(sending(length(len(body)) + body))
    async with asyncio.timeout(5), session.get(server.url) as response:
        content = response.content
        await content.wait_eof()
        count = 0
        if name == "lines":
            async for line in content:
                count += len(line)
        else:
            while not content.at_eof():
                count += len(await getattr(content, name)(11))
        assert count == len(body)


# --- at the pace of who reads ---------------------------------------------------------------------


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_end_while_paused(
    make_session: MakeSession,
    scripted: ScriptedFactory,
    server_ssl: SSLContext,
    client_ssl: SSLContext,
    framing: str,
    tls: bool,
) -> None:
    """A body whose last bytes arrive while reading is paused is complete, and so is the next."""
    body = BIG[:40_000]
    answer = (
        length(len(body)) + body if framing == "length" else CHUNKED + chunk(body) + b"0\r\n\r\n"
    )
    server = await scripted(answer, ssl=server_ssl if tls else None)
    session = make_session(read_bufsize=64)
    options: dict[str, Any] = {"ssl": client_ssl} if tls else {}
    for _ in range(3):
        async with session.get(server.url, **options) as response:
            (peer,) = server.connections
            while len(server.requests) > peer.bytes_sent // len(body):
                await asyncio.sleep(0)
            got = b""
            while piece := await response.content.read(1000):
                got += piece
                await asyncio.sleep(0)
            assert got == body
    assert len(server.connections) == 1


async def test_many_small_chunks(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """Tens of thousands of tiny chunks keep their ends, and pause if nobody reads."""
    count = 20_000
    server = await scripted(sending(CHUNKED + chunk(b"ab") * count + b"0\r\n\r\n"))
    session = make_session(read_bufsize=1024)
    async with asyncio.timeout(5), session.get(server.url) as response:
        ends = 0
        data = b""
        async for piece, is_end in response.content.iter_chunks():
            data += piece
            ends += is_end
        assert (data, ends) == (b"ab" * count, count)
