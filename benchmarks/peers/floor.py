"""The floor: a socket on the loop, llhttp's callbacks, a future for each request, nothing else.

No URLs, no headers object, no timeouts, no errors to speak of. Whatever a real client costs more
than this is the price of being a client.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator

from httptools import HttpResponseParser

from .base import Peer, Setup

READ = bytearray(64 * 1024)
"""What every connection reads into. A selector loop fills the buffer and hands it over in one go,
so one is enough; and it spares each read an allocation of 256 KiB, which costs stock asyncio more
than all else in a small request and halves the rate of a long body anywhere."""
VIEW = memoryview(READ)


class Connection(asyncio.BufferedProtocol):
    """One kept-alive connection with its parser."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.parser = HttpResponseParser(self)
        self.feed = self.parser.feed_data
        self.headers: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []
        self.keep = True
        self.waiter: asyncio.Future[int] | None = None
        self.received = 0
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def get_buffer(self, sizehint: int) -> bytearray:
        return READ

    def buffer_updated(self, nbytes: int) -> None:
        self.feed(VIEW[:nbytes])

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.received += len(body)
        if self.keep:
            self.body.append(body)

    def on_message_complete(self) -> None:
        waiter, self.waiter = self.waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(self.received)

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def send(self, data: bytes, loop: asyncio.AbstractEventLoop) -> asyncio.Future[int]:
        """Write a request and return the future of its answer."""
        self.received = 0
        self.headers = []
        self.body = []
        self.waiter = waiter = loop.create_future()
        self.transport.write(data)
        return waiter


class Floor(Peer):
    """A stack of idle connections and a queue of waiters."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.idle: list[Connection] = []
        self.opened: list[Connection] = []
        self.waiting: deque[asyncio.Future[Connection]] = deque()
        self.count = 0

    def target(self, path: str) -> bytes:
        return path.encode()

    def head(self, method: bytes, path: bytes, extra: bytes = b"") -> bytes:
        """Return a request head with what the other clients send by default."""
        return (
            b"%b %b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: */*\r\n"
            b"Accept-Encoding: gzip, deflate\r\nUser-Agent: floor\r\n%b\r\n"
            % (method, path, self.setup.port, extra)
        )

    async def open(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.heads: dict[bytes, bytes] = {}

    async def close(self) -> None:
        for connection in self.opened:
            connection.transport.close()

    async def acquire(self) -> Connection:
        if self.count < self.setup.limit:
            self.count += 1
            _, made = await self.loop.create_connection(
                Connection, self.setup.host, self.setup.port
            )
            self.opened.append(made)
            return made
        waiter: asyncio.Future[Connection] = self.loop.create_future()
        self.waiting.append(waiter)
        return await waiter

    def release(self, connection: Connection) -> None:
        if self.waiting:
            self.waiting.popleft().set_result(connection)
        else:
            self.idle.append(connection)

    async def get(self, target: bytes) -> int:
        head = self.heads.get(target)
        if head is None:
            head = self.heads[target] = self.head(b"GET", target)
        connection = self.idle.pop() if self.idle else await self.acquire()
        received = await connection.send(head, self.loop)
        b"".join(connection.body)
        self.release(connection)
        return received

    async def post_json(self, target: bytes, value: object) -> int:
        body = json.dumps(value).encode()
        extra = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
        connection = self.idle.pop() if self.idle else await self.acquire()
        received = await connection.send(self.head(b"POST", target, extra) + body, self.loop)
        json.loads(b"".join(connection.body))
        self.release(connection)
        return received

    async def download(self, target: bytes) -> int:
        connection = self.idle.pop() if self.idle else await self.acquire()
        connection.keep = False
        received = await connection.send(self.head(b"GET", target), self.loop)
        connection.keep = True
        self.release(connection)
        return received

    async def upload(self, target: bytes, pieces: AsyncIterator[bytes]) -> int:
        connection = self.idle.pop() if self.idle else await self.acquire()
        head = self.head(b"POST", target, b"Transfer-Encoding: chunked\r\n")
        answer = connection.send(head, self.loop)
        async for piece in pieces:
            connection.transport.writelines((b"%x\r\n" % len(piece), piece, b"\r\n"))
            if not connection.writable.is_set():
                await connection.writable.wait()
        connection.transport.write(b"0\r\n\r\n")
        received = await answer
        self.release(connection)
        return received


PEER = Floor
