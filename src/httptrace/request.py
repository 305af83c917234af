"""From the arguments of a request to its head and body; all that can be wrong is found here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from multidict import CIMultiDict
from yarl import URL

from .head import serialize, version_of
from .options import TLS_PARAMETERS, checked
from .target import Target, check_method, headers_by, parse_url, target_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .call import Call
    from .options import LooseHeaders, RequestOptions
    from .session import ClientSession

_NO_BODY_EXPECTED = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_OF_PROXY = {"proxy", "proxy_auth", "proxy_headers"}
_OF_TARGET = TLS_PARAMETERS | _OF_PROXY | {"auth", "params", "server_hostname"}
"""Parameters that change where a request goes, or as whom."""
_SMALL_BODY = 1 << 16
"""Bytes up to which a body is written together with the head."""


def prepare(call: Call, where: str | URL, options: RequestOptions) -> None:
    """Fill in the call's first hop.

    Raises
    ------
    TypeError, ValueError, InvalidURL, NonHttpUrlClientError
        Naming what cannot be used; nothing was sent.
    """
    if not options or options.get("upload_tracker") is None:
        _prepare(call, where, options)
        return
    from .body.upload_tracker import checked_tracker

    tracker = checked_tracker(options.get("upload_tracker"))
    tracker.bind()
    call.upload_tracker = tracker
    try:
        _prepare(call, where, options)
    except Exception as exc:
        tracker.end(exc)
        raise


def _prepare(call: Call, where: str | URL, options: RequestOptions) -> None:
    session = call.session
    call.method = check_method(call.method)
    call.settings = checked(session.settings, options) if options else session.settings
    aside = call.tunnel or not _OF_TARGET.isdisjoint(options)
    target = None if aside else session.plain_target(where)
    auth = None
    if target is None:
        auth = _address(call, where, options)
    else:
        call.target, call.is_plain = target, not options
        if call.is_plain and (head := target.heads.get(call.method)) is not None:
            call.head = head
            return
    _collect_headers(call, options)
    _add_body(call, options)
    _add_auth(call, auth)
    call.own_cookies = options.get("cookies")
    call.cookie_header = call.request_headers.get("Cookie", "")
    add_cookies(call)
    add_ids(call)
    build_head(call)
    if call.is_plain and call.head is not None and not call.closes:
        call.target.heads[call.method] = call.head


def _address(call: Call, where: str | URL, options: RequestOptions) -> Any:
    """Set the target; returns the credentials for it, which may be part of the URL."""
    from .auth import BasicAuth, basic_auth

    url = call.session.absolute(parse_url(where))
    params = options.get("params")
    if params:
        url = _with_query(url, params)
    auth = basic_auth("auth", options.get("auth"))
    own = BasicAuth.from_url(url)
    if own is not None:
        if auth is not None:
            raise ValueError("Cannot combine AUTH argument with credentials encoded in URL")
        url = url.with_user(None)
    settings = call.settings
    name, proxies = settings.server_hostname, settings.proxies
    call.target = target_of(url, settings.ssl, name, proxies, tunnel=call.tunnel)
    return auth or own or call.session.auth_for(url)


def _with_query(url: URL, params: Any) -> URL:
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


def _collect_headers(call: Call, options: RequestOptions) -> None:
    session = call.session
    headers: CIMultiDict[str] = CIMultiDict()
    headers["Host"] = call.target.authority
    merge_headers(headers, session.default_headers)
    merge_headers(headers, options.get("headers"))
    skipped = session.skip_auto_headers.union(options.get("skip_auto_headers") or ())
    add_auto_headers(headers, session.auto_headers, skipped)
    call.skip_content_type = any(name.lower() == "content-type" for name in skipped)
    call.headers = headers


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


def add_auto_headers(
    headers: CIMultiDict[str], auto: Iterable[tuple[str, str]], skipped: Iterable[str]
) -> None:
    """Add those defaults that are neither there nor skipped."""
    unwanted = {name.lower() for name in skipped}
    for name, value in auto:
        if name not in headers and name.lower() not in unwanted:
            headers[name] = value


def _add_auth(call: Call, auth: Any) -> None:
    headers = call.request_headers
    if auth is not None:
        if "Authorization" in headers:
            raise ValueError(
                "Cannot combine AUTHORIZATION header with AUTH argument or credentials "
                "encoded in URL"
            )
        headers["Authorization"] = auth.encode()


def add_cookies(call: Call) -> None:
    """The jar's cookies for the hop's URL, the request's own, and those of a Cookie header."""
    session, own, header = call.session, call.own_cookies, call.cookie_header
    if own is not None or session.has_cookies():
        from .cookies import request_cookies

        header = request_cookies(session.jar, call.url, own, header)
    if header:
        call.request_headers["Cookie"] = header


