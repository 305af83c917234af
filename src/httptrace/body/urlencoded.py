"""Forms as ``application/x-www-form-urlencoded`` (WHATWG URL, section 5)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

__all__ = ["URLENCODED", "urlencoded"]

URLENCODED = "application/x-www-form-urlencoded"
_SINGLE = (str, bytes, bytearray, memoryview)
_SEVERAL = (Collection, Iterator)


def urlencoded(pairs: Iterable[tuple[Any, Any]], charset: str = "utf-8") -> str:
    """The pairs as a url-encoded form. A list stands for several fields of the same name.

    Raises TypeError for a mapping, a list in a list and an iterator, which a form cannot hold.
    """
    pairs = list(pairs)
    for name, value in pairs:
        is_list = isinstance(value, Collection) and not isinstance(value, (*_SINGLE, Mapping))
        for one in value if is_list else (value,):
            if isinstance(one, _SEVERAL) and not isinstance(one, _SINGLE):
                raise TypeError(
                    f"The form field {name!r} cannot have the value {one!r}: a form has text, "
                    "numbers and lists of these; json= sends nested values"
                )
    return urlencode(pairs, doseq=True, encoding=charset)
