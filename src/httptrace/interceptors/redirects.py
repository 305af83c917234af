"""Follow redirects (RFC 9110 §15.4, Fetch standard, "HTTP-redirect fetch")."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from yarl import URL

from ..errors import (
    ClientConnectionError,
    ClientPayloadError,
    InvalidUrlClientError,
    InvalidUrlRedirectClientError,
    NonHttpUrlClientError,
    NonHttpUrlRedirectClientError,
    TooManyRedirects,
)
from ..request.body import add_framing
from ..request.fields import add_cookies, add_propagation
from ..request.prepare import build_head
from ..request.target import HTTP_SCHEMES, join, target_of
from ..trace.events import TraceRequestRedirectParams

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..call.call import Call
    from ..call.target import Target
    from ..response.response import ClientResponse

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BODY_HEADERS = (
    *("Content-Length", "Content-Type", "Content-Encoding", "Content-Language"),
    *("Content-Location", "Content-MD5", "Transfer-Encoding", "Expect"),
)
_CREDENTIALS = ("Authorization", "Proxy-Authorization", "Cookie2")
_SCHEME_AND_SLASHES = re.compile(r"https?:[/\\]{2}", re.IGNORECASE)
_RAW_BYTES = re.compile("[\udc80-\udcff]")
"""Surrogate escapes: bytes of a Location that are not UTF-8. They are percent-encoded unchanged."""
_MAX_DRAINED = 1 << 16
"""A redirect's body of at most this many bytes is read, so that its connection can be reused."""


async def follow_redirects(
    proceed: Callable[[Call[Any]], Awaitable[ClientResponse]],
    call: Call[Any],
    response: ClientResponse,
) -> ClientResponse:
    """While the response is a redirect, send the request to its Location.

    Raises
    ------
    TooManyRedirects
        After ``max_redirects``.
    InvalidUrlRedirectClientError, NonHttpUrlRedirectClientError
        If the Location is not a URL that can be requested, or its scheme is neither http nor https
        nor that of the request.
    ClientPayloadError
        If the body would have to be sent again, but cannot be.
    """
    while response.status in REDIRECTS and call.settings.allow_redirects:
        location = response.headers.get("Location") or response.headers.get("URI")
        if location is None:
            break
        if call.trace is not None:
            call.trace.note_head(TraceRequestRedirectParams, call.exchange, response)
            await call.trace.flush()
        most = call.settings.max_redirects
        call.history = (*call.history, response)
        if most and len(call.history) >= most:
            message = f"the limit of max_redirects={most} is reached"
            raise TooManyRedirects(call.history[0].request_info, call.history, message=message)
        url = _resolve(call, location)
        await _drain(call, response)
        _next_hop(call, response.status, url)
        response = await proceed(call)
    if call.history:
        response._history = call.history
    return response


async def _drain(call: Call[Any], response: ClientResponse) -> None:
    """Read and discard a short body, so that its connection can be reused."""
    exchange = response._exchange
    length = response.headers.get("Content-Length", "")
    wanted = not exchange.complete and length.isdecimal() and int(length) <= _MAX_DRAINED
    if wanted and exchange.error is None:
        exchange.dropped = True
        exchange.waits_for_end = True
        if exchange.connection is not None:
            exchange.connection.resume_reading()
        await exchange.wait(call.loop)
        exchange.waits_for_end = False
        if exchange.error is None:  # a reader must not mistake a part of its body for the whole
            exchange.error = ClientConnectionError("Connection closed")
        if call.timeout_error is not None:
            raise call.timeout_error
    if not exchange.complete:
        call.abandon("unread body")
    if exchange.trace is not None:
        await exchange.trace.flush()


