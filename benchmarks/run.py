"""One run: every scenario that was asked for, its entrants interleaved round by round."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from . import loops, peers, report, scenarios
from .entrants import Entrant
from .processes import Failed, Missing, Server
from .results import Line, Results, Table
from .scenarios import Measure, Pace, Scenario

RESULTS = Path(__file__).with_name("results.json")


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [scenario.name for scenario in scenarios.ALL]
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=names, help=", ".join(names))
    parser.add_argument(
        "--peers", type=names_of((*peers.NAMES, "websockets")), help="e.g. floor,httptrace,aiohttp"
    )
    parser.add_argument("--loops", type=names_of((loops.UVLOOP, loops.ASYNCIO)))
    parser.add_argument("--rounds", type=int, help="rounds for each entrant (7, quick: 3)")
    parser.add_argument("--quick", action="store_true", help="under half a minute, rough figures")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a bar fails")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the JSON goes")
    return parser.parse_args(given)


def names_of(known: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    """Return a type for names separated by commas, each of them known."""

    def parse(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
        return names

    return parse


def measure(scenario: Scenario, entrants: list[Entrant], port: int, pace: Pace) -> Table:
    """Open every entrant, then let them take turns, one round each, until all rounds are done."""
    table = Table(scenario.name, scenario.title)
    rounds = min(pace.rounds, scenario.most_rounds or pace.rounds)
    with ExitStack() as stack:
        ready = {
            entrant.key: start(stack, scenario, entrant, port, pace, table) for entrant in entrants
        }
        for number in range(rounds):
            say(f"{scenario.name}: round {number + 1} of {rounds}")
            for key, turn in ready.items():
                take_turn(table.lines[key], turn)
    say("")
    return table


def start(
    stack: ExitStack, scenario: Scenario, entrant: Entrant, port: int, pace: Pace, table: Table
) -> Measure | None:
    """Make an entrant ready; one that can't be had keeps its line in the table with the reason."""
    line = table.lines[entrant.key] = Line()
    say(f"{scenario.name}: {entrant.key}")
    try:
        return stack.enter_context(scenario.start(entrant, port, pace))
    except (Missing, Failed) as error:
        line.missing = str(error)
        return None


def take_turn(line: Line, turn: Measure | None) -> None:
    """Take one sample. An entrant that failed once keeps its samples, and why it has no more."""
    if turn is None or line.missing:
        return
    try:
        line.samples.append(turn())
    except (Missing, Failed) as error:
        line.missing = str(error)


def say(text: str) -> None:
    """Show on a terminal how far the run has come."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def chosen(options: argparse.Namespace) -> list[Scenario]:
    if options.only:
        return [scenario for scenario in scenarios.ALL if scenario.name in options.only]
    return [scenario for scenario in scenarios.ALL if scenario.quick_peers or not options.quick]


def main(given: list[str] | None = None) -> int:
    """Run, print the tables and the bars, write the JSON; 1 if `--strict` and a bar fails."""
    options = arguments(given)
    quick = options.quick
    pace = Pace(options.rounds or (3 if quick else 7), 0.1 if quick else 0.3, quick)
    on = options.loops or (loops.available()[:1] if quick else loops.available())
    began = time.perf_counter()
    results: Results = {}
    with Server() as server:
        for scenario in chosen(options):
            names = options.peers or (quick and scenario.quick_peers) or peers.NAMES
            if entrants := scenario.entrants(names, on):
                table = measure(scenario, entrants, server.port, pace)
                results[scenario.name] = table
                print(report.table(table), flush=True)
    print(report.verdicts(results))
    seconds = time.perf_counter() - began
    run = {"rounds": pace.rounds, "quick": quick, "seconds": round(seconds, 1)}
    report.write(results, options.output, run)
    print(f"\n{seconds:.0f} s; every sample is in {options.output}")
    return 1 if options.strict and report.failures(results) else 0
