"""Where the time of a small request goes: `python -m benchmarks.profile_get`.

Runs many GETs of 40 bytes, 32 at a time, under the sampling profiler; `--exact` uses cProfile
instead, which counts calls but makes each of them look dearer than it is.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats

from . import cores, jobs, loops, peers
from .peers.base import Peer, Setup
from .processes import HOST, Server
from .sampling import Sampler


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile_get", description=__doc__)
    parser.add_argument("--peer", default="httptrace", choices=peers.NAMES)
    parser.add_argument("--loop", default=loops.available()[0], choices=loops.available())
    parser.add_argument("--kind", default="small", choices=["small", "post", "64k"])
    parser.add_argument("--count", type=int, default=50_000, help="requests to make")
    parser.add_argument("--concurrency", type=int, default=32, help="requests at a time")
    parser.add_argument("--limit", type=int, help="connections (as many as requests at a time)")
    parser.add_argument("--signals", action="store_true", help="listen to every signal")
    parser.add_argument("--observer", action="store_true", help="observe the end of requests")
    parser.add_argument("--exact", action="store_true", help="cProfile in place of sampling")
    parser.add_argument("--top", type=int, default=30, help="entries to print")
    return parser.parse_args(given)


def run(
    loop: asyncio.AbstractEventLoop, peer: Peer, options: argparse.Namespace, count: int
) -> str:
    figures = loop.run_until_complete(
        jobs.requests(peer, kind=options.kind, count=count, concurrency=options.concurrency)
    )
    return f"{figures['cpu'] / count * 1e6:.1f} µs CPU per request"


def profile(loop: asyncio.AbstractEventLoop, peer: Peer, options: argparse.Namespace) -> None:
    """Print what a request costs undisturbed, then what the profiler saw."""
    run(loop, peer, options, max(options.count // 10, options.concurrency))
    print(f"{options.peer} on {options.loop}: {run(loop, peer, options, options.count)}\n")
    if options.exact:
        with cProfile.Profile() as profiler:
            run(loop, peer, options, options.count)
        pstats.Stats(profiler).sort_stats("tottime").print_stats(options.top)
        return
    with Sampler() as sampler:
        run(loop, peer, options, options.count)
    print(sampler.report(options.top))


def main(given: list[str] | None = None) -> None:
    options = arguments(given)
    with Server() as server:
        cores.pin(cores.CLIENT)
        loop = loops.new_loop(options.loop)
        limit = options.limit or max(100, options.concurrency)
        setup = Setup(HOST, server.port, limit, options.signals, observer=options.observer)
        peer = peers.load(options.peer)(setup)
        loop.run_until_complete(peer.open())
        profile(loop, peer, options)
        loop.run_until_complete(peer.close())


if __name__ == "__main__":
    main()
