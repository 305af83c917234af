"""Whether a response may be stored, what selects it, and what a request makes invalid."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from .fields import names_in, seconds_of
from .freshness import HEURISTIC_STATUSES
from .ranges import content_span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from multidict import MultiMapping
    from yarl import URL

    from .entry import Entry
    from .fields import Directives

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "QUERY", "REPORT"})
"""Methods that change nothing (RFC 9110 §9.2.1)."""
_UNDERSTOOD = HEURISTIC_STATUSES | {302, 303, 307, 400, 401, 403, 500, 502, 503, 504}
"""Statuses whose rules of caching are known, for ``must-understand`` (RFC 9111 §5.2.2.3)."""
_AUTHORIZATION = "authorization"


def why_not_stored(method: str, request: Directives, entry: Entry) -> str | None:
    """Why the response may not be stored (RFC 9111 §3), in words; None if it may."""
    directives, status = entry.directives, entry.status
    if method != "GET":
        return f"responses to {method} are not stored"
    if "no-store" in request:
        return "the request has no-store"
    if "must-understand" in directives:
        if status not in _UNDERSTOOD:
            return f"the response has must-understand, and {status} is not understood"
    elif "no-store" in directives:
        return "the response has no-store"
    if status < 200 or status == 304:
        return f"a {status} is not stored"
    if status == 206 and content_span(entry.headers.get("Content-Range")) is None:
        return "its Content-Range does not tell one range and the whole length"
    if "*" in names_in(entry.headers.getall("Vary", ())):
        return "the response has Vary: *"
    return _why_useless(entry)


def _why_useless(entry: Entry) -> str | None:
    """Why a stored response could never be used again."""
    directives, lifetime = entry.directives, entry.lifetime
    marked = lifetime.explicit or "public" in directives or "private" in directives
    if not marked and entry.status not in HEURISTIC_STATUSES:
        return f"a {entry.status} does not say for how long it is fresh"
    stale = max(
        seconds_of(directives, "stale-while-revalidate") or 0,
        seconds_of(directives, "stale-if-error") or 0,
    )
    if lifetime.seconds + stale <= 0 and not entry.conditions():
        return "it is not fresh and has no validator"
    return None


def selecting(entry: Entry, headers: MultiMapping[str]) -> dict[str, str]:
    """What the request had in the fields that Vary names (RFC 9111 §4.1).

    A response to a request with Authorization is used for those with the same value, unless it
    says that it may be shared (RFC 9111 §3.5). Credentials are kept as digests.
    """
    names = names_in(entry.headers.getall("Vary", ()))
    if _AUTHORIZATION in headers and _AUTHORIZATION not in names:
        if {"public", "must-revalidate", "s-maxage"}.isdisjoint(entry.directives):
            names = (*names, _AUTHORIZATION)
    return {name: _value(headers, name) for name in names}


def selects(entry: Entry, headers: MultiMapping[str]) -> bool:
    """Whether the request has the same values in those fields."""
    return all(_value(headers, name) == value for name, value in entry.vary.items())


def _value(headers: MultiMapping[str], name: str) -> str:
    """The value of a field for comparison: without white space around the members of a list."""
    joined = ",".join(headers.getall(name, ()))
    value = ",".join(" ".join(part.split()) for part in joined.split(","))
    if value and name in (_AUTHORIZATION, "cookie", "proxy-authorization"):
        return sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
    return value


def invalidated(method: str, url: URL, status: int, headers: MultiMapping[str]) -> Iterator[str]:
    """The keys of what a request has made invalid (RFC 9111 §4.4)."""
    if method in SAFE_METHODS or not 200 <= status < 400:
        return
    yield key_of(url)
    for name in ("Location", "Content-Location"):
        if not (value := headers.get(name)):
            continue
        try:
            other = url.join(type(url)(value))
            same = other.origin() == url.origin()
        except ValueError:
            continue
        if same:
            yield key_of(other)


def key_of(url: URL) -> str:
    """The key of a URL: the URL without its fragment."""
    return str(url.with_fragment(None) if url.raw_fragment else url)
