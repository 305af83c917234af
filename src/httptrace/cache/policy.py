"""What to do with a request: use a stored response, ask the origin, or refuse (RFC 9111 §4).

Everything here is a function of the request, what is stored, and the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .fields import delta_seconds, directives_in, seconds_of
from .ranges import covers
from .storing import selects
from .validation import CONDITIONS, UNCACHED_CONDITIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multidict import MultiMapping

    from .entry import Entry, Span
    from .fields import Directives

_NOTHING: Directives = {}
ERRORS = frozenset({500, 502, 503, 504})
"""Statuses that ``stale-if-error`` counts as errors (RFC 5861 §4)."""


class Use(NamedTuple):
    """Answer with a stored response."""

    entry: Entry
    age: float
    reason: str
    stale: bool = False
    refresh: bool = False
    """Whether to ask the origin for a newer one meanwhile."""
    span: Span | None = None
    """The part that is wanted; None for the whole."""


class Send(NamedTuple):
    """Ask the origin."""

    reason: str
    """Why no stored response can be used as it is."""
    entry: Entry | None = None
    """The stored response that may be validated, or used after an error."""
    conditions: dict[str, str] = {}  # noqa: RUF012 # never changed
    """The fields to add to the request."""
    others: Sequence[Entry] = ()
    """Responses that were selected by other requests, whose ETags are among the conditions."""


class Refuse(NamedTuple):
    """Answer 504 (RFC 9111 §5.2.1.7)."""

    reason: str


def request_directives(headers: MultiMapping[str]) -> Directives:
    """The directives of a request; without Cache-Control, Pragma counts (RFC 9111 §5.4)."""
    if "Cache-Control" in headers:
        return directives_in(headers.getall("Cache-Control"))
    if "Pragma" in headers and "no-cache" in directives_in(headers.getall("Pragma")):
        return {"no-cache": None}
    return _NOTHING


def decide(
    method: str,
    headers: MultiMapping[str],
    directives: Directives,
    entries: Sequence[Entry],
    now: float,
) -> Use | Send | Refuse:
    """What to do with a request to a URL of which `entries` are stored."""
    decision = _decide(method, headers, directives, entries, now)
    if "only-if-cached" in directives and isinstance(decision, Send):
        return Refuse(f"the request has only-if-cached, and {decision.reason}")
    return decision


def _decide(
    method: str,
    headers: MultiMapping[str],
    directives: Directives,
    entries: Sequence[Entry],
    now: float,
) -> Use | Send:
    if method not in ("GET", "HEAD"):
        return Send(f"requests with {method} are not answered from a cache")
    if "no-store" in directives:
        return Send("the request has no-store")
    if not entries:
        return Send("nothing is stored for this URL")
    if any(name in headers for name in UNCACHED_CONDITIONS):
        return Send("the request has a condition that only the origin can evaluate")
    selected = [entry for entry in entries if selects(entry, headers)]
    if not selected:
        return _ask_about_others(method, headers, entries)
    if "Range" in headers and method == "GET":
        return _part(headers, directives, selected, now)
    whole = [entry for entry in selected if entry.span is None]
    if not whole:
        return Send("only a part of it is stored")
    return _fresh_or_not(method, headers, directives, max(whole, key=_newest), now, None)


def _newest(entry: Entry) -> tuple[float, float]:
    return entry.date, entry.response_time


def _ask_about_others(method: str, headers: MultiMapping[str], entries: Sequence[Entry]) -> Send:
    """Nothing is stored for such a request, but what is may be what the origin would send."""
    names = sorted({name for entry in entries for name in entry.vary})
    reason = f"what is stored was sent for another {', '.join(names)}"
    etags = [e.headers["ETag"] for e in entries if "ETag" in e.headers and e.span is None]
    own = any(name in headers for name in ("Range", *CONDITIONS))
    if not etags or own or method != "GET" or "authorization" in names:
        return Send(reason)
    return Send(reason, None, {"If-None-Match": ", ".join(etags)}, entries)


def _part(
    headers: MultiMapping[str], directives: Directives, selected: list[Entry], now: float
) -> Use | Send:
    having = [(entry, span) for entry in selected if (span := covers(entry, headers)) is not None]
    if not having:
        return Send("the wanted range is not stored")
    entry, span = max(having, key=lambda pair: _newest(pair[0]))
    decision = _fresh_or_not("GET", headers, directives, entry, now, span)
    if isinstance(decision, Send):  # a 304 to a request with Range would need more care
        return Send(decision.reason)
    return decision


def _fresh_or_not(
    method: str,
    headers: MultiMapping[str],
    directives: Directives,
    entry: Entry,
    now: float,
    span: Span | None,
) -> Use | Send:
    age = entry.age(now)
    remaining = entry.lifetime.seconds - age
    why = _why_validated(entry, directives, age, remaining)
    if why is None and remaining > 0:
        source = entry.lifetime.source
        return Use(entry, age, f"it is fresh for {remaining:.0f} s more by {source}", span=span)
    if why is None:
        why = f"it is stale since {-remaining:.0f} s by {entry.lifetime.source}"
        stale = _stale_use(entry, directives, age, -remaining, span)
        if stale is not None:
            return stale
    own = any(name in headers for name in CONDITIONS)
    conditions = {} if own or method != "GET" else entry.conditions()
    return Send(why, entry, conditions)


def _why_validated(
    entry: Entry, directives: Directives, age: float, remaining: float
) -> str | None:
    """Why even a fresh response must be validated first (RFC 9111 §5.2)."""
    if "no-cache" in entry.directives:
        return "the stored response has no-cache"
    if not directives:
        return None
    if "no-cache" in directives:
        return "the request has no-cache"
    most = seconds_of(directives, "max-age")
    if most is not None and (age > most or most == 0):
        return f"the request has max-age={most}, and the age is {age:.0f} s"
    least = seconds_of(directives, "min-fresh")
    if least is not None and remaining < least:
        return f"the request has min-fresh={least}, and {remaining:.0f} s remain"
    return None


def _stale_use(
    entry: Entry, directives: Directives, age: float, stale_for: float, span: Span | None
) -> Use | None:
    """The use of a stale response that request or response allow (RFC 9111 §4.2.4, RFC 5861)."""
    if "must-revalidate" in entry.directives:
        return None
    if "max-stale" in directives:
        value = directives["max-stale"]
        most = delta_seconds(value)
        if value is None or (most is not None and stale_for <= most):
            reason = f"it is stale since {stale_for:.0f} s, which the request's max-stale allows"
            return Use(entry, age, reason, stale=True, span=span)
    window = seconds_of(entry.directives, "stale-while-revalidate")
    if window is not None and stale_for <= window:
        reason = f"it is stale since {stale_for:.0f} s, within stale-while-revalidate={window}"
        return Use(entry, age, reason, stale=True, refresh=True, span=span)
    return None


def after_error(decision: Send, directives: Directives, now: float, error: str) -> Use | None:
    """The stale response to use after an error of the origin (RFC 5861 §4); None if none may be."""
    entry = decision.entry
    if entry is None or entry.span is not None or "no-cache" in directives:
        return None
    if not {"must-revalidate", "no-cache"}.isdisjoint(entry.directives):
        return None
    windows = [seconds_of(each, "stale-if-error") for each in (entry.directives, directives)]
    window = max((one for one in windows if one is not None), default=None)
    age = entry.age(now)
    stale_for = max(0.0, age - entry.lifetime.seconds)
    if window is None or stale_for > window:
        return None
    reason = f"{error}, and it is stale since {stale_for:.0f} s, within stale-if-error={window}"
    return Use(entry, age, reason, stale=True)
