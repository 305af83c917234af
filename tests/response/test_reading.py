"""Reading a body over the wire: every method, pieces of every size, at every pace."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.client.conftest import MakeSession
from tests.servers.fixtures import ScriptedFactory

from httptrace import ClientPayloadError, ClientSession, StreamReader
from httptrace.testing.peer import Peer

from .answers import CHUNKED, Script, chunk, length, sending

TEXT = b"first\nsecond line\n\nlast"


def in_two(first: bytes, second: bytes) -> Script:
    """Script: the first part of a response; the second when the test sets `go`."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(first)
        await peer.events["go"].wait()
        await peer.send(second)
        await peer.until_closed()

    return script


# --- one method after the other -------------------------------------------------------------------


class Model:
    """The results of each way to read, as aiohttp's documentation describes them."""

    def __init__(self, content: StreamReader, body: bytes, dice: random.Random) -> None:
        self.content = content
        self.rest = body
        self.dice = dice

    async def step(self) -> None:
        """Read in one of the ways, and compare."""
        way = self.dice.choice(
            [self.some, self.exactly, self.line, self.until, self.any, self.now, self.back]
        )
        await way()
        assert self.content.at_eof() <= (not self.rest)

    def took(self, data: bytes) -> None:
        assert self.rest.startswith(data)
        self.rest = self.rest[len(data) :]

    async def some(self) -> None:
        n = self.dice.randint(1, 9)
        data = await self.content.read(n)
        assert len(data) <= n and bool(data) == bool(self.rest)
        self.took(data)

    async def exactly(self) -> None:
        n = min(self.dice.randint(0, 9), len(self.rest))
        data = await self.content.readexactly(n)
        assert len(data) == n
        self.took(data)

    async def line(self) -> None:
        await self.until(b"\n")

    async def until(self, separator: bytes = b"ab\n") -> None:
        data = await self.content.readuntil(separator)
        before, found, _ = self.rest.partition(separator)
        assert data == before + found
        self.took(data)

    async def any(self) -> None:
        data = await self.content.readany()
        assert bool(data) == bool(self.rest)
        self.took(data)

    async def now(self) -> None:
        self.took(self.content.read_nowait(self.dice.choice([-1, 0, 3])))

    async def back(self) -> None:
        data = await self.content.read(5)
        cut = self.dice.randint(0, len(data))
        self.content.unread_data(data[cut:])
        self.took(data[:cut])


@pytest.mark.parametrize("seed", range(4))
async def test_all_methods_in_any_order(
    session: ClientSession, scripted: ScriptedFactory, seed: int
) -> None:
    """Methods can be mixed: each continues where the last one stopped, in any pieces."""
    dice = random.Random(seed)
    bodies = [bytes(dice.choices(b"ab\n", k=dice.randint(0, 120))) for _ in range(12)]

    async def script(peer: Peer) -> None:
        for body in bodies:
            await peer.request()
            size = dice.randint(1, 20)
            pieces = [body[at : at + size] for at in range(0, len(body), size)]
            if dice.random() < 0.5:
                await peer.send_pieces([length(len(body)), *pieces])
            else:
                await peer.send_pieces([CHUNKED, *map(chunk, pieces), b"0\r\n\r\n"])
        await peer.until_closed()

    server = await scripted(script)
    for body in bodies:
        async with session.get(server.url) as response:
            model = Model(response.content, body, random.Random(seed))
            while model.rest:
                await model.step()
            assert await response.content.read() == b"" and response.content.at_eof()
            assert response.content.total_bytes == len(body)
    assert len(server.connections) == 1


