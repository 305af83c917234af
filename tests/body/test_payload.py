"""Payload classes for values in memory and async iterables, and their registry."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from types import FunctionType
from typing import Any

import aiohttp
import pytest
from aiohttp.base_protocol import BaseProtocol

from httptrace.body.data import make_payload
from httptrace.body.form import FormData
from httptrace.body.multipart import MultipartWriter
from httptrace.body.payload import (
    AsyncIterablePayload,
    BytesIOPayload,
    BytesPayload,
    JsonBytesPayload,
    JsonPayload,
    LookupError,
    Order,
    Payload,
    PayloadRegistry,
    StreamReaderPayload,
    StringIOPayload,
    StringPayload,
    get_payload,
    payload_type,
)
from httptrace.errors import ClientPayloadError

from .collector import Collector, written


async def pieces(*data: Any) -> AsyncIterator[Any]:
    for piece in data:
        yield piece


TWINS: dict[str, Callable[[Any], Any]] = {
    "bytes": lambda lib: lib.BytesPayload(b"abc"),
    "bytearray": lambda lib: lib.BytesPayload(bytearray(b"abc")),
    "memoryview": lambda lib: lib.BytesPayload(memoryview(b"abc")),
    "content type": lambda lib: lib.BytesPayload(b"abc", content_type="a/b"),
    "headers": lambda lib: lib.BytesPayload(b"abc", headers={"X": "1", "content-type": "a/b"}),
    "positional headers": lambda lib: lib.BytesPayload(b"abc", {"X": "1"}),
    "file name": lambda lib: lib.BytesPayload(b"abc", filename="a.json"),
    "guessed": lambda lib: lib.BytesPayload(b"abc", filename="a.json", content_type=None),
    "str": lambda lib: lib.StringPayload("h\xe9"),
    "str in latin-1": lambda lib: lib.StringPayload("h\xe9", encoding="latin-1"),
    "str by type": lambda lib: lib.StringPayload("\xe9", content_type="text/x; charset=latin-1"),
    "str of type": lambda lib: lib.StringPayload("h\xe9", content_type="text/x"),
    "str of both": lambda lib: lib.StringPayload("\xe9", content_type="t/x", encoding="latin-1"),
    "StringIO": lambda lib: lib.StringIOPayload(io.StringIO("abc\xe9")),
    "BytesIO": lambda lib: lib.BytesIOPayload(io.BytesIO(b"abc")),
    "JSON": lambda lib: lib.JsonPayload({"a": [1, "\xe9"]}),
    "JSON bytes": lambda lib: lib.JsonBytesPayload({"a": 1}, lambda value: b"[1]"),
    "pieces": lambda lib: lib.AsyncIterablePayload(pieces(b"one", b"two")),
}


@pytest.mark.parametrize("name", TWINS)
async def test_payloads_are_as_in_aiohttp(name: str) -> None:
    """Each payload has the attributes, headers and bytes of aiohttp's class of that name."""
    from httptrace.body import payload as ours

    def facts(payload: Any) -> tuple[Any, ...]:
        return (
            type(payload).__name__,
            payload.size,
            payload.filename,
            payload.encoding,
            payload.content_type,
            list(payload.headers.items()),
            payload.autoclose,
            payload.consumed,
        )

    mine, theirs = TWINS[name](ours), TWINS[name](aiohttp.payload)
    assert facts(mine)[:5] + facts(mine)[6:] == facts(theirs)[:5] + facts(theirs)[6:]
    assert dict(mine.headers) == dict(theirs.headers)
    assert sorted(mine._binary_headers.splitlines()) == sorted(theirs._binary_headers.splitlines())
    collected = Collector()
    await theirs.write(collected)
    assert await written(mine) == collected.body
    assert mine.consumed == theirs.consumed


