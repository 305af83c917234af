"""HTTP versions, and our own."""

from __future__ import annotations

from typing import NamedTuple

__version__ = "0.1.0"
"""The version of the package."""


class HttpVersion(NamedTuple):
    """A version of HTTP, as `HttpVersion11`; versions compare like tuples."""

    major: int
    minor: int


HttpVersion10 = HttpVersion(1, 0)
"""HTTP/1.0: a connection closes after each response unless both sides agree to keep it."""
HttpVersion11 = HttpVersion(1, 1)
"""HTTP/1.1, which requests are sent with (RFC 9112)."""