def _resolve(call: Call[Any], location: str) -> URL:
    if not location.isascii():
        location = _RAW_BYTES.sub(lambda found: f"%{ord(found[0]) - 0xDC00:02X}", location)
    try:
        url = URL(location, encoded=not call.core.requote)
        if not url.raw_host and _SCHEME_AND_SLASHES.match(location):
            raise ValueError("it has no host")  # browsers read the path as the host
        url = join(call.target.url, url)
    except ValueError as exc:
        # The traceback of a chained exception would show the URL, which may have a password.
        text = f"redirect to an invalid URL: {exc}"
        raise InvalidUrlRedirectClientError(location, text) from None
    if not url.raw_fragment and call.url.raw_fragment:
        url = url.with_fragment(call.url.fragment)  # RFC 9110 §10.2.2
    return url


def _next_hop(call: Call[Any], status: int, url: URL) -> None:
    """Prepare the call's next hop: the request that the redirect asks for."""
    _restore_headers(call)
    headers = call.request_headers  # parsed from the last hop's head if nobody has read them
    before = call.target
    target, credentials = _target(call, url)
    chunked = call.chunked
    to_get = call.method != "HEAD" if status == 303 else status < 303 and call.method == "POST"
    if to_get:
        _become_get(call)
    elif call.payload is not None and not call.payload.can_resend:
        from ..masking import mask_url

        raise ClientPayloadError(
            f"The redirect ({status}) to {mask_url(url)} needs the body again, which cannot be "
            "sent twice: pass bytes or a seekable file, or set allow_redirects=False"
        )
    headers.popall("Cookie", None)
    if _origin(before) != _origin(target):  # RFC 6454 §5
        call.own_cookies, call.cookie_header = None, ""
        for name in _CREDENTIALS:
            headers.popall(name, None)
    headers["Host"] = target.authority
    if credentials is not None:
        headers["Authorization"] = credentials
    call.target, call.made_request = target, None
    add_framing(call, chunked)
    add_cookies(call)
    add_propagation(call)
    build_head(call)
    call.new_exchange()


def _target(call: Call[Any], url: URL) -> tuple[Target, str | None]:
    """The target of the redirect, and the credentials for it from its URL or netrc."""
    from ..auth.basic import BasicAuth

    settings = call.settings
    try:
        auth = BasicAuth.from_url(url)
        bare = url if auth is None else url.with_user(None)
        name, proxies = settings.server_hostname, settings.proxies
        schemes = call.pool.schemes & (HTTP_SCHEMES | {call.url.scheme})
        tls = settings.ssl
        target = target_of(bare, tls, name, proxies, tunnel=call.tunnel, schemes=schemes)
        auth = auth or call.core.netrc_for(target.url)
        return target, None if auth is None else auth.encode()
    except InvalidUrlClientError as exc:
        raise InvalidUrlRedirectClientError(exc.url, exc.description) from exc
    except NonHttpUrlClientError as exc:
        raise NonHttpUrlRedirectClientError(*exc.args) from exc
    except ValueError as exc:
        raise InvalidUrlRedirectClientError(url, f"its credentials cannot be sent: {exc}") from exc


def _restore_headers(call: Call[Any]) -> None:
    """Undo what middlewares did to the headers of the last hop: they are called for the next one.

    Fields that describe the body stay: a middleware may have replaced the body.
    """
    if call.headers_before is None:
        return
    headers, call.headers_before = call.headers_before, None
    for name in _BODY_HEADERS:
        headers.popall(name, None)
        headers.extend((name, value) for value in call.request_headers.getall(name, ()))
    call.headers = headers


def _origin(target: Target) -> tuple[str, int, bool]:
    """Host, port, and whether the URL asks for TLS: a `request_class` may do without it."""
    return target.key.host, target.key.port, target.url.scheme == "https"


def _become_get(call: Call[Any]) -> None:
    call.method = "GET"
    if call.payload is not None:
        call.close_payload(call.payload)
    call.body, call.payload, call.chunked, call.expect100 = b"", None, False, False
    for name in _BODY_HEADERS:
        call.request_headers.popall(name, None)
