"""Reading the header fields that caches go by: directives, dates, ages, lists of names."""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Iterable

Directives = dict[str, str | None]
"""Cache-Control directives (RFC 9111 §5.2) by lower-case name; None for one without argument."""

_ITEM = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^,"])+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_DIGITS = re.compile(r"[0-9]+")
_MOST_SECONDS = 2**31  # RFC 9111 §1.2.2
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY = "(?:mon|tue|wed|thu|fri|sat|sun)"
_LONG_DAY = "(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_DATES = (  # RFC 9110 §5.6.7: the preferred format and the two obsolete ones
    re.compile(rf"{_DAY}, (?P<day>\d\d) {_MONTH} (?P<year>\d{{4}}) {_TIME} gmt", re.IGNORECASE),
    re.compile(rf"{_LONG_DAY}, (?P<day>\d\d)-{_MONTH}-(?P<year>\d\d) {_TIME} gmt", re.IGNORECASE),
    re.compile(rf"{_DAY} {_MONTH} (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})", re.IGNORECASE),
)


def directives_in(values: Iterable[str]) -> Directives:
    """The directives of Cache-Control fields. Of one that occurs twice the first counts."""
    found: Directives = {}
    for item in _ITEM.findall(",".join(values)):
        name, given, argument = item.strip(" \t").partition("=")
        value = _unquoted(argument) if given else None
        if name != name.rstrip():  # "max-age =1" has no valid argument
            name, value = name.rstrip(), ""
        if name:
            found.setdefault(name.lower(), value)
    return found


def _unquoted(argument: str) -> str:
    quoted = _QUOTED.fullmatch(argument)
    return argument if quoted is None else re.sub(r"\\(.)", r"\1", quoted[1])


def delta_seconds(value: str | None) -> int | None:
    """A number of seconds (RFC 9111 §1.2.2), at most 2^31; None if it is malformed."""
    if value is None or not _DIGITS.fullmatch(value):
        return None
    return _MOST_SECONDS if len(value.lstrip("0")) > 10 else min(int(value), _MOST_SECONDS)


def seconds_of(directives: Directives, name: str) -> int | None:
    """The argument of a directive in seconds; None without it, 0 if it is malformed.

    RFC 9111 §4.2.1: what is malformed makes a response stale.
    """
    if name not in directives:
        return None
    return delta_seconds(directives[name]) or 0


def age_in(values: Iterable[str]) -> int:
    """The age in Age fields in seconds; 0 without one.

    A malformed one, or several, make the response stale: that costs a question to the origin at
    most (RFC 9111 §4.2.1), where §5.1 would take the first.
    """
    told = ",".join(values)
    if not told:
        return 0
    age = delta_seconds(told.strip(" \t"))
    return _MOST_SECONDS if age is None else age


def http_date(text: str | None, now: float = 0) -> float | None:
    """A date (RFC 9110 §5.6.7) in seconds since 1970; None if it is malformed.

    `now` decides the century of a year of two digits: one that seems to be more than 50 years ahead
    is past.
    """
    if text is None:
        return None
    for pattern in _DATES:
        found = pattern.fullmatch(text)
        if found is not None:
            return _seconds(found, now)
    return None


def _seconds(found: re.Match[str], now: float) -> float | None:
    from time import gmtime

    year = int(found["year"])
    if len(found["year"]) == 2:
        this_year = gmtime(now).tm_year
        year += this_year - this_year % 100
        year -= 100 if year > this_year + 50 else 0
    month, day = _MONTHS.index(found["month"].lower()) + 1, int(found["day"])
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"])
    if not (1 <= day <= 31 and hour < 24 and minute < 60 and second <= 60):
        return None
    return float(timegm((year, month, day, hour, minute, second)))


def names_in(values: Iterable[str]) -> tuple[str, ...]:
    """The names in a list of field names, in lower case, each once."""
    names = (name.strip(" \t").lower() for name in ",".join(values).split(","))
    return tuple(dict.fromkeys(name for name in names if name))
