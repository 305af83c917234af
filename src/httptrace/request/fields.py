"""The header fields of a request, put together from what the session and the request give."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from multidict import CIMultiDict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..call.core import SessionCore
    from .options import LooseHeaders


def plain_headers(core: SessionCore, authority: str, skipped: Iterable[str]) -> CIMultiDict[str]:
    """The headers of a request that has none of its own: the session's, and the default ones."""
    headers: CIMultiDict[str] = CIMultiDict()
    headers["Host"] = authority
    merge_headers(headers, core.default_headers)
    unwanted = {name.lower() for name in skipped}
    for name, value in core.auto_headers:
        if name not in headers and name.lower() not in unwanted:
            headers[name] = value
    return headers


def merge_headers(into: CIMultiDict[str], more: LooseHeaders | None) -> None:
    """Put headers over those that are there; a name that comes twice in `more` stays twice."""
    if not more:
        return
    if not hasattr(more, "items"):
        try:
            pairs = [(name, value) for name, value in more]
        except (TypeError, ValueError):
            text = f"headers must be a mapping or pairs, not {type(more).__name__}"
            raise TypeError(text) from None
    else:
        pairs = list(cast("Mapping[str, str]", more).items())
    seen: set[str] = set()
    for name, value in pairs:
        if not isinstance(name, str):
            raise TypeError(f"Header names must be str, not {name!r}")
        if name.lower() in seen:
            into.add(name, value)
        else:
            into[name] = value
            seen.add(name.lower())
