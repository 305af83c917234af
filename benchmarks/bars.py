"""The figures that httptrace must hold, and those it aims for, each declared once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .results import Results

Verdict = Literal["PASS", "FAIL", "not measured"]


@dataclass(frozen=True)
class Bar:
    """A limit on an entrant's median, or, with `against`, on its ratio to another's.

    With `beyond`, two pairs of entrants, the limit is on the ratio of two differences: what the
    first entrant of a pair takes beyond the second, for one pair over the other.

    An `aim` is worth reaching but fails nothing.
    """

    text: str
    table: str
    metric: str
    limit: float
    entrant: str = "httptrace/uvloop"
    against: str = ""
    beyond: tuple[tuple[str, str], tuple[str, str]] | None = None
    at_least: bool = False
    aim: bool = False

    def value(self, results: Results) -> float | None:
        """Return the figure that is held against the limit, None if it was not measured."""
        table = results.get(self.table)
        if table is None:
            return None
        if self.beyond is not None:
            return table.ratio_of_differences(self.metric, *self.beyond)
        if self.against:
            return table.ratio(self.metric, self.entrant, self.against)
        return table.median(self.metric, self.entrant)

    def verdict(self, results: Results) -> Verdict:
        """Hold the figure against the limit."""
        value = self.value(results)
        if value is None:
            return "not measured"
        holds = value >= self.limit if self.at_least else value <= self.limit
        return "PASS" if holds else "FAIL"

    def broken(self, results: Results) -> bool:
        """Tell whether the limit is not held, or its entrant took part and gave no figure."""
        verdict = self.verdict(results)
        took_part = self.table in results and self.entrant in results[self.table].lines
        return verdict == "FAIL" or (verdict == "not measured" and took_part)


OURS, THEIRS = "httptrace/uvloop", "aiohttp/uvloop"
FLOOR, RUST = "floor/uvloop", "pyreqwest/uvloop"

ALL: tuple[Bar, ...] = (
    Bar("GET x32: CPU of aiohttp's", "get-32", "cpu_us", 0.25, against=THEIRS),
    Bar("GET x32: CPU of pyreqwest's", "get-32", "cpu_us", 0.8, against=RUST),
    Bar("GET x32: CPU of the floor's", "get-32", "cpu_us", 2.0, against=FLOOR, aim=True),
    Bar("GET x1: CPU of aiohttp's", "get-1", "cpu_us", 0.25, against=THEIRS, aim=True),
    Bar("GET x1000: CPU of aiohttp's", "get-1000", "cpu_us", 0.25, against=THEIRS, aim=True),
    Bar(
        "GET x32 on asyncio: CPU of aiohttp's",
        "get-32",
        "cpu_us",
        0.5,
        entrant="httptrace/asyncio",
        against="aiohttp/asyncio",
        aim=True,
    ),
    Bar(
        "the end of requests observed: CPU of without",
        "signals",
        "cpu_us",
        1.15,
        entrant="httptrace/uvloop/observer",
        against=OURS,
    ),
    Bar(
        "the end of requests observed: CPU of without",
        "signals",
        "cpu_us",
        1.1,
        entrant="httptrace/uvloop/observer",
        against=OURS,
        aim=True,
    ),
    Bar(
        "every signal listened to: CPU of without",
        "signals",
        "cpu_us",
        1.5,
        entrant="httptrace/uvloop/signals",
        against=OURS,
    ),
    Bar(
        "every signal listened to: added CPU of what aiohttp's adds",
        "signals",
        "cpu_us",
        1.0,
        entrant="httptrace/uvloop/signals",
        beyond=(("httptrace/uvloop/signals", OURS), ("aiohttp/uvloop/signals", THEIRS)),
    ),
    Bar("POST of JSON: CPU of aiohttp's", "post-json", "cpu_us", 0.5, against=THEIRS, aim=True),
    Bar("GET of 64 KiB: CPU of aiohttp's", "get-64k", "cpu_us", 1.0, against=THEIRS, aim=True),
    Bar("streamed in: rate of aiohttp's", "stream-in", "mib_s", 1.0, against=THEIRS, at_least=True),
    Bar("streamed in: growth at the peak, MiB", "stream-in", "peak_mib", 8.0),
    Bar(
        "streamed out: rate of aiohttp's",
        "stream-out",
        "mib_s",
        1.0,
        against=THEIRS,
        at_least=True,
        aim=True,
    ),
    Bar("streamed out: growth at the peak, MiB", "stream-out", "peak_mib", 8.0),
    Bar("a file in a form: growth at the peak, MiB", "multipart", "peak_mib", 8.0),
    Bar("sent on: growth at the peak, MiB", "pipe", "peak_mib", 8.0),
    Bar(
        "10,000 waiting: the pool's CPU of with 10",
        "turns",
        "cpu_us",
        1.25,
        entrant="httptrace/uvloop/10000 waiting",
        against="httptrace/uvloop/10 waiting",
    ),
    Bar(
        "10,000 waiting: a request's CPU of with 10",
        "queue",
        "cpu_us",
        1.25,
        entrant="httptrace/uvloop/10000 waiting",
        against="httptrace/uvloop/10 waiting",
        aim=True,
    ),
    Bar(
        "idle connection: bytes of aiohttp's",
        "idle",
        "traced_bytes",
        1.0,
        entrant="httptrace/asyncio",
        against="aiohttp/asyncio",
    ),
    Bar(
        "waiting request: bytes of aiohttp's",
        "waiting",
        "traced_bytes",
        1.0,
        entrant="httptrace/asyncio",
        against="aiohttp/asyncio",
    ),
    Bar("50,000 requests: growth, KiB", "flat", "growth_kib", 1024.0),
    Bar("50,000 requests: blocks kept", "flat", "blocks", 2000.0),
    Bar(
        "import: CPU of aiohttp's",
        "import",
        "cpu_ms",
        0.5,
        entrant="httptrace/asyncio",
        against="aiohttp/asyncio",
    ),
    Bar(
        "WebSockets x32 on asyncio: rate of aiohttp's",
        "websocket-32",
        "messages_s",
        1.3,
        entrant="httptrace/asyncio",
        against="aiohttp/asyncio",
        at_least=True,
    ),
    Bar(  # an aim: the floor itself has little more
        "WebSockets x32: rate of aiohttp's",
        "websocket-32",
        "messages_s",
        1.3,
        against=THEIRS,
        at_least=True,
        aim=True,
    ),
)
