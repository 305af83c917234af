"""Which proxy a request uses, with which credentials: from parameters, environment and netrc."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from yarl import URL

from ..auth.basic import BasicAuth, basic_auth, netrc_auth
from ..errors import InvalidURL
from ..headers.head import check_name
from ..masking import mask_url
from ..net.socks import SCHEMES as SOCKS
from .environment import PROXY_SCHEMES, proxy_from_env

if TYPE_CHECKING:
    from multidict import CIMultiDict

Headers = tuple[tuple[str, str], ...]

_AUTHORIZATION = "proxy-authorization"
_FRAMING = frozenset({"content-length", "transfer-encoding"})


class Proxy(NamedTuple):
    """A proxy: its URL without credentials and path, its credentials, and headers for it."""

    url: URL
    auth: BasicAuth | None
    headers: Headers

    @property
    def is_socks(self) -> bool:
        """Whether it is a SOCKS proxy; otherwise it is an HTTP proxy."""
        return self.url.scheme in SOCKS

    def tunnels(self, secure: bool) -> bool:
        """Whether requests go through a tunnel; otherwise they are sent to the proxy itself."""
        return secure or self.is_socks

    def add_to(self, headers: CIMultiDict[str]) -> CIMultiDict[str]:
        """The headers of a request that is sent to the proxy itself (RFC 9112 §3.2.2)."""
        headers = headers.copy()
        names = {name.lower() for name in headers}
        for name, value in self.headers:
            if name.lower() not in names or name.lower() == _AUTHORIZATION:
                headers.add(name, value)
        if self.auth is not None:
            headers["Proxy-Authorization"] = self.auth.encode()
        return headers


class Proxies(NamedTuple):
    """The proxy parameters of a session or request, from which a URL's proxy is found.

    `url` is the ``proxy`` parameter and `url_auth` the credentials in it; `auth` and `headers` are
    ``proxy_auth`` and ``proxy_headers``. If `environment` is true and `url` is None, the
    environment variables name the proxy.
    """

    url: URL | None = None
    url_auth: BasicAuth | None = None
    auth: BasicAuth | None = None
    headers: Headers = ()
    environment: bool = False

    def is_direct(self, url: URL) -> bool:
        """Whether requests to a URL use no proxy."""
        return self.url is None and self.proxy_for(url) is None

    def proxy_for(self, url: URL) -> Proxy | None:
        """The proxy for a URL; None if requests to it use none.

        Raises
        ------
        InvalidURL
            If an environment variable does not contain the URL of an HTTP or SOCKS proxy.
        ValueError
            If credentials or headers cannot be sent to such a proxy.
        """
        if self.url is not None:
            return _proxy(self.url, self.auth or self.url_auth, self.headers)
        found = proxy_from_env(url) if self.environment else None
        if found is None:
            return None
        proxy, own = found
        auth = own or self.auth or (netrc_auth(proxy.host) if proxy.host else None)
        return _proxy(proxy.origin(), auth, self.headers)


def proxies_of(options: Mapping[str, Any], default: Proxies | None) -> Proxies | None:
    """`default` as changed by ``proxy``, ``proxy_auth`` and ``proxy_headers``.

    An empty ``proxy`` means none, whatever the session and the environment have.

    Raises
    ------
    InvalidURL
        If ``proxy`` is not the URL of an HTTP or SOCKS proxy.
    TypeError, ValueError
        If credentials or headers cannot be used.
    """
    proxy, auth = options.get("proxy"), basic_auth("proxy_auth", options.get("proxy_auth"))
    headers = options.get("proxy_headers")
    if proxy is None and auth is None and headers is None:
        return default
    found = Proxies() if default is None else default
    if proxy is not None:
        url, url_auth = parse_proxy(proxy)
        auth_kept = None if url_auth else found.auth
        environment = found.environment and url is not None
        found = Proxies(url, url_auth, auth_kept, found.headers, environment)
    if auth is not None:
        found = found._replace(auth=auth)
    if headers is not None:
        found = found._replace(headers=_checked_headers(headers))
    return found


def parse_proxy(proxy: Any) -> tuple[URL | None, BasicAuth | None]:
    """A proxy's URL without credentials, and the credentials; None for an empty one.

    Raises
    ------
    TypeError
        If it is neither str nor URL.
    InvalidURL
        If its scheme is not http, https, socks4, socks4a, socks5 or socks5h, or it has no host.
    """
    if not isinstance(proxy, str | URL):
        raise TypeError(f"proxy must be str or yarl.URL, not {type(proxy).__name__}")
    if not str(proxy):
        return None, None
    try:
        url = URL(proxy)
        auth = BasicAuth.from_url(url)
    except ValueError:
        # The traceback of a chained exception would show the URL, which may have a password.
        raise InvalidURL(mask_url(proxy), "this is not the URL of a proxy") from None
    if url.scheme not in PROXY_SCHEMES:
        schemes = "http, https, socks4, socks4a, socks5 or socks5h"
        raise InvalidURL(mask_url(proxy), f"the scheme of a proxy must be {schemes}")
    if not url.host or url.port == 0:
        raise InvalidURL(mask_url(proxy), "the proxy has no host, or its port is 0")
    return url.origin(), auth


def _checked_headers(headers: Any) -> Headers:
    try:
        pairs = headers.items() if hasattr(headers, "items") else headers
        found = tuple((name, value) for name, value in pairs)
    except (TypeError, ValueError):
        raise TypeError("proxy_headers must be a mapping or pairs of str") from None
    for name, value in found:
        check_name(name)
        if not isinstance(value, str):
            raise TypeError(f"The value of {name} in proxy_headers must be a str")
        if any(sign in value for sign in "\r\n\0"):
            raise ValueError(f"The value of {name} in proxy_headers contains CR, LF or NUL")
        if name.lower() in _FRAMING:
            raise ValueError(f"{name} cannot be in proxy_headers: CONNECT has no body")
    return found


def _proxy(url: URL, auth: BasicAuth | None, headers: Headers) -> Proxy:
    proxy = Proxy(url, auth, headers)
    if proxy.is_socks:
        if headers:
            raise ValueError(f"proxy_headers cannot be sent to a SOCKS proxy: {url}")
        if auth is not None:
            _check_login(url, auth)
    elif any(name.lower() == _AUTHORIZATION for name, _value in headers):
        return proxy._replace(auth=None)  # the caller's header takes the place of credentials
    return proxy


def _check_login(url: URL, auth: BasicAuth) -> None:
    """Refuse credentials that the SOCKS version cannot carry (RFC 1929 §2)."""
    user, password = auth.login.encode(), auth.password.encode()
    if url.scheme.startswith("socks4"):
        if password or b"\0" in user:
            raise ValueError(f"SOCKS4 has a user name but no password: {url}")
    elif not 0 < len(user) < 256 or len(password) > 255:
        raise ValueError(f"SOCKS5 limits user name and password to 1 to 255 bytes each: {url}")
