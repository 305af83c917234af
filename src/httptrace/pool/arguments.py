"""Checks of the parameters of connectors."""

from __future__ import annotations

from typing import Any

_FOREVER_NS = 1 << 62


def checked_limits(limit: Any, limit_per_host: Any) -> tuple[int, int]:
    """Both limits as integers; 0 means no limit."""
    return _count("limit", limit), _count("limit_per_host", limit_per_host)


def _count(name: str, value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number or None, not {value!r}")
    if value < 0:
        raise ValueError(f"{name} must not be negative (0 means no limit), got {value}")
    return value


def keepalive_ns(keepalive_timeout: Any, force_close: bool) -> int:
    """How long an idle connection is kept, in ns. The default is 15 s; None means no limit."""
    if force_close:
        if keepalive_timeout is not ... and keepalive_timeout is not None:
            raise ValueError("keepalive_timeout cannot be set if force_close is True")
        return 0
    if keepalive_timeout is ...:
        return 15_000_000_000
    if keepalive_timeout is None:
        return _FOREVER_NS
    if isinstance(keepalive_timeout, bool) or not isinstance(keepalive_timeout, int | float):
        raise TypeError(f"keepalive_timeout must be seconds or None, not {keepalive_timeout!r}")
    if not keepalive_timeout >= 0:
        raise ValueError(f"keepalive_timeout must not be negative, got {keepalive_timeout}")
    return int(min(keepalive_timeout * 1e9, _FOREVER_NS))
