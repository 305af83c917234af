"""From the arguments of a request to its head and body; every argument is checked here.

There are two ways to make a head. The *fast path* (`request.fast_path`) keeps, as text in the
`Target`, the header lines that all requests to a URL share, and joins them; the call has no
multidict of headers until somebody reads it. It serves the first hop of requests that go directly
to a URL without credentials in it, with default TLS settings, that have no body, or text, bytes or
JSON, and no header field that changes how they are sent. The *general path*, in this module, serves
all others: it builds the multidict (`Call.headers`) and serializes it. Later hops, and heads that a
middleware or listener has changed, are always serialized from the multidict, so the general path is
needed in any case; the fast path is there because most requests are such first hops, and joining
text costs a fraction of building a multidict. What both use stands in `request.fields`,
`request.body` and `request.target`. A property test (``tests/request/test_fast_path.py``) holds
that both make the same request, or both refuse it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yarl import URL

from ..auth.basic import BasicAuth, basic_auth
from ..headers.head import has_token, serialize, version_of
from ..net.tls_parameters import TLS_PARAMETERS
from .body import add_body, add_framing
from .fast_path import prepare_fast
from .fields import add_auth, add_cookies, add_propagation, merge_headers, session_headers
from .options import PROXY_PARAMETERS, checked_settings
from .query import with_query
from .target import (
    absolute_url,
    cached_target,
    check_method,
    proxied_headers,
    target_of,
    target_with_params,
)

if TYPE_CHECKING:
    from ..call.call import Call
    from .options import RequestOptions

_TARGET_PARAMETERS = TLS_PARAMETERS | PROXY_PARAMETERS | {"server_hostname"}
"""Parameters that change how the origin is reached: the session's cached targets do not apply."""


def prepare(call: Call[Any], url: str | URL, options: RequestOptions) -> None:
    """Fill in the call's first hop.

    Raises
    ------
    TypeError, ValueError, InvalidURL, NonHttpUrlClientError
        If an argument cannot be used; the text names it. Nothing was sent.
    """
    if not options or options.get("upload_tracker") is None:
        _prepare(call, url, options)
        return
    from ..body.upload_tracker import progress_of

    progress = progress_of(options.get("upload_tracker"))
    progress.bind()
    call.upload_tracker = progress
    try:
        _prepare(call, url, options)
    except Exception as exc:
        progress.end(exc)
        raise


def _prepare(call: Call[Any], url: str | URL, options: RequestOptions) -> None:
    core = call.core
    call.method = check_method(call.method)
    call.settings = checked_settings(core.settings, options) if options else core.settings
    uncached = call.tunnel or not _TARGET_PARAMETERS.isdisjoint(options)
    target = None if uncached else cached_target(core, url)
    if target is None:
        auth = _set_target(call, url, options)
    elif prepare_fast(call, target, options):
        return
    else:
        call.target = target_with_params(target, options)
        auth = basic_auth("auth", options.get("auth")) or core.auth_for(call.url)
    _collect_headers(call, options)
    add_body(call, options)
    add_auth(call.request_headers, auth)
    call.own_cookies = options.get("cookies")
    call.cookie_header = call.request_headers.get("Cookie", "")
    add_cookies(call)
    add_propagation(call)
    build_head(call)


def _set_target(call: Call[Any], url: str | URL, options: RequestOptions) -> BasicAuth | None:
    """Set the target; returns the credentials: ``auth=``, the URL's, or the session's."""
    url = absolute_url(call.core, url)
    params = options.get("params")
    if params:
        url = with_query(url, params)
    auth = basic_auth("auth", options.get("auth"))
    url_auth = BasicAuth.from_url(url)
    if url_auth is not None:
        if auth is not None:
            raise ValueError("Cannot combine AUTH argument with credentials encoded in URL")
        url = url.with_user(None)
    settings = call.settings
    name, proxies = settings.server_hostname, settings.proxies
    tls, schemes = settings.ssl, call.pool.schemes
    call.target = target_of(url, tls, name, proxies, tunnel=call.tunnel, schemes=schemes)
    return auth or url_auth or call.core.auth_for(url)


def _collect_headers(call: Call[Any], options: RequestOptions) -> None:
    core = call.core
    skipped = core.skip_auto_headers.union(options.get("skip_auto_headers") or ())
    call.headers = session_headers(core, call.target.authority, skipped)
    merge_headers(call.headers, options.get("headers"))
    call.skip_content_type = any(name.lower() == "content-type" for name in skipped)


def build_head(call: Call[Any]) -> None:
    """Serialize the head of the hop from its headers as they are now."""
    headers, target = call.request_headers, call.target
    sent = headers if target.via is None else proxied_headers(target, headers)
    call.head = serialize(call.method, target.path, call.core.http_version, sent)
    call.head_version = version_of(headers)
    call.closes = has_token(headers, "Connection", "close") and not call.pool.force_close


def refresh_head(call: Call[Any]) -> None:
    """Serialize the head again if its headers have changed since; they must still fit the body."""
    if call.headers is None:
        return
    if call.head is None or version_of(call.headers) != call.head_version:
        add_framing(call, call.chunked)
        build_head(call)
