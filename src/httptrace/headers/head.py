"""Heads of messages: serializing and parsing header fields, and refusing invalid ones."""

from __future__ import annotations

import re

from multidict import CIMultiDict, CIMultiDictProxy, getversion

from .names import SPELLED

RawHeaders = list[tuple[bytes, bytes]]
"""Header fields as received: in order, with the case of names kept."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SPLITTING = re.compile(r"[\r\n\x00]")
_seen_names: set[str] = set()
"""Names that were found valid: a cache, since most programs send the same few names."""


def version_of(headers: CIMultiDict[str]) -> int:
    """A number that changes whenever the headers do."""
    return getversion(headers)  # type: ignore[arg-type] # its parameter is invariant


def serialize(method: str, path: str, version: str, headers: CIMultiDict[str]) -> bytes:
    """The bytes of a request line and header fields, with the empty line.

    Raises
    ------
    ValueError, TypeError
        If a name is not a token or a value has control characters (RFC 9110 §5.1, §5.5).
    """
    lines = [field_line(name, value) for name, value in headers.items()]
    head = "".join((f"{method} {path} HTTP/{version}\r\n", *lines, "\r\n"))
    return head.encode("utf-8", "surrogateescape")


def field_line(name: str, value: str) -> str:
    """The line of a header field, with CRLF.

    Raises
    ------
    ValueError, TypeError
        As in `serialize`.
    """
    if name not in _seen_names:
        check_name(name)
    if not isinstance(value, str):
        kind = type(value).__name__  # not the value, which may be a password
        raise TypeError(f"The value of header {name} must be a str, not {kind}")
    if not value.isprintable() and _FORBIDDEN.search(value):
        _refuse_value(name, value)
    return f"{name}: {value}\r\n"


def check_name(name: str) -> None:
    """Raise for a header name that is not a token (RFC 9110 §5.1).

    Raises
    ------
    TypeError
        If it is not a str.
    ValueError
        If it contains other characters, or none.
    """
    if not isinstance(name, str):
        raise TypeError(f"Header names must be str, not {name!r}")
    if not _TOKEN.match(name):
        raise ValueError(f"Invalid header name {name!r}: only letters, digits and !#$%&'*+-.^_`|~")
    if len(_seen_names) < 1000:
        _seen_names.add(name)


def _refuse_value(name: str, value: str) -> None:
    if _SPLITTING.search(value):
        raise ValueError(
            "Newline, carriage return, or null byte detected in headers: "
            f"the value of {name!r} cannot be sent. Potential header injection attack."
        )
    raise ValueError(f"Control character detected in headers: the value of {name!r} has one")


def has_token(headers: CIMultiDict[str] | CIMultiDictProxy[str], name: str, token: str) -> bool:
    """Whether the field, a list of tokens, has that one in any case (RFC 9110 §5.6.1)."""
    values = ",".join(headers.getall(name, ())).lower().split(",")
    return any(value.strip() == token for value in values)


def fields_of(head: bytes) -> RawHeaders:
    """Split a head into its fields. llhttp must have accepted it."""
    fields = [line.split(b":", 1) for line in head.split(b"\r\n")[1:]]
    return [(name, value.strip(b" \t")) for name, value in fields]


def reason_of(raw: bytes) -> str:
    """Decode a reason phrase: as UTF-8, or else Latin-1 (RFC 9112 §4 names no charset)."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def headers_of(raw: RawHeaders) -> CIMultiDictProxy[str]:
    """Decode received fields into a multidict.

    Bytes that are not UTF-8 become surrogates (PEP 383). Names in `hdrs` are spelled as there,
    as in aiohttp.
    """
    return CIMultiDictProxy(
        CIMultiDict(
            [
                (
                    SPELLED[name.decode("utf-8", "surrogateescape")],
                    value.decode("utf-8", "surrogateescape"),
                )
                for name, value in raw
            ]
        )
    )


def received_headers(head: bytes) -> CIMultiDictProxy[str]:
    """Split and decode the fields of a received head, like `fields_of` and `headers_of`."""
    lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    fields = [line.partition(":") for line in lines[1:]]
    return CIMultiDictProxy(
        CIMultiDict([(SPELLED[name], value.strip(" \t")) for name, _colon, value in fields])
    )


def headers_in(head: bytes) -> CIMultiDict[str]:
    """Split and decode the fields of a head that was sent."""
    lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    fields = [line.partition(":") for line in lines[1:]]
    return CIMultiDict([(name, value.strip(" \t")) for name, _colon, value in fields])
