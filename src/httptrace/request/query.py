"""``params=``: appended to the query of a request's URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yarl import URL


def with_query(url: URL, params: Any) -> URL:
    """The URL with ``params`` appended to its query.

    Raises
    ------
    TypeError, ValueError
        If `params` cannot be put into a query.
    """
    try:
        _check_text(params)
        return _with_text(url, params) if isinstance(params, str) else url.extend_query(params)
    except (TypeError, ValueError) as exc:
        kind = TypeError if isinstance(exc, TypeError) else ValueError
        raise kind(f"params ({type(params).__name__}) cannot be put into a query: {exc}") from exc


def _check_text(params: Any, depth: int = 3) -> None:
    """Raise UnicodeEncodeError for lone surrogates: yarl drops them without an error."""
    if isinstance(params, str):
        params.encode()
        return
    pairs = params.items() if hasattr(params, "items") else params
    if depth and (pairs is not params or isinstance(pairs, list | tuple)):
        for one in pairs:
            _check_text(one, depth - 1)


def _with_text(url: URL, params: str) -> URL:
    """Append text without changing what is encoded in it already."""
    more = type(url)("?" + params.removeprefix("?").replace("#", "%23")).raw_query_string
    return url.build(
        scheme=url.scheme,
        authority=url.raw_authority,
        path=url.raw_path,
        query_string="&".join(part for part in (url.raw_query_string, more) if part),
        fragment=url.raw_fragment,
        encoded=True,
    )
