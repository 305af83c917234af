"""From the arguments of a request to its head and body; all that can be wrong is found here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict
from yarl import URL

from ..auth.basic import BasicAuth, basic_auth
from ..headers.head import serialize, version_of
from ..headers.mime import OCTET_STREAM
from ..net.tls_parameters import TLS_PARAMETERS
from .fields import merge_headers, plain_headers
from .options import PROXY_PARAMETERS, checked
from .query import with_query
from .quick import (
    NO_BODY_EXPECTED,
    TWO_CREDENTIALS,
    TYPE_EXPECTED,
    content_of,
    cookie_header,
    prepare_plain,
    set_bytes,
    with_params,
)
from .target import absolute, check_method, headers_by, plain_target, target_of

if TYPE_CHECKING:
    from ..call.call import Call
    from .options import RequestOptions

_OF_TARGET = TLS_PARAMETERS | PROXY_PARAMETERS | {"server_hostname"}
"""Parameters that change where a request goes."""


def prepare(call: Call[Any], where: str | URL, options: RequestOptions) -> None:
    """Fill in the call's first hop.

    Raises
    ------
    TypeError, ValueError, InvalidURL, NonHttpUrlClientError
        Naming what cannot be used; nothing was sent.
    """
    if not options or options.get("upload_tracker") is None:
        _prepare(call, where, options)
        return
    from ..body.upload_tracker import checked_tracker

    tracker = checked_tracker(options.get("upload_tracker"))
    tracker.bind()
    call.upload_tracker = tracker
    try:
        _prepare(call, where, options)
    except Exception as exc:
        tracker.end(exc)
        raise


def _prepare(call: Call[Any], where: str | URL, options: RequestOptions) -> None:
    core = call.core
    call.method = check_method(call.method)
    call.settings = checked(core.settings, options) if options else core.settings
    aside = call.tunnel or not _OF_TARGET.isdisjoint(options)
    target = None if aside else plain_target(core, where)
    if target is None:
        auth = _address(call, where, options)
    elif prepare_plain(call, target, options):
        return
    else:
        call.target = with_params(target, options)
        auth = basic_auth("auth", options.get("auth")) or core.auth_for(call.url)
    _collect_headers(call, options)
    _add_body(call, options)
    _add_auth(call, auth)
    call.own_cookies = options.get("cookies")
    call.cookie_header = call.request_headers.get("Cookie", "")
    add_cookies(call)
    add_ids(call)
    build_head(call)


def _address(call: Call[Any], where: str | URL, options: RequestOptions) -> Any:
    """Set the target; returns the credentials for it, which may be part of the URL."""
    url = absolute(call.core, where)
    params = options.get("params")
    if params:
        url = with_query(url, params)
    auth = basic_auth("auth", options.get("auth"))
    own = BasicAuth.from_url(url)
    if own is not None:
        if auth is not None:
            raise ValueError("Cannot combine AUTH argument with credentials encoded in URL")
        url = url.with_user(None)
    settings = call.settings
    name, proxies = settings.server_hostname, settings.proxies
    call.target = target_of(url, settings.ssl, name, proxies, tunnel=call.tunnel)
    return auth or own or call.core.auth_for(url)


def _collect_headers(call: Call[Any], options: RequestOptions) -> None:
    core = call.core
    skipped = core.skip_auto_headers.union(options.get("skip_auto_headers") or ())
    call.headers = plain_headers(core, call.target.authority, skipped)
    merge_headers(call.headers, options.get("headers"))
    call.skip_content_type = any(name.lower() == "content-type" for name in skipped)


def _add_auth(call: Call[Any], auth: Any) -> None:
    headers = call.request_headers
    if auth is not None:
        if "Authorization" in headers:
            raise ValueError(TWO_CREDENTIALS)
        headers["Authorization"] = auth.encode()


def add_cookies(call: Call[Any]) -> None:
    """The jar's cookies for the hop's URL, the request's own, and those of a Cookie header."""
    if header := cookie_header(call, call.cookie_header):
        call.request_headers["Cookie"] = header


