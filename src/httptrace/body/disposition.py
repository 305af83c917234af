"""The Content-Disposition header: parsed (RFC 6266, RFC 2183, RFC 2231) and written (RFC 7578)."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from ..headers.mime import TOKEN, text_encoding

__all__ = [
    "BadContentDispositionHeader",
    "BadContentDispositionParam",
    "ContentDisposition",
    "content_disposition",
    "content_disposition_filename",
    "content_disposition_header",
    "parse_content_disposition",
    "without_path",
]

# A quoted string, or everything up to the next semicolon.
_VALUE = re.compile(r'[ \t]*(?:"((?:[^"\\]|\\.)*)"[ \t]*|([^";]*))(?:;|\Z)', re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_EXTENDED = re.compile(r"([^']*)'[^']*'(.*)\Z", re.DOTALL)
_CONTINUED = re.compile(r".+\*[0-9]+\*?\Z", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FOLDERS = re.compile(r".*[/\\]", re.DOTALL)
_DRIVES = re.compile(r"(?:.:)+", re.DOTALL)
# C0 and C1 controls, and what reverses the direction of text, as in "invoice\u202efdp.exe".
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class BadContentDispositionHeader(RuntimeWarning):
    """A Content-Disposition header is malformed; it is ignored."""


class BadContentDispositionParam(RuntimeWarning):
    """A parameter of a Content-Disposition header is malformed; the parameter is ignored."""


class ContentDisposition(NamedTuple):
    """The parsed value of a Content-Disposition header.

    `filename` is decoded and has no path: ``os.path.join(folder, filename)`` is a path in `folder`.
    It is empty if the name in the header is only a path, such as ``..``.
    """

    type: str | None
    parameters: Mapping[str, str]
    filename: str | None


def content_disposition(header: str | None) -> ContentDisposition | None:
    """The parsed header; None if there is no header."""
    if header is None:
        return None
    kind, params = parse_content_disposition(header)
    return ContentDisposition(kind, MappingProxyType(params), content_disposition_filename(params))


def parse_content_disposition(header: str | None) -> tuple[str | None, dict[str, str]]:
    """The type and the parameters of the header, with names in lower case.

    The parameter ``name*`` is decoded. The pieces ``name*0``, ``name*1*``, ... are not: see
    `content_disposition_filename`. ``filename`` and ``filename*`` have no path: see
    `ContentDisposition`. For a malformed header the result is ``(None, {})``, with a
    BadContentDispositionHeader warning; a malformed parameter is left out, with a
    BadContentDispositionParam warning.
    """
    if not header:
        return None, {}
    kind, semicolon, rest = header.partition(";")
    kind = kind.strip(" \t").lower()
    if TOKEN.match(kind) is None:
        return _bad_header(header)
    if semicolon and not rest.strip():
        _bad_header(header)
        return kind, {}
    params = _parameters(rest, header)
    return (None, {}) if params is None else (kind, params)


def _parameters(text: str, header: str) -> dict[str, str] | None:
    params: dict[str, str] = {}
    position = 0
    while position < len(text):
        scanned = _scan(text, position)
        if scanned is None:
            return _bad_header(header)[0]
        name, value, quoted, end = scanned
        raw, position = text[position:end].rstrip(";"), end
        if not name:
            _bad_header(header)
        elif TOKEN.match(name) is None:
            _bad_param(raw)
        elif name in params or (not quoted and TOKEN.match(value) is None):
            return _bad_header(header)[0]
        elif (decoded := _decoded(name, value, quoted)) is None:
            _bad_param(raw)
        else:
            params[name] = without_path(decoded) if name in _FILE_NAMES else decoded
    return params


_FILE_NAMES = ("filename", "filename*")


def without_path(filename: str) -> str:
    """The file name without anything that could lead out of a folder.

    Folders, drive letters and control characters are removed (RFC 6266 section 4.3). The result is
    empty if that leaves nothing but dots and spaces.
    """
    name = _INVISIBLE.sub("", _FOLDERS.sub("", filename))
    name = _DRIVES.sub("", name, count=1) if name[1:2] == ":" else name
    return name if name.strip(". ") else ""


def _scan(text: str, position: int) -> tuple[str, str, bool, int] | None:
    """One parameter: its name, its value, whether that was quoted, and where the next one begins.

    None if it has no value. An empty parameter has an empty name.
    """
    equals, semicolon = text.find("=", position), text.find(";", position)
    if equals < 0 or 0 <= semicolon < equals:
        end = len(text) if semicolon < 0 else semicolon
        return None if text[position:end].strip() else ("", "", False, end + 1)
    match = _VALUE.match(text, equals + 1)
    name = text[position:equals].strip(" \t").lower()
    if match is None or not name:
        return None
    quoted, plain = match.groups()
    if quoted is None:
        return name, plain.strip(" \t"), False, match.end()
    return name, _QUOTED_PAIR.sub(r"\1", quoted), True, match.end()


def _decoded(name: str, value: str, quoted: bool) -> str | None:
    """The value, decoded if the name ends in ``*`` (RFC 8187); None if it is malformed."""
    if not name.endswith("*") or _CONTINUED.match(name) is not None:
        return value
    match = None if quoted else _EXTENDED.match(value)
    return None if match is None else _decode(unquote_to_bytes(match[2]), match[1])


def _decode(data: bytes, charset: str) -> str | None:
    encoding = text_encoding(charset or "utf-8")
    if encoding is None:
        return None
    try:
        return data.decode(encoding)
    except UnicodeError:
        return None


def _bad_header(header: str) -> tuple[None, dict[str, str]]:
    warnings.warn(BadContentDispositionHeader(header), stacklevel=3)
    return None, {}


def _bad_param(param: str) -> None:
    warnings.warn(BadContentDispositionParam(param), stacklevel=3)


def content_disposition_filename(params: Mapping[str, str], name: str = "filename") -> str | None:
    """The parameter `name`, decoded, from the result of `parse_content_disposition`.

    ``name*`` is preferred to ``name`` (RFC 6266 section 4.3), and ``name`` to the joined pieces
    ``name*0``, ``name*1*``, ... (RFC 2231 section 3). None if there is no such parameter, or its
    pieces cannot be decoded. A ``filename`` has no path: see `ContentDisposition`.
    """
    for key in (f"{name}*", name):
        if key in params:
            return without_path(params[key]) if key in _FILE_NAMES else params[key]
    pieces: list[bytes] = []
    charset = ""
    while (piece := _piece(params, name, len(pieces))) is not None:
        value, encoded = piece
        if encoded and not pieces and (match := _EXTENDED.match(value)) is not None:
            charset, value = match.groups()
        pieces.append(unquote_to_bytes(value) if encoded else value.encode("utf-8", "replace"))
    joined = _decode(b"".join(pieces), charset) if pieces else None
    return joined if joined is None or name != "filename" else without_path(joined)


def _piece(params: Mapping[str, str], name: str, index: int) -> tuple[str, bool] | None:
    key = f"{name}*{index}"
    if key in params:
        return params[key], False
    return (params[f"{key}*"], True) if f"{key}*" in params else None


def content_disposition_header(
    disptype: str, quote_fields: bool = True, charset: str = "utf-8", **params: str
) -> str:
    """The value of the header.

    With `quote_fields` a ``filename`` is percent-encoded in `charset`, as in aiohttp, and in other
    parameters control characters are (WHATWG HTML, "multipart form data"). Without `quote_fields`
    values are quoted strings. Names of form fields are UTF-8 (RFC 7578 section 5.1).

    Raises ValueError if the type or the name of a parameter is not a token, and for control
    characters in a quoted string.
    """
    if TOKEN.match(disptype) is None:
        raise ValueError(f"bad content disposition type {disptype!r}")
    parts = [disptype]
    for name, value in params.items():
        if TOKEN.match(name) is None:
            raise ValueError(f"bad content disposition parameter {name!r}={value!r}")
        parts.append(f"{name}={_quoted(name, value, quote_fields, charset)}")
    return "; ".join(parts)


def _quoted(name: str, value: str, quote_fields: bool, charset: str) -> str:
    if quote_fields and name.lower() == "filename":
        return f'"{quote(value, safe="", encoding=charset)}"'
    if quote_fields:
        value = _CONTROL.sub(lambda match: f"%{ord(match[0]):02X}", value)
    elif _CONTROL.search(value) is not None:
        raise ValueError(f"Control characters in content disposition parameter {name!r}: {value!r}")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
