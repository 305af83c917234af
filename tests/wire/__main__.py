"""`python -m tests.wire`: how far timelines are from the wire, for each boundary.

A star marks what is beyond its bound (`bounds.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import defaultdict

from tests.conftest import loop_factories

from .link import WireMissing
from .scenarios import SCENARIOS, Scenario, measure, undisturbed, warm_up
from .site import Site, site
from .table import HEAD, by_boundary, rows, spread


def main() -> int:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m tests.wire", description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of the names of scenarios; default: all")
    parser.add_argument("--times", type=int, default=20, help="requests of each kind (20)")
    parser.add_argument("--loop", choices=loop_factories(), help="one event loop only")
    options = parser.parse_args()
    loops = [options.loop] if options.loop else [*loop_factories()]
    chosen = [s for s in SCENARIOS if not options.names or any(n in s.name for n in options.names)]
    try:
        with site() as far, undisturbed(far) as real_time:
            print(f"{options.times} requests each; real-time priority: {real_time}")
            for loop in loops:
                _measure(far, chosen, loop, options.times)
    except WireMissing as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _measure(far: Site, scenarios: list[Scenario], loop: str, times: int) -> None:
    """Print the tables of one loop: by scenario, and all together."""
    everything = defaultdict[str, list[float]](list)
    with asyncio.Runner(loop_factory=loop_factories()[loop]) as runner:
        runner.run(warm_up(far))
        print(f"\n{loop}\n{HEAD}")
        for scenario in scenarios:
            for rtt_ms in scenario.rtts_ms:
                found = by_boundary(runner.run(measure(far, scenario, rtt_ms, times)))
                print(f"{scenario.name}, round trip {rtt_ms:g} ms", flush=True)
                print(*rows(scenario.name, found), sep="\n", flush=True)
                for boundary, values in found.items():
                    everything[boundary] += values
    print("all together")
    for boundary, values in everything.items():
        p50, p99 = spread(values)
        print(f"  {boundary:<30}{p50:>9.3f}{p99:>9.3f}{len(values):>8} requests")


if __name__ == "__main__":
    sys.exit(main())
