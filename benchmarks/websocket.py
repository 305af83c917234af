"""Messages of 1 KiB there and back over WebSockets: its own server, and the clients.

The scenarios `websocket-1` and `websocket-32` start both as processes of this module. The floor
sends a frame that was made before and counts the bytes that come back: sockets and loop cost as
much as that for any client.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from . import cores, loops
from .processes import HOST, ROOT, Failed, Missing

PEERS = ("floor", "httptrace", "aiohttp", "websockets")
TEXT = "0123456789abcdef" * 64
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

Trip = Callable[[], Awaitable[None]]
"""Sends one message and waits until it is back."""


# --- the server ---------------------------------------------------------------------------------


class Echo(asyncio.Protocol):
    """Answers the handshake, then sends back each message of 126 to 65,535 bytes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        from websockets.speedups import apply_mask

        self.transport: Any = transport
        self.unmask = apply_mask
        self.data = b""
        self.is_open = False

    def data_received(self, data: bytes) -> None:
        data = self.data = self.data + data if self.data else data
        if not self.is_open:
            head, end, self.data = data.partition(b"\r\n\r\n")
            if end:
                self.is_open = True
                self.transport.write(_answer(head))
            return
        out, at, end_of_data = [], 0, len(data)
        while end_of_data - at >= 8 and data[at] != 0x88:
            size = data[at + 2] << 8 | data[at + 3]
            start = at + 8
            if start + size > end_of_data:
                break
            out += (data[at : at + 1], b"\x7e", data[at + 2 : at + 4])
            out.append(self.unmask(data[start : start + size], data[at + 4 : start]))
            at = start + size
        if out:
            self.transport.write(b"".join(out))
        if at < end_of_data and data[at] == 0x88:
            self.transport.write(b"\x88\x02\x03\xe8")
            self.transport.close()
        self.data = data[at:]


def _answer(head: bytes) -> bytes:
    from base64 import b64encode
    from hashlib import sha1

    fields = [line.partition(b": ") for line in head.split(b"\r\n")[1:]]
    key = next(value for name, _, value in fields if name.lower() == b"sec-websocket-key")
    accept = b64encode(sha1(key + _GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Echo, HOST, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


# --- the clients --------------------------------------------------------------------------------


async def open_session(module: Any, url: str, count: int) -> list[Trip]:
    """Trips over sockets of httptrace or aiohttp, whose interface is one."""
    session = module.ClientSession()
    sockets = [await session.ws_connect(url) for _ in range(count)]

    def trip(ws: Any) -> Trip:
        async def there_and_back() -> None:
            await ws.send_str(TEXT)
            message = await ws.receive()
            assert len(message.data) == len(TEXT)

        return there_and_back

    return [trip(ws) for ws in sockets]


async def open_websockets(url: str, count: int) -> list[Trip]:
    """Trips over sockets of websockets, without its compression."""
    from websockets.asyncio.client import connect

    sockets = [await connect(url, compression=None, ping_interval=None) for _ in range(count)]

    def trip(ws: Any) -> Trip:
        async def there_and_back() -> None:
            await ws.send(TEXT)
            assert len(await ws.recv()) == len(TEXT)

        return there_and_back

    return [trip(ws) for ws in sockets]


class Counter(asyncio.BufferedProtocol):
    """The floor: the same frame each time, and a count of the bytes that come back."""

    HANDSHAKE = b"GET / HTTP/1.1\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    FRAME = b"\x81\xfe" + len(TEXT).to_bytes(2, "big") + bytes(4) + TEXT.encode()
    BUFFER = memoryview(bytearray(1 << 18))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.loop = asyncio.get_running_loop()
        self.transport: Any = transport
        self.missing = len(_answer(self.HANDSHAKE))
        self.waiter: asyncio.Future[None] = self.loop.create_future()
        self.transport.write(self.HANDSHAKE)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        self.missing -= nbytes
        if not self.missing:
            self.waiter.set_result(None)

    async def there_and_back(self) -> None:
        self.missing = len(self.FRAME) - 4  # what comes back has no mask
        self.waiter = self.loop.create_future()
        self.transport.write(self.FRAME)
        await self.waiter


async def open_floor(port: int, count: int) -> list[Trip]:
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(Counter, HOST, port) for _ in range(count)]
    for _transport, protocol in made:
        await protocol.waiter
    return [protocol.there_and_back for _transport, protocol in made]


async def opened(peer: str, port: int, count: int) -> list[Trip]:
    if peer == "floor":
        return await open_floor(port, count)
    url = f"ws://{HOST}:{port}/"
    if peer == "websockets":
        return await open_websockets(url, count)
    return await open_session(__import__(peer), url, count)


async def travel(trips: list[Trip], messages: int) -> dict[str, float]:
    """All sockets at once, each one message after the other; rate and processor time."""

    async def go(trip: Trip) -> None:
        for _ in range(messages // len(trips)):
            await trip()

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(go(trip) for trip in trips))
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {"messages_s": messages / seconds, "cpu_us_message": cpu / messages * 1e6}


def client(peer: str, loop_name: str, port: int, count: int) -> None:
    """Open the sockets, then make a round for each line of standard input."""
    cores.pin(cores.CLIENT)
    loop = loops.new_loop(loop_name)
    try:
        trips = loop.run_until_complete(opened(peer, port, count))
    except ImportError as error:
        print(json.dumps({"missing": str(error)}), flush=True)
        return
    print("{}", flush=True)
    for line in sys.stdin:
        print(json.dumps(loop.run_until_complete(travel(trips, int(line)))), flush=True)
    os._exit(0)  # sockets need no farewell here


# --- what the scenarios use ---------------------------------------------------------------------


class Process:
    """A process of this module that answers lines, alive inside a `with` block."""

    def __init__(self, *arguments: object) -> None:
        command = [sys.executable, "-m", "benchmarks.websocket", *map(str, arguments)]
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, cwd=ROOT, **pipes)

    def read(self) -> Any:
        """Return the next line's value; Missing or Failed if there is none."""
        line = self.process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            raise Failed(f"failed: the process ended with code {self.process.wait()}")
        answer = json.loads(line)
        if isinstance(answer, dict) and "missing" in answer:
            raise Missing(f"missing: {answer['missing']}")
        return answer

    def ask(self, line: object) -> Any:
        """Send a line and return the answer."""
        self.process.stdin.write(f"{line}\n")  # type: ignore[union-attr]
        self.process.stdin.flush()  # type: ignore[union-attr]
        return self.read()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.stdin.close()  # type: ignore[union-attr]
        self.process.wait(10)
        self.process.stdout.close()  # type: ignore[union-attr]


def main() -> None:
    """Be one of the processes of a measurement (`python -m benchmarks --only websocket-32`)."""
    role, *rest = sys.argv[1:]
    if role == "server":
        cores.pin(cores.SERVER)
        loops.new_loop(loops.available()[0]).run_until_complete(serve())
    else:
        client(rest[0], rest[1], int(rest[2]), int(rest[3]))


if __name__ == "__main__":
    main()
