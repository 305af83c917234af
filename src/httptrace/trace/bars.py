"""Bars of a waterfall: from times to columns of text, in eighths of a column."""

from __future__ import annotations

from typing import NamedTuple

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_STARTS = "█▐▐▐▐▕▕▕"
"""The first cell of a bar, by the eighth of a column in which it begins: never before that."""
_SLIVERS = "▏││││▕▕▕"
"""A bar that is too short for a cell, by the eighth: never right of the bar that follows."""
LATE = "▒"
"""A cell in which received data waited for the event loop."""
SAID = "░"
"""A cell of a bar whose place is not known, only its length."""

_UNITS: tuple[tuple[int, float, int, str], ...] = (
    (10**6, 1e3, 0, "µs"),
    (10**7, 1e6, 3, "ms"),
    (10**8, 1e6, 2, "ms"),
    (10**10, 1e6, 1, "ms"),
    (10**30, 1e9, 2, "s"),
)
"""For totals below so many nanoseconds: the divisor, the decimals and the unit."""


class Scale(NamedTuple):
    """Turns times into text and columns; all have the same unit, so that they can be compared."""

    start_ns: int
    total_ns: int
    columns: int
    divisor: float
    decimals: int
    unit: str

    def duration(self, ns: int) -> str:
        number = ns / self.divisor
        least = 10**-self.decimals
        text = f"<{least:.{self.decimals}f}" if 0 < number < least / 2 else ""
        return f"{text or f'{number:.{self.decimals}f}'} {self.unit}"

    def eighth(self, ns: int) -> int:
        """The position of a time, in eighths of a column."""
        return round((ns - self.start_ns) * self.columns * 8 / max(1, self.total_ns))


def scale_of(start_ns: int, total_ns: int, columns: int) -> Scale:
    """The scale for a picture of so many columns."""
    _, divisor, decimals, unit = next(row for row in _UNITS if total_ns < row[0])
    return Scale(start_ns, total_ns, columns, divisor, decimals, unit)


def bar(scale: Scale, start_ns: int, end_ns: int) -> str:
    """A bar between two times; at least the thinnest one."""
    start, end = scale.eighth(start_ns), scale.eighth(end_ns)
    column, first = divmod(start, 8)
    whole, last = divmod(end, 8)
    if column >= scale.columns:
        return " " * (scale.columns - 1) + "▕"
    if end <= start or (whole == column and first):
        return " " * column + _SLIVERS[first]
    if whole == column:
        return " " * column + _EIGHTHS[last]
    blocks = _STARTS[first] + "█" * (whole - column - 1) + (_EIGHTHS[last] if last else "")
    return " " * column + blocks


def shaded(drawn: str, scale: Scale, start_ns: int, end_ns: int, shade: str) -> str:
    """A bar whose whole cells between two times are shaded."""
    first, last = -(-scale.eighth(start_ns) // 8), scale.eighth(end_ns) // 8
    part = drawn[first:last]
    return drawn[:first] + shade * len(part) + drawn[last:] if part else drawn
