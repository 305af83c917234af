"""The events of the cache (`httptrace.Cache`)."""

from __future__ import annotations

from .declare import field
from .moments_call import RequestEvent


class TraceCacheHitParams(RequestEvent, signal="on_cache_hit", group="cache"):
    """A stored response answers the request: nothing is sent."""

    age: float = field("the response's age in seconds (RFC 9111 §4.2.3)")
    stale: bool = field("whether it is stale, and may be used nevertheless")
    reason: str = field("why it may be used, in words")


class TraceCacheMissParams(RequestEvent, signal="on_cache_miss", group="cache"):
    """No stored response answers the request."""

    reason: str = field("why none does, in words")


class TraceCacheRevalidatedParams(RequestEvent, signal="on_cache_revalidated", group="cache"):
    """The origin said that a stored response is still valid, which answers the request."""

    age: float = field("its age in seconds before that")
    reason: str = field("why the origin was asked, in words")


class TraceCacheStoredParams(RequestEvent, signal="on_cache_stored", group="cache"):
    """The whole response was received and given to the store."""

    size: int = field("bytes of its body, as received")
    reason: str = field("for how long it is fresh and by what, in words")
