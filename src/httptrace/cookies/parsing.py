"""Parsing of Set-Cookie and Cookie headers, cookie dates, quoting (RFC 6265, sections 4 and 5.2).

Where browsers differ from RFC 6265, this follows the browsers, as RFC 6265bis does.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

__all__ = [
    "CONTROL_CHARACTER",
    "MAX_AGE",
    "SetCookie",
    "parse_cookie_date",
    "parse_cookie_header",
    "parse_set_cookie",
    "quote_value",
    "unquote_value",
]

_ATTRIBUTE_SIZE = 1024  # longer attribute values are ignored (6265bis, section 5.6)
CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NEEDS_NO_QUOTES = re.compile(r"[\w!#$%&'*+\-.^`|~:]*\Z", re.ASCII)
_ESCAPE = re.compile(r"\\(?:([0-3][0-7][0-7])|(.))", re.DOTALL)
MAX_AGE = re.compile(r"-?[0-9]+\Z")

_DATE_TOKEN = re.compile(r"[^\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])")
_DAY = re.compile(r"([0-9]{1,2})(?![0-9])")
_YEAR = re.compile(r"([0-9]{2,4})(?![0-9])")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class SetCookie(NamedTuple):
    """A cookie as a server sent it or as the caller gave it.

    `coded` is the value as in the header, with quotes; None if there was no header. Attributes
    that are absent are empty.
    """

    name: str
    value: str
    coded: str | None = None
    domain: str = ""
    path: str = ""
    expires: str = ""
    max_age: str = ""
    samesite: str = ""
    secure: bool = False
    httponly: bool = False
    partitioned: bool = False


def parse_set_cookie(header: str) -> SetCookie | None:
    """Parse a Set-Cookie header; None if browsers ignore it.

    Browsers ignore a header without ``=``, without a name, or with control characters.
    """
    pair, _, rest = header.partition(";")
    name, separator, coded = pair.partition("=")
    name, coded = name.strip(" \t"), coded.strip(" \t")
    if not separator or not name or CONTROL_CHARACTER.search(header):
        return None
    return SetCookie(name, unquote_value(coded), coded, **_attributes(rest))


def _attributes(text: str) -> dict[str, Any]:
    """The known attributes. The last of repeated attributes is taken.

    Quotes around a value are removed: servers that follow RFC 2109 send them.
    """
    found: dict[str, Any] = {}
    for part in text.split(";") if text else ():
        name, _, value = part.partition("=")
        name, value = name.strip(" \t").lower(), _bare(value.strip(" \t"))
        if name in ("secure", "httponly", "partitioned"):
            found[name] = True
        elif name in ("domain", "path", "expires", "samesite") and len(value) <= _ATTRIBUTE_SIZE:
            found[name] = value
        elif name == "max-age" and MAX_AGE.match(value):
            found["max_age"] = value
    return found


def _bare(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] == '"'
    return value[1:-1] if quoted else value


def parse_cookie_header(header: str) -> list[tuple[str, str]]:
    """The names and values in a Cookie header, as written. Parts without a name are skipped."""
    pairs = (part.partition("=") for part in header.split(";"))
    return [(name.strip(), value.strip()) for name, _, value in pairs if name.strip()]


def unquote_value(coded: str) -> str:
    """Remove the quotes and escapes that `http.cookies` writes; other text is not changed."""
    if len(coded) < 2 or coded[0] != '"' or coded[-1] != '"':
        return coded
    inner = coded[1:-1]
    return _ESCAPE.sub(_unescape, inner) if "\\" in inner else inner


def _unescape(match: re.Match[str]) -> str:
    return chr(int(match[1], 8)) if match[1] else match[2]


def quote_value(value: str) -> str:
    """Quote the value if necessary, as `http.cookies.SimpleCookie` does."""
    if _NEEDS_NO_QUOTES.match(value):
        return value
    from http.cookies import SimpleCookie

    return SimpleCookie().value_encode(value)[1]


@lru_cache(maxsize=64)
def parse_cookie_date(text: str) -> float | None:
    """Parse a date as browsers do (RFC 6265, section 5.1.1).

    The result is in seconds since 1970, or None if the text is not a date.
    """
    from datetime import UTC, datetime

    parts: dict[str, tuple[int, ...]] = {}
    for token in _DATE_TOKEN.findall(text):
        _take_token(token, parts)
    if len(parts) < 4:
        return None
    (year,), (month,), (day,) = parts["year"], parts["month"], parts["day"]
    hour, minute, second = parts["time"]
    try:
        date = datetime(_full_year(year), month, day, hour, minute, second, tzinfo=UTC)
        return date.timestamp()
    except ValueError:
        return None


def _take_token(token: str, parts: dict[str, tuple[int, ...]]) -> None:
    """Use the token as the first of time, day, month and year that it matches and that is unset."""
    if "time" not in parts and (match := _TIME.match(token)):
        parts["time"] = (int(match[1]), int(match[2]), int(match[3]))
    elif "day" not in parts and (match := _DAY.match(token)):
        parts["day"] = (int(match[1]),)
    elif "month" not in parts and token[:3].lower() in _MONTHS:
        parts["month"] = (_MONTHS.index(token[:3].lower()) + 1,)
    elif "year" not in parts and (match := _YEAR.match(token)):
        parts["year"] = (int(match[1]),)


def _full_year(year: int) -> int:
    """Two digits mean 1970 to 2069.

    :raises ValueError: the year is before 1601.
    """
    if year < 100:
        return year + (1900 if year >= 70 else 2000)
    if year < 1601:
        raise ValueError("a year before 1601")
    return year
