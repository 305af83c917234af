"""Media types: parsing of the Content-Type header (RFC 9110, sections 5.6.6 and 8.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from multidict import MultiDict, MultiDictProxy

__all__ = [
    "OCTET_STREAM",
    "MimeType",
    "charset_of",
    "content_type_of",
    "is_json",
    "parse_mimetype",
    "scan_parameters",
    "unquote",
]

OCTET_STREAM = "application/octet-stream"
"""The media type of a body whose Content-Type is absent or malformed (RFC 9110, section 8.3)."""

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

    It may be the name of a charset that Python does not have.
    """
    value = content_type_of(header)[1].get("charset", "")
    # Some servers send charset='utf-8', with quotes that RFC 9110 does not allow.
    return value.strip("' \t") or None


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
