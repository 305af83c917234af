"""What a client process can be asked to do. Each job returns plain figures."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from . import memory
from .peers.base import Peer

Figures = dict[str, float]
Job = Callable[..., Awaitable[Figures]]
Operation = Callable[[], Awaitable[int]]

JSON_VALUE = {
    "id": 4711,
    "name": "a small document",
    "tags": ["alpha", "beta", "gamma", "delta"],
    "items": [
        {"sku": f"A-{n:04}", "count": n, "price": n * 1.25, "note": "x" * 27} for n in range(11)
    ],
}
"""One KiB, once it is encoded."""
PIECE = b"x" * 65536


def operation(peer: Peer, kind: str) -> tuple[Operation, int | None]:
    """Return one request of that kind, and the number of bytes that it must bring."""
    if kind == "post":
        target = peer.target("/echo")
        return (lambda: peer.post_json(target, JSON_VALUE)), None
    path, size = {"small": ("/small", 40), "64k": ("/64k", 65536)}[kind]
    target = peer.target(path)
    return (lambda: peer.get(target)), size


async def requests(peer: Peer, *, kind: str, count: int, concurrency: int) -> Figures:
    """Make `count` requests, `concurrency` at a time; CPU is that of all the process's threads."""
    call, size = operation(peer, kind)

    async def work(share: int) -> None:
        for _ in range(share):
            received = await call()
            assert size is None or received == size, received

    share, more = divmod(count, concurrency)
    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(work(share + (place < more)) for place in range(concurrency)))
    return {
        "count": count,
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - wall,
    }


async def steady(peer: Peer, *, count: int, concurrency: int) -> Figures:
    """Make requests with `concurrency` of them under way all the time, and measure `count`.

    The clock starts when as many have ended as are under way at a time, and stops before any
    worker does: neither the start of thousands of tasks nor the emptying queue is measured.
    """
    call, _ = operation(peer, "small")
    ended = 0
    marks: list[tuple[float, float]] = []

    async def work() -> None:
        nonlocal ended
        while len(marks) < 2:
            await call()
            ended += 1
            if ended in (concurrency, concurrency + count):
                marks.append((time.process_time(), time.perf_counter()))

    await asyncio.gather(*(work() for _ in range(concurrency)))
    (cpu, wall), (cpu_then, wall_then) = marks
    return {"count": count, "cpu": cpu_then - cpu, "wall": wall_then - wall}


class _Held:
    """A connection, as far as the pool looks at it."""

    def __init__(self, host: Any) -> None:
        self.host, self.idle_since_ns, self.closed = host, 0, False


async def turns(peer: Peer, *, count: int, waiting: int) -> Figures:
    """Give a place of a pool of 100 back and ask for one again, with so many waiting; no I/O."""
    from httptrace.pool.state import PoolState

    state: PoolState[Any] = PoolState(100, 0)
    host = state.host("origin")
    held = [_Held(host) for _ in range(100)]
    for connection in held:
        state.ask(host)
        state.dialled(connection)
    for _ in range(waiting):
        state.ask(host)
    cpu, wall = time.process_time(), time.perf_counter()
    for connection in itertools.islice(itertools.cycle(held), count):
        state.release(connection)
        state.ask(host)
    return {
        "count": count,
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - wall,
    }


async def download(peer: Peer, *, size: int) -> Figures:
    """Stream a body of `size` bytes in, dropping each piece as it comes."""
    return await _streamed(size, peer.download(peer.target(f"/stream?size={size}")), size)


async def upload(peer: Peer, *, size: int) -> Figures:
    """Stream a body of `size` bytes out, in pieces of 64 KiB."""
    target = peer.target(f"/sink?size={size}")
    return await _streamed(size, peer.upload(target, pieces(size)), 40)


async def multipart(peer: Peer, *, size: int) -> Figures:
    """Upload a file of `size` bytes in a form."""
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(size)
        return await _streamed(size, peer.multipart(peer.target("/sink"), file.name), 40)


async def pipe(peer: Peer, *, size: int) -> Figures:
    """Send a body of `size` bytes on to where it is uploaded, while it comes in."""
    source, target = peer.target(f"/stream?size={size}"), peer.target(f"/sink?size={size}")
    return await _streamed(size, peer.pipe(source, target), 40)


async def pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // len(PIECE)):
        yield PIECE


async def _streamed(size: int, work: Awaitable[int], expected: int) -> Figures:
    before = memory.reset_peak()
    cpu, wall = time.process_time(), time.perf_counter()
    received = await work
    assert received == expected, received
    return {
        "bytes": size,
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - wall,
        "peak_growth": max(0, memory.peak() - before),
    }


async def footprint(peer: Peer) -> Figures:
    """Return what the process holds now: resident bytes, traced bytes, allocated blocks."""
    return memory.footprint()


async def idle(peer: Peer, *, count: int) -> Figures:
    """Leave `count` connections idle and return the footprint of one."""
    before = memory.footprint()
    target = peer.target(f"/hold?count={count}")
    await asyncio.gather(*(peer.get(target) for _ in range(count)))
    await asyncio.sleep(0)
    return memory.each(before, memory.footprint(), count)


async def waiting(peer: Peer, *, count: int) -> Figures:
    """Let `count` requests wait for the only connection and return the footprint of one."""
    holder = asyncio.ensure_future(peer.get(peer.target("/hold?count=0")))
    await _settle()
    target = peer.target("/small")
    before = memory.footprint()
    tasks = [asyncio.ensure_future(peer.get(target)) for _ in range(count)]
    await _settle()
    figures = memory.each(before, memory.footprint(), count)
    assert not any(task.done() for task in tasks)
    for task in [holder, *tasks]:
        task.cancel()
    await asyncio.gather(holder, *tasks, return_exceptions=True)
    return figures


async def _settle(turns: int = 50) -> None:
    """Let every task run until all it can do is wait: turns of the loop, not time."""
    for _ in range(turns):
        await asyncio.sleep(0)
    await asyncio.sleep(0.2)  # a connection to loopback or a start in a thread needs real time


JOBS: dict[str, Job] = {
    "requests": requests,
    "steady": steady,
    "download": download,
    "multipart": multipart,
    "turns": turns,
    "pipe": pipe,
    "upload": upload,
    "footprint": footprint,
    "idle": idle,
    "waiting": waiting,
}


async def run(peer: Peer, name: str, options: dict[str, Any]) -> Figures:
    """Do the job of that name."""
    return await JOBS[name](peer, **options)
