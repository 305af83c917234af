"""`Target`: a checked URL, and the values that every request to it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from multidict import CIMultiDict
    from yarl import URL

    from ..net.key import ConnectionKey
    from .pool import Host


class Forwarder(Protocol):
    """An HTTP proxy that requests are sent to without CONNECT."""

    def add_to(self, headers: CIMultiDict[str]) -> CIMultiDict[str]:
        """The headers with the proxy's own header fields added."""
        ...


class Target:
    """A URL, its origin in the pool, and the parts of a request's head that they determine."""

    __slots__ = ("authority", "heads", "host", "key", "lines", "path", "url", "via")

    def __init__(self, url: URL, key: ConnectionKey, authority: str, path: str) -> None:
        self.url = url
        self.key = key
        self.authority = authority
        """The value of the Host header."""
        self.path = path
        """The request target (RFC 9112 §3.2): path and query, or the whole URL for a proxy."""
        self.via: Forwarder | None = None
        self.host: Host | None = None
        self.heads: dict[str, bytes] = {}
        """The heads of requests without other parameters, by method."""
        self.lines: dict[str, str] | None = None
        """The header lines that all requests to this origin have, by lower-case name."""

    def sibling(self, url: URL, path: str) -> Target:
        """The target of another URL of the same origin."""
        target = Target(url, self.key, self.authority, path)
        target.host, target.lines = self.host, self.lines
        return target
