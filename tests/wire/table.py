"""How measured errors are told: percentiles, and the rows of a table."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .bounds import bound_ms
from .errors import errors
from .scenarios import Run

HEAD = f"{'ours minus the wire, ms':<32}{'p50':>9}{'p99':>9}{'bound':>8}"


class Spread(NamedTuple):
    """The median of errors, and that at the 99th percentile of their sizes, with its sign."""

    p50: float
    p99: float


def spread(values: Iterable[float]) -> Spread:
    """The spread of errors in milliseconds; of fewer than a hundred, `p99` is the worst."""
    values = sorted(values)
    by_size = sorted(values, key=abs)
    return Spread(values[(len(values) - 1) // 2], by_size[math.ceil(len(values) * 0.99) - 1])


def by_boundary(runs: Iterable[Run]) -> dict[str, list[float]]:
    """The errors of all runs, for each boundary that they had."""
    found = defaultdict[str, list[float]](list)
    for run in runs:
        for boundary, error in errors(run.seen).items():
            found[boundary].append(error)
    return dict(found)


def rows(scenario: str, found: dict[str, list[float]]) -> Iterator[str]:
    """A row for each boundary; marked are those beyond the bound."""
    for boundary, values in found.items():
        bound = bound_ms(scenario, boundary)
        p50, p99 = spread(values)
        mark = "" if abs(p99) <= bound else " *"
        yield f"  {boundary:<30}{p50:>9.3f}{p99:>9.3f}{bound:>8.3g}{mark}"
