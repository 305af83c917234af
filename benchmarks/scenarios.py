"""What is measured, one class for each way of measuring and one list of all scenarios."""

from __future__ import annotations

import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from . import loops, peers, websocket
from .entrants import Entrant, every
from .processes import ROOT, Client, Missing

Sample = dict[str, float]
Measure = Callable[[], Sample]
"""One entrant, ready: called once for each round."""

MIB = 1024 * 1024

SESSIONS = ("httptrace", "aiohttp")
SWIFT = ("floor", "httptrace", "aiohttp", "pyreqwest")
BRISK = ("floor", "httptrace", "aiohttp", "pyreqwest", "niquests")
"""Every peer but httpx, whose pool looks at each connection for each request: with a thousand of
them one round would take minutes."""


@dataclass(frozen=True)
class Pace:
    """How long to measure: rounds per entrant, and seconds of CPU that one round should take."""

    rounds: int
    seconds: float
    quick: bool = False


class Scenario(ABC):
    """One table: who takes part, and how one round of one entrant is measured."""

    name: str
    title: str
    peers: tuple[str, ...] = peers.NAMES
    loops: tuple[str, ...] = (loops.UVLOOP, loops.ASYNCIO)
    forms: tuple[str, ...] = ("",)
    most_rounds: int | None = None
    quick_peers: tuple[str, ...] = ()
    """Who takes part in a quick run; with nobody the scenario is left out of it."""

    def entrants(self, chosen: tuple[str, ...], on: tuple[str, ...]) -> list[Entrant]:
        """Return who takes part, of the clients and loops that were asked for.

        A scenario to which the loop makes no difference has only one, and runs on it.
        """
        names = tuple(name for name in self.peers if name in chosen)
        where = self.loops if len(self.loops) == 1 else on
        return every(names, where, self.forms)

    @abstractmethod
    def start(self, entrant: Entrant, port: int, pace: Pace) -> AbstractContextManager[Measure]:
        """Make the entrant ready and warm; what is yielded measures one round each time."""


class Requests(Scenario):
    """Many small requests at a time: CPU per request and requests per second."""

    def __init__(
        self,
        name: str,
        title: str,
        *,
        kind: str = "small",
        concurrency: int = 32,
        names: tuple[str, ...] = peers.NAMES,
        quick: tuple[str, ...] = (),
    ) -> None:
        self.name, self.title, self.peers, self.quick_peers = name, title, names, quick
        self.kind, self.concurrency = kind, concurrency

    def options(self, form: str) -> dict[str, object]:
        """Return how the client is opened in that form."""
        return {"limit": max(100, self.concurrency)}

    @contextmanager
    def start(self, entrant: Entrant, port: int, pace: Pace) -> Iterator[Measure]:
        client = entrant.start(port, **self.options(entrant.form))
        try:
            yield RequestRounds(client, self.kind, self.concurrency, pace.seconds)
        finally:
            client.close()


