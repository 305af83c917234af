"""Bodies of a few bytes that decode to a gibibyte, and what they may cost."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from typing import Any

import brotli
import pytest
from tests.body.packing import zstd
from tests.client.conftest import MakeSession
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace.testing import response_bytes
from httptrace.testing.scripted import responding

from .measuring import at_most

MIB = 1 << 20
GIB = 1 << 30
SKIPPABLE = b"\x50\x2a\x4d\x18\x00\x00\x00\x00"
"""A zstd frame of eight bytes that stands for nothing (RFC 8878, section 3.1.2)."""


def members(pack: Callable[[bytes], bytes]) -> bytes:
    """A gibibyte: a mebibyte in each of many members."""
    return pack(bytes(MIB)) * (GIB // MIB)


BOMBS = {
    "gzip": lambda: members(gzip.compress),
    "zstd": lambda: members(zstd.compress),
    "br": lambda: brotli.compress(bytes(64 * MIB), quality=1),
    "gzip, gzip": lambda: gzip.compress(members(gzip.compress)),
    "zstd, br": lambda: brotli.compress(members(zstd.compress), quality=5),
    "gzip, gzip, zstd, gzip": lambda: gzip.compress(
        zstd.compress(gzip.compress(members(gzip.compress)))
    ),
}


@pytest.mark.parametrize("coding", BOMBS)
async def test_a_bomb_fills_the_memory(
    make_session: MakeSession, scripted: ScriptedFactory, coding: str
) -> None:
    """read() stops at max_decoded_size, reading in pieces goes on with flat memory, release()
    decodes nothing."""
    bomb = response_bytes(200, BOMBS[coding](), ("Content-Encoding", coding))
    server = await scripted(responding(bomb))
    session = make_session(max_decoded_size=MIB)
    with at_most(len(bomb) + 4 * MIB):
        async with session.get(server.url) as response:
            with pytest.raises(httptrace.ClientPayloadError, match="max_decoded_size"):
                await response.read()
    with at_most(len(bomb) + 4 * MIB):
        async with session.get(server.url) as response:
            size = 0
            async for piece in response.content.iter_chunked(65536):
                assert len(piece) <= 65536
                size += len(piece)
                if size > 16 * MIB:
                    break
    with at_most(len(bomb) + MIB):
        response = await session.get(server.url)
        response.release()


@pytest.mark.parametrize("nested", [False, True])
async def test_a_bomb_in_a_part_fills_the_memory(
    make_session: MakeSession, scripted: ScriptedFactory, nested: bool
) -> None:
    """A compressed part that is read whole is limited by the session's max_decoded_size too."""
    bomb = members(gzip.compress)
    body = b"--b\r\nContent-Encoding: gzip\r\n\r\n" + bomb + b"\r\n--b--\r\n"
    kind = "multipart/mixed; boundary="
    if nested:
        body = f"--a\r\nContent-Type: {kind}b\r\n\r\n".encode() + body + b"\r\n--a--\r\n"
    boundary = "a" if nested else "b"
    answer = response_bytes(200, body, ("Content-Type", kind + boundary))
    server = await scripted(responding(answer))
    session = make_session(max_decoded_size=MIB)
    with at_most(len(answer) + 4 * MIB):
        async with session.get(server.url) as response:
            part: Any = await httptrace.MultipartReader.from_response(response).next()
            if nested:
                part = await part.next()
            with pytest.raises(httptrace.ClientPayloadError, match="max_decoded_size"):
                await part.read(decode=True)


EMPTY = {
    "gzip": gzip.compress(b"") * 20_000,
    "zstd": zstd.compress(b"") * 20_000,
    "zstd of nothing": SKIPPABLE * 20_000,
    "gzip, zstd": zstd.compress(gzip.compress(b"") * 200_000),
    "zstd, zstd": zstd.compress(SKIPPABLE * 200_000),
}


@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize("whole", [True, False])
async def test_a_bomb_of_empty_members_holds_up_the_loop(
    session: httptrace.ClientSession, scripted: ScriptedFactory, name: str, whole: bool
) -> None:
    """A few thousand empty members are accepted, and no more."""
    coding = name.removesuffix(" of nothing")
    server = await scripted(response_bytes(200, EMPTY[name], ("Content-Encoding", coding)))
    began = time.process_time()
    async with session.get(server.url) as response:
        with pytest.raises(httptrace.ClientPayloadError, match="empty members"):
            await (response.read() if whole else response.content.read(10))
    assert time.process_time() - began < 1


async def test_small_members_are_not_taken_for_a_bomb(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """A body of many appended members is read, with empty ones between."""
    body = gzip.compress(b"a line of a log\n") * 20_000 + gzip.compress(b"") * 4000
    server = await scripted(response_bytes(200, body, ("Content-Encoding", "gzip")))
    async with session.get(server.url) as response:
        assert await response.read() == b"a line of a log\n" * 20_000
