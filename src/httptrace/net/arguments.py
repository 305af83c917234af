"""Checks of the dialers' parameters. Each error names the parameter and the value."""

from __future__ import annotations

import math
import os
import socket
from ssl import SSLContext
from typing import TYPE_CHECKING, Any

from .tls import Fingerprint

if TYPE_CHECKING:
    from .resolver import AbstractResolver

_FAMILIES = (socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6)


def checked_seconds(name: str, value: Any) -> float | None:
    """A number of seconds, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be seconds or None, not {value!r}")
    if not value >= 0 or math.isinf(value):
        raise ValueError(f"{name} must be a number of seconds from 0 up, got {value!r}")
    return value


def checked_count(name: str, value: Any, least: int) -> int:
    """An integer that is at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    return value


def checked_optional_count(name: str, value: Any, least: int) -> int | None:
    """An integer that is at least `least`, or None."""
    return None if value is None else checked_count(name, value, least)


def checked_family(value: Any) -> socket.AddressFamily:
    """AF_INET, AF_INET6, or AF_UNSPEC (0) for both."""
    if isinstance(value, bool) or value not in _FAMILIES:
        raise ValueError(f"family must be socket.AF_INET, AF_INET6 or AF_UNSPEC (0), got {value!r}")
    return socket.AddressFamily(value)


def checked_ssl(value: Any) -> SSLContext | bool | Fingerprint:
    """The `ssl` parameter of a connector; None means True, as in older versions of aiohttp."""
    if value is None:
        return True
    if not isinstance(value, bool | SSLContext | Fingerprint):
        raise TypeError(f"ssl must be an SSLContext, a bool or a Fingerprint, not {value!r}")
    return value


def checked_local_addr(value: Any) -> tuple[str, int] | None:
    """The IP address and port that sockets are bound to; port 0 means any."""
    if value is None:
        return None
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError(f"local_addr must be a pair (IP address, port) or None, not {value!r}")
    host, port = value
    if not isinstance(host, str) or isinstance(port, bool) or not isinstance(port, int):
        raise TypeError(f"local_addr must be a pair (IP address, port) or None, not {value!r}")
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host.partition("%")[0])
    except OSError as exc:
        raise ValueError(f"local_addr must begin with an IP address, got {host!r}") from exc
    if not 0 <= port <= 65535:
        raise ValueError(f"local_addr must end with a port from 0 to 65535, got {port}")
    return host, port


def checked_resolver(value: Any) -> AbstractResolver | None:
    """A resolver, or None for the default one."""
    if value is None:
        return None
    if isinstance(value, type) or not callable(getattr(value, "resolve", None)):
        raise TypeError(f"resolver must be an AbstractResolver object or None, not {value!r}")
    resolver: AbstractResolver = value
    return resolver


def checked_callable(name: str, value: Any) -> Any:
    """A function, or None."""
    if value is not None and not callable(value):
        raise TypeError(f"{name} must be callable or None, not {value!r}")
    return value


def checked_path(value: Any) -> str:
    """The path of a Unix socket; with a leading NUL it is in Linux's abstract namespace."""
    try:
        path = os.fsdecode(value)
    except TypeError as exc:
        raise TypeError(f"path must be a str, bytes or os.PathLike, not {value!r}") from exc
    if not path:
        raise ValueError("path must name a Unix socket, got an empty path")
    if "\0" in path[1:]:
        raise ValueError(f"path must not contain NUL after its first character, got {path!r}")
    return path