def add_ids(call: Call) -> None:
    """The ids of the work that makes the request, if the hop's host may see them."""
    propagation, headers = call.session.propagation, call.request_headers
    if propagation is None:
        return
    for name in call.propagated:
        headers.popall(name, None)
    ids = [pair for pair in propagation.headers_for(call.url) if pair[0] not in headers]
    headers.extend(ids)
    call.propagated = tuple(name for name, _value in ids)


# --- the body -----------------------------------------------------------------------------------


def _add_body(call: Call, options: RequestOptions) -> None:
    data, json = options.get("data"), options.get("json")
    if data is not None and json is not None:
        raise ValueError("data and json parameters can not be used at the same time")
    content_type: str | None = None
    if json is not None:
        data, content_type = call.session.json_bytes(json), "application/json"
    elif isinstance(data, str):
        data, content_type = data.encode(), "text/plain; charset=utf-8"
    elif isinstance(data, bytearray | memoryview):
        data, content_type = bytes(data), "application/octet-stream"
    elif isinstance(data, bytes):
        content_type = "application/octet-stream"
    _frame(call, data, content_type, options)


def _frame(call: Call, data: Any, content_type: str | None, options: RequestOptions) -> None:
    """Decide how the body is delimited (RFC 9112 §6.3) and encoded."""
    headers = call.request_headers
    call.compress = _compression(headers, options.get("compress"), data)
    chunked = _wants_chunks(headers, options.get("chunked")) or bool(call.compress)
    call.expect100 = bool(options.get("expect100")) or _expects(headers)
    if isinstance(data, bytes):
        _set_bytes(call, data, chunked, content_type)
    elif data is not None:
        _set_payload(call, data)
    if content_type is not None and not call.skip_content_type:
        headers.setdefault("Content-Type", content_type)
    if call.expect100:
        headers["Expect"] = "100-continue"
    add_framing(call, chunked)


def _set_bytes(call: Call, data: bytes, chunked: bool, content_type: str | None) -> None:
    small = len(data) <= _SMALL_BODY and call.upload_tracker is None
    if small and not chunked and not call.expect100:
        call.body = data
        return
    from .body.payload import BytesPayload

    call.payload = BytesPayload(data, content_type=content_type or "application/octet-stream")


def _set_payload(call: Call, data: Any) -> None:
    from .body.data import make_payload

    payload = call.payload = make_payload(data)
    headers = call.request_headers
    for name, value in payload.headers.items():
        if name.lower() != "content-type" or not call.skip_content_type:
            headers.setdefault(name, value)


def add_framing(call: Call, chunked: bool) -> None:
    """Content-Length or Transfer-Encoding, whichever the body needs."""
    headers, payload = call.request_headers, call.payload
    _check_framing(headers)
    call.chunked = False
    size = len(call.body) if payload is None else payload.size
    if payload is not None and (chunked or (size is None and "Content-Length" not in headers)):
        if call.session.version < (1, 1):
            raise ValueError("A body of unknown size cannot be sent with HTTP/1.0")
        if chunked:
            headers.popall("Content-Length", None)
        headers.setdefault("Transfer-Encoding", "chunked")
        call.chunked = True
    elif "Transfer-Encoding" in headers:
        raise ValueError("The Transfer-Encoding header needs a body that is sent in chunks")
    elif size is not None and (size or payload or call.method not in _NO_BODY_EXPECTED):
        headers.setdefault("Content-Length", str(size))
    if size is not None and "Content-Length" in headers:
        _check_length(headers["Content-Length"], size)


