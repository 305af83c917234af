"""Messages of 1 KiB there and back over WebSockets: httptrace, aiohttp's client and websockets.

`python -m benchmarks.websocket` starts an echo server that does little else, in a process and on a
core of its own, and one client process for each library and loop. They take turns, round by round;
shown are the medians: messages per second, processor time of the client per message, and how many
times aiohttp's rate that is on the same loop.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from . import cores, loops
from .processes import HOST, ROOT

PEERS = ("httptrace", "aiohttp", "websockets")
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


async def opened(peer: str, url: str, count: int) -> list[Trip]:
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
    return {"rate": messages / seconds, "cpu": cpu / messages * 1e6}


def client(peer: str, loop_name: str, port: int, count: int) -> None:
    """Open the sockets, then make a round for each line of standard input."""
    cores.pin(cores.CLIENT)
    loop = loops.new_loop(loop_name)
    trips = loop.run_until_complete(opened(peer, f"ws://{HOST}:{port}/", count))
    print("{}", flush=True)
    for line in sys.stdin:
        print(json.dumps(loop.run_until_complete(travel(trips, int(line)))), flush=True)
    os._exit(0)  # sockets need no farewell here


# --- the comparison -----------------------------------------------------------------------------


class Process:
    """A process of this module that answers lines."""

    def __init__(self, *arguments: object) -> None:
        command = [sys.executable, "-m", "benchmarks.websocket", *map(str, arguments)]
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, cwd=ROOT, **pipes)

    def read(self) -> Any:
        line = self.process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            raise SystemExit(f"{self.process.args!r} ended with {self.process.wait()}")
        return json.loads(line)

    def ask(self, line: object) -> Any:
        self.process.stdin.write(f"{line}\n")  # type: ignore[union-attr]
        self.process.stdin.flush()  # type: ignore[union-attr]
        return self.read()

    def close(self) -> None:
        self.process.stdin.close()  # type: ignore[union-attr]
        self.process.wait(10)


def compare(port: int, options: argparse.Namespace, count: int) -> None:
    entrants = [(peer, loop) for loop in options.loops for peer in options.peers]
    processes = {e: Process("client", *e, port, count) for e in entrants}
    figures: dict[tuple[str, str], list[dict[str, float]]] = {e: [] for e in entrants}
    for process in processes.values():
        process.read()
        process.ask(options.messages // 10)
    for _ in range(options.rounds):
        for entrant, process in processes.items():
            figures[entrant].append(process.ask(options.messages))
    for process in processes.values():
        process.close()
    print(f"\n{count} at a time, {len(TEXT)} bytes there and back")
    print(f"{'':22}{'messages/s':>12}{'CPU us':>9}{'x aiohttp':>11}")
    for (peer, loop), rounds in figures.items():
        rate = statistics.median(r["rate"] for r in rounds)
        cpu = statistics.median(r["cpu"] for r in rounds)
        base = figures.get(("aiohttp", loop))
        ratio = rate / statistics.median(r["rate"] for r in base) if base else 0.0
        print(f"{peer + ' on ' + loop:22}{rate:12,.0f}{cpu:9.1f}{ratio:11.2f}")


def main() -> None:
    if sys.argv[1:2] == ["server"]:
        cores.pin(cores.SERVER)
        loop = loops.new_loop(loops.available()[0])
        loop.run_until_complete(serve())
        return
    if sys.argv[1:2] == ["client"]:
        client(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    parser = argparse.ArgumentParser(prog="python -m benchmarks.websocket", description=__doc__)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS)
    parser.add_argument("--loops", nargs="+", choices=loops.available(), default=loops.available())
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--at-a-time", nargs="+", type=int, default=[1, 32])
    options = parser.parse_args()
    server = Process("server")
    port = server.read()
    for count in options.at_a_time:
        compare(port, options, count)
    server.close()


if __name__ == "__main__":
    main()