async def test_chunks_after_other_ways(session: ClientSession, scripted: ScriptedFactory) -> None:
    """readchunk() reports the ends of the server's chunks, also after other methods."""
    server = await scripted(
        sending(CHUNKED + b"".join(map(chunk, [b"abc", b"de\nf", b"gh"])), b"0\r\n\r\n")
    )
    async with session.get(server.url) as response:
        content = response.content
        assert await content.readline() == b"abcde\n"
        assert await content.readchunk() == (b"f", True)
        assert await content.read(1) == b"g"
        assert await content.readchunk() == (b"h", True)
        assert await content.readchunk() == (b"", False)
    async with session.get(server.url) as response:
        content = response.content
        assert await content.readexactly(3) == b"abc"
        assert await content.readchunk() == (b"", True)  # the end itself was not told yet
        content.unread_data(b"c")
        chunks = [one async for one in content.iter_chunks()]
        assert chunks == [(b"cde\nf", True), (b"gh", True)]
    assert len(server.connections) == 1


@pytest.mark.parametrize(
    "pieces",
    [[length(23) + TEXT], [length(23), *[TEXT[at : at + 1] for at in range(23)]]],
    ids=["whole", "bytes"],
)
async def test_line_too_long(
    session: ClientSession, scripted: ScriptedFactory, pieces: list[bytes]
) -> None:
    """A line over the limit raises, in any pieces, and no byte of it is lost."""
    server = await scripted(sending(*pieces))
    async with session.get(server.url) as response:
        content = response.content
        assert await content.readline(max_line_length=6) == b"first\n"
        for _ in range(2):
            with pytest.raises(ValueError, match="Chunk too big"):
                await content.readline(max_line_length=11)
        with pytest.raises(ValueError, match="Chunk too big"):
            await content.readuntil(b"#", max_size=4)
        assert await content.readline(max_line_length=12) == b"second line\n"
        assert await content.readuntil(b"#", max_size=5) == b"\nlast"


async def test_line_over_the_buffer(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """Without its own limit a line may be twice as long as read_bufsize."""
    body = b"x" * 199 + b"\n" + b"y" * 200 + b"\n"
    server = await scripted(sending(length(len(body)) + body))
    session = make_session(read_bufsize=100)
    async with session.get(server.url) as response:
        assert response.content.get_read_buffer_limits() == (100, 200)
        assert await response.content.readline() == body[:200]
        with pytest.raises(ValueError, match="200 bytes"):
            await response.content.readline()
        assert await response.content.readline(max_line_length=1000) == body[200:]


async def test_at_the_end(session: ClientSession, scripted: ScriptedFactory) -> None:
    """At the end every method returns nothing, any number of times; readexactly raises."""
    server = await scripted(sending(length(2) + b"ab"))
    async with session.get(server.url) as response:
        content = response.content
        assert await content.readexactly(0) == await content.readexactly(-1) == b""
        assert await content.read() == b"ab"
        for _ in range(7):
            assert await content.read() == await content.read(5) == await content.readany() == b""
            assert await content.readline() == await content.readuntil(b"x") == b""
            assert content.read_nowait() == content.read_nowait(5) == b""
            assert await content.readchunk() == (b"", False)
            assert [one async for one in content.iter_any()] == []
        with pytest.raises(asyncio.IncompleteReadError) as caught:
            await content.readexactly(1)
        assert (caught.value.partial, caught.value.expected) == (b"", 1)
        assert content.exception() is None


async def test_nowait_while_another_waits(
    session: ClientSession, scripted: ScriptedFactory
) -> None:
    """read_nowait() raises while another task waits for data, which then gets it."""
    server = await scripted(in_two(length(2), b"ab"))
    async with session.get(server.url) as response:
        assert response.content.read_nowait() == b""
        waiting = asyncio.create_task(response.content.readany())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="waiting"):
            response.content.read_nowait()
        server.events["go"].set()
        assert await waiting == b"ab"


async def test_exception_of_ones_own(session: ClientSession, scripted: ScriptedFactory) -> None:
    """The exception of set_exception() is raised by every later read."""
    server = await scripted(sending(length(2) + b"ab"))
    async with session.get(server.url) as response:
        error = KeyError("mine")
        response.content.set_exception(error)
        assert response.content.exception() is error
        for reading in (response.content.read, response.content.readline, response.read):
            with pytest.raises(KeyError, match="mine"):
                await reading()