def add_ids(call: Call[Any]) -> None:
    """The ids of the work that makes the request, if the hop's host may see them."""
    propagation, headers = call.core.propagation, call.request_headers
    if propagation is None:
        return
    for name in call.propagated:
        headers.popall(name, None)
    ids = [pair for pair in propagation.headers_for(call.url) if pair[0] not in headers]
    headers.extend(ids)
    call.propagated = tuple(name for name, _value in ids)


# --- the body -----------------------------------------------------------------------------------


def _add_body(call: Call[Any], options: RequestOptions) -> None:
    data, content_type = content_of(call.core, options.get("data"), options.get("json"))
    _frame(call, data, content_type, options)


def _frame(call: Call[Any], data: Any, content_type: str | None, options: RequestOptions) -> None:
    """Decide how the body is delimited (RFC 9112 §6.3) and encoded."""
    headers = call.request_headers
    call.compress = _compression(headers, options.get("compress"), data)
    chunked = _wants_chunks(headers, options.get("chunked")) or bool(call.compress)
    call.expect100 = bool(options.get("expect100")) or _expects(headers)
    if isinstance(data, bytes):
        together = not chunked and not call.expect100
        set_bytes(call, data, content_type, together=together)
    elif data is not None:
        _set_payload(call, data)
    elif call.method in TYPE_EXPECTED:
        content_type = OCTET_STREAM
    if content_type is not None and not call.skip_content_type:
        headers.setdefault("Content-Type", content_type)
    if call.expect100:
        headers["Expect"] = "100-continue"
    add_framing(call, chunked)


def _set_payload(call: Call[Any], data: Any) -> None:
    from ..body.data import make_payload

    payload = call.payload = make_payload(data)
    headers = call.request_headers
    for name, value in payload.headers.items():
        if name.lower() != "content-type" or not call.skip_content_type:
            headers.setdefault(name, value)


def add_framing(call: Call[Any], chunked: bool) -> None:
    """Content-Length or Transfer-Encoding, whichever the body needs."""
    headers, payload = call.request_headers, call.payload
    _check_framing(headers)
    call.chunked = False
    size = len(call.body) if payload is None else payload.size
    if payload is not None and (chunked or (size is None and "Content-Length" not in headers)):
        if call.core.version < (1, 1):
            raise ValueError("A body of unknown size cannot be sent with HTTP/1.0")
        if chunked:
            headers.popall("Content-Length", None)
        headers.setdefault("Transfer-Encoding", "chunked")
        call.chunked = True
    elif "Transfer-Encoding" in headers:
        raise ValueError("The Transfer-Encoding header needs a body that is sent in chunks")
    elif size is not None and (size or payload or call.method not in NO_BODY_EXPECTED):
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
    from ..body.content_coding import encoder_for

    name = compress if isinstance(compress, str) else "deflate"
    encoder_for(name)  # refuses what cannot be done
    headers["Content-Encoding"] = name
    return name


def build_head(call: Call[Any]) -> None:
    """Make the head of the hop, from its headers as they are now."""
    headers, target = call.request_headers, call.target
    sent = headers if target.via is None else headers_by(target, headers)
    call.head = serialize(call.method, target.path, call.core.http_version, sent)
    call.head_version = version_of(headers)
    call.closes = _asks_to_close(headers) and not call.pool.force_close


def _asks_to_close(headers: CIMultiDict[str]) -> bool:
    """Whether no further request may go out on the connection (RFC 9112 §9.6)."""
    options = ",".join(headers.getall("Connection", ())).lower().split(",")
    return any(option.strip() == "close" for option in options)


def refresh_head(call: Call[Any]) -> None:
    """Make the head anew if its headers were changed since; they must still fit the body."""
    if call.headers is None:
        return
    if call.head is None or version_of(call.headers) != call.head_version:
        add_framing(call, call.chunked)
        build_head(call)


async def replace_body(call: Call[Any], data: Any) -> None:
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
