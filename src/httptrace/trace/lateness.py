"""`Lateness`: a histogram of durations, of which it keeps little more than the order of size."""

from __future__ import annotations

from math import ceil

_BITS = 4
"""How many leading binary digits are kept: a bound is at most an eighth above the value."""
_MOST_MOMENTS = 10_000
"""How many moments one delay can count for."""


class Lateness:
    """How often something was how late, in nanoseconds."""

    __slots__ = ("_counts", "count", "worst_ns")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.count = 0
        self.worst_ns = 0

    def add(self, late_ns: int, interval_ns: int) -> None:
        """Count what was seen by a look that comes every `interval_ns`.

        While it was late it could not look: the moments that it missed are counted as well, or else
        a loop that stands still half of the time would look late once in a while.
        """
        self.worst_ns = max(self.worst_ns, late_ns)
        last_ns = max(0, late_ns - _MOST_MOMENTS * interval_ns)
        for missed_ns in range(late_ns, last_ns, -interval_ns) if late_ns else (0,):
            bound_ns = _bound(missed_ns)
            self._counts[bound_ns] = self._counts.get(bound_ns, 0) + 1
            self.count += 1

    def buckets(self) -> list[tuple[int, int]]:
        """Upper bounds, and how many values lie between each and the one before it."""
        return sorted(self._counts.items())

    def percentile_ns(self, percent: float) -> int:
        """A bound that so many percent of the values do not exceed; 0 if there are none."""
        if isinstance(percent, bool) or not 0 <= percent <= 100:
            raise ValueError(f"percent must be a number from 0 to 100, not {percent!r}")
        wanted, seen = ceil(self.count * percent / 100), 0
        for bound_ns, count in self.buckets():
            seen += count
            if seen >= wanted:
                return min(bound_ns, self.worst_ns)
        return 0


def _bound(value: int) -> int:
    """The largest number that has the same length and leading digits."""
    rest = max(0, value.bit_length() - _BITS)
    return value | ((1 << rest) - 1)
