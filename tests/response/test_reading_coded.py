"""Reading compressed bodies over the wire."""

from __future__ import annotations

import gzip
import random
from collections.abc import Awaitable, Callable
from functools import cache
from ssl import SSLContext
from typing import Any

import brotli
import pytest
from tests.body.packing import PACK
from tests.client.conftest import MakeSession
from tests.servers.fixtures import ScriptedFactory

from httptrace import ClientPayloadError, ClientResponse, ClientSession
from httptrace.testing import response_bytes
from httptrace.testing.peer import Peer

Script = Callable[[Peer], Awaitable[None]]
TEXT = b"first\nsecond line\n\nlast" * 40
BIG = random.Random(9).randbytes(1 << 20) + b"a line that repeats itself\n" * 100_000


def pack(coding: str, data: bytes) -> bytes:
    """The data in these codings, applied in this order."""
    for name in coding.split(", "):
        data = PACK[name](data)
    return data


def named(coding: str) -> str:
    """The value of Content-Encoding."""
    return coding.replace("raw ", "")


def in_pieces(coding: str, data: bytes, size: int, *, chunked: bool = False) -> Script:
    """Script: responds to each request with these bytes, this many in a segment."""
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(data)}"
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {named(coding)}\r\n{framing}\r\n\r\n".encode()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    if chunked:
        pieces = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces] + [b"0\r\n\r\n"]

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send_pieces([head, *pieces])

    return script


CODINGS = [*PACK, "gzip, br", "zstd, gzip, deflate"]
SPLITS = [(1 << 20, False), (1, False), (7, True)]


@pytest.mark.parametrize(("size", "chunked"), SPLITS, ids=["whole", "bytes", "chunks"])
@pytest.mark.parametrize("coding", CODINGS)
async def test_codings(
    session: ClientSession, scripted: ScriptedFactory, coding: str, size: int, chunked: bool
) -> None:
    """Every coding is decoded in any pieces, with every way to read, and the connection is kept."""
    data = pack(coding, TEXT)
    server = await scripted(in_pieces(coding, data, size, chunked=chunked))
    async with session.get(server.url) as response:
        assert await response.read() == TEXT
        assert response.headers["Content-Encoding"] == named(coding)
    async with session.get(server.url) as response:
        lines = [line async for line in response.content]
        assert lines == TEXT.splitlines(keepends=True)
        assert response.content.total_bytes == len(TEXT)
        assert response.content.total_raw_bytes == len(data)
    async with session.get(server.url) as response:
        got = b""
        while piece := await response.content.read(11):
            assert len(piece) <= 11
            got += piece
        assert got == TEXT and response.content.at_eof()
    async with session.get(server.url) as response:
        assert b"".join([piece async for piece, _ in response.content.iter_chunks()]) == TEXT
    assert len(server.connections) == 1


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@pytest.mark.parametrize("size", [1, 1 << 20])
async def test_members(
    session: ClientSession, scripted: ScriptedFactory, coding: str, size: int
) -> None:
    """Several members or frames in a row are one body."""
    data = PACK[coding](b"one\n") + PACK[coding](b"") + PACK[coding](b"two\n")
    server = await scripted(in_pieces(coding, data, size))
    async with session.get(server.url) as response:
        assert [line async for line in response.content] == [b"one\n", b"two\n"]


READINGS: dict[str, Callable[[ClientResponse], Awaitable[Any]]] = {
    "response.read": lambda response: response.read(),
    "content.read": lambda response: response.content.read(),
    "piece by piece": lambda response: _all(response),
}


async def _all(response: ClientResponse) -> None:
    while await response.content.read(100):
        pass


