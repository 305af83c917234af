"""MultipartWriter, read back by aiohttp's MultipartReader."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.base_protocol import BaseProtocol

from httptrace.body.data import make_payload
from httptrace.body.multipart import MultipartWriter
from httptrace.body.multipart_reader import MultipartReader
from httptrace.body.payload import BytesPayload, StringPayload
from httptrace.errors import ClientPayloadError

from .collector import written


def stream(data: bytes) -> aiohttp.StreamReader:
    """aiohttp's StreamReader with `data` in it."""
    reader = aiohttp.StreamReader(BaseProtocol(asyncio.get_running_loop()), 1 << 20)
    reader.feed_data(data)
    reader.feed_eof()
    return reader


async def read_by_aiohttp(writer: MultipartWriter) -> list[Any]:
    body = await written(writer)
    assert writer.size in (None, len(body))
    reader = aiohttp.MultipartReader({"Content-Type": writer.content_type}, stream(body))
    return await parts_of(reader)


async def parts_of(reader: aiohttp.MultipartReader) -> list[Any]:
    found: list[Any] = []
    while (part := await reader.next()) is not None:
        if isinstance(part, aiohttp.MultipartReader):
            found.append(await parts_of(part))
        else:
            found.append(bytes(await part.read(decode=True)))
    return found


async def test_parts_of_all_types(tmp_path: Path) -> None:
    """Text, bytes, files, JSON, forms and generators are parts that aiohttp reads."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    path = tmp_path / "f.bin"
    path.write_bytes(b"--\r\n" * 1000)
    with path.open("rb") as file, MultipartWriter("related") as writer:
        writer.append("text", {"X": "y"})
        writer.append(b"bytes")
        writer.append(io.BytesIO(b"io"))
        writer.append(file)
        writer.append_json({"a": 1})
        writer.append_form({"a": "b c"})
        writer.append_form([("a", "1"), ("a", "2")])
        writer.append_payload(StringPayload("payload"))
        assert writer.size is not None
        writer.append(pieces())
        assert writer.size is None
        assert len(writer) == len(list(writer)) == 9
        assert await read_by_aiohttp(writer) == [
            b"text", b"bytes", b"io", b"--\r\n" * 1000, b'{"a": 1}', b"a=b+c", b"a=1&a=2",
            b"payload", b"onetwo",
        ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["", "identity", "gzip", "deflate"])
@pytest.mark.parametrize("transfer", ["", "binary", "base64", "quoted-printable"])
async def test_encodings(encoding: str, transfer: str) -> None:
    """A part is encoded as its headers say, also if it is written in many pieces."""
    data = bytes(range(256)) * 40 + b" \t\r\n=\n" * 50

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 7):
            yield data[start : start + 7]

    names = {"Content-Encoding": encoding, "Content-Transfer-Encoding": transfer}
    writer = MultipartWriter()
    for value in (data, pieces(), b""):
        writer.append(value, {name: value for name, value in names.items() if value})
    assert await read_by_aiohttp(writer) == [data, data, b""]


async def test_nested() -> None:
    """A multipart body inside of another one is read as such."""
    outer, inner = MultipartWriter("mixed"), MultipartWriter("alternative")
    inner.append("one")
    inner.append("two")
    outer.append("before")
    outer.append(inner, {"X": "y"})
    outer.append("after")
    assert inner.headers["X"] == "y"
    assert await read_by_aiohttp(outer) == [b"before", [b"one", b"two"], b"after"]


@pytest.mark.parametrize("empty", [MultipartWriter, lambda: MultipartWriter("form-data")])
async def test_without_parts(empty: Any) -> None:
    """A multipart body without parts has only its last boundary."""
    writer = empty()
    assert bool(writer)
    assert len(writer) == 0
    assert await read_by_aiohttp(writer) == []


@pytest.mark.parametrize("boundary", ["x", "a b", ":", "a,b=c", "x" * 70])
async def test_boundaries_are_quoted(boundary: str) -> None:
    """A boundary that needs quotes in the Content-Type is quoted."""
    writer = MultipartWriter(boundary=boundary)
    assert writer.boundary == boundary
    writer.append("text")
    assert await read_by_aiohttp(writer) == [b"text"]


@pytest.mark.parametrize("boundary", ['a"b', "a\\b", "a;b"])
async def test_boundaries_with_any_sign(boundary: str) -> None:
    """A boundary that aiohttp cannot read even in quotes is read by httptrace."""
    writer = MultipartWriter(boundary=boundary)
    reader = MultipartReader({"Content-Type": writer.content_type}, stream(b""))
    assert reader._boundary == b"--" + boundary.encode()


@pytest.mark.parametrize("boundary", ["", "\xe9", "a\nb", "a\r\nX: y", "a\x00", "a ", "x" * 71])
def test_boundaries_are_checked(boundary: str) -> None:
    """An invalid boundary raises ValueError."""
    with pytest.raises(ValueError, match="boundary"):
        MultipartWriter(boundary=boundary)


def test_boundaries_are_made_up() -> None:
    """Without a given boundary each body has a different one."""
    assert len({MultipartWriter().boundary for _ in range(100)}) == 100


def test_parts_must_not_contain_the_boundary() -> None:
    """A part that contains the boundary raises ValueError."""
    writer = MultipartWriter(boundary="abc")
    for part in (b"--abc", b"x\r\n--abc--", "x\n--abcdef"):
        with pytest.raises(ValueError, match="contains the boundary 'abc'"):
            writer.append(part)
    with pytest.raises(ValueError, match="contains the boundary"):
        writer.append(MultipartWriter(boundary="abcdef"))
    writer.append(b"x--abc")
    writer.append(MultipartWriter(boundary="ab"))


def test_unknown_encodings_are_refused() -> None:
    """Unknown encodings raise a RuntimeError that names them, as in aiohttp."""
    writer = MultipartWriter()
    with pytest.raises(RuntimeError, match="unknown content encoding: br"):
        writer.append(b"x", {"Content-Encoding": "br"})
    with pytest.raises(RuntimeError, match="unknown content transfer encoding: x"):
        writer.append(b"x", {"Content-Transfer-Encoding": "x"})


def test_what_is_no_part() -> None:
    """A value without a payload class raises TypeError."""
    with pytest.raises(TypeError, match="Cannot create payload from"):
        MultipartWriter().append(object())
    with pytest.raises(TypeError, match="must be a Payload, not a str"):
        MultipartWriter().append_payload("x")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["Content-Encoding", "Content-Transfer-Encoding", "Content-Length"]
)
def test_headers_that_forms_do_not_have(name: str) -> None:
    """Headers that RFC 7578 forbids in parts of a form raise ValueError."""
    with pytest.raises(ValueError, match=name):
        MultipartWriter("form-data").append("x", {name: "gzip"})


def test_fields_without_a_name_get_one() -> None:
    """A part of a form without a Content-Disposition is named after its position."""
    writer = MultipartWriter("form-data")
    writer.append("x")
    part = writer.append("y")
    assert part.headers["Content-Disposition"] == 'form-data; name="section-1"'


@pytest.mark.parametrize("bad", ["a\r\nb", "a\x00b"])
async def test_headers_cannot_be_smuggled_in(bad: str) -> None:
    """Control characters in the headers of a part raise before the part is written."""
    writer = MultipartWriter()
    writer.append("x", {"X": bad})
    with pytest.raises(ValueError, match="The header X has control characters"):
        await written(writer)


async def test_sent_again() -> None:
    """A multipart body can be sent again if each of its parts can."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"once"

    writer = MultipartWriter()
    writer.append(io.BytesIO(b"io"))
    inner = MultipartWriter()
    writer.append(inner)
    assert await written(writer) == await written(writer)
    assert writer.can_resend
    inner.append(pieces())
    await written(writer)
    assert writer.consumed
    assert not writer.can_resend
    with pytest.raises(ClientPayloadError, match="only once"):
        await written(writer)


