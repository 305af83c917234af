"""The version of the package, and versions of HTTP."""

from __future__ import annotations

from typing import NamedTuple

__version__ = "0.1.0"
"""The version of the package."""


class HttpVersion(NamedTuple):
    """A version of HTTP, such as `HttpVersion11`. Versions are compared as tuples."""

    major: int
    minor: int


HttpVersion10 = HttpVersion(1, 0)
"""HTTP/1.0: the connection closes after each response unless both sides agree to keep it open."""
HttpVersion11 = HttpVersion(1, 1)
"""HTTP/1.1 (RFC 9112), the default for requests."""
