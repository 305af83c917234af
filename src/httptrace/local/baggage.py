"""W3C Baggage: values of the program that are propagated with a trace.

https://www.w3.org/TR/baggage/ (sections cited below are of that text).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, unquote

# Section 3.3.2: a platform must propagate at least this much. The rest is dropped.
MAX_MEMBERS = 64
MAX_BYTES = 8192

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")
_PROPERTIES = re.compile(r"[\x20-\x2b\x2d-\x7e\t]*")


class Baggage(Mapping[str, str]):
    """Keys with their decoded values. ``str()`` gives the header, with each member's properties.

    :raises ValueError: a key is not a token (RFC 9110 section 5.6.2), or a value cannot be encoded
        as UTF-8.
    :raises TypeError: a key or value is not a ``str``.
    """

    __slots__ = ("_members",)

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._members: dict[str, tuple[str, str]] = {}
        for key, value in (values or {}).items():
            self._members[_checked_key(key)] = (_checked_value(key, value), "")

    @classmethod
    def parse(cls, text: str) -> Baggage:
        """Read a ``baggage`` header. Invalid members are dropped, and so is all that follows 64
        members or 8192 bytes."""
        baggage = cls()
        size = 0
        for part in text[: MAX_BYTES + 1].split(","):
            size += len(part) + 1
            member = _member(part)
            if size > MAX_BYTES + 1 or len(baggage._members) == MAX_MEMBERS:
                break
            if member is not None:
                key, value, properties = member
                baggage._members[key] = (value, properties)
        return baggage

    def __getitem__(self, key: str) -> str:
        return self._members[key][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __str__(self) -> str:
        return ",".join(
            f"{key}={quote(value, safe=_UNQUOTED)}{properties}"
            for key, (value, properties) in self._members.items()
        )

    def __repr__(self) -> str:
        return f"<Baggage: {', '.join(self) or 'empty'}>"


# Section 3.3.1.3: baggage-octet without the percent sign.
_UNQUOTED = "!#$&'()*+-./:<=>?@[]^_`{|}~"


def _checked_key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a baggage key must be a str, not {type(key).__name__}")
    if not _TOKEN.fullmatch(key):
        raise ValueError(f"baggage key {key!r:.80} is not a token")
    return key


def _checked_value(key: str, value: object) -> str:
    # The message has only the key: a value may be secret.
    if not isinstance(value, str):
        raise TypeError(f"baggage {key!r:.80} must be a str, not {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"baggage {key!r:.80} has lone surrogates, which UTF-8 cannot encode"
        ) from None
    return value


def _member(part: str) -> tuple[str, str, str] | None:
    pair, semicolon, properties = part.partition(";")
    key, equals, value = pair.partition("=")
    key, value = key.strip(" \t"), value.strip(" \t")
    if not equals or not _TOKEN.fullmatch(key) or not _VALUE.fullmatch(value):
        return None
    if not _PROPERTIES.fullmatch(properties):
        return None
    return key, unquote(value, errors="replace"), (semicolon + properties).rstrip(" \t")