@pytest.mark.parametrize("how", READINGS)
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, br"])
async def test_cut(
    session: ClientSession, scripted: ScriptedFactory, coding: str, how: str
) -> None:
    """A truncated coded body is an error, even if its message is complete; so is garbage."""
    data = pack(coding, TEXT)
    answers = [data[:-1], data[: len(data) // 2], b"\x01garbage" * 9]
    server = await scripted(
        *(response_bytes(200, answer, ("Content-Encoding", coding)) for answer in answers)
    )
    for _ in answers:
        async with session.get(server.url, headers={"Connection": "close"}) as response:
            for _ in range(2):
                with pytest.raises(ClientPayloadError) as caught:
                    await READINGS[how](response)
            assert response.content.exception() is caught.value
            assert not response.content.at_eof()


async def test_left_as_it_is(session: ClientSession, scripted: ScriptedFactory) -> None:
    """Unknown codings, and all of them with auto_decompress=False, are not decoded."""
    data = gzip.compress(TEXT)
    server = await scripted(response_bytes(200, data, ("Content-Encoding", "x-own")))
    async with session.get(server.url) as response:
        assert await response.read() == data
    server = await scripted(response_bytes(200, data, ("Content-Encoding", "gzip")))
    async with session.get(server.url, auto_decompress=False) as response:
        assert await response.content.read() == data
        assert response.content.total_bytes == len(data)
    server = await scripted(response_bytes(200, data, ("Content-Encoding", "Identity, GZIP")))
    async with session.get(server.url) as response:
        assert await response.read() == TEXT


async def test_nothing_to_undo(session: ClientSession, scripted: ScriptedFactory) -> None:
    """No bytes are an empty body in every coding."""
    server = await scripted(response_bytes(200, b"", ("Content-Encoding", "gzip, br")))
    async with session.get(server.url) as response:
        assert await response.read() == b""
    async with session.get(server.url) as response:
        assert await response.content.readany() == b"" and response.content.at_eof()


async def test_first_bytes_before_the_rest(
    session: ClientSession, scripted: ScriptedFactory
) -> None:
    """Decoded bytes can be read at once, while the rest is arriving."""
    packer = brotli.Compressor()
    first = packer.process(b"first") + packer.flush()
    rest = packer.process(b"rest") + packer.finish()
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: %d\r\n\r\n"

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head % (len(first) + len(rest)) + first)
        await peer.events["go"].wait()
        await peer.send(rest)
        await peer.until_closed()

    server = await scripted(script)
    async with session.get(server.url) as response:
        assert await response.content.readexactly(5) == b"first"
        assert not response.closed
        server.events["go"].set()
        assert await response.text() == "rest"


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("coding", ["gzip", "br", "zstd, deflate"])
async def test_large(
    session: ClientSession,
    scripted: ScriptedFactory,
    server_ssl: SSLContext,
    client_ssl: SSLContext,
    coding: str,
    tls: bool,
) -> None:
    """Mebibytes are decoded completely, read at once or piece by piece."""
    server = await scripted(
        response_bytes(200, _packed(coding), ("Content-Encoding", coding)),
        ssl=server_ssl if tls else None,
    )
    options: dict[str, Any] = {"ssl": client_ssl} if tls else {}
    async with session.get(server.url, **options) as response:
        assert await response.read() == BIG
    async with session.get(server.url, **options) as response:
        pieces = [piece async for piece in response.content.iter_chunked(1 << 16)]
        assert b"".join(pieces) == BIG
    assert len(server.connections) == 1


@cache
def _packed(coding: str) -> bytes:
    return brotli.compress(BIG, quality=1) if coding == "br" else pack(coding, BIG)


async def test_max_decoded_size(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """A body that is read whole may decode to exactly the limit; in pieces there is none."""
    server = await scripted(response_bytes(200, gzip.compress(TEXT), ("Content-Encoding", "gzip")))
    session = make_session(max_decoded_size=len(TEXT))
    async with session.get(server.url) as response:
        assert await response.read() == TEXT
    session = make_session(max_decoded_size=len(TEXT) - 1)
    for name in ("response.read", "content.read"):
        async with session.get(server.url) as response:
            with pytest.raises(ClientPayloadError, match=f"max_decoded_size .{len(TEXT) - 1}"):
                await READINGS[name](response)
    async with session.get(server.url) as response:
        assert b"".join([line async for line in response.content]) == TEXT
    plain = await scripted(response_bytes(200, TEXT))
    async with session.get(plain.url) as response:
        assert await response.read() == TEXT  # what is not compressed has no such limit
