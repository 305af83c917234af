"""`ETag`: what names one version of a resource."""

from __future__ import annotations

from typing import NamedTuple


class ETag(NamedTuple):
    """An entity tag (RFC 9110 §8.8.3); its text is what ``ETag`` and ``If-None-Match`` carry.

    `value` comes without quotes; one that `is_weak` says that two versions mean the same, not that
    their bytes are the same.
    """

    value: str
    is_weak: bool = False

    def __str__(self) -> str:
        return f'{"W/" if self.is_weak else ""}"{self.value}"'
