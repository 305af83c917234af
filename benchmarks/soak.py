"""A long campaign: mixed requests, cancellations and timeouts, with flat memory.

`python -m benchmarks.soak --seconds 300` keeps a few dozen workers busy with requests that end in
every way: read, dropped unread, dropped half read, cancelled at a random moment, timed out,
refused. It prints a line now and then and ends with 1 if memory grew, or if a connection, a task
or a waiter was left behind.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import random
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from . import cores, jobs, loops, memory
from .processes import HOST, Server

LIMIT, WORKERS = 20, 40
PATIENCE = 10
"""Seconds that a request may take, on loopback, before it counts as stuck."""
GROWTH = 8 * 1024 * 1024
"""Resident bytes that a run may gain after its first quarter: what fragmentation is allowed."""
BLOCKS = 3000
"""The same for Python's blocks of memory: by so many a few dozen requests under way differ."""


class Soak:
    """The session under load, and how its requests have ended so far."""

    def __init__(self, module: Any, session: Any, base: str, seed: int) -> None:
        self.module, self.session, self.base = module, session, base
        self.random = random.Random(seed)
        self.ends: Counter[str] = Counter()
        self.refusing = f"http://{HOST}:{free_port()}/"
        self.ways: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (40, self.read),
            (10, self.post),
            (10, self.read_long),
            (10, self.drop_unread),
            (5, self.drop_half_read),
            (15, self.cancel),
            (5, self.time_out),
            (5, self.refused),
        ]

    async def work(self, until: float) -> None:
        """Make one request after the other until the time is up."""
        weights, ways = zip(*self.ways, strict=True)
        while time.monotonic() < until:
            (way,) = self.random.choices(ways, weights)
            await way()
            self.ends[way.__name__] += 1

    async def read(self) -> None:
        async with self.session.get(self.base + "/small") as response:
            assert len(await response.read()) == 40

    async def post(self) -> None:
        async with self.session.post(self.base + "/echo", json=jobs.JSON_VALUE) as response:
            assert await response.json() == jobs.JSON_VALUE

    async def read_long(self) -> None:
        size = self.random.randrange(64) << 14  # few URLs: caches of URLs fill up at once
        received = 0
        async with self.session.get(f"{self.base}/stream?size={size}") as response:
            async for piece in response.content.iter_any():
                received += len(piece)
        assert received == size, (received, size)

    async def drop_unread(self) -> None:
        async with self.session.get(self.base + "/64k") as response:
            assert response.status == 200

    async def drop_half_read(self) -> None:
        async with self.session.get(self.base + "/stream?size=4194304") as response:
            assert await response.content.readany()

    async def cancel(self) -> None:
        """Cancel a request at any of its moments: queued, dialling, sent, being read."""
        way = self.random.choice([self.read, self.post, self.read_long, self.drop_unread])
        task = asyncio.ensure_future(way())
        await asyncio.sleep(self.random.random() ** 3 * 0.02)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            self.ends["cancelled"] += 1

    async def time_out(self) -> None:
        timeout = self.module.ClientTimeout(total=0.05)
        try:
            await self.session.get(self.base + "/hold?count=0", timeout=timeout)
        except TimeoutError:
            return
        raise AssertionError("a request that nobody answers must time out")

    async def refused(self) -> None:
        try:
            await self.session.get(self.refusing)
        except self.module.ClientConnectionError:
            return
        raise AssertionError("nobody listens on that port")


def free_port() -> int:
    """Return a port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


async def watch(soak: Soak, seconds: float) -> list[dict[str, float]]:
    """Print how it goes, twenty times in all; return the footprints seen."""
    seen: list[dict[str, float]] = []
    began = time.monotonic()
    for turn in range(1, 21):
        await asyncio.sleep(began + turn * seconds / 20 - time.monotonic())
        held = memory.footprint()
        seen.append(held)
        print(
            f"{time.monotonic() - began:6.0f} s  {soak.ends.total():9,} requests"
            f"  {held['resident'] / 2**20:7.1f} MiB  {held['blocks']:9,} blocks"
            f"  {len(asyncio.all_tasks()):4} tasks",
            flush=True,
        )
    return seen


async def close(session: Any) -> list[str]:
    """Close the session; return a line if that does not come to an end."""
    closing = asyncio.ensure_future(session.close())
    done, _ = await asyncio.wait([closing], timeout=PATIENCE)
    closing.cancel()
    return [] if done else [f"closing the session was stuck for {PATIENCE} s"]


async def stop(workers: list[asyncio.Task[None]]) -> list[str]:
    """Let the workers end; return what went wrong in them, and where the stuck ones stand."""
    done, stuck = await asyncio.wait(workers, timeout=PATIENCE)
    for task in stuck:
        task.print_stack(limit=3)
        task.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)
    found = Counter(repr(error) for task in done if (error := task.exception()))
    lines = [f"{count} workers failed: {error}" for error, count in found.items()]
    return lines + ([f"{len(stuck)} workers were stuck for {PATIENCE} s"] if stuck else [])


def growth(seen: list[dict[str, float]], name: str) -> float:
    """Return how much more was held at the least in the last quarter than in the second."""
    return min(at[name] for at in seen[-5:]) - min(at[name] for at in seen[5:10])


def faults(seen: list[dict[str, float]], tasks: int, stats: Any) -> list[str]:
    """Return what is wrong at the end, one line each."""
    found = []
    if (more := growth(seen, "resident")) > GROWTH:
        found.append(f"memory grew by {more / 2**20:.1f} MiB")
    if (more := growth(seen, "blocks")) > BLOCKS:
        found.append(f"{more:,.0f} more blocks of memory are held")
    if tasks > 1:
        found.append(f"{tasks - 1} tasks were left behind")
    left = {name: getattr(stats, name, 0) for name in ("waiting", "active")}
    found += [f"{count} {name} were left in the connector" for name, count in left.items() if count]
    return found


async def campaign(module: Any, base: str, options: argparse.Namespace) -> list[str]:
    """Run the whole campaign and return its faults."""
    connector = module.TCPConnector(limit=LIMIT)
    session = module.ClientSession(connector=connector)
    soak = Soak(module, session, base, options.seed)
    until = time.monotonic() + options.seconds
    workers = [asyncio.ensure_future(soak.work(until)) for _ in range(WORKERS)]
    seen = await watch(soak, options.seconds)
    found = await stop(workers)
    print(", ".join(f"{name} {count:,}" for name, count in sorted(soak.ends.items())))
    stats = connector.stats() if hasattr(connector, "stats") else None
    if stats is not None:
        print(stats)
    found += await close(session)
    await asyncio.sleep(0.1)  # closing connections and cancelled look-ups end after the session
    return found + faults(seen, len(asyncio.all_tasks()), stats)


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long (120)")
    parser.add_argument("--peer", default="httptrace", choices=["httptrace", "aiohttp"])
    parser.add_argument("--loop", default=loops.available()[0], choices=loops.available())
    parser.add_argument("--seed", type=int, default=1, help="of the mixture")
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    options = arguments(given)
    module = importlib.import_module(options.peer)
    cores.raise_file_limit()
    with Server() as server:
        cores.pin(cores.CLIENT)
        base = f"http://{HOST}:{server.port}"
        loop = loops.new_loop(options.loop)
        found = loop.run_until_complete(campaign(module, base, options))
    print("\n".join(found) if found else "flat: nothing grew, nothing was left behind")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
