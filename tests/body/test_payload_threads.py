"""Files that a thread still reads when the request is cancelled or sent again."""

from __future__ import annotations

import asyncio
import io
import threading
from typing import Any

import pytest
from tests.interceptors.uploading import BIG, OK
from tests.servers.fixtures import ScriptedFactory

from httptrace import ClientSession
from httptrace.testing import Peer, hang, response_bytes


class Slow:
    """A file without locks; its second read lasts until the `gate` is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.calls = self.inside = self.most_inside = self._at = 0

    def tell(self) -> int:
        return self._at

    def seekable(self) -> bool:
        return True

    def seek(self, to: int, whence: int = 0) -> int:
        self._at = to if whence == 0 else len(BIG) + to
        return self._at

    def read(self, size: int) -> bytes:
        self.calls += 1
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        start = self._at
        if self.calls == 2:
            self.gate.wait(5)
        data = BIG[start : start + size]
        self._at = start + len(data)
        self.inside -= 1
        return data


@pytest.mark.parametrize("way", ["redirect", "retry"])
async def test_sent_again_while_it_is_read(scripted: ScriptedFactory, way: str) -> None:
    """The next `write` reads the file only when the thread of the previous one is done."""
    file = Slow()

    async def first(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.read_head()
        while file.calls < 2:
            await asyncio.sleep(0)
        if way == "redirect":
            await peer.send(response_bytes(307, b"", ("Location", "/there")))
            await peer.until_closed()
        peer.reset()

    async def second(peer: Peer) -> None:
        request = await peer.read_head()
        for _ in range(50):  # in which it would be read, were it not for the other thread
            await asyncio.sleep(0)
        file.gate.set()
        await peer.read_body(request)
        await peer.send(OK)
        await peer.until_closed()

    server = await scripted(first, second)
    async with ClientSession() as session:
        async with session.get(server.url) as response:
            await response.read()
        body: Any = file
        async with asyncio.timeout(5), session.put(f"{server.url}/here", data=body) as response:
            assert await response.read() == b"ok"
    assert server.requests[-1].body == BIG
    assert file.most_inside == 1


class Silent(io.RawIOBase):
    """A pipe that nobody writes to."""

    def __init__(self) -> None:
        self.is_read, self.gate = threading.Event(), threading.Event()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.is_read.set()
        self.gate.wait(10)
        return 0


@pytest.mark.parametrize("way", ["cancelled", "answered"])
async def test_a_pipe_that_brings_nothing(scripted: ScriptedFactory, way: str) -> None:
    """A session can be closed while a thread still reads a body; the thread closes the file."""
    raw = Silent()
    pipe = io.BufferedReader(raw)  # whose close waits for who reads

    async def script(peer: Peer) -> None:
        await peer.read_head()
        async with asyncio.timeout(5):
            while not raw.is_read.is_set():
                await asyncio.sleep(0)
        if way == "answered":
            await peer.send(response_bytes(413, b"no"))
        else:
            sending.cancel()
        await peer.until_closed()

    server = await scripted(script)
    try:
        async with asyncio.timeout(5):
            async with ClientSession() as session:
                sending = asyncio.ensure_future(session.post(server.url, data=pipe))
                await asyncio.wait([sending])
                if way == "answered":
                    assert await (await sending).read() == b"no"
        assert sending.cancelled() == (way == "cancelled")
        assert not pipe.closed
    finally:
        raw.gate.set()
    async with asyncio.timeout(5):
        while not pipe.closed:
            await asyncio.sleep(0)


class OnSlowDisk(Silent):
    """A seekable file on a slow disk."""

    def seekable(self) -> bool:
        return True

    def seek(self, to: int, whence: int = 0) -> int:
        return 100 if whence == 2 else to


async def test_a_file_is_closed_once_its_session_is(scripted: ScriptedFactory) -> None:
    """Closing the session waits until the file has been read."""
    raw = OnSlowDisk()
    file = io.BufferedReader(raw)
    server = await scripted(hang)
    async with asyncio.timeout(5):
        async with ClientSession() as session:
            sending = asyncio.ensure_future(session.post(server.url, data=file))
            while not raw.is_read.is_set():
                await asyncio.sleep(0)
            sending.cancel()
            await asyncio.wait([sending])
            asyncio.get_running_loop().call_soon(raw.gate.set)
    assert file.closed
