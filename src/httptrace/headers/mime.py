"""Media types: parsing of the Content-Type header (RFC 9110, sections 5.6.6 and 8.3)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from multidict import MultiDict, MultiDictProxy

__all__ = [
    "OCTET_STREAM",
    "TOKEN",
    "MimeType",
    "charset_of",
    "content_type_of",
    "is_json",
    "parse_mimetype",
    "scan_parameters",
    "text_encoding",
    "unquote",
]

OCTET_STREAM = "application/octet-stream"
"""The media type of a body whose Content-Type is absent or malformed (RFC 9110, section 8.3)."""

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
"""Matches a token (RFC 9110, section 5.6.2)."""

_NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})
_ESSENCE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_PARAMETER = re.compile(
    r"""[ \t]*;[ \t]*
        (?:(?P<name>[^\s=;,"]+)[ \t]*
           (?:=[ \t]*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"?|(?P<plain>[^;,"]*)))?)?""",
    re.VERBOSE | re.DOTALL,
)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json\Z", re.IGNORECASE)


class MimeType(NamedTuple):
    """The parts of a media type: ``type/subtype+suffix; parameters``."""

    type: str
    subtype: str
    suffix: str
    parameters: MultiDictProxy[str]


def unquote(text: str) -> str:
    """Remove the backslashes of quoted pairs from the content of a quoted string."""
    return _QUOTED_PAIR.sub(r"\1", text) if "\\" in text else text


def scan_parameters(text: str, position: int = 0) -> tuple[list[tuple[str, str]], int]:
    """Parse ``; name=value; name="value"`` from `position`. Returns the pairs and their end.

    Names are converted to lower case; a name without a value gets an empty one. As in browsers,
    empty parameters are skipped, and a quoted string without a closing quote ends with the text.
    """
    found: list[tuple[str, str]] = []
    while (match := _PARAMETER.match(text, position)) is not None:
        name, quoted, plain = match.group("name", "quoted", "plain")
        if name is not None:
            value = unquote(quoted) if quoted is not None else (plain or "").strip()
            found.append((name.lower(), value))
        position = match.end()
    return found, position


@lru_cache(maxsize=256)
def content_type_of(header: str) -> tuple[str, Mapping[str, str]]:
    """The media type in lower case, and its parameters. The first of repeated ones is taken.

    A malformed header gives `OCTET_STREAM` without parameters, as in aiohttp.
    """
    essence, _, _ = header.partition(";")
    kind = essence.strip(" \t").lower()
    if _ESSENCE.match(kind) is None:
        return OCTET_STREAM, _NO_PARAMETERS
    if len(essence) == len(header):
        return kind, _NO_PARAMETERS
    pairs, _ = scan_parameters(header, len(essence))
    return kind, MappingProxyType(dict(reversed(pairs)))


def charset_of(header: str) -> str | None:
    """The charset parameter of a Content-Type header as it is written, or None.

    The name is not checked: `text_encoding` tells whether Python has an encoding of this name.
    """
    value = content_type_of(header)[1].get("charset", "")
    # Some servers send charset='utf-8', with quotes that RFC 9110 does not allow.
    return value.strip("' \t") or None


_CHARSET = re.compile(r"[0-9A-Za-z][0-9A-Za-z!#$%&'+^_`{}~.:() -]{0,39}\Z")
_NO_CHARSETS = frozenset(
    {"charmap", "idna", "mbcs", "oem", "punycode", "raw-unicode-escape", "undefined"}
    | {"unicode-escape"}
)
"""Codecs of Python that make text of bytes, and that no charset is named after."""


@lru_cache(maxsize=256)
def text_encoding(charset: str) -> str | None:
    """Python's name of the encoding that a charset names; None for what is no charset.

    Python has codecs that are no charsets, such as ``base64``, ``rot13``, ``idna`` and
    ``unicode_escape``. A name from a server must not choose one of them.
    """
    if _CHARSET.match(charset) is None:
        return None
    try:
        codec = codecs.lookup(charset)
    except (LookupError, ValueError):
        return None
    is_text: bool = codec._is_text_encoding
    return codec.name if is_text and codec.name.replace("_", "-") not in _NO_CHARSETS else None


@lru_cache(maxsize=256)
def is_json(content_type: str) -> bool:
    """Whether a media type without parameters is ``application/json`` or ``application/…+json``."""
    return _JSON.match(content_type) is not None


def parse_mimetype(mimetype: str) -> MimeType:
    """Split a media type into its parts, in lower case except for the parameters' values.

    ``*`` means ``*/*``; parts that are missing are empty.
    """
    essence, _, _ = mimetype.partition(";")
    pairs, _ = scan_parameters(mimetype, len(essence))
    kind, _, subtype = essence.strip().lower().partition("/")
    subtype, _, suffix = ("*" if kind == "*" and not subtype else subtype).partition("+")
    return MimeType(kind, subtype, suffix, MultiDictProxy(MultiDict(pairs)))