@pytest.mark.parametrize("name", ["readany", "readchunk", "wait_eof", "read"])
async def test_exception_for_who_waits(
    session: ClientSession, scripted: ScriptedFactory, name: str
) -> None:
    """It is also raised at once in the task that waits for data."""
    server = await scripted(in_two(length(2), b"ab"))
    async with asyncio.timeout(5), session.get(server.url) as response:
        waiting = asyncio.create_task(getattr(response.content, name)())
        await asyncio.sleep(0)
        response.content.set_exception(KeyError("mine"))
        with pytest.raises(KeyError, match="mine"):
            await waiting


ITERATORS: dict[str, Callable[[StreamReader], AsyncIterator[Any]]] = {
    "lines": lambda content: aiter(content),
    "iter_any": lambda content: content.iter_any(),
    "iter_chunked": lambda content: content.iter_chunked(10),
    "iter_chunks": lambda content: content.iter_chunks(),
}


@pytest.mark.parametrize("name", ITERATORS)
async def test_iterating_on_after_a_timeout(
    session: ClientSession, scripted: ScriptedFactory, name: str
) -> None:
    """If waiting for a piece is cancelled, the same iterator returns it later."""
    server = await scripted(in_two(length(4) + b"a\n", b"b\n"))
    async with session.get(server.url) as response:
        pieces = ITERATORS[name](response.content)
        assert await anext(pieces) in (b"a\n", (b"a\n", False))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(pieces), 0.01)
        server.events["go"].set()
        assert [one async for one in pieces] in ([b"b\n"], [(b"b\n", False)])
        assert [one async for one in pieces] == []


# --- its end --------------------------------------------------------------------------------------


async def test_on_eof(session: ClientSession, scripted: ScriptedFactory) -> None:
    """Callbacks are called when the last byte has arrived, read or not; later ones at once."""
    server = await scripted(in_two(length(4) + b"ab", b"cd"))
    told: list[int] = []
    async with session.get(server.url) as response:
        content = response.content
        content.on_eof(lambda: told.append(1))
        content.on_eof(lambda: told.append(2))
        assert await content.readany() == b"ab"
        assert not content.is_eof() and told == []
        server.events["go"].set()
        await content.wait_eof()
        assert content.is_eof() and not content.at_eof()
        assert told == [1, 2]
        content.on_eof(lambda: told.append(3))
        assert told == [1, 2, 3]
        assert await content.read() == b"cd"
    assert told == [1, 2, 3]


async def test_on_eof_of_a_broken_body(session: ClientSession, scripted: ScriptedFactory) -> None:
    """An incomplete body has no end: callbacks are not called, and wait_eof() raises."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(length(4) + b"ab")

    server = await scripted(script)
    told: list[int] = []
    async with session.get(server.url) as response:
        response.content.on_eof(lambda: told.append(1))
        for _ in range(2):
            with pytest.raises(ClientPayloadError):
                await response.content.wait_eof()
        assert await response.content.readany() == b"ab"
        with pytest.raises(ClientPayloadError):
            await response.content.readany()
    assert told == []


@pytest.mark.parametrize("name", ["wait_eof", "read"])
async def test_giving_up_to_wait_for_the_end(
    session: ClientSession, scripted: ScriptedFactory, name: str
) -> None:
    """After waiting for the end was cancelled, the next piece can be read."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(length(6) + b"ab")
        for event, piece in (("one", b"cd"), ("two", b"ef")):
            await peer.events[event].wait()
            await peer.send(piece)
        await peer.until_closed()

    server = await scripted(script)
    async with asyncio.timeout(5), session.get(server.url) as response:
        content = response.content
        waiting = asyncio.create_task(getattr(content, name)())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        server.events["one"].set()
        got = b"ab" if name == "read" else b""  # which it had taken
        while len(got) < 4:
            got += await content.readany()
        assert got == b"abcd" and not content.is_eof()
        server.events["two"].set()
        await content.wait_eof()
        assert await content.read() == b"ef"