@pytest.mark.parametrize("name", [name for name in TWINS if name != "pieces"])
async def test_memory_can_be_sent_again(name: str) -> None:
    """A payload in memory writes the same bytes each time, or as many as requested."""
    from httptrace.body import payload as ours

    payload = TWINS[name](ours)
    first = await written(payload)
    assert payload.can_resend
    assert await written(payload) == first == await payload.as_bytes()
    assert await written(payload, 2) == first[:2]
    assert payload.decode(payload.encoding or "utf-8").encode(payload.encoding or "utf-8") == first
    await payload.close()
    await payload.close()


async def test_large_bytes_are_written_in_pieces() -> None:
    """A mebibyte is written in pieces, so that progress and backpressure are seen."""
    collector, data = Collector(), bytes(range(256)) * 4096
    await BytesPayload(data).write(collector)
    assert collector.body == data
    assert max(map(len, collector.pieces)) <= 1 << 18


async def test_a_generator_is_sent_once() -> None:
    """An async generator can be sent once; sending it again raises an error that says so."""
    payload = AsyncIterablePayload(pieces(b"one", b"", bytearray(b"two"), memoryview(b"three")))
    assert payload.can_resend
    collector = Collector()
    await payload.write(collector)
    assert collector.pieces == [b"one", b"two", b"three"]
    assert not payload.can_resend
    with pytest.raises(ClientPayloadError, match=r"async_generator.*only once"):
        await payload.write(Collector())
    with pytest.raises(ClientPayloadError):
        await payload.as_bytes()


async def test_a_generator_that_was_read_whole_is_kept() -> None:
    """as_bytes() keeps the pieces, so that they can be sent several times."""
    payload = AsyncIterablePayload(pieces(b"one", b"two"))
    with pytest.raises(TypeError, match="as_bytes"):
        payload.decode()
    assert await payload.as_bytes() == b"onetwo"
    assert await written(payload) == await written(payload) == b"onetwo"
    assert payload.can_resend
    assert payload.decode() == "onetwo"
    assert await written(payload, 4) == b"onet"


async def test_a_generator_must_give_bytes() -> None:
    """A generator that yields text raises an error that names the type."""
    with pytest.raises(TypeError, match="yielded a str"):
        await written(AsyncIterablePayload(pieces("text")))


async def test_streams_are_sent_as_they_arrive() -> None:
    """A StreamReader, here aiohttp's, is sent in the pieces in which it was received."""
    stream = aiohttp.StreamReader(BaseProtocol(asyncio.get_running_loop()), 1 << 16)
    stream.feed_data(b"a\nb\n")
    stream.feed_eof()
    payload = make_payload(stream)
    assert type(payload) is StreamReaderPayload
    collector = Collector()
    await payload.write(collector)
    assert collector.pieces == [b"a\nb\n"]


@pytest.mark.parametrize(
    ("data", "kind", "body"),
    [
        (b"x", BytesPayload, b"x"),
        (bytearray(b"x"), BytesPayload, b"x"),
        (memoryview(b"x"), BytesPayload, b"x"),
        ("\xe9", StringPayload, b"\xc3\xa9"),
        (lambda: io.BytesIO(b"x"), BytesIOPayload, b"x"),
        (lambda: io.StringIO("x"), StringIOPayload, b"x"),
        ({"a": "b c"}, BytesPayload, b"a=b+c"),
        ([("a", "b"), ("a", "c")], BytesPayload, b"a=b&a=c"),
        ((("a", "b"),), BytesPayload, b"a=b"),
        (FormData({"a": "b"}), BytesPayload, b"a=b"),
        (FormData({"a": "b"}, default_to_multipart=True), MultipartWriter, None),
        (MultipartWriter(boundary="x"), MultipartWriter, b"--x--\r\n"),
        (JsonPayload([1]), JsonPayload, b"[1]"),
        (JsonBytesPayload([1], lambda _: b"[]"), JsonBytesPayload, b"[]"),
    ],
)
async def test_what_data_can_be(data: Any, kind: type[Payload], body: bytes | None) -> None:
    """data= takes bytes, text, io objects, forms, multiparts and payloads."""
    payload = make_payload(data() if isinstance(data, FunctionType) else data)
    assert type(payload) is kind
    if body is not None:
        assert await written(payload) == body


