"""`Finding`: one reason why requests took long."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason why a request took long: what it cost, how that is known, and what to do.

    The rules are pure functions of the timeline. What they cannot know for certain they say so.
    """

    code: str
    """The kind of finding, such as ``pool_wait``: stable, for programs."""
    seconds: float
    """The time that it cost; of several requests, in all."""
    hop: int
    """The number of the hop, from 1; of several requests, in the one that lost most."""
    evidence: str
    """What was seen, with figures; of several requests, in the one that lost most."""
    advice: str
    """What can be done."""
    where: str | None = None
    """The line of the program that caused it, as file, line and function; None if not known."""
    hosts: tuple[str, ...] = ()
    """The hosts of the requests, with the port if it is not the scheme's."""
    count: int = 1
    """How many requests it is about."""

    def __str__(self) -> str:
        many = "" if self.count == 1 else f" in {self.count} requests"
        return f"{duration(self.seconds)} {self.code}{many}: {self.evidence}"

    def to_dict(self) -> dict[str, Any]:
        """The finding for JSON."""
        return {**asdict(self), "hosts": list(self.hosts)}


def duration(seconds: float) -> str:
    """A time for people, with two or three digits."""
    if seconds < 0.0009995:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 0.9995:
        ms = seconds * 1e3
        return f"{ms:.{1 if ms < 9.95 else 0}f} ms"
    return f"{seconds:.{2 if seconds < 9.995 else 1}f} s"


def size(count: float) -> str:
    """A number of bytes for people, in powers of ten."""
    unit = 0
    while count >= 999.5 and unit < 3:
        count, unit = count / 1000, unit + 1
    return f"{count:.{1 if unit and count < 9.95 else 0}f} {('B', 'kB', 'MB', 'GB')[unit]}"


def number(count: int, one: str) -> str:
    """A number of things, in the singular or plural."""
    return f"{count or 'no'} {one}{'s' if count > 1 else ''}"


def in_short(where: str) -> str:
    """A line of the program without the directory of its file."""
    path, _, rest = where.rpartition(":")
    return f"{Path(path).name}:{rest}"
