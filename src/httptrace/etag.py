"""`ETag`: an entity tag."""

from __future__ import annotations

from typing import NamedTuple


class ETag(NamedTuple):
    """An entity tag (RFC 9110 §8.8.3); ``str()`` gives the field value of ``ETag``.

    `value` is without quotes. Two representations with the same tag are equal byte for byte, or,
    if the tag `is_weak`, equivalent only.
    """

    value: str
    is_weak: bool = False

    def __str__(self) -> str:
        return f'{"W/" if self.is_weak else ""}"{self.value}"'