@pytest.mark.parametrize("data", [1, object(), {1, 2}, iter([b"x"]), None, True])
def test_what_data_cannot_be(data: Any) -> None:
    """Anything else raises a TypeError with its type and the accepted ones."""
    with pytest.raises(TypeError, match=rf"{type(data).__name__}.*bytes, str, a file"):
        make_payload(data)


def test_lists_that_are_no_fields() -> None:
    """A list that does not contain pairs raises a TypeError that shows it."""
    with pytest.raises(TypeError, match="got b'x'"):
        make_payload([b"x"])


@pytest.mark.parametrize("wrong", ["text", None, 3])
def test_bytes_must_be_bytes(wrong: Any) -> None:
    """BytesPayload of anything but bytes raises TypeError."""
    with pytest.raises(TypeError, match=type(wrong).__name__):
        BytesPayload(wrong)


def test_async_iterables_must_be_async() -> None:
    """AsyncIterablePayload of a list raises TypeError."""
    with pytest.raises(TypeError, match="AsyncIterable"):
        AsyncIterablePayload([b"x"])  # type: ignore[arg-type]


class Point:
    """A type of the user's own."""


class PointPayload(BytesPayload):
    """Its payload."""

    def __init__(self, value: Point, *args: Any, **kwargs: Any) -> None:
        super().__init__(b"point", *args, **kwargs)


def test_own_types_by_order() -> None:
    """A user's classes are tried first, among the others or last, in order of registration."""
    registry = PayloadRegistry()
    with pytest.raises(LookupError, match="Point"):
        registry.get(Point())
    registry.register(StringPayload, object, order=Order.try_last)
    registry.register(PointPayload, Point)
    assert type(registry.get(Point())) is PointPayload
    assert type(registry.get("text")) is StringPayload
    registry.register(BytesPayload, bytes, order=Order.try_first)
    assert type(registry.get(Point())) is PointPayload
    payload = registry.get(b"x", content_type="a/b")
    assert payload.content_type == "a/b"
    assert registry.get(payload) is payload
    with pytest.raises(ValueError, match="order"):
        registry.register(BytesPayload, bytes, order=3)  # type: ignore[arg-type]


async def test_own_types_are_taken_as_data() -> None:
    """A class registered with the decorator is what data= uses for that type."""
    decorated = payload_type(Point)(PointPayload)
    assert decorated is PointPayload
    assert type(get_payload(Point())) is PointPayload
    assert await written(make_payload(Point())) == b"point"


async def test_an_own_payload_needs_write_and_decode_alone() -> None:
    """A subclass needs only write and decode."""

    class Own(Payload):
        async def write(self, writer: Any) -> None:
            await writer.write(b"abc")
            await writer.write(b"def")

        def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
            return "abcdef"

    own = Own(None)
    assert (own.size, own.content_type) == (None, "application/octet-stream")
    assert await own.as_bytes() == b"abcdef"
    assert await written(own, 4) == b"abcd"
    assert await written(own) == b"abcdef"
    await own.close()


@pytest.mark.parametrize("bad", ["a\r\nb", "a\nb", "a\x00b", "a\x7f"])
def test_headers_cannot_be_smuggled_in(bad: str) -> None:
    """Control characters in the name or value of a part's header raise ValueError."""
    payload = BytesPayload(b"x", headers={"X": bad})
    with pytest.raises(ValueError, match="The header X has control characters"):
        _ = payload._binary_headers
    payload = BytesPayload(b"x", headers={bad: "x"})
    with pytest.raises(ValueError, match="not a valid name of a header"):
        _ = payload._binary_headers


def test_json_uses_dumps() -> None:
    """JsonPayload uses the function that it is given."""
    payload = JsonPayload({"a": 1}, dumps=lambda value: json.dumps(value, separators=(",", ":")))
    assert payload.decode() == '{"a":1}'
