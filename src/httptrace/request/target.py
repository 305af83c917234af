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
HTTP_SCHEMES = frozenset({"http", "https"})
_SECURE = frozenset({"https", "wss"})
_WITHOUT_PORT = frozenset({"unix", "npipe"})
"""Schemes whose connectors know where to connect: the URL's port is only sent."""
_CONNECTORS = {"unix": "UnixConnector", "npipe": "NamedPipeConnector", "tcp": "TCPConnector"}
_RESOLVED_BY_YARL = frozenset({"", "http", "https", "ws", "wss"})
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
        target = core.targets[url] = target_of(checked, schemes=core.pool.schemes)  # type: ignore[union-attr]
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
    return url if core.base_url is None or url.absolute else join(core.base_url, url)


def join(base: URL, reference: URL) -> URL:
    """Resolve a reference (RFC 3986 §5.2), also to a base whose scheme yarl does not know."""
    if base.scheme in _RESOLVED_BY_YARL or reference.scheme:
        return base.join(reference)
    return base.with_scheme("http").join(reference).with_scheme(base.scheme)


def target_of(
    url: URL,
    tls: Any = True,
    server_hostname: str | None = None,
    proxies: Proxies | None = None,
    *,
    tunnel: bool = False,
    schemes: frozenset[str] = HTTP_SCHEMES,
) -> Target:
    """Check a URL and make its target.

    `tunnel` is for WebSockets: a proxy always gets a CONNECT (RFC 6455 §4.1), and the environment's
    proxies for ws and wss are used. `schemes` are those that the connector takes: all but https and
    wss mean HTTP without TLS.

    Raises
    ------
    InvalidUrlClientError
        If it has no host, no valid port, or characters that a request line cannot have
        (RFC 9112 §3.2).
    NonHttpUrlClientError
        If its scheme is none of `schemes`.
    """
    scheme = url.scheme
    if scheme not in schemes or not scheme:
        raise _wrong_scheme(url, schemes)
    host, port = url.raw_host, url.port
    if not host:
        raise InvalidUrlClientError(url, "it has no host")
    if port is None and scheme in _WITHOUT_PORT:
        port = 80
    if not port:
        why = "it has no port" if port is None else f"port {port} cannot be connected to"
        raise InvalidUrlClientError(url, why)
    path = _request_target(url)
    if _UNSAFE.search(host):
        raise InvalidUrlClientError(url, _HAS_UNSAFE)
    if ":" not in host and _NOT_IN_HOST.search(host):
        raise InvalidUrlClientError(url, "its host has characters that no host can have")
    secure = scheme in _SECURE
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


def _wrong_scheme(url: URL, schemes: frozenset[str]) -> Exception:
    scheme = url.scheme
    if not scheme and not url.raw_host:
        return InvalidUrlClientError(url, "it has no scheme and host, e.g. https://example.com/")
    from ..masking import mask_url

    allowed = ", ".join(sorted(filter(None, schemes)))
    needs = f" (it needs a {_CONNECTORS[scheme]})" if scheme in _CONNECTORS else ""
    text = f"{mask_url(url)}: the scheme must be one of {allowed}, not {scheme!r}{needs}"
    return NonHttpUrlClientError(text)


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
