"""`Target`: a URL that was checked, and what follows from it for every request to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from multidict import CIMultiDict
    from yarl import URL

    from ..net.key import ConnectionKey
    from .pool import Host


class Forwarder(Protocol):
    """An HTTP proxy that gets the requests themselves."""

    def add_to(self, headers: CIMultiDict[str]) -> CIMultiDict[str]:
        """The header fields of a request that is sent to it."""
        ...


class Target:
    """A URL, its origin in the pool, and the part of the head that follows from both."""

    __slots__ = ("authority", "heads", "host", "key", "lines", "path", "url", "via")

    def __init__(self, url: URL, key: ConnectionKey, authority: str, path: str) -> None:
        self.url = url
        self.key = key
        self.authority = authority
        """The value of Host."""
        self.path = path
        """The request target (RFC 9112 §3.2): path and query, or the whole URL for a proxy."""
        self.via: Forwarder | None = None
        self.host: Host | None = None
        self.heads: dict[str, bytes] = {}
        """By method: the head of a request that has nothing but a method and this URL."""
        self.lines: dict[str, str] | None = None
        """By lower-case name: the header lines that all its requests have."""

    def sibling(self, url: URL, path: str) -> Target:
        """The target of another URL of the same origin."""
        target = Target(url, self.key, self.authority, path)
        target.host, target.lines = self.host, self.lines
        return target
