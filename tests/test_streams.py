"""Reading bodies: whole, in pieces, in lines, in chunks, slowly, and not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from ssl import SSLContext
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace import ClientPayloadError, ClientSession, StreamReader, TCPConnector
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import response_bytes

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
TEXT = b"first\nsecond line\n\nlast"


def sending(*pieces: bytes) -> Callable[[Peer], Awaitable[None]]:
    """Script: responds to each request with these pieces, each in a segment of its own."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send_pieces(pieces)

    return script


async def turns(count: int = 20) -> None:
    """Run the loop for an iteration."""
    for _ in range(count):
        await asyncio.sleep(0)


def length(size: int) -> bytes:
    """The head of a response with a body of this size."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size


ALL = [
    sending(response_bytes(200, TEXT)),
    sending(length(len(TEXT)), TEXT[:3], TEXT[3:8], TEXT[8:9], TEXT[9:]),
    sending(*[bytes([byte]) for byte in length(len(TEXT)) + TEXT]),
    sending(CHUNKED, b"5\r\nfirst\r\n", b"12\r\n\nsecond line\n\nlast\r\n", b"0\r\n\r\n"),
    sending(CHUNKED + b"1\r\nf\r\n16\r\nirst\nsecond", b" line\n\nlas", b"t\r\n0\r\n\r\n"),
]
BODIES = pytest.mark.parametrize(
    "script", ALL, ids=["whole", "pieces", "bytes", "chunks", "odd chunks"]
)


async def collected(stream: Any) -> list[Any]:
    """All values of an async iterator."""
    return [one async for one in stream]


READERS: dict[str, Callable[[StreamReader], Awaitable[Any]]] = {
    "read": lambda content: content.read(),
    "iter_any": lambda content: collected(content.iter_any()),
    "iter_chunked": lambda content: collected(content.iter_chunked(4)),
    "lines": lambda content: collected(content),
    "iter_chunks": lambda content: collected(content.iter_chunks()),
    "readexactly": lambda content: content.readexactly(len(TEXT)),
}


@BODIES
@pytest.mark.parametrize("name", READERS)
async def test_every_way_to_read(
    leak_check: None, scripted: ScriptedFactory, script: Any, name: str
) -> None:
    """However a body is read and split, its bytes are the same."""
    server = await scripted(script)
    async with ClientSession(connector=TCPConnector(limit=1)) as session:
        for _ in range(2):  # on the same connection: nothing of the first is left in it
            async with session.get(server.url) as response:
                got = await READERS[name](response.content)
                if isinstance(got, list):
                    got = b"".join(one[0] if isinstance(one, tuple) else one for one in got)
                assert got == TEXT
                assert response.content.at_eof() or name == "readexactly"
                assert await response.content.read() == b""
                assert response.content.at_eof()
        assert len(server.connections) == 1


@BODIES
async def test_lines(scripted: ScriptedFactory, script: Any) -> None:
    """Lines have their ends, the last one as it is."""
    server = await scripted(script)
    async with ClientSession() as session, session.get(server.url) as response:
        lines = [line async for line in response.content]
        assert lines == [b"first\n", b"second line\n", b"\n", b"last"]
        assert await response.content.readline() == b""


@BODIES
async def test_read_some(scripted: ScriptedFactory, script: Any) -> None:
    """`read(n)` returns at most n bytes, nothing only at the end, and read(0) nothing at all."""
    server = await scripted(script)
    async with ClientSession() as session, session.get(server.url) as response:
        assert await response.content.read(0) == b""
        body = b""
        while piece := await response.content.read(4):
            assert len(piece) <= 4
            body += piece
        assert body == TEXT


@BODIES
async def test_until(scripted: ScriptedFactory, script: Any) -> None:
    """A separator of several bytes is found wherever the pieces are split."""
    server = await scripted(script)
    async with ClientSession() as session, session.get(server.url) as response:
        assert await response.content.readuntil(b"nd li") == b"first\nsecond li"
        assert await response.content.readuntil(b"\n\n") == b"ne\n\n"
        assert await response.content.readuntil(b"#") == b"last"
        with pytest.raises(ValueError, match="Separator"):
            await response.content.readuntil(b"")


@BODIES
async def test_exactly(scripted: ScriptedFactory, script: Any) -> None:
    """`readexactly` returns this many bytes, or raises with those that there were."""
    server = await scripted(script)
    async with ClientSession() as session, session.get(server.url) as response:
        assert await response.content.readexactly(7) == TEXT[:7]
        with pytest.raises(asyncio.IncompleteReadError) as caught:
            await response.content.readexactly(100)
        assert caught.value.partial == TEXT[7:]


async def test_chunks_of_the_server(scripted: ScriptedFactory) -> None:
    """`readchunk` reports the ends of the server's chunks, wherever the segments are split."""
    server = await scripted(
        sending(CHUNKED + b"3\r\nab", b"c\r\n2\r\nde\r\n1\r\nf\r\n", b"2\r\ngh\r\n0\r\n\r\n")
    )
    async with ClientSession() as session, session.get(server.url) as response:
        chunks: list[bytes] = [b""]
        async for data, ends in response.content.iter_chunks():
            chunks[-1] += data
            if ends:
                chunks.append(b"")
        assert chunks == [b"abc", b"de", b"f", b"gh", b""]
        assert await response.content.readchunk() == (b"", False)