def _check_framing(headers: CIMultiDict[str]) -> None:
    """Refuse what the server could read in another way than it is meant (RFC 9112 §6.2, §6.3)."""
    lengths = headers.getall("Content-Length", [])
    if len(lengths) > 1 or not all(one.isascii() and one.isdigit() for one in lengths):
        raise ValueError(f"Content-Length must be one whole number, not {', '.join(lengths)!r}")
    codings = ", ".join(headers.getall("Transfer-Encoding", [])).lower()
    if codings and codings.rpartition(",")[2].strip() != "chunked":
        raise ValueError(f"Transfer-Encoding must end in chunked, not be {codings!r}")


def _check_length(declared: str, size: int) -> None:
    if declared != str(size):
        raise ValueError(f"The Content-Length header says {declared}, the body has {size} bytes")


def _wants_chunks(headers: CIMultiDict[str], chunked: bool | None) -> bool:
    coded = "chunked" in headers.get("Transfer-Encoding", "").lower()
    if coded and chunked:
        raise ValueError('chunked cannot be set if the "Transfer-Encoding: chunked" header is set')
    if chunked and "Content-Length" in headers:
        raise ValueError("chunked cannot be set if the Content-Length header is set")
    if coded and "Content-Length" in headers:
        raise ValueError("Content-Length and Transfer-Encoding exclude each other (RFC 9112 §6.2)")
    return coded or bool(chunked)


def _expects(headers: CIMultiDict[str]) -> bool:
    return headers.get("Expect", "").lower() == "100-continue"


def _compression(headers: CIMultiDict[str], compress: Any, data: Any) -> str | None:
    if not compress or data is None or data == b"":
        return None
    if "Content-Encoding" in headers:
        raise ValueError("compress can not be set if Content-Encoding header is set")
    from .body.content_coding import encoder_for

    name = compress if isinstance(compress, str) else "deflate"
    encoder_for(name)  # refuses what cannot be done
    headers["Content-Encoding"] = name
    return name


def build_head(call: Call) -> None:
    """Make the head of the hop, from its headers as they are now."""
    headers, target = call.request_headers, call.target
    sent = headers if target.via is None else headers_by(target, headers)
    call.head = serialize(call.method, target.path, call.session.http_version, sent)
    call.head_version = version_of(headers)
    call.closes = _asks_to_close(headers) and not call.connector.force_close


def _asks_to_close(headers: CIMultiDict[str]) -> bool:
    """Whether no further request may go out on the connection (RFC 9112 §9.6)."""
    options = ",".join(headers.getall("Connection", ())).lower().split(",")
    return any(option.strip() == "close" for option in options)


def refresh_head(call: Call) -> None:
    """Make the head anew if its headers were changed since; they must still fit the body."""
    if call.headers is None:
        return
    if call.head is None or version_of(call.headers) != call.head_version:
        add_framing(call, call.chunked)
        build_head(call)


def plain_headers(session: ClientSession, target: Target) -> CIMultiDict[str]:
    """The headers of a request that has none of its own."""
    headers: CIMultiDict[str] = CIMultiDict()
    headers["Host"] = target.authority
    merge_headers(headers, session.default_headers)
    add_auto_headers(headers, session.auto_headers, session.skip_auto_headers)
    return headers


async def replace_body(call: Call, data: Any) -> None:
    """Give the hop another body, and the headers that go with it."""
    headers = call.request_headers
    if call.payload is not None:
        await call.payload.close()
    for name in ("Content-Length", "Transfer-Encoding"):
        headers.popall(name, None)
    call.body, call.payload = b"", None
    given = headers.popall("Content-Type", ())
    _add_body(call, {"data": data})
    if given and not headers.get("Content-Type", "").startswith("multipart/"):
        headers["Content-Type"] = given[0]  # only the boundary of several parts is the body's own
    call.head = None
