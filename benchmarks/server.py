"""The server that clients are measured against: prebuilt answers, next to no parsing.

It must never be what limits a client, so it does less than any real server: one request at a time
on a connection (no client here pipelines), answers made before the first connection, and the small
GET recognised by its first bytes. Run as `python -m benchmarks.server`; it prints its port and
lives until its standard input closes.

| target              | answer                                                                     |
| ------------------- | -------------------------------------------------------------------------- |
| `/small`            | 40 bytes                                                                   |
| `/64k`              | 64 KiB                                                                     |
| `/echo`             | the request's body, as JSON                                                |
| `/stream?size=N`    | N bytes, with a Content-Length, as fast as the client reads                |
| `/sink?size=N`      | 40 bytes once N bytes of body have come, with a length or chunked          |
| `/sink`             | 40 bytes once the body has come whole; it must have a length               |
| `/hold?count=N`     | nothing until N requests are held, then 40 bytes to each; 0 holds for ever |
"""

from __future__ import annotations

import asyncio
import email.utils
import os
import sys
import threading
from typing import ClassVar

from . import cores, loops

READ = bytearray(64 * 1024)
"""What every connection reads into: a selector loop fills it and hands it over in one go."""
VIEW = memoryview(READ)
BLOCK = b"x" * (256 * 1024)
LAST_CHUNK = b"\r\n0\r\n\r\n"


def head(length: int, content_type: bytes = b"application/octet-stream") -> bytes:
    """Return the status line and the usual five headers for a body of `length` bytes."""
    date = email.utils.formatdate(usegmt=True).encode()
    return (
        b"HTTP/1.1 200 OK\r\nServer: bench\r\nDate: %b\r\nContent-Type: %b\r\n"
        b"Content-Length: %d\r\nConnection: keep-alive\r\n\r\n" % (date, content_type, length)
    )


SMALL = head(40, b"text/plain") + b"x" * 40
LARGE = head(65536) + b"x" * 65536


class Exchange(asyncio.BufferedProtocol):
    """One connection: reads a request, answers it, and again."""

    held: ClassVar[set[Exchange]] = set()

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.pending = b""
        self.sink: Sink | None = None
        self.to_send = 0
        self.paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self.transport = transport  # type: ignore[assignment]
        self.transport.set_write_buffer_limits(high=1024 * 1024)

    def connection_lost(self, exc: Exception | None) -> None:
        self.held.discard(self)

    def get_buffer(self, sizehint: int) -> bytearray:
        return READ

    def buffer_updated(self, nbytes: int) -> None:
        data = VIEW[:nbytes].tobytes()
        if self.sink is not None:
            self.feed_sink(data)
        elif data.startswith(b"GET /small ") and data.endswith(b"\r\n\r\n"):
            self.transport.write(SMALL)
        else:
            self.feed(data)

    def feed(self, data: bytes) -> None:
        """Collect a head (and, for an echo, its body), then answer."""
        self.pending += data
        top, found, rest = self.pending.partition(b"\r\n\r\n")
        if not found:
            return
        target = top.split(b" ", 2)[1]
        if target == b"/echo":
            self.echo(top, rest)
            return
        self.pending = b""
        self.answer(target, top, rest)

    def answer(self, target: bytes, top: bytes, rest: bytes) -> None:
        path, _, query = target.partition(b"?")
        number = int(query.rpartition(b"=")[2] or 0)
        if path == b"/stream":
            self.transport.write(head(number))
            self.to_send = number
            self.pump()
        elif path == b"/sink":
            length = content_length(top)
            self.sink = Sink(number or length or 0, chunked=length is None)
            self.feed_sink(rest)
        elif path == b"/hold":
            self.hold(number)
        else:
            self.transport.write(LARGE if path == b"/64k" else SMALL)

    def echo(self, top: bytes, rest: bytes) -> None:
        length = content_length(top)
        assert length is not None, "an echo needs a Content-Length"
        if len(rest) < length:
            return
        self.pending = b""
        self.transport.write(head(length, b"application/json") + rest)

    def hold(self, count: int) -> None:
        self.held.add(self)
        if len(self.held) == count:
            for exchange in self.held:
                exchange.transport.write(SMALL)
            self.held.clear()

    def feed_sink(self, data: bytes) -> None:
        assert self.sink is not None
        if self.sink.feed(data):
            self.sink = None
            self.transport.write(SMALL)

    def pump(self) -> None:
        while self.to_send and not self.paused:
            block = BLOCK if self.to_send >= len(BLOCK) else BLOCK[: self.to_send]
            self.to_send -= len(block)
            self.transport.write(block)

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self.pump()


class Sink:
    """Counts a body that comes in and throws it away.

    A chunked body is over when the bytes end with the last chunk, which is safe here only because
    the clients send nothing but the letter x.
    """

    def __init__(self, size: int, *, chunked: bool) -> None:
        self.left = size
        self.chunked = chunked
        self.tail = b""

    def feed(self, data: bytes) -> bool:
        """Take some bytes; True once the body is complete."""
        self.left -= len(data)
        if not self.chunked:
            return self.left <= 0
        self.tail = (self.tail + data[-len(LAST_CHUNK) :])[-len(LAST_CHUNK) :]
        return self.left <= 0 and self.tail == LAST_CHUNK


def content_length(top: bytes) -> int | None:
    """Return what the head says about the body's length, None if it says nothing."""
    _, found, after = top.lower().partition(b"\r\ncontent-length:")
    return int(after.split(b"\r\n", 1)[0]) if found else None


def leave_with_parent() -> None:
    """End the process when whoever started it closes the pipe, however that came about."""
    sys.stdin.read()
    os._exit(0)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Exchange, "127.0.0.1", 0, backlog=16384)
    print(server.sockets[0].getsockname()[1], flush=True)
    threading.Thread(target=leave_with_parent, daemon=True).start()
    await server.serve_forever()


def main() -> None:
    cores.pin(cores.SERVER)
    cores.raise_file_limit()
    loops.new_loop(loops.available()[0]).run_until_complete(serve())


if __name__ == "__main__":
    main()
