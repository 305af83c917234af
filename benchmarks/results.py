"""What was measured: samples by scenario and entrant, and the figures made of them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

Sample = dict[str, float]


@dataclass
class Line:
    """The samples of one entrant in the order of the rounds, or why there are no more."""

    samples: list[Sample] = field(default_factory=list)
    missing: str = ""

    def median(self, metric: str) -> float | None:
        """Return the median over the rounds, None without a sample."""
        values = self.values(metric)
        return statistics.median(values) if values else None

    def spread(self, metric: str) -> float | None:
        """Return the distance between the quartiles as a part of the median."""
        values = self.values(metric)
        if len(values) < 4:
            return None
        low, middle, high = statistics.quantiles(values, n=4)
        return (high - low) / middle if middle else None

    def values(self, metric: str) -> list[float]:
        return [sample[metric] for sample in self.samples if metric in sample]


@dataclass
class Table:
    """One scenario's lines, by the entrants' keys."""

    name: str
    title: str
    lines: dict[str, Line] = field(default_factory=dict)

    def metrics(self) -> list[str]:
        """Return what was measured, in the order in which the scenario gives it."""
        for line in self.lines.values():
            if line.samples:
                return list(line.samples[0])
        return []

    def ratio(self, metric: str, one: str, other: str) -> float | None:
        """Return the median of one entrant's share of another's, round by round.

        The two samples of a round are taken within a moment of each other, so what slows the
        machine down for a while slows both.
        """
        ours, theirs = (self.lines.get(key, Line()).values(metric) for key in (one, other))
        shares = [a / b for a, b in zip(ours, theirs, strict=False) if b]
        return statistics.median(shares) if shares else None

    def ratio_of_differences(
        self, metric: str, ours: tuple[str, str], theirs: tuple[str, str]
    ) -> float | None:
        """Return how much more the first of one pair has than the second, over the other pair's.

        The medians of the differences of each round are taken first: a single one may be near zero.
        """
        added, theirs_added = (self.difference(metric, *pair) for pair in (ours, theirs))
        return None if added is None or not theirs_added else added / theirs_added

    def difference(self, metric: str, one: str, other: str) -> float | None:
        """Return the median over the rounds of what one entrant has more than the other."""
        ours, theirs = (self.lines.get(key, Line()).values(metric) for key in (one, other))
        more = [a - b for a, b in zip(ours, theirs, strict=False)]
        return statistics.median(more) if more else None

    def median(self, metric: str, key: str) -> float | None:
        """Return an entrant's median, None if it did not take part."""
        return self.lines.get(key, Line()).median(metric)


Results = dict[str, Table]
