"""Where a request goes: URLs are parsed and checked, and become targets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from yarl import URL

from ..call.target import Target
from ..errors import InvalidUrlClientError, NonHttpUrlClientError
from ..headers.head import version_of
from ..net.key import ConnectionKey
from .query import with_query

if TYPE_CHECKING:
    from multidict import CIMultiDict

    from ..call.core import SessionCore
    from .options import RequestOptions
    from .proxies import Proxies, Proxy

_DROPPED_BY_PARSERS = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
"""Characters that parsers of URLs remove without an error."""
_UNSAFE = re.compile(r"[\x00-\x20\x7f]")
_HAS_UNSAFE = "it has spaces or control characters"
_NOT_IN_HOST = re.compile(r"[#%/<>?@\\^|]")
"""WHATWG URL, "forbidden domain code point": a proxy, or code that checks the host, may read such
a host in another way (``good.test%2f.evil.test``)."""
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"})
_MAX_TARGETS = 1024
"""How many targets a session caches."""


def cached_target(core: SessionCore, url: str | URL) -> Target | None:
    """The session's target for a URL; None if it goes via a proxy or the URL has credentials."""
    if not isinstance(url, str | URL):
        return None
    if version_of(core.default_headers) != core.headers_version:
        core.headers_version = version_of(core.default_headers)
        core.targets.clear()
    target = core.targets.get(url)
    if target is None:
        checked = absolute_url(core, url)
        if checked.raw_user is not None or checked.raw_password is not None:
            return None
        if len(core.targets) >= _MAX_TARGETS:
            core.targets.clear()
        target = core.targets[url] = target_of(checked)
    proxies = core.settings.proxies
    return target if proxies is None or proxies.is_direct(target.url) else None


def absolute_url(core: SessionCore, value: str | URL) -> URL:
    """The URL, joined to the session's ``base_url`` if it is relative.

    Raises
    ------
    InvalidUrlClientError
        If it cannot be parsed.
    """
    url = parse_url(value)
    return url if core.base_url is None or url.absolute else core.base_url.join(url)


def target_of(
    url: URL,
    tls: Any = True,
    server_hostname: str | None = None,
    proxies: Proxies | None = None,
    *,
    tunnel: bool = False,
) -> Target:
    """Check a URL and make its target.

    `tunnel` is for WebSockets: a proxy always gets a CONNECT (RFC 6455 §4.1), and the environment's
    proxies for ws and wss are used.

    Raises
    ------
    InvalidUrlClientError
        If it has no host, no valid port, or characters that a request line cannot have
        (RFC 9112 §3.2).
    NonHttpUrlClientError
        If its scheme is not http or https.
    """
    scheme = url.scheme
    if scheme not in ("http", "https"):
        if not scheme and not url.raw_host:
            raise InvalidUrlClientError(url, "it has no scheme and host, e.g. https://example.com/")
        from ..masking import mask_url

        text = f"{mask_url(url)}: the scheme must be http or https, not {scheme!r}"
        raise NonHttpUrlClientError(text)
    host, port = url.raw_host, url.port
    if not host:
        raise InvalidUrlClientError(url, "it has no host")
    if not port:
        raise InvalidUrlClientError(url, f"port {port} cannot be connected to")
    path = _request_target(url)
    if _UNSAFE.search(host):
        raise InvalidUrlClientError(url, _HAS_UNSAFE)
    if ":" not in host and _NOT_IN_HOST.search(host):
        raise InvalidUrlClientError(url, "its host has characters that no host can have")
    secure = scheme == "https"
    key = ConnectionKey(host, port, secure, tls if secure else True, server_hostname)
    # A zone id means something on this machine alone (RFC 6874 §4).
    name = f"[{host.partition('%')[0]}]" if ":" in host else host
    authority = name if url.is_default_port() else f"{name}:{port}"
    target = Target(url, key, authority, path)
    if proxies is not None:
        if tunnel:
            url = url.with_scheme("wss" if secure else "ws")
        proxy = proxies.proxy_for(url)
        if proxy is not None:
            _use_proxy(target, proxy, tls, tunnel)
    return target


def target_with_params(target: Target, options: RequestOptions) -> Target:
    """The target with ``params=`` appended to the query of its URL.

    Raises
    ------
    TypeError, ValueError
        If the parameters cannot be put into a query.
    """
    params = options.get("params")
    if not params:
        return target
    url = with_query(target.url, params)
    return target.sibling(url, _request_target(url))


def _request_target(url: URL) -> str:
    """Path and query (RFC 9112 §3.2.1)."""
    path = url.raw_path_qs or "/"
    if _UNSAFE.search(path):
        raise InvalidUrlClientError(url, _HAS_UNSAFE)
    return path


def _use_proxy(target: Target, proxy: Proxy, tls: Any, tunnel: bool) -> None:
    """Make the target reach its origin via a proxy."""
    key = target.key
    tunnel = tunnel or proxy.tunnels(key.is_ssl)
    if not tunnel:
        target.path = f"http://{target.authority}{target.path}"  # RFC 9112 §3.2.2
    target.via = proxy
    target.key = key._replace(
        ssl=tls if key.is_ssl or proxy.url.scheme == "https" else True,
        proxy=proxy.url,
        proxy_auth=proxy.auth,
        proxy_headers=proxy.headers,
        tunnel=tunnel,
    )


def proxied_headers(target: Target, headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """The headers as they are sent via the target's proxy.

    A request to the proxy itself gets the proxy's own headers. One that goes through a tunnel
    loses Proxy-Authorization, which the origin must not see.
    """
    if not target.key.tunnel and target.via is not None:
        return target.via.add_to(headers)
    if "Proxy-Authorization" in headers:
        headers = headers.copy()
        headers.popall("Proxy-Authorization")
    return headers


def parse_url(value: str | URL, encoded: bool = False) -> URL:
    """The URL that an argument names.

    Raises
    ------
    InvalidUrlClientError
        If it cannot be parsed.
    """
    if isinstance(value, URL):
        return value
    if not isinstance(value, str):
        raise TypeError(f"url must be str or yarl.URL, not {type(value).__name__}")
    if _DROPPED_BY_PARSERS.search(value):
        raise InvalidUrlClientError(value, "it has control characters or lone surrogates")
    try:
        return URL(value, encoded=encoded)
    except ValueError as exc:
        # The traceback of a chained exception would show the URL, which may have a password.
        raise InvalidUrlClientError(value, str(exc)) from None


def check_method(method: str) -> str:
    """The method in upper case.

    Raises
    ------
    ValueError
        If it is not a token (RFC 9110 §9.1).
    """
    if method in _METHODS:
        return method
    if not isinstance(method, str):
        raise TypeError(f"method must be a str, not {method!r}")
    if not _TOKEN.match(method):
        raise ValueError(f"Method cannot contain non-token characters {method!r}")
    return method.upper()
