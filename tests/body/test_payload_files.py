"""Payloads that are read from files."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest

from httptrace.body.data import make_payload
from httptrace.body.payload import (
    BufferedReaderPayload,
    BytesIOPayload,
    IOBasePayload,
    TextIOPayload,
    get_payload,
)
from httptrace.errors import ClientPayloadError

from .collector import Collector, written

CONTENT = bytes(range(256)) * 9000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a b.txt"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize("mode", ["rb", "r+b"])
@pytest.mark.parametrize("buffering", [-1, 0])
async def test_files_can_be_sent_again(path: Path, mode: str, buffering: int) -> None:
    """A file is sent from its position on, in pieces, any number of times."""
    with path.open(mode, buffering=buffering) as file:
        file.seek(100)
        payload = make_payload(file)
        assert type(payload) is (IOBasePayload if buffering == 0 else BufferedReaderPayload)
        assert payload.size == len(CONTENT) - 100
        collector = Collector()
        await payload.write(collector)
        assert collector.body == CONTENT[100:]
        assert len(collector.pieces) > 2
        assert payload.can_resend
        assert await written(payload) == CONTENT[100:]
        assert await written(payload, 300_000) == CONTENT[100:300_100]
        assert await payload.as_bytes() == CONTENT[100:]
        assert payload.decode("latin-1").encode("latin-1") == CONTENT[100:]
        assert payload.size == len(CONTENT) - 100


async def test_headers_of_a_part(path: Path) -> None:
    """As a part a file has its name and a guessed type; as a body it has no name."""
    with path.open("rb") as file:
        part, body = get_payload(file), make_payload(file)
        assert dict(part.headers) == {
            "Content-Type": "text/plain",
            "Content-Disposition": 'attachment; filename="a%20b.txt"',
        }
        assert dict(body.headers) == {"Content-Type": "text/plain"}
        assert part.filename == body.filename == "a b.txt"
        named = get_payload(file, filename="x.png")
        assert (named.content_type, named.filename) == ("image/png", "x.png")


async def test_reading_is_done_in_a_thread(path: Path) -> None:
    """Files are not read or closed in the event loop's thread."""
    threads: dict[str, set[int]] = {}

    class Watched(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            threads.setdefault("read", set()).add(threading.get_ident())
            return super().read(-1 if size is None else size)

        def close(self) -> None:
            threads.setdefault("close", set()).add(threading.get_ident())
            super().close()

    payload = make_payload(Watched(path))
    assert await written(payload) == CONTENT
    await payload.close()
    assert threads.keys() == {"read", "close"}
    assert all(threading.get_ident() not in used for used in threads.values())


async def test_close_closes_the_file(path: Path) -> None:
    """close() closes the file, may be called twice, and the payload cannot be sent any more."""
    payload = make_payload(path.open("rb"))
    assert not payload.autoclose
    await payload.close()
    await payload.close()
    assert payload._value.closed
    assert not payload.can_resend
    with pytest.raises(ClientPayloadError, match=r"a b\.txt"):
        await written(payload)


def test_closed_files_are_refused(path: Path) -> None:
    """A closed file raises an error before anything is sent."""
    file = path.open("rb")
    file.close()
    with pytest.raises(ValueError, match=r"a b\.txt.* is closed"):
        make_payload(file)


async def test_pipes_are_sent_once() -> None:
    """A pipe has no size and can be sent once; sending it again raises an error that says so."""
    reading, writing = os.pipe()
    os.write(writing, b"through the pipe")
    os.close(writing)
    payload = make_payload(os.fdopen(reading, "rb"))
    assert (payload.size, payload.can_resend) == (None, True)
    assert await written(payload) == b"through the pipe"
    assert not payload.can_resend
    with pytest.raises(ClientPayloadError, match="has been sent"):
        await written(payload)
    await payload.close()


async def test_a_file_that_grows_is_sent_as_announced(path: Path) -> None:
    """Bytes that are appended to a file after its size was determined are not sent."""
    with path.open("rb") as file:
        payload = make_payload(file)
        assert payload.size == len(CONTENT)
        with path.open("ab") as more:
            more.write(b"more")
        assert await written(payload) == CONTENT


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
async def test_text_files_are_encoded(tmp_path: Path, encoding: str) -> None:
    """Text is sent in the requested charset; the size is known if the file is in UTF-8."""
    path = tmp_path / "text.html"
    text = "h\xe9\n" * 100_000
    path.write_text(text, encoding="utf-8")
    with path.open(encoding="utf-8") as file:
        payload = get_payload(file, encoding=encoding)
        assert type(payload) is TextIOPayload
        assert payload.size == (len(text.encode()) if encoding == "utf-8" else None)
        assert payload.content_type == f"text/plain; charset={encoding}"
        assert await written(payload) == text.encode(encoding)
        assert await written(payload) == text.encode(encoding)
        assert await payload.as_bytes() == text.encode(encoding)
        assert payload.decode() == text


@pytest.mark.parametrize("newline", [None, "", "\n", "\r\n"])
async def test_utf_8_files_are_sent_as_they_are(tmp_path: Path, newline: str | None) -> None:
    """The bytes of a UTF-8 file are sent with a known size and unchanged line ends."""
    content = "\ufeffone\r\ntw\xf6\nthree\rfour\U0001f600".encode() * 100_000
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    with path.open(encoding="utf-8", newline=newline) as file:
        payload = make_payload(file)
        assert payload.size == len(content)
        assert await written(payload) == await written(payload) == content
        assert await payload.as_bytes() == content
        assert await written(payload, 7) == content[:7]
    with path.open(encoding="utf-8", newline=newline) as file:
        assert file.read(10)[:4] == "\ufeffone"
        payload = make_payload(file)
        body = await written(payload)
        assert payload.size in (None, len(body))
        file.seek(0)
        file.read(10)
        assert body.decode().splitlines() == file.read().splitlines()


async def test_text_files_that_are_encoded_again(tmp_path: Path) -> None:
    """The size of a text file is unknown with another encoding or errors, or if compressed."""
    path, packed = tmp_path / "text.txt", tmp_path / "text.gz"
    path.write_bytes("h\xe9\r\n".encode("latin-1"))
    with gzip.open(packed, "wb") as zipped:
        zipped.write(b"\0" * 5000)
    with path.open(encoding="latin-1") as file:
        payload = make_payload(file)
        assert (payload.size, await written(payload)) == (None, b"h\xc3\xa9\n")
    with path.open(encoding="utf-8", errors="replace") as file:
        payload = make_payload(file)
        assert (payload.size, await written(payload)) == (None, "h\ufffd\n".encode())
    for mode in ("rb", "rt"):
        with gzip.open(packed, mode) as zipped:
            payload = make_payload(zipped)
            assert (payload.size, await written(payload)) == (None, b"\0" * 5000)


@pytest.mark.parametrize(
    "make", [tempfile.TemporaryFile, tempfile.NamedTemporaryFile, tempfile.SpooledTemporaryFile]
)
async def test_temporary_text_files(make: Any) -> None:
    """Each kind of temporary text file is sent as text, with the right size if it is known."""
    with make(mode="w+", encoding="utf-8") as file:
        file.write("t\xe9xt\r\n")
        file.seek(0)
        payload = make_payload(file)
        body = await written(payload)
        assert body.decode().split() == ["t\xe9xt"]
        assert payload.size in (None, len(body))
        assert await written(payload) == body


async def test_bytes_io_is_sent_from_its_position() -> None:
    """A BytesIO is sent from its position on, any number of times, and is not closed."""
    value = io.BytesIO(CONTENT)
    value.seek(10)
    payload = make_payload(value)
    assert type(payload) is BytesIOPayload
    assert (payload.size, payload.autoclose) == (len(CONTENT) - 10, True)
    assert await written(payload) == await written(payload) == CONTENT[10:]
    assert await written(payload, 5) == CONTENT[10:15]
    assert await payload.as_bytes() == CONTENT[10:]
    await payload.close()
    assert not value.closed


@pytest.mark.parametrize(
    "make", [tempfile.TemporaryFile, tempfile.NamedTemporaryFile, tempfile.SpooledTemporaryFile]
)
async def test_temporary_files(make: Any) -> None:
    """Each kind of temporary file can be sent, also those that are not io.IOBase objects."""
    with make() as file:
        file.write(b"content")
        file.seek(0)
        payload = make_payload(file)
        assert payload.size == 7
        assert await written(payload) == await written(payload) == b"content"


async def test_any_object_with_read() -> None:
    """An object that has only read() is sent until it returns nothing."""

    class Reader:
        pieces = [b"one", b"two"]

        def read(self, size: int) -> bytes:
            return self.pieces.pop(0) if self.pieces else b""

    payload = make_payload(Reader())
    assert payload.size is None
    assert await written(payload) == b"onetwo"


async def test_devices_have_no_size() -> None:
    """A seekable device has no size of its own; it is read as far as requested."""
    with open("/dev/zero", "rb") as file:
        payload = make_payload(file)
        assert payload.size is None
        assert await written(payload, 1000) == bytes(1000)


async def test_a_failing_read_comes_through(path: Path) -> None:
    """An error of reading is raised to the caller of `write`."""

    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any, /) -> int:
            raise OSError("the disk is on fire")

    with pytest.raises(OSError, match="on fire"):
        await written(make_payload(Broken()))


async def test_reading_can_be_cancelled() -> None:
    """A task that waits for a pipe can be cancelled."""
    reading, writing = os.pipe()
    payload = make_payload(os.fdopen(reading, "rb"))
    task = asyncio.create_task(written(payload))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    os.close(writing)
    await payload.close()
