"""Times short pieces of code against each other."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

LOOPS = 1000


class Entry(NamedTuple):
    """One piece of code: a statement and the object that it calls ``o``."""

    statement: str
    target: Any


def measure(entries: dict[str, Entry], rounds: int) -> dict[str, float]:
    """Nanoseconds of each statement, best of `rounds`, without the loop around it."""
    compiled = {name: (_loop_of(entry.statement), entry.target) for name, entry in entries.items()}
    compiled[""] = (_loop_of("o"), None)
    best = dict.fromkeys(compiled, float("inf"))
    for _ in range(rounds):
        for name, (loop, target) in compiled.items():
            start = time.perf_counter_ns()
            loop(target)
            best[name] = min(best[name], (time.perf_counter_ns() - start) / LOOPS)
    empty = best.pop("")
    return {name: max(figure - empty, 0.1) for name, figure in best.items()}


def _loop_of(statement: str) -> Callable[[Any], None]:
    """A function that runs the statement: locals cost the same in every entrant."""
    body = "\n".join(f"        {line}" for line in statement.splitlines())
    namespace: dict[str, Any] = {}
    exec(f"def loop(o):\n    for _ in range({LOOPS}):\n{body}\n", namespace)
    loop: Callable[[Any], None] = namespace["loop"]
    return loop
