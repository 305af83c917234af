"""HTTP versions, and our own."""

from __future__ import annotations

from typing import NamedTuple

__version__ = "0.1.0"


class HttpVersion(NamedTuple):
    """A version of HTTP, as `HttpVersion11`; versions compare like tuples."""

    major: int
    minor: int


HttpVersion10 = HttpVersion(1, 0)
HttpVersion11 = HttpVersion(1, 1)
