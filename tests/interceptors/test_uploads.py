"""Request bodies: of every kind, large, slow and encoded."""

from __future__ import annotations

import asyncio
import io
import threading
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from ssl import SSLContext
from typing import Any

import brotli
import pytest
from tests.body.packing import zstd
from tests.client.conftest import MakeSession
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace import ClientSession, FormData, MultipartWriter, UploadTracker
from httptrace.testing import EventRecorder
from httptrace.testing.peer import Peer

from .uploading import BIG, OK, sent

PIECE = 70_000
Body = Callable[[Path], Any]


async def generator(data: bytes = BIG) -> AsyncIterator[bytes]:
    """The data in pieces."""
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]


class Pieces:
    """An async iterable that is not a generator."""

    def __init__(self, *pieces: Any) -> None:
        self._pieces = list(pieces)

    def __aiter__(self) -> Pieces:
        return self

    async def __anext__(self) -> Any:
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop(0)


class Reader:
    """An object that has only `read`."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A large file."""
    path = tmp_path / "big.bin"
    path.write_bytes(BIG)
    return path


async def unmoving(count: Callable[[], int]) -> int:
    """Wait until the count no longer changes: everything has stopped."""
    last = -1
    while last != (last := count()):
        await asyncio.sleep(0.03)
    return last


# --- large ones -----------------------------------------------------------------------------------


def form(path: Path) -> FormData:
    """A form with a file in it."""
    fields = FormData({"name": "value"})
    fields.add_field("file", path.open("rb"), filename="x")
    return fields


def multipart(path: Path) -> MultipartWriter:
    """A multipart body of several kinds."""
    writer = MultipartWriter("mixed", boundary="b")
    writer.append(path.open("rb"))
    writer.append(generator(BIG[:200_000]))
    return writer


LARGE: dict[str, Body] = {
    "bytes": lambda path: BIG,
    "bytearray": lambda path: bytearray(BIG),
    "memoryview": lambda path: memoryview(BIG),
    "strided memoryview": lambda path: memoryview(b"".join(b"%c?" % n for n in BIG))[::2],
    "file": lambda path: path.open("rb"),
    "BytesIO": lambda path: io.BytesIO(BIG),
    "reader": lambda path: Reader(BIG),
    "generator": lambda path: generator(),
    "one piece": lambda path: Pieces(memoryview(BIG)),
    "form": form,
    "multipart": multipart,
}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_large(
    session: ClientSession,
    scripted: ScriptedFactory,
    server_ssl: SSLContext,
    client_ssl: SSLContext,
    path: Path,
    tls: bool,
) -> None:
    """Bodies that are much larger than socket buffers are received completely."""
    server = await scripted(OK, ssl=server_ssl if tls else None)
    options: dict[str, Any] = {"ssl": client_ssl} if tls else {}
    for name, make in LARGE.items():
        request = await sent(session, server, data=make(path), **options)
        if name in ("form", "multipart"):
            assert BIG in request.body, name
            length = None if name == "multipart" else str(len(request.body))
        else:
            assert request.body == BIG, name
            length = None if name in ("reader", "generator", "one piece") else str(len(BIG))
        assert request.header("Content-Length") == length, name
        assert request.is_chunked == (length is None), name
    assert len(server.connections) == 1


async def test_chunked(session: ClientSession, scripted: ScriptedFactory, path: Path) -> None:
    """chunked=True sends a body of known length in chunks; a given length is respected."""
    server = await scripted(OK)
    for data in (b"abc", "abc", io.BytesIO(b"abc"), Pieces(b"a", b"", b"bc")):
        request = await sent(session, server, data=data, chunked=True)
        assert (request.is_chunked, request.header("Content-Length")) == (True, None)
        assert request.body == b"abc"
    headers = {"Content-Length": "3"}
    request = await sent(session, server, data=Pieces(b"a", bytearray(b"bc")), headers=headers)
    assert (request.is_chunked, request.body) == (False, b"abc")


async def test_pieces_on_the_wire(session: ClientSession, scripted: ScriptedFactory) -> None:
    """Each piece of a generator is a chunk; an empty one does not end the body."""
    server = await scripted(OK)
    data = Pieces(b"one", b"", bytearray(b"two"), memoryview(b"abcdef")[::2])
    request = await sent(session, server, data=data)
    _, _, body = request.raw.partition(b"\r\n\r\n")
    assert body == b"3\r\none\r\n3\r\ntwo\r\n3\r\nace\r\n0\r\n\r\n"


async def test_a_buffer_that_changes(session: ClientSession, scripted: ScriptedFactory) -> None:
    """Later changes of a generator's buffer do not change what is sent."""

    async def reusing() -> AsyncIterator[bytearray]:
        buffer = bytearray(100_000)
        for value in range(20):
            buffer[:] = bytes([value]) * len(buffer)
            yield buffer

    server = await scripted(OK, receive_buffer=4096)
    request = await sent(session, server, data=reusing())
    assert request.body == b"".join(bytes([value]) * 100_000 for value in range(20))


