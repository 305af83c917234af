"""Conversion from and to the classes of `http.cookies`, which the public API uses.

This module is imported when it is first needed, since importing `http.cookies` takes time.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from http.cookies import BaseCookie, Morsel, SimpleCookie
from types import MappingProxyType
from typing import Any

from .parsing import CONTROL_CHARACTER, MAX_AGE, SetCookie, parse_set_cookie, quote_value
from .store import Cookie

__all__ = [
    "by_domain_and_path",
    "full_morsel",
    "given_cookie",
    "given_cookies",
    "plain_cookies",
    "received_pairs",
    "response_cookies",
]

_ILLEGAL_NAME = re.compile(r"[\x00-\x20\x7f;=,\"]")
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def given_cookies(cookies: object) -> Iterator[SetCookie]:
    """Convert a mapping or pairs of names and values; values may be Morsels or SimpleCookies.

    :raises ValueError: a name or value contains characters that a header cannot have.
    :raises TypeError: a name is not a str, or a value is None.
    """
    if isinstance(cookies, str) or not isinstance(cookies, Iterable):
        kind = type(cookies).__name__  # not the value: it may be a secret
        raise TypeError(f"Cookies must be a mapping or pairs of names and values, not {kind}")
    pairs: Iterable[tuple[str, Any]] = cookies.items() if isinstance(cookies, Mapping) else cookies
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            kind = type(pair).__name__
            raise TypeError(f"Cookies must be pairs of names and values, not {kind}")
        name, value = pair
        if isinstance(value, Morsel):
            yield given_cookie(name, value)
        elif isinstance(value, BaseCookie):
            yield from given_cookies(value)
        else:
            yield SetCookie(_check_name(name), _check_value(name, value))


def _check_name(name: str) -> str:
    """Check a cookie's name.

    :raises TypeError: it is not a str.
    :raises ValueError: it is empty, or contains control characters, spaces or separators.
    """
    if not isinstance(name, str):
        raise TypeError(f"A cookie's name must be a str, not {name!r}")
    if not name or _ILLEGAL_NAME.search(name):
        raise ValueError(f"Invalid cookie name {name!r}")
    return name


def _check_value(name: str, value: object) -> str:
    """Check a cookie's value, and convert it to a str.

    :raises TypeError: it is None.
    :raises ValueError: it contains control characters, such as CR, LF and NUL.
    """
    if value is None:
        raise TypeError(f"The cookie {name!r} has the value None")
    text = value if type(value) is str else str(value)
    if CONTROL_CHARACTER.search(text):
        raise ValueError(f"The value of the cookie {name!r} contains a control character")
    return text


def given_cookie(name: str, morsel: Morsel[Any]) -> SetCookie:
    """Convert a Morsel. Its own name takes precedence over the key that it was given under.

    Its attributes may have any type: `http.cookies` does not check them.
    """
    name = morsel.key or name
    coded = _check_value(name, morsel.coded_value)
    texts = {
        key: _check_value(name, morsel[key]) for key in ("domain", "path", "expires", "samesite")
    }
    max_age = str(morsel["max-age"])
    return SetCookie(
        _check_name(name),
        _check_value(name, morsel.value),
        coded,
        max_age=max_age if MAX_AGE.match(max_age) else "",
        secure=bool(morsel["secure"]),
        httponly=bool(morsel["httponly"]),
        partitioned=bool(morsel.get("partitioned")),
        **texts,
    )


def _make_morsel(name: str, value: str, coded: str) -> Morsel[str]:
    """A Morsel without attributes. `Morsel.set` refuses names that browsers accept."""
    morsel: Morsel[str] = Morsel()
    morsel.__setstate__({"key": name, "value": value, "coded_value": coded})  # type: ignore[attr-defined]
    return morsel


def response_cookies(headers: Iterable[str]) -> SimpleCookie:
    """The cookies in a response's Set-Cookie headers, for ``ClientResponse.cookies``."""
    cookies = SimpleCookie()
    for name, morsel in received_pairs(headers):
        # SimpleCookie's own __setitem__ would parse and check the value again.
        dict.__setitem__(cookies, name, morsel)
    return cookies


def received_pairs(headers: Iterable[str]) -> list[tuple[str, Morsel[str]]]:
    """The cookies in Set-Cookie headers, with their names. Names can repeat with other paths."""
    parsed = [parse_set_cookie(header) for header in headers]
    return [(cookie.name, _received_morsel(cookie)) for cookie in parsed if cookie is not None]


def _received_morsel(cookie: SetCookie) -> Morsel[str]:
    coded = quote_value(cookie.value) if cookie.coded is None else cookie.coded
    morsel = _make_morsel(cookie.name, cookie.value, coded)
    for key in ("domain", "path", "expires", "samesite", "secure", "httponly"):
        if value := getattr(cookie, key):
            morsel[key] = value
    if cookie.max_age:
        morsel["max-age"] = cookie.max_age
    if cookie.partitioned and "partitioned" in morsel:  # Python 3.14 has it
        morsel["partitioned"] = True
    return morsel


def plain_cookies(cookies: Iterable[Cookie]) -> BaseCookie[str]:
    """Names and values without attributes. The first cookie of each name is taken."""
    found: BaseCookie[str] = BaseCookie()
    for cookie in cookies:
        if cookie.name not in found:
            morsel = _make_morsel(cookie.name, cookie.value, cookie.coded)
            dict.__setitem__(found, cookie.name, morsel)
    return found


def by_domain_and_path(cookies: Iterable[Cookie]) -> Mapping[tuple[str, str], SimpleCookie]:
    """The cookies with their attributes, grouped by domain and path."""
    found: dict[tuple[str, str], SimpleCookie] = {}
    for cookie in cookies:
        group = found.setdefault((cookie.domain, cookie.path), SimpleCookie())
        dict.__setitem__(group, cookie.name, full_morsel(cookie))
    return MappingProxyType(found)


def full_morsel(cookie: Cookie) -> Morsel[str]:
    """The cookie with its attributes. ``expires`` is computed from Max-Age or Expires."""
    morsel = _make_morsel(cookie.name, cookie.value, cookie.coded)
    morsel["path"] = cookie.path
    for key in ("domain", "samesite", "secure", "httponly"):
        if value := getattr(cookie, key):
            morsel[key] = value
    if cookie.max_age:
        morsel["max-age"] = cookie.max_age
    if cookie.expires_at is not None:
        morsel["expires"] = _http_date(cookie.expires_at)
    return morsel


def _http_date(seconds: float) -> str:
    """A date as in RFC 9110, section 5.6.7. `time.strftime` would depend on the locale."""
    t = time.gmtime(seconds)
    day = f"{_WEEKDAYS[t.tm_wday]}, {t.tm_mday:02} {_MONTHS[t.tm_mon - 1]} {t.tm_year:04}"
    return f"{day} {t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} GMT"
