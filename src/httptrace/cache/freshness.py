"""For how long a response is fresh (RFC 9111 §4.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .fields import http_date, seconds_of

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

    from .fields import Directives

HEURISTIC_STATUSES = frozenset({200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501})
"""Statuses whose responses may be fresh without saying so (RFC 9110 §15.1)."""
_FRACTION = 0.1
"""The part of the time since Last-Modified for which such a response is fresh."""
_MOST_GUESSED = 7 * 86400.0


class Lifetime(NamedTuple):
    """How long a response is fresh, and what says so."""

    seconds: float
    source: str
    explicit: bool


def lifetime_of(
    status: int, headers: CIMultiDictProxy[str], directives: Directives, date: float
) -> Lifetime:
    """The freshness lifetime of a response in a private cache, which ignores ``s-maxage``."""
    seconds = seconds_of(directives, "max-age")
    if seconds is not None:
        return Lifetime(seconds, f"max-age={seconds}", True)
    if "Expires" in headers:
        expires = http_date(headers["Expires"], date)
        if expires is None:  # RFC 9111 §5.3: an invalid date is in the past
            return Lifetime(0, "an invalid Expires", True)
        return Lifetime(max(0.0, expires - date), "Expires", True)
    if status in HEURISTIC_STATUSES or "public" in directives:
        modified = http_date(headers.get("Last-Modified"), date)
        if modified is not None and modified < date:
            guess = min((date - modified) * _FRACTION, _MOST_GUESSED)
            return Lifetime(guess, "a tenth of the time since Last-Modified", False)
    return Lifetime(0, "nothing", False)
