"""Streams that a program creates and feeds, compared with aiohttp's."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

import httptrace
from httptrace import ClientSession
from httptrace.body.empty import EMPTY_PAYLOAD
from httptrace.testing.scripted import response_bytes

BOTH = pytest.mark.parametrize("kind", [aiohttp.StreamReader, httptrace.StreamReader])


class Protocol:
    """A protocol that records whether it is paused."""

    connected = True
    calls: list[str]

    def __init__(self) -> None:
        self.calls = []

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self, resume_parser: bool = True) -> None:
        if self.calls[-1:] == ["pause"]:  # aiohttp resumes what is not paused, too
            self.calls.append("resume")


@pytest.fixture
async def stream(kind: Any) -> Any:
    """An empty stream of either library."""
    return kind(Protocol(), 2**16, loop=asyncio.get_running_loop())


def ended(stream: Any, *pieces: bytes) -> Any:
    """A stream that was fed these pieces and the end."""
    for piece in pieces:
        assert stream.feed_data(piece) is False
    stream.feed_eof()
    return stream


@BOTH
async def test_every_way_to_read(kind: Any) -> None:
    """The fed bytes can be read in every way in which a body can be read."""

    def made() -> Any:
        return ended(kind(Protocol(), 2**16), b"first\nsec", b"ond\n", b"", b"last")

    text = b"first\nsecond\nlast"
    assert await made().read() == await made().readany() == made().read_nowait() == text
    assert (await made().read(4), await made().readexactly(8)) == (text[:4], text[:8])
    assert await made().readline() == b"first\n"
    assert await made().readuntil(b"nd") == b"first\nsecond"
    assert [line async for line in made()] == [b"first\n", b"second\n", b"last"]
    assert [piece async for piece in made().iter_any()] == [text]
    assert b"".join([piece async for piece in made().iter_chunked(3)]) == text
    assert b"".join([piece async for piece, _ in made().iter_chunks()]) == text
    stream = made()
    assert (stream.total_bytes, stream.total_raw_bytes) == (len(text), len(text))
    assert (stream.is_eof(), stream.at_eof(), stream.exception()) == (True, False, None)
    assert (await stream.read(), stream.at_eof(), await stream.read()) == (text, True, b"")
    with pytest.raises(asyncio.IncompleteReadError) as caught:
        await made().readexactly(50)
    assert caught.value.partial == text


@BOTH
async def test_reading_waits_for_what_is_fed(stream: Any) -> None:
    """A read waits for bytes, and only one task may read; the whole body waits for the end."""
    reading = asyncio.create_task(stream.read(10))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError):
        await stream.readany()
    with pytest.raises(RuntimeError, match="waiting for incoming data"):
        stream.read_nowait()
    stream.feed_data(b"one")
    assert await reading == b"one"
    reading = asyncio.create_task(stream.readexactly(4))
    await asyncio.sleep(0)
    stream.feed_data(b"t")
    await asyncio.sleep(0)
    stream.feed_data(b"wo!?")
    assert await reading == b"two!"
    reading = asyncio.create_task(stream.read())
    await asyncio.sleep(0)
    stream.feed_data(b"three")
    await asyncio.sleep(0)
    assert not reading.done()
    stream.feed_eof()
    assert await reading == b"?three"


@BOTH
async def test_waiting_for_the_end(stream: Any) -> None:
    """`wait_eof` and `on_eof` report the end, at once if it was fed before."""
    told: list[str] = []
    stream.on_eof(lambda: told.append("before"))
    waiting = asyncio.create_task(stream.wait_eof())
    await asyncio.sleep(0)
    stream.feed_data(b"x")
    await asyncio.sleep(0)
    assert (waiting.done(), told) == (False, [])
    stream.feed_eof()
    await waiting
    stream.on_eof(lambda: told.append("after"))
    await stream.wait_eof()
    assert told == ["before", "after"]
    assert await stream.read() == b"x"


@BOTH
async def test_an_exception_is_raised_by_every_read(stream: Any) -> None:
    """`set_exception` ends the waiting read and all later ones, whatever was fed before."""
    error, cause = ValueError("broken"), KeyError("why")
    reading = asyncio.create_task(stream.readline())
    await asyncio.sleep(0)
    stream.feed_data(b"some")
    await asyncio.sleep(0)
    stream.set_exception(error, cause)
    with pytest.raises(ValueError, match="broken"):
        await reading
    assert (stream.exception(), error.__cause__) == (error, cause)
    for read in (stream.read, stream.readany, stream.readline, stream.readchunk):
        with pytest.raises(ValueError, match="broken"):
            await read()
    with pytest.raises(ValueError, match="broken"):
        stream.read_nowait()


@BOTH
async def test_the_protocol_is_paused(kind: Any) -> None:
    """The protocol is paused above twice the limit, and resumed below the limit."""
    protocol = Protocol()
    stream = kind(protocol, 10, loop=asyncio.get_running_loop())
    assert stream.get_read_buffer_limits() == (10, 20)
    stream.feed_data(b"x" * 20)
    assert protocol.calls == []
    stream.feed_data(b"x")
    assert protocol.calls == ["pause"]
    stream.read_nowait(11)
    assert protocol.calls == ["pause"]
    stream.read_nowait(1)
    assert protocol.calls == ["pause", "resume"]
    stream.feed_data(b"x" * 30)
    stream.feed_eof()
    assert protocol.calls == ["pause", "resume"] * 2


@BOTH
async def test_ends_of_chunks(stream: Any) -> None:
    """`readchunk` reports the marked ends of HTTP chunks; empty chunks are ignored."""
    with pytest.raises(RuntimeError):
        stream.end_http_chunk_receiving()
    stream.begin_http_chunk_receiving()
    stream.end_http_chunk_receiving()
    for pieces in ((b"ab", b"c"), (b"d",)):
        stream.begin_http_chunk_receiving()
        for piece in pieces:
            stream.feed_data(piece)
        stream.end_http_chunk_receiving()
    ended(stream, b"e")
    found = [one async for one in stream.iter_chunks()]
    assert found == [(b"abc", True), (b"d", True), (b"e", False)]


@BOTH
async def test_marks_come_before_data(stream: Any) -> None:
    """Chunks cannot be marked after bytes were fed without marks."""
    stream.feed_data(b"x")
    with pytest.raises(RuntimeError):
        stream.begin_http_chunk_receiving()


@BOTH
async def test_nothing_is_fed_behind_the_end(stream: Any) -> None:
    """Feeding bytes after the end raises an error."""
    with pytest.raises((AssertionError, RuntimeError), match="after feed_eof"):
        ended(stream).feed_data(b"x")


def test_a_stream_is_made_without_a_loop() -> None:
    """A stream can be created and fed without a running loop, with any protocol, and read later."""
    stream = ended(httptrace.StreamReader(None, 2**16), b"data")
    assert stream.read_nowait() == b"data"
    assert asyncio.run(ended(httptrace.StreamReader(None, 2**16), b"x").read()) == b"x"


def test_callbacks_that_fail(caplog: pytest.LogCaptureFixture) -> None:
    """A callback of `on_eof` that raises is logged; the others are called."""
    stream, told = httptrace.StreamReader(Protocol(), 1), []
    stream.on_eof(lambda: [][0])  # type: ignore[arg-type, return-value]
    stream.on_eof(lambda: told.append("told"))
    stream.feed_eof()
    assert told == ["told"]
    assert [record.getMessage() for record in caplog.records] == ["An on_eof callback failed"]


async def test_streams_of_responses_are_not_fed(scripted: Any) -> None:
    """The stream of a response can be fed by its connection only."""
    server = await scripted(response_bytes(200, b"ok"))
    async with ClientSession() as session, session.get(server.url) as response:
        assert type(response.content) is httptrace.StreamReader
        for feed in (response.content.feed_eof, response.content.begin_http_chunk_receiving):
            with pytest.raises(RuntimeError, match="not for responses"):
                feed()
        with pytest.raises(RuntimeError, match="not for responses"):
            response.content.feed_data(b"x")
        assert await response.read() == b"ok"
    with pytest.raises(RuntimeError):
        EMPTY_PAYLOAD.feed_data(b"x")
    assert await EMPTY_PAYLOAD.read() == b"" and EMPTY_PAYLOAD.at_eof()
