"""Validators: conditions of the caller, and what a 304 or a HEAD changes (RFC 9111 §4.3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .entry import Entry
from .fields import http_date, names_in

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy, MultiMapping

    from ..headers.head import RawHeaders

_ETAG = re.compile(r'(?:W/)?"[^"]*"')
_OF_CONNECTION = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authentication-info"),
        *("proxy-authorization", "proxy-connection", "te", "transfer-encoding", "upgrade"),
    }
)
"""Fields of one connection, which are not stored (RFC 9111 §3.1)."""
_OF_BODY = frozenset({"content-encoding", "content-length", "content-md5", "content-range"})
"""Fields that describe the stored body: a 304 does not change them (RFC 9111 §3.2)."""
_OF_TIME = frozenset({"age", "date"})
CONDITIONS = ("If-None-Match", "If-Modified-Since")
UNCACHED_CONDITIONS = ("If-Match", "If-Unmodified-Since")
"""Conditions that only the origin can evaluate (RFC 9111 §4.3.2)."""


def stored_fields(fields: RawHeaders) -> RawHeaders:
    """The fields of a response that are stored."""
    listed = names_in(v.decode("latin-1") for n, v in fields if n.lower() == b"connection")
    left_out = _OF_CONNECTION.union(listed)
    return [pair for pair in fields if pair[0].decode("latin-1").lower() not in left_out]


def not_modified(entry: Entry, headers: MultiMapping[str]) -> bool:
    """Whether the caller's conditions say that it has this response (RFC 9110 §13.2.2)."""
    if "If-None-Match" in headers:
        wanted = ",".join(headers.getall("If-None-Match"))
        if wanted.strip() == "*":
            return True
        etag = entry.headers.get("ETag")
        return etag is not None and _weak(etag) in map(_weak, _ETAG.findall(wanted))
    since = http_date(headers.get("If-Modified-Since"), entry.response_time)
    modified = http_date(entry.headers.get("Last-Modified"), entry.response_time)
    if since is None:
        return False
    return (entry.date if modified is None else modified) <= since


def _weak(etag: str) -> str:
    return etag.removeprefix("W/")


def is_about(entry: Entry, headers: CIMultiDictProxy[str], sent: dict[str, str]) -> bool:
    """Whether a 304 with these fields is about a stored response (RFC 9111 §4.3.4).

    `sent` are the conditions of the request that it answers.
    """
    etag = headers.get("ETag")
    if etag is not None and etag[:1] == '"' and "," in sent.get("If-None-Match", ""):
        return etag == entry.headers.get("ETag")
    return True


def freshened(entry: Entry, fields: RawHeaders, request_time: float, response_time: float) -> Entry:
    """The entry with the fields of a 304 or of a response to HEAD (RFC 9111 §3.2)."""
    described = _OF_BODY | {"etag"} if "ETag" in entry.headers else _OF_BODY
    new = [pair for pair in stored_fields(fields) if _name(pair) not in described]
    replaced = {_name(pair) for pair in new} | _OF_TIME
    kept = [pair for pair in entry.fields if _name(pair) not in replaced]
    update = Entry(
        entry.key,
        entry.status,
        entry.reason,
        entry.version,
        kept + new,
        request_time,
        response_time,
        entry.vary,
        entry.span,
    )
    update.body, update.size, update.number = entry.body, entry.size, entry.number
    return update


def _name(pair: tuple[bytes, bytes]) -> str:
    return pair[0].decode("latin-1").lower()


def head_agrees(entry: Entry, headers: CIMultiDictProxy[str]) -> bool:
    """Whether a response to HEAD may update the stored response to GET (RFC 9111 §4.3.5)."""
    names = ("ETag", "Last-Modified")
    same = all(headers.get(n) in (None, entry.headers.get(n)) for n in names)
    length = headers.get("Content-Length")
    return same and (length is None or entry.span is not None or length == str(entry.size))
