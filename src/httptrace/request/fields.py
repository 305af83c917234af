"""The header fields of a request: the session's, the request's own, credentials and cookies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from multidict import CIMultiDict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..auth.basic import BasicAuth
    from ..call.call import Call
    from ..call.core import SessionCore
    from .options import LooseHeaders

TWO_CREDENTIALS = (
    "Cannot combine AUTHORIZATION header with AUTH argument or credentials encoded in URL"
)


def session_headers(core: SessionCore, authority: str, skipped: Iterable[str]) -> CIMultiDict[str]:
    """Host, the session's headers, and the automatic headers that are not skipped."""
    headers: CIMultiDict[str] = CIMultiDict()
    headers["Host"] = authority
    merge_headers(headers, core.default_headers)
    unwanted = {name.lower() for name in skipped}
    for name, value in core.auto_headers:
        if name not in headers and name.lower() not in unwanted:
            headers[name] = value
    return headers


def merge_headers(into: CIMultiDict[str], more: LooseHeaders | None) -> None:
    """Add headers, replacing those of the same name; a name repeated in `more` stays repeated."""
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


def add_auth(headers: CIMultiDict[str], auth: BasicAuth | None) -> None:
    """Add the Authorization field.

    Raises
    ------
    ValueError
        If there is one already.
    """
    if auth is not None:
        if "Authorization" in headers:
            raise ValueError(TWO_CREDENTIALS)
        headers["Authorization"] = auth.encode()


def add_cookies(call: Call[Any]) -> None:
    """Add the Cookie field for the hop's URL."""
    if header := cookie_header(call, call.cookie_header):
        call.request_headers["Cookie"] = header


def cookie_header(call: Call[Any], header: str) -> str:
    """The value of Cookie: the jar's cookies, those of ``cookies=``, and those of `header`."""
    own = call.own_cookies
    if own is None and not call.core.has_cookies():
        return header
    from ..cookies.jar import request_cookies

    return request_cookies(call.core.jar, call.url, own, header)


def add_propagation(call: Call[Any]) -> None:
    """Add the ids of the current context, if the hop's host may see them."""
    propagation, headers = call.core.propagation, call.request_headers
    if propagation is None:
        return
    for name in call.propagated:
        headers.popall(name, None)
    ids = [pair for pair in propagation.headers_for(call.url) if pair[0] not in headers]
    headers.extend(ids)
    call.propagated = tuple(name for name, _value in ids)