# --- at the server's pace -------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_backpressure(
    session: ClientSession,
    scripted: ScriptedFactory,
    server_ssl: SSLContext,
    client_ssl: SSLContext,
    tls: bool,
) -> None:
    """If the server does not read, only as much of a body is produced as buffers hold."""

    async def script(peer: Peer) -> None:
        request = await peer.read_head()
        peer.pause_reading()
        peer.events["paused"].set()
        await peer.events["go"].wait()
        peer.resume_reading()
        await peer.read_body(request)
        await peer.send(OK)
        await peer.until_closed()

    taken = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal taken
        for start in range(0, 8 << 20, 1 << 16):
            taken = start
            yield BIG[:4096] * 16

    server = await scripted(script, ssl=server_ssl if tls else None, receive_buffer=4096)
    options: dict[str, Any] = {"ssl": client_ssl} if tls else {}
    tracker = UploadTracker()
    sending = asyncio.create_task(
        sent(session, server, data=body(), upload_tracker=tracker, **options)
    )
    await server.events["paused"].wait()
    assert await unmoving(lambda: taken) < 6 << 20
    assert 0 < tracker.bytes_written <= taken + (1 << 16)
    assert taken - tracker.bytes_written < 1 << 19  # that much is with us, the rest with the system
    assert not tracker.upload_complete.done()
    server.events["go"].set()
    assert len((await sending).body) == 8 << 20 == tracker.bytes_written
    assert tracker.upload_complete.result() is None


OURS = [
    tracemalloc.Filter(True, "*/httptrace/*"),
    tracemalloc.Filter(False, "*/httptrace/testing/*"),
]


async def test_piping(
    session: ClientSession, scripted: ScriptedFactory, recorder: EventRecorder
) -> None:
    """A response that is the body of a request is read at the server's pace, in little memory."""
    httptrace.uninstall(recorder)  # it would keep every piece
    size = 24 << 20

    async def source(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size >> 18):
            await peer.send(BIG[: 1 << 18])
        await peer.until_closed()

    async def target(peer: Peer) -> None:
        request = await peer.read_head()
        assert request.content_length == size
        peer.pause_reading()
        peer.events["paused"].set()
        await peer.events["go"].wait()
        peer.resume_reading()
        for _ in range(size >> 18):
            assert await peer.read(1 << 18) == BIG[: 1 << 18]
        await peer.send(OK)
        await peer.until_closed()

    first, second = await scripted(source), await scripted(target, receive_buffer=4096)
    async with session.get(first.url) as response:
        headers = {"Content-Length": response.headers["Content-Length"]}
        tracemalloc.start()
        sending = asyncio.create_task(sent(session, second, data=response.content, headers=headers))
        await second.events["paused"].wait()
        assert await unmoving(lambda: first.connections[0].bytes_sent) < size // 2
        held = tracemalloc.take_snapshot().filter_traces(OURS)
        tracemalloc.stop()
        assert sum(trace.size for trace in held.traces) < 2 << 20
        second.events["go"].set()
        await sending


async def test_slow_file(session: ClientSession, scripted: ScriptedFactory) -> None:
    """While reading a file takes long, other tasks run."""
    released = threading.Event()

    class SlowFile(Reader):
        def read(self, size: int = -1) -> bytes:
            assert released.wait(10)
            return super().read(size)

    server, other = await scripted(OK), await scripted(OK)
    sending = asyncio.create_task(sent(session, server, data=SlowFile(b"slowly")))
    await server.received()
    for _ in range(3):
        await sent(session, other, data=b"x")
    assert not sending.done()
    released.set()
    assert (await sending).body == b"slowly"


# --- encoded --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["bytes", "file", "generator"])
async def test_compress(
    session: ClientSession, scripted: ScriptedFactory, path: Path, kind: str
) -> None:
    """compress= encodes a body of any kind while it is sent, in each of the codings."""
    undo: dict[str | bool, Callable[[bytes], bytes]] = {
        True: zlib.decompress,
        "deflate": zlib.decompress,
        "gzip": lambda data: zlib.decompress(data, 31),
        "br": brotli.decompress,
        "zstd": zstd.decompress,
    }
    server = await scripted(OK)
    for compress, decode in undo.items():
        tracker = UploadTracker()
        data = LARGE[kind](path)
        request = await sent(session, server, data=data, compress=compress, upload_tracker=tracker)
        assert decode(request.body) == BIG
        assert request.header("Content-Encoding") == ("deflate" if compress is True else compress)
        assert request.is_chunked and request.header("Content-Length") is None
        assert tracker.bytes_written == len(BIG)  # before it was encoded
    assert len(server.connections) == 1


async def test_compressing_lets_others_in(
    session: ClientSession, scripted: ScriptedFactory
) -> None:
    """A large body that is encoded to almost nothing does not block the loop until its end."""
    server = await scripted(OK)
    turns = 0

    async def turning() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    data = bytes(8 << 20)
    task = asyncio.create_task(turning())
    request = await sent(session, server, data=data, compress="gzip")
    task.cancel()
    await asyncio.wait([task])
    assert zlib.decompress(request.body, 31) == data
    assert turns > len(data) >> 18


async def test_json_serialize_bytes(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """JSON is sent as the session's function returns it, which must be bytes."""
    server = await scripted(OK)
    for made in (b"[1]", bytearray(b"[1]")):
        session = make_session(json_serialize_bytes=lambda value, made=made: made)
        request = await sent(session, server, json={"a": 1})
        assert (request.body, request.header("Content-Type")) == (b"[1]", "application/json")
    session = make_session(json_serialize_bytes=lambda value: "[1]")
    with pytest.raises(TypeError, match="json_serialize_bytes must return bytes, not str"):
        await session.post(server.url, json={"a": 1})
