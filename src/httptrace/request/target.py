"""Where a request goes: URLs are checked and become targets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from yarl import URL

from ..call.target import Target
from ..errors import InvalidUrlClientError, NonHttpUrlClientError
from ..headers.head import version_of
from ..net.key import ConnectionKey

if TYPE_CHECKING:
    from multidict import CIMultiDict

    from ..call.core import SessionCore
    from .proxies import Proxies, Proxy

_UNSENT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_UNSAFE = re.compile(r"[\x00-\x20\x7f]")
_HAS_UNSAFE = "it has spaces or control characters"
_NOT_IN_HOST = re.compile(r"[#%/<>?@\\^|]")
"""WHATWG URL, "forbidden domain code point": what a proxy, or whoever checks the host, may read
in another way (``good.test%2f.evil.test``)."""
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"})
_MOST_TARGETS = 1024
"""How many targets a session keeps."""


def plain_target(core: SessionCore, where: str | URL) -> Target | None:
    """The target of a request whose parameters do not change it; made once and kept.

    None if it goes by a proxy or the URL has credentials, and for anything but a URL.
    """
    if not isinstance(where, str | URL):
        return None
    if version_of(core.default_headers) != core.headers_version:
        core.headers_version = version_of(core.default_headers)
        core.targets.clear()
    target = core.targets.get(where)
    if target is None:
        url = absolute(core, where)
        if url.raw_user is not None or url.raw_password is not None:
            return None
        if len(core.targets) >= _MOST_TARGETS:
            core.targets.clear()
        target = core.targets[where] = target_of(url)
    proxies = core.settings.proxies
    return target if proxies is None or proxies.spare(target.url) else None


def absolute(core: SessionCore, where: str | URL) -> URL:
    """A URL as the session's ``base_url`` completes it.

    Raises
    ------
    InvalidUrlClientError
        If it cannot be parsed.
    """
    url = parse_url(where)
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

    With `tunnel` it is that of a WebSocket: a proxy must not see the request (RFC 6455 §4.1), and
    the environment's proxies for ws and wss count.

    Raises
    ------
    InvalidUrlClientError
        If it has no host or port, or characters that no request line may have (RFC 9112 §3.2).
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
    path = _path(url)
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
            _go_by(target, proxy, tls, tunnel)
    return target


def with_url(target: Target, url: URL) -> Target:
    """The target of another URL of the same origin.

    Raises
    ------
    InvalidUrlClientError
        If the URL has spaces or control characters.
    """
    return target.sibling(url, _path(url))


def _path(url: URL) -> str:
    path = url.raw_path_qs or "/"
    if _UNSAFE.search(path):
        raise InvalidUrlClientError(url, _HAS_UNSAFE)
    return path


def _go_by(target: Target, proxy: Proxy, tls: Any, tunnel: bool) -> None:
    """Let the target be reached by way of a proxy."""
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


def headers_by(target: Target, headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """The fields as they are sent by way of the target's proxy.

    What is meant for the proxy goes to it alone: not through a tunnel, to the origin.
    """
    if not target.key.tunnel and target.via is not None:
        return target.via.add_to(headers)
    if "Proxy-Authorization" in headers:
        headers = headers.copy()
        headers.popall("Proxy-Authorization")
    return headers


def parse_url(value: str | URL, encoded: bool = False) -> URL:
    """A URL from what the caller gave.

    Raises
    ------
    InvalidUrlClientError
        If it cannot be parsed.
    """
    if isinstance(value, URL):
        return value
    if not isinstance(value, str):
        raise TypeError(f"url must be str or yarl.URL, not {type(value).__name__}")
    if _UNSENT.search(value):  # which parsers of URLs pass over in silence
        raise InvalidUrlClientError(value, "it has control characters or lone surrogates")
    try:
        return URL(value, encoded=encoded)
    except ValueError as exc:
        # The cause of the cause would show what may be a password in a traceback.
        raise InvalidUrlClientError(value, str(exc)) from None


def check_method(method: str) -> str:
    """The method in capitals.

    Raises
    ------
    ValueError
        If it is no token (RFC 9110 §9.1).
    """
    if method in _METHODS:
        return method
    if not isinstance(method, str):
        raise TypeError(f"method must be a str, not {method!r}")
    if not _TOKEN.match(method):
        raise ValueError(f"Method cannot contain non-token characters {method!r}")
    return method.upper()