async def test_whole_body_twice(scripted: ScriptedFactory) -> None:
    """`response.read()` keeps the body for text and json."""
    server = await scripted(sending(length(7), b'{"a"', b": 1}"))
    async with ClientSession() as session, session.get(server.url) as response:
        assert await response.read() == await response.read() == b'{"a": 1}'[:7]


async def test_unread_and_nowait(scripted: ScriptedFactory) -> None:
    """Bytes that were put back are read next; `read_nowait` returns what has arrived."""
    server = await scripted(sending(response_bytes(200, TEXT)))
    async with ClientSession() as session, session.get(server.url) as response:
        content = response.content
        assert await content.readexactly(6) == b"first\n"
        content.unread_data(b"again\n")
        assert await content.readline() == b"again\n"
        assert content.read_nowait(6) == b"second"
        assert content.read_nowait() == TEXT[12:]
        assert content.at_eof()


async def test_two_readers(scripted: ScriptedFactory) -> None:
    """Two tasks cannot wait for the same body; the first one continues."""
    server = await scripted(sending(length(4) + b"ab"))
    async with ClientSession() as session, session.get(server.url) as response:
        assert await response.content.readany() == b"ab"
        first = asyncio.create_task(response.content.readany())
        await turns(1)
        with pytest.raises(RuntimeError, match="Another"):
            await response.content.readany()
        assert not first.done()
        first.cancel()
        await asyncio.wait([first])


