"""The Server-Timing header: what a server says about its own time (W3C Server Timing)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from math import inf
from typing import NamedTuple

from .mime import TOKEN, unquote

_MOST = 100
"""How many metrics of one response are kept."""

_INSIDE = r'(?:[^"\\]|\\.)*+'
"""What stands between quotes; a string without a closing quote ends with the field."""
_ENTRY = re.compile(rf'(?:[^,"]|"{_INSIDE}"?+)++', re.DOTALL)
_PARAMETER = re.compile(
    rf';([^;="]*+)(?:=[ \t]*+(?:"(?P<quoted>{_INSIDE})|(?P<plain>[^;]*+)))?+[^;]*+', re.DOTALL
)
_NUMBER = re.compile(r"\+?([0-9]++(?:\.[0-9]*+)?|\.[0-9]++)([eE][+-]?[0-9]++)?")


class ServerTiming(NamedTuple):
    """One metric of a Server-Timing header, such as ``db;dur=53.2;desc="two queries"``."""

    name: str
    """Its name: a token that the server chose, such as ``cache`` or ``db``."""
    duration: float | None
    """Seconds; None if the server gave no duration, or something that is none."""
    description: str
    """The server's words for it; empty if there are none."""


def parse_server_timing(values: Iterable[str]) -> tuple[ServerTiming, ...]:
    """The metrics of Server-Timing fields, in order; at most 100.

    As in browsers the first of repeated parameters counts, unknown parameters are ignored, and of a
    duration such as ``12.5ms`` the number is taken, always in milliseconds. A metric whose name is
    not a token is left out.
    """
    return tuple(islice(_metrics(values), _MOST))


def _metrics(values: Iterable[str]) -> Iterator[ServerTiming]:
    for value in values:
        for match in _ENTRY.finditer(value):
            name, _, rest = match.group().partition(";")
            if TOKEN.match(name := name.strip(" \t")):
                parameters = _parameters(f";{rest}")
                duration = _seconds(parameters.get("dur", ""))
                yield ServerTiming(name, duration, parameters.get("desc", ""))


def _parameters(text: str) -> dict[str, str]:
    """The parameters by their names in lower case; the first of repeated ones is kept."""
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(text):
        quoted, plain = match.group("quoted", "plain")
        value = unquote(quoted) if quoted is not None else (plain or "").strip(" \t")
        found.setdefault(match.group(1).strip(" \t").lower(), value)
    return found


def _seconds(text: str) -> float | None:
    """The number with which the text begins, of milliseconds, as seconds."""
    match = _NUMBER.match(text.lstrip())
    if match is None:
        return None
    number, exponent = match.groups()
    # Dividing would make 0.047200000000000006 of 47.2.
    seconds = float(f"{number}{exponent}") / 1000 if exponent else float(f"{number}e-3")
    return None if seconds == inf else seconds
