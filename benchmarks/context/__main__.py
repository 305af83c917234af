"""Run with ``python -m benchmarks.context``: a table of times and ratios, and JSON with ``--json``.

Each figure is the best of many short rounds; the rounds of all entrants are interleaved, so that a
change of the machine's speed meets all of them. A loop that does nothing is subtracted.
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path

from benchmarks.context.clock import measure
from benchmarks.context.middleware import ALONE, IN_MIDDLEWARE, middleware_entries
from benchmarks.context.values import BARE, GET, groups

BARS = (
    ("get", "httptrace Local", BARE, 2.0),
    ("get", "httptrace Local", "werkzeug Local", 1.0),
    ("get", "httptrace Local", "asgiref Local", 1.0),
)
"""What is read often is held to a bar. A write copies the values, so that a child task's stay its
own: it is shown beside the others'."""


MIDDLEWARE_BAR_NS = 6000
"""What `ContextMiddleware` may add to a request."""


def main() -> int:
    """Measure, print the tables, and tell by the exit code whether the bars hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.context", description=__doc__)
    parser.add_argument("--rounds", type=int, default=300, help="rounds of each entrant")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    arguments = parser.parse_args()
    figures = {name: measure(group, arguments.rounds) for name, group in groups().items()}
    figures["one request through the middleware"] = middleware_entries(arguments.rounds)
    for name, group in figures.items():
        print_group(name, group)
    held = [check(figures, *bar) for bar in BARS]
    held.append(check_middleware(figures["one request through the middleware"]))
    if arguments.json:
        arguments.json.write_text(json.dumps(report(figures, held), indent=2) + "\n")
    return 0 if all(bar["holds"] for bar in held) else 1


def print_group(name: str, group: dict[str, float]) -> None:
    """A table; ratios are to the first line."""
    base = next(iter(group.values()))
    print(f"\n{name}")
    for entrant, nanoseconds in group.items():
        print(f"  {entrant:<42}{nanoseconds:>10,.0f} ns {nanoseconds / base:>8.2f} x")


def check(
    figures: dict[str, dict[str, float]], group: str, ours: str, peer: str, bar: float
) -> dict[str, object]:
    """Hold one figure against its bar and print the verdict."""
    name = {"get": GET}[group]
    ratio = figures[name][ours] / figures[name][peer]
    verdict = "holds" if ratio <= bar else "MISSED"
    print(f"\n{group}: {ratio:.2f} x {peer} (bar {bar:g}): {verdict}", end="")
    return {"group": name, "peer": peer, "ratio": ratio, "bar": bar, "holds": ratio <= bar}


def check_middleware(figures: dict[str, float]) -> dict[str, object]:
    """Hold what the ASGI middleware adds to a request against its bar and print the verdict."""
    added = figures[IN_MIDDLEWARE] - figures[ALONE]
    verdict = "holds" if added <= MIDDLEWARE_BAR_NS else "MISSED"
    print(f"\n{IN_MIDDLEWARE}: {added:,.0f} ns more (bar {MIDDLEWARE_BAR_NS:,}): {verdict}", end="")
    return {
        "group": IN_MIDDLEWARE,
        "added": added,
        "bar": MIDDLEWARE_BAR_NS,
        "holds": added <= MIDDLEWARE_BAR_NS,
    }


def report(
    figures: dict[str, dict[str, float]], held: list[dict[str, object]]
) -> dict[str, object]:
    """What the JSON file holds."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "unit": "ns",
        "figures": figures,
        "bars": held,
    }


if __name__ == "__main__":
    result = main()
    print()
    raise SystemExit(result)
