"""The requests whose timelines are compared with the wire."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httptrace
from httptrace import ClientSession, TCPConnector

from .errors import Seen
from .link import SERVER_ADDRESS
from .priority import CLIENT, real_time
from .site import NAME, Site, TimedResolver
from .truth import Noted, truth_of

_EARLY_MS = 5.0
"""By how much a block of the loop begins before the response comes."""


@dataclass(frozen=True)
class Scenario:
    """One kind of request."""

    name: str
    rtts_ms: tuple[float, ...] = (20,)
    tls: bool = False
    by_name: bool = False
    again: bool = False
    """Whether it is made on a connection that served a request before."""
    body: int = 0
    """Bytes to upload."""
    chunks: int = 0
    """In how many pieces they are sent with chunked transfer coding; 0: with a length."""
    size: int = 100
    """Bytes of the response."""
    pieces: int = 1
    """In how many pieces the server sends them, `pause_ms` apart."""
    pause_ms: float = 1
    think_ms: float = 3
    block_ms: float = 0
    """For how long the program holds the loop when the last piece of the response comes."""
    times: int = 3
    """How often the tests make it."""
    drop_up: tuple[int, ...] = ()
    """The segments with data that are lost on their way to the server."""
    drop_down: tuple[int, ...] = ()

    @property
    def trickles(self) -> bool:
        """Whether the program has read each piece of the response long before the next one."""
        return self.pieces > 1 and self.pause_ms > 5

    def url(self, site: Site) -> str:
        """The URL, whose query asks the server for the response."""
        base = site.https if self.tls else site.http
        if self.by_name:
            base = base.replace(SERVER_ADDRESS, NAME)
        names = ("think_ms", "size", "pieces", "pause_ms")
        return f"{base}/?{urlencode({name: getattr(self, name) for name in names})}"

    def data(self) -> bytes | AsyncIterator[bytes] | None:
        """The body of the request."""
        if not self.chunks:
            return b"x" * self.body or None
        return _in_pieces(b"x" * (self.body // self.chunks), self.chunks)


async def _in_pieces(piece: bytes, count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield piece


SCENARIOS = (
    Scenario("get", (2, 20, 50)),
    Scenario("get tls", (2, 20, 50), tls=True),
    Scenario("get by name", (2,), by_name=True),
    Scenario("get again", (2, 20, 50), again=True),
    Scenario("get tls again", (20,), tls=True, again=True),
    Scenario("post 60 KB", (50,), body=60_000, times=2),
    Scenario("post 60 KB tls", (50,), tls=True, body=60_000, times=2),
    Scenario("post 60 KB again", (50,), body=60_000, again=True, times=2),
    Scenario("post 4 MiB", (50,), body=4 << 20, times=1),
    Scenario("post 4 MiB tls", (50,), tls=True, body=4 << 20, times=1),
    Scenario("post chunked", (20,), body=256_000, chunks=8),
    Scenario("download", (20,), size=256_000, pieces=8),
    Scenario("trickle", (20,), pieces=4, pause_ms=10),
    Scenario("blocked 20 ms", (20,), again=True, block_ms=20),
    Scenario("blocked 50 ms", (20,), again=True, block_ms=50),
    Scenario("blocked in body", (20,), again=True, pieces=2, pause_ms=30, block_ms=20),
    Scenario("lost upwards", (20,), body=60_000, drop_up=(5,)),
    Scenario("lost downwards", (20,), size=60_000, drop_down=(5,)),
)


@dataclass(frozen=True)
class Run:
    """One request: what was seen, and how many segments the relay dropped."""

    seen: Seen
    dropped_up: int
    dropped_down: int


@contextmanager
def undisturbed(site: Site) -> Iterator[bool]:
    """Inside the block the thread is the client: in its namespace, with a real-time priority.

    It does not collect garbage there. Gives False if the thread may not have such a priority.
    """
    gc.collect()
    collecting = gc.isenabled()
    gc.disable()
    try:
        with alone(), site.wire.client.entered(), real_time(CLIENT) as allowed:
            yield allowed
    finally:
        if collecting:
            gc.enable()


@contextmanager
def alone() -> Iterator[None]:
    """Wait for other processes that are in such a block: their clients would be as urgent."""
    with open(Path(tempfile.gettempdir(), "httptrace-wire.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def measure(site: Site, scenario: Scenario, rtt_ms: float, times: int) -> list[Run]:
    """Make the request so many times, one after the other, in an `undisturbed` block."""
    resolver = TimedResolver()
    connector = TCPConnector(
        ssl=site.context,
        force_close=not scenario.again,
        resolver=resolver,
        use_dns_cache=False,
    )
    async with ClientSession(connector=connector) as session:
        course = _Course(site, scenario, rtt_ms, session, resolver)
        if scenario.again:
            await course.run()
        return [await course.run() for _ in range(times)]


async def warm_up(site: Site) -> None:
    """Make each kind of request once: what a process does but once is not measured here."""
    for scenario in SCENARIOS:
        if scenario.body < 1 << 20:
            await measure(site, scenario, 0.2, 1)


@dataclass(frozen=True)
class _Course:
    site: Site
    scenario: Scenario
    rtt_ms: float
    session: ClientSession
    resolver: TimedResolver

    async def run(self) -> Run:
        scenario, wire = self.scenario, self.site.wire
        wire.shape(rtt_ms=self.rtt_ms, drop_up=scenario.drop_up, drop_down=scenario.drop_down)
        wire.frames()
        if scenario.block_ms:
            self._block_later()
        hop, noted = await self._request()
        at_client, at_server = wire.frames()
        truth = truth_of(at_client, at_server, noted, tls=scenario.tls)
        lookup = self.resolver.last if scenario.by_name else None
        seen = Seen(hop, truth, self.rtt_ms, scenario.trickles, lookup)
        dropped = wire.shape(rtt_ms=self.rtt_ms)
        return Run(seen, len(dropped["up"]), len(dropped["down"]))

    def _block_later(self) -> None:
        scenario = self.scenario
        last_piece_ms = self.rtt_ms + scenario.think_ms + (scenario.pieces - 1) * scenario.pause_ms
        after = (last_piece_ms - _EARLY_MS) / 1e3
        asyncio.get_running_loop().call_later(after, time.sleep, scenario.block_ms / 1e3)

    async def _request(self) -> tuple[httptrace.Hop, Noted]:
        scenario = self.scenario
        url, data = scenario.url(self.site), scenario.data()
        async with self.session.request("POST" if data else "GET", url, data=data) as response:
            async for _piece in response.content.iter_any():
                pass
            read_ns = time.perf_counter_ns()
        told = response.headers
        port, received_ns = int(told["Client-Port"]), int(told["Received-Ns"])
        noted = Noted(port, received_ns, int(told["Answered-Ns"]), read_ns)
        return response.timeline.hops[-1], noted