async def test_cancelled_read_loses_nothing(scripted: ScriptedFactory) -> None:
    """A cancelled read can be repeated, and no byte is missing."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(length(4) + b"ab")
        await peer.events["go"].wait()
        await peer.send(b"cd")

    server = await scripted(script)
    async with ClientSession() as session, session.get(server.url) as response:
        assert await response.content.readexactly(1) == b"a"
        waiting = asyncio.create_task(response.content.readexactly(3))
        await turns(2)
        waiting.cancel()
        await asyncio.wait([waiting])
        server.events["go"].set()
        assert await response.content.readexactly(3) == b"bcd"


async def test_waiting_for_the_end(scripted: ScriptedFactory) -> None:
    """`wait_eof` waits for the last byte, even if the body is larger than the buffer."""
    size = 500_000
    server = await scripted(sending(length(size), *[b"x" * 50_000] * 10))
    async with ClientSession(read_bufsize=1024) as session, session.get(server.url) as response:
        await turns(100)
        told: list[bool] = []
        response.content.on_eof(lambda: told.append(True))
        async with asyncio.timeout(5):
            await response.content.wait_eof()
        assert response.content.is_eof()
        assert len(await response.content.read()) == size
        assert told == [True]


# --- at the pace of who reads ---------------------------------------------------------------------

BIG = 3_000_000
PACE = [
    pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="until close"),
    pytest.param(length(BIG), id="length"),
]


def pouring(head: bytes) -> Callable[[Peer], Awaitable[None]]:
    """Script: sends a large body as fast as possible, and closes."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head)
        for _ in range(BIG // 50_000):
            await peer.send(b"x" * 50_000)

    return script


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("head", PACE)
async def test_backpressure(
    leak_check: None,
    scripted: ScriptedFactory,
    server_ssl: SSLContext,
    client_ssl: SSLContext,
    head: bytes,
    tls: bool,
) -> None:
    """If the body is not read, only buffers are filled; it can then be read completely."""
    server = await scripted(pouring(head), ssl=server_ssl if tls else None)
    options: dict[str, Any] = {"ssl": client_ssl} if tls else {}
    async with ClientSession(read_bufsize=8192) as session:
        async with session.get(server.url, **options) as response:
            (peer,) = server.connections
            sent = -1
            while sent != peer.bytes_sent:  # until nothing moves
                sent = peer.bytes_sent
                await asyncio.sleep(0.05)
            assert response.content.total_raw_bytes < 1_000_000
            got = 0
            while piece := await response.content.read(4096):
                got += len(piece)
                if got % (4096 * 16) == 0:
                    await asyncio.sleep(0)
            assert got == BIG


@pytest.mark.parametrize("tls", [False, True])
async def test_end_while_nobody_reads(
    leak_check: None,
    scripted: ScriptedFactory,
    server_ssl: SSLContext,
    client_ssl: SSLContext,
    tls: bool,
) -> None:
    """A body that was unread when the server closed is complete, on every loop."""
    body = b"x" * 150_000

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + body)

    server = await scripted(script, ssl=server_ssl if tls else None)
    options: dict[str, Any] = {"ssl": client_ssl} if tls else {}
    async with ClientSession(read_bufsize=1024) as session:
        for _ in range(3):
            async with session.get(server.url, **options) as response:
                await asyncio.sleep(0.05)
                pieces = []
                while piece := await response.content.read(1000):
                    pieces.append(piece)
                    await asyncio.sleep(0)
                assert sum(map(len, pieces)) == len(body)


async def test_dropped_while_paused(leak_check: None, scripted: ScriptedFactory) -> None:
    """An unread response is closed, and the next one can be received."""
    server = await scripted(pouring(length(BIG)), sending(response_bytes(200, TEXT)))
    async with ClientSession(connector=TCPConnector(limit=1), read_bufsize=1024) as session:
        async with session.get(server.url) as response:
            assert await response.content.readexactly(10) == b"x" * 10
            await asyncio.sleep(0.02)
        async with session.get(server.url) as response:
            assert await response.read() == TEXT


async def test_whole_but_unread(leak_check: None, scripted: ScriptedFactory) -> None:
    """A body that fills the buffer at its end does not stop its connection from reading."""
    body = b"x" * 5000
    server = await scripted(sending(length(len(body)), body[:4000], body[4000:]))
    async with ClientSession(connector=TCPConnector(limit=1), read_bufsize=2000) as session:
        for _ in range(5):
            async with asyncio.timeout(5), session.get(server.url) as response:
                await turns(50)
                assert response.status == 200
        async with asyncio.timeout(5), session.get(server.url) as response:
            assert await response.read() == body


async def test_large_body_of_a_redirect(leak_check: None, scripted: ScriptedFactory) -> None:
    """A redirect's body that exceeds the buffer is discarded, and does not block."""

    async def script(peer: Peer) -> None:
        await peer.request()
        head = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 30000\r\n\r\n"
        await peer.send_pieces([head + b"x" * 20_000, b"x" * 10_000])
        await peer.request()
        await peer.send(response_bytes(200, TEXT))

    server = await scripted(script)
    async with (
        asyncio.timeout(5),
        ClientSession(connector=TCPConnector(limit=1), read_bufsize=1000) as session,
        session.get(server.url) as response,
    ):
        assert await response.read() == TEXT
        assert len(server.connections) == 1


async def test_cut_after_some_was_read(leak_check: None, scripted: ScriptedFactory) -> None:
    """The bytes before the truncation can be read; then every read raises the error."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(length(10) + b"half")

    server = await scripted(script)
    async with ClientSession() as session, session.get(server.url) as response:
        await server.no_connections()
        assert await response.content.readexactly(4) == b"half"
        for _ in range(2):
            with pytest.raises(ClientPayloadError):
                await response.content.read(1)
        assert isinstance(response.content.exception(), ClientPayloadError)
        assert not response.content.at_eof()
