"""Parameters of a request behind the query of its URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yarl import URL


def with_query(url: URL, params: Any) -> URL:
    """The URL with ``params=`` behind its own query."""
    try:
        _check_text(params)
        return _with_text(url, params) if isinstance(params, str) else url.extend_query(params)
    except (TypeError, ValueError) as exc:
        kind = TypeError if isinstance(exc, TypeError) else ValueError
        raise kind(f"params cannot be such a {type(params).__name__}: {exc}") from exc


def _check_text(params: Any, depth: int = 3) -> None:
    """Raise UnicodeEncodeError for lone surrogates, which yarl would leave out in silence."""
    if isinstance(params, str):
        params.encode()
        return
    pairs = params.items() if hasattr(params, "items") else params
    if depth and (pairs is not params or isinstance(pairs, list | tuple)):
        for one in pairs:
            _check_text(one, depth - 1)


def _with_text(url: URL, params: str) -> URL:
    """The text is taken as it stands, as far as it can be."""
    more = type(url)("?" + params.removeprefix("?").replace("#", "%23")).raw_query_string
    return url.build(
        scheme=url.scheme,
        authority=url.raw_authority,
        path=url.raw_path,
        query_string="&".join(part for part in (url.raw_query_string, more) if part),
        fragment=url.raw_fragment,
        encoded=True,
    )
