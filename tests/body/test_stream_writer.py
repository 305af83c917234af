"""The writer that payloads write to."""

from __future__ import annotations

from typing import Any

import aiohttp.abc
import pytest
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace.abc import AbstractStreamWriter
from httptrace.testing.scripted import response_bytes

from .collector import written


def test_it_has_the_members_of_aiohttps() -> None:
    """A writer has the members of aiohttp's, and the same abstract ones."""
    theirs = aiohttp.abc.AbstractStreamWriter
    assert {name for name in dir(theirs) if name[0] != "_"} <= set(dir(AbstractStreamWriter))
    assert AbstractStreamWriter.__abstractmethods__ == theirs.__abstractmethods__
    with pytest.raises(TypeError):
        AbstractStreamWriter()  # type: ignore[abstract]


class Told(httptrace.Payload):
    """A payload that keeps the writers that it gets."""

    def __init__(self) -> None:
        super().__init__(None)
        self.writers: list[Any] = []

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        raise TypeError

    async def write(self, writer: Any) -> None:
        assert isinstance(writer, AbstractStreamWriter)
        self.writers.append(writer)
        await writer.write(b"one")
        await writer.drain()
        writer.send_headers()
        await writer.write_eof(b"two")


async def test_every_writer_is_one(scripted: ScriptedFactory) -> None:
    """A payload gets an AbstractStreamWriter as a body, as a part, and if its length is limited."""
    server = await scripted(response_bytes(200, b"ok"))
    told = Told()
    encoded = httptrace.MultipartWriter()
    encoded.append(told, headers={"Content-Transfer-Encoding": "base64"})
    async with httptrace.ClientSession() as session:
        for data in (told, encoded):
            await (await session.post(server.url, data=data)).read()
    assert b"onetwo" in b"".join(server.requests[0].body.split(b"\r\n"))
    assert b"b25ldHdv" in server.requests[1].body
    assert (await encoded.as_bytes()).count(b"b25ldHdv") == 1
    assert await written(told, 4) == b"onet"
    with pytest.raises(RuntimeError, match="head of the request is sent"):
        told.writers[0].enable_chunking()
    with pytest.raises(RuntimeError, match="head of the request is sent"):
        told.writers[0].enable_compression()
    with pytest.raises(RuntimeError, match="head of the request is sent"):
        await told.writers[0].write_headers("", {})
