"""`RequestInfo`: what was asked, as responses and errors tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy
    from yarl import URL


class _Asked(NamedTuple):
    url: URL
    method: str
    headers: CIMultiDictProxy[str]
    real_url: URL


class RequestInfo(_Asked):
    """What was asked: the final hop's URL without fragment, its method and its headers.

    `real_url` is the URL with its fragment; `url` unless it is given.
    """

    __slots__ = ()

    def __new__(
        cls, url: URL, method: str, headers: CIMultiDictProxy[str], real_url: Any = ...
    ) -> RequestInfo:
        return super().__new__(cls, url, method, headers, url if real_url is ... else real_url)

    def __reduce__(self) -> tuple[Any, ...]:
        # Read-only multidicts cannot be pickled.
        return _restore, (self.url, self.method, tuple(self.headers.items()), self.real_url)

    def __repr__(self) -> str:
        # Errors hold these, logs and trackers of errors write them out.
        from .masking import shown

        pairs = zip(self._fields, self, strict=True)
        return f"RequestInfo({', '.join(f'{name}={shown(value)}' for name, value in pairs)})"


def _restore(
    url: URL, method: str, headers: tuple[tuple[str, str], ...], real_url: URL
) -> RequestInfo:
    from multidict import CIMultiDict, CIMultiDictProxy

    return RequestInfo(url, method, CIMultiDictProxy(CIMultiDict(headers)), real_url)