class RequestRounds:
    """Finds out how many requests fill a round, then makes as many in each."""

    def __init__(self, client: Client, kind: str, concurrency: int, seconds: float) -> None:
        self.client, self.kind, self.concurrency = client, kind, concurrency
        self.make(max(concurrency, 50))  # connects, imports, fills caches
        guess = self.make(max(min(concurrency, 1000), 50))
        fitting = int(seconds / guess["cpu"] * guess["count"])
        self.count = max(2 * concurrency, 50, min(50_000, fitting))

    def make(self, count: int) -> Sample:
        return self.client.do("requests", kind=self.kind, count=count, concurrency=self.concurrency)

    def __call__(self) -> Sample:
        self.make(max(min(self.concurrency, 1000), self.count // 10))
        return per_request(self.make(self.count))


def per_request(figures: Sample) -> Sample:
    """Return CPU microseconds per request, and requests per second by the clock."""
    return {
        "cpu_us": figures["cpu"] / figures["count"] * 1e6,
        "rate": figures["count"] / figures["wall"],
    }


class Signals(Requests):
    """The same client without listeners, with an observer of each request's end that does nothing,
    and with an empty coroutine on every signal.

    "least" is the client without listeners that is followed by as many empty coroutines and empty
    objects as the request has moments: what listening to all of them costs at the least.
    """

    forms = ("", "observer", "signals", "least")
    OURS = ("observer", "least")
    MOMENTS = 12

    def entrants(self, chosen: tuple[str, ...], on: tuple[str, ...]) -> list[Entrant]:
        """Return who takes part: only httptrace has observers, and its events are counted."""
        every = super().entrants(chosen, on)
        return [one for one in every if one.form not in self.OURS or one.peer == "httptrace"]

    def options(self, form: str) -> dict[str, object]:
        moments = self.MOMENTS if form == "least" else 0
        return super().options(form) | {
            "signals": form == "signals",
            "observer": form == "observer",
            "moments": moments,
        }


class Queue(Scenario):
    """A pool of 100 connections with few and with many requests that wait for one."""

    name, title = "queue", "Waiting for a pool of 100"
    peers = ("floor", *SESSIONS)
    forms = ("10 waiting", "10000 waiting")
    loops = loops.available()[:1]
    most_rounds = 5

    @contextmanager
    def start(self, entrant: Entrant, port: int, pace: Pace) -> Iterator[Measure]:
        client = entrant.start(port, limit=100)
        concurrency = 100 + int(entrant.form.split()[0])
        try:
            client.do("requests", kind="small", count=1000, concurrency=100)
            yield QueueRounds(client, concurrency, 20_000)
        finally:
            client.close()


class QueueRounds:
    def __init__(self, client: Client, concurrency: int, count: int) -> None:
        self.client, self.concurrency, self.count = client, concurrency, count

    def __call__(self) -> Sample:
        return per_request(self.client.do("steady", count=self.count, concurrency=self.concurrency))


class Turns(Scenario):
    """What the pool itself does for a request, with few and with many that wait."""

    name, title = "turns", "A place of a pool of 100 given back and asked for"
    peers = ("httptrace",)
    forms = ("10 waiting", "10000 waiting")
    loops = loops.available()[:1]

    @contextmanager
    def start(self, entrant: Entrant, port: int, pace: Pace) -> Iterator[Measure]:
        client = entrant.start(port)
        waiting = int(entrant.form.split()[0])
        try:
            yield lambda: per_request(client.do("turns", count=100_000, waiting=waiting))
        finally:
            client.close()


class Stream(Scenario):
    """One long body: MiB per second, CPU per MiB, and by how much memory grew at its peak."""

    most_rounds = 5

    def __init__(
        self,
        name: str,
        title: str,
        *,
        job: str,
        mebibytes: int = 256,
        names: tuple[str, ...] = peers.NAMES,
        quick: tuple[str, ...] = (),
    ) -> None:
        self.name, self.title, self.peers, self.quick_peers = name, title, names, quick
        self.job, self.mebibytes = job, mebibytes

    @contextmanager
    def start(self, entrant: Entrant, port: int, pace: Pace) -> Iterator[Measure]:
        client = entrant.start(port)
        try:
            client.do(self.job, size=16 * MIB)
            yield StreamRounds(client, self.job, (64 if pace.quick else self.mebibytes) * MIB)
        finally:
            client.close()


class StreamRounds:
    def __init__(self, client: Client, job: str, size: int) -> None:
        self.client, self.job, self.size = client, job, size

    def __call__(self) -> Sample:
        figures = self.client.do(self.job, size=self.size)
        mebibytes = figures["bytes"] / MIB
        return {
            "mib_s": mebibytes / figures["wall"],
            "cpu_us_mib": figures["cpu"] / mebibytes * 1e6,
            "peak_mib": figures["peak_growth"] / MIB,
        }


class Footprint(Scenario):
    """What one idle connection or one waiting request holds, in a fresh process each round.

    The bytes that Python allocated are counted by tracemalloc; the resident ones belong to a
    second process without it, because counting takes memory itself.
    """

    peers = SESSIONS
    loops = (loops.ASYNCIO,)
    most_rounds = 3

    def __init__(self, name: str, title: str, *, job: str, limit: int, count: int) -> None:
        self.name, self.title, self.job, self.limit, self.count = name, title, job, limit, count

    @contextmanager
    def start(self, entrant: Entrant, port: int, pace: Pace) -> Iterator[Measure]:
        yield FootprintRounds(self, entrant, port)


class FootprintRounds:
    def __init__(self, scenario: Footprint, entrant: Entrant, port: int) -> None:
        self.scenario, self.entrant, self.port = scenario, entrant, port

    def __call__(self) -> Sample:
        traced, plain = self.measure(traced=True), self.measure(traced=False)
        return {"traced_bytes": traced["traced"], "resident_bytes": plain["resident"]}

    def measure(self, *, traced: bool) -> Sample:
        limit = self.scenario.limit
        client = self.entrant.start(self.port, limit=limit, tracemalloc=traced)
        try:
            client.do("requests", kind="small", count=50, concurrency=1)
            return client.do(self.scenario.job, count=self.scenario.count)
        finally:
            client.close()


class Flat(Scenario):
    """By how much a client grows over many requests, once it is warm."""

    quick_peers = ("httptrace",)
    name, title = "flat", "Memory over 50,000 requests, 32 at a time"
    peers = ("httptrace", "aiohttp", "pyreqwest")
    loops = loops.available()[:1]
    most_rounds = 1

    @contextmanager
    def start(self, entrant: Entrant, port: int, pace: Pace) -> Iterator[Measure]:
        client = entrant.start(port)
        try:
            yield FlatRounds(client, 10_000 if pace.quick else 50_000)
        finally:
            client.close()


class FlatRounds:
    def __init__(self, client: Client, count: int) -> None:
        self.client, self.count = client, count

    def __call__(self) -> Sample:
        self.client.do("requests", kind="small", count=5_000, concurrency=32)
        before = self.client.do("footprint")
        self.client.do("requests", kind="small", count=self.count, concurrency=32)
        after = self.client.do("footprint")
        return {
            "growth_kib": (after["resident"] - before["resident"]) / 1024,
            "blocks": after["blocks"] - before["blocks"],
        }


class Import(Scenario):
    """How long a fresh interpreter takes to have a client's class, its own start left out."""

    quick_peers = SESSIONS
    name, title = "import", "Import in a fresh interpreter"
    peers = tuple(name for name in peers.NAMES if name != "floor")
    loops = (loops.ASYNCIO,)

    @contextmanager
    def start(self, entrant: Entrant, port: int, pace: Pace) -> Iterator[Measure]:
        measure = ImportRounds(entrant.peer)
        measure()  # writes the compiled files, fills the page cache, and raises Missing
        yield measure


class ImportRounds:
    PROGRAM = (
        "import time; cpu, wall = time.process_time(), time.perf_counter(); from {} import {};"
        "print(time.process_time() - cpu, time.perf_counter() - wall)"
    )
    # By name, so that a package which puts its imports off does not win by it.
    CLASSES: ClassVar = {
        "httptrace": ("httptrace", "ClientSession, TCPConnector, TraceConfig"),
        "aiohttp": ("aiohttp", "ClientSession, TCPConnector, TraceConfig"),
        "pyreqwest": ("pyreqwest.client", "ClientBuilder"),
        "httpx": ("httpx", "AsyncClient"),
        "niquests": ("niquests", "AsyncSession"),
    }

    def __init__(self, peer: str) -> None:
        self.command = [sys.executable, "-c", self.PROGRAM.format(*self.CLASSES[peer])]

    def __call__(self) -> Sample:
        done = subprocess.run(self.command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise Missing(f"missing: {done.stderr.strip().splitlines()[-1]}")
        cpu, wall = map(float, done.stdout.split())
        return {"cpu_ms": cpu * 1e3, "wall_ms": wall * 1e3}


class WebSockets(Scenario):
    """Messages of 1 KiB there and back, so many at a time: messages per second, CPU for each."""

    peers = websocket.PEERS

    def __init__(self, concurrency: int, *, quick: tuple[str, ...] = ()) -> None:
        self.name = f"websocket-{concurrency}"
        self.title = f"1 KiB there and back over WebSockets, {concurrency} at a time"
        self.concurrency, self.quick_peers = concurrency, quick

    def entrants(self, chosen: tuple[str, ...], on: tuple[str, ...]) -> list[Entrant]:
        """Return who takes part; websockets, which has no other scenario, if all were asked."""
        return super().entrants((*chosen, "websockets") if chosen == peers.NAMES else chosen, on)

    @contextmanager
    def start(self, entrant: Entrant, port: int, pace: Pace) -> Iterator[Measure]:
        with websocket.Process("server") as server:
            way = (entrant.peer, entrant.loop, server.read(), self.concurrency)
            with websocket.Process("client", *way) as client:
                client.read()
                client.ask(2_000)  # fills caches
                yield partial(client.ask, 4_000 if pace.quick or self.concurrency == 1 else 16_000)


ALL: tuple[Scenario, ...] = (
    Requests("get-1", "GET of 40 bytes, 1 at a time", concurrency=1),
    Requests("get-32", "GET of 40 bytes, 32 at a time", quick=SWIFT),
    Requests("get-1000", "GET of 40 bytes, 1,000 at a time", concurrency=1000, names=BRISK),
    Signals(
        "signals", "The same, listened to in several ways", names=SESSIONS, quick=("httptrace",)
    ),
    Requests("post-json", "POST of 1 KiB JSON and back, 32 at a time", kind="post", quick=SESSIONS),
    Requests("get-64k", "GET of 64 KiB, 32 at a time", kind="64k"),
    Stream("stream-in", "A body of 256 MiB streamed in", job="download", quick=SESSIONS),
    Stream("stream-out", "A body of 256 MiB streamed out", job="upload"),
    Stream(
        "multipart",
        "A file of 64 MiB uploaded in a form",
        job="multipart",
        mebibytes=64,
        names=SESSIONS,
    ),
    Stream(
        "pipe",
        "A response of 256 MiB sent on as a request's body",
        job="pipe",
        names=SESSIONS,
    ),
    Turns(),
    Queue(),
    Footprint("idle", "Memory of an idle connection", job="idle", limit=2000, count=2000),
    Footprint("waiting", "Memory of a waiting request", job="waiting", limit=1, count=5000),
    Flat(),
    Import(),
    WebSockets(1),
    WebSockets(32, quick=SESSIONS),
)
