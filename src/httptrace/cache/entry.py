"""`Entry`: a stored response with what the policy reads of it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ..headers.head import RawHeaders, headers_of
from .fields import age_in, directives_in, http_date
from .freshness import Lifetime, lifetime_of

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

    from .fields import Directives


class Span(NamedTuple):
    """The part of a representation that was stored (RFC 9110 §14.4)."""

    first: int
    last: int
    total: int


class Entry:
    """A stored response, without its body if that is long. Times are seconds since 1970."""

    def __init__(
        self,
        key: str,
        status: int,
        reason: str,
        version: str,
        fields: RawHeaders,
        request_time: float,
        response_time: float,
        vary: dict[str, str],
        span: Span | None = None,
    ) -> None:
        self.key = key
        """The URL, without its fragment."""
        self.status = status
        self.reason = reason
        self.version = version
        self.fields = fields
        """The header fields, without those of the connection."""
        self.request_time = request_time
        self.response_time = response_time
        self.vary = vary
        """What the request had in the fields that select the response (RFC 9111 §4.1)."""
        self.span = span
        """The stored part; None if the response is whole."""
        self.size = 0
        """Bytes of the body as stored."""
        self.body: bytes | None = None
        """The body; None if the store has to be asked for it."""
        self.number: int | None = None
        """The entry's number in its store."""

    @cached_property
    def headers(self) -> CIMultiDictProxy[str]:
        """The header fields."""
        return headers_of(self.fields)

    @cached_property
    def directives(self) -> Directives:
        """The Cache-Control directives."""
        return directives_in(self.headers.getall("Cache-Control", ()))

    @cached_property
    def date(self) -> float:
        """When the origin made the response: its Date, or else when it was received."""
        date = http_date(self.headers.get("Date"), self.response_time)
        return self.response_time if date is None else date

    @cached_property
    def lifetime(self) -> Lifetime:
        """For how long it is fresh, and why."""
        return lifetime_of(self.status, self.headers, self.directives, self.date)

    @cached_property
    def initial_age(self) -> float:
        """Its age in seconds when it was received (RFC 9111 §4.2.3)."""
        apparent = max(0.0, self.response_time - self.date)
        delay = max(0.0, self.response_time - self.request_time)
        return max(apparent, age_in(self.headers.getall("Age", ())) + delay)

    def age(self, now: float) -> float:
        """Its age in seconds at a time (RFC 9111 §4.2.3)."""
        return self.initial_age + max(0.0, now - self.response_time)

    @cached_property
    def strong_etag(self) -> str | None:
        """Its ETag, if that is a strong validator (RFC 9110 §8.8.3)."""
        etag = self.headers.get("ETag")
        return etag if etag and etag[0] == '"' else None

    def conditions(self) -> dict[str, str]:
        """The fields of a request that asks whether it is still valid (RFC 9111 §4.3.1)."""
        headers = self.headers
        found = {}
        if etag := headers.get("ETag"):
            found["If-None-Match"] = etag
        if modified := headers.get("Last-Modified"):
            found["If-Modified-Since"] = modified
        return found
