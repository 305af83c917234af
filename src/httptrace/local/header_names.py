"""The headers that can carry a request id."""

from __future__ import annotations

import re

# RFC 9110 section 5.6.2.
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")

# HTTP itself, frameworks or browsers use these; an id in them would break messages or leak state.
_TAKEN = frozenset(
    """
    accept accept-encoding authorization baggage cache-control connection content-encoding
    content-length content-range content-type cookie date expect host keep-alive location
    proxy-authenticate proxy-authorization range server set-cookie te traceparent tracestate trailer
    transfer-encoding upgrade vary www-authenticate
    """.split()
)


def checked_header_name(name: object) -> str:
    """`name`, if a header of that name can carry a request id.

    :raises TypeError: it is not a ``str``.
    :raises ValueError: it is not a header name (RFC 9110 section 5.1), or has another meaning.
    """
    if not isinstance(name, str):
        raise TypeError(f"header must be a str, not {type(name).__name__}")
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"header {name!r:.100} is not a header name")
    if name.lower() in _TAKEN:
        raise ValueError(f"header {name!r} has another meaning; it cannot carry a request id")
    return name
