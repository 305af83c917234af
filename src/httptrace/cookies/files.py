"""Cookie files: JSON that only the file's owner can read."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

from .parsing import CONTROL_CHARACTER
from .policy import LATEST
from .store import Cookie

__all__ = ["read_cookies", "write_cookies"]

_FORMAT = "httptrace-cookies-1"
_TEXTS = ("name", "value", "coded", "domain", "path", "samesite", "max_age")
_FLAGS = ("host_only", "secure", "httponly")


def write_cookies(file_path: str | os.PathLike[str], cookies: Iterable[Cookie]) -> None:
    """Write the cookies to a file with mode 0600, which replaces an existing file atomically."""
    path = os.path.realpath(os.fspath(file_path))
    rows = [
        {key: getattr(cookie, key) for key in (*_TEXTS, *_FLAGS, "expires_at")}
        for cookie in sorted(cookies, key=lambda cookie: cookie.created)
    ]
    # mkstemp makes the file with mode 0600.
    descriptor, temporary = tempfile.mkstemp(prefix=".cookies-", dir=os.path.dirname(path))
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump({"format": _FORMAT, "cookies": rows}, file, indent=1)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read_cookies(file_path: str | os.PathLike[str], now: float) -> list[Cookie]:
    """Read the cookies from a file that httptrace or aiohttp wrote.

    :raises ValueError: the file has another format, or contains a cookie that a jar would refuse.
    """
    with open(file_path, "rb") as file:
        text = file.read()
    if text.startswith(b"\x80"):
        return _unpickled(file_path, text, now)
    try:
        content = json.loads(text)
        if not isinstance(content, dict):
            raise TypeError("not a JSON object")
        rows = content["cookies"] if content.get("format") == _FORMAT else _aiohttp_rows(content)
        return [_cookie(row) for row in rows]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        # Without the cause, which would show cookies in a traceback.
        raise _no_cookie_file(file_path, error) from None


def _unpickled(file_path: str | os.PathLike[str], content: bytes, now: float) -> list[Cookie]:
    from .pickled import pickled_rows

    try:
        return [_cookie(row) for row in pickled_rows(content, now)]
    except Exception as error:  # unpickling raises any
        raise _no_cookie_file(file_path, error) from None


def _no_cookie_file(file_path: str | os.PathLike[str], error: Exception) -> ValueError:
    reason = type(error).__name__
    return ValueError(f"{os.fspath(file_path)!r} is not a cookie file ({reason})")


def _aiohttp_rows(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Convert aiohttp's format, which has cookies by ``domain|path``, then by name."""
    for place, cookies in content.items():
        domain, _, path = place.partition("|")
        for name, cookie in cookies.items():
            yield {
                "name": name,
                "value": cookie["value"],
                "coded": cookie["coded_value"],
                "domain": domain,
                "path": path or "/",
                "samesite": cookie.get("samesite", ""),
                "max_age": cookie.get("max-age", ""),
                "host_only": cookie.get("host_only", False),
                "secure": bool(cookie.get("secure", False)),
                "httponly": bool(cookie.get("httponly", False)),
                "expires_at": cookie.get("expires_timestamp"),
            }


def _cookie(row: dict[str, Any]) -> Cookie:
    """Make a cookie from the file, with the checks of a cookie that a server sets."""
    texts = {key: row[key] for key in _TEXTS}
    flags = {key: row[key] for key in _FLAGS}
    expires_at = row["expires_at"]
    if not all(type(text) is str and not CONTROL_CHARACTER.search(text) for text in texts.values()):
        raise TypeError("a text")
    if not all(type(flag) is bool for flag in flags.values()):
        raise TypeError("a flag")
    if expires_at is not None:
        if type(expires_at) not in (int, float) or expires_at != expires_at:  # NaN
            raise TypeError("a time")
        expires_at = min(expires_at, LATEST)
    if not texts["path"].startswith("/") or not texts["name"] or ";" in texts["coded"]:
        raise ValueError("a cookie")
    return Cookie(**texts, **flags, expires_at=expires_at)