async def test_as_bytes_and_decode() -> None:
    """as_bytes() returns the bytes that are written, and decode() the same as text."""
    writer = MultipartWriter()
    writer.append("h\xe9")
    assert await writer.as_bytes() == await written(writer)
    assert writer.decode().encode() == await written(writer)


async def test_without_the_last_boundary() -> None:
    """write(close_boundary=False) does not write the last boundary."""
    from .collector import Collector

    writer, collector = MultipartWriter(boundary="b"), Collector()
    writer.append("x")
    await writer.write(collector, close_boundary=False)
    assert collector.body.endswith(b"\r\n\r\nx\r\n")


async def test_close_closes_all_parts(tmp_path: Path) -> None:
    """Closing a multipart body closes each part, even if closing one of them fails."""

    class Broken(BytesPayload):
        async def close(self) -> None:
            raise OSError("cannot be closed")

    path = tmp_path / "f"
    path.touch()
    writer = MultipartWriter()
    writer.append(Broken(b"x"))
    file = path.open("rb")
    writer.append(file)
    assert not writer.autoclose
    with pytest.raises(OSError, match="cannot be closed"):
        await writer.close()
    assert file.closed


async def test_is_a_payload() -> None:
    """A writer can be passed as data=."""
    writer = MultipartWriter()
    assert make_payload(writer) is writer


async def test_parts_that_are_added_to_an_inner_body_later() -> None:
    """The Content-Length of a nested body is correct, whenever its parts were added."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"three"

    writer, inner = MultipartWriter("mixed"), MultipartWriter("mixed")
    writer.append(inner)
    inner.append("one")
    assert await read_by_aiohttp(writer) == [[b"one"]]
    inner.append("two")
    assert await read_by_aiohttp(writer) == [[b"one", b"two"]]
    assert f"Content-Length: {inner.size}\r\n" in writer.decode()
    inner.append(pieces())
    assert await read_by_aiohttp(writer) == [[b"one", b"two", b"three"]]
