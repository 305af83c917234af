"""The settings of a call: timeouts, size limits, redirects, TLS and proxies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..headers.limits import HeadLimits
    from ..timeouts import ClientTimeout


class Settings(NamedTuple):
    """The session's settings, with the changes that a request's parameters make."""

    timeout: ClientTimeout
    total_ns: int
    first_limit_ns: int
    """The shortest timeout that applies to the call as a whole; 0 if there is none."""
    limits: HeadLimits
    read_bufsize: int
    pause_above: int
    auto_decompress: bool
    max_decoded_size: int
    raise_for_status: bool | Callable[[Any], Awaitable[None]]
    allow_redirects: bool
    max_redirects: int
    ssl: Any
    server_hostname: str | None
    proxies: Any
    """`request.proxies.Proxies`; None if there is no proxy and ``trust_env`` is not set."""
