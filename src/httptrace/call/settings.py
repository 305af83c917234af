"""What holds for a whole call: its time limits, its size limits and how its response is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..headers.limits import HeadLimits
    from ..timeouts import ClientTimeout


class Settings(NamedTuple):
    """The session's settings, as changed by the parameters of one request."""

    timeout: ClientTimeout
    total_ns: int
    first_limit_ns: int
    """The shortest time limit that holds for the whole call; 0 if there is none."""
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
    """`request.proxies.Proxies`; None without a proxy and without a look at the environment."""
