"""Which proxy a request goes by, and what it is told: parameters, environment, netrc."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from yarl import URL

from ..auth.basic import BasicAuth, basic_auth, netrc_auth
from ..errors import InvalidURL
from ..headers.head import check_name
from ..masking import mask_url
from ..net.socks import SCHEMES as SOCKS
from .environment import proxy_from_env

if TYPE_CHECKING:
    from multidict import CIMultiDict

Headers = tuple[tuple[str, str], ...]

_AUTHORIZATION = "proxy-authorization"
_FRAMING = frozenset({"content-length", "transfer-encoding"})


class Proxy(NamedTuple):
    """A proxy and what it is told. The URL is without credentials and path."""

    url: URL
    auth: BasicAuth | None
    headers: Headers

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS, and not HTTP."""
        return self.url.scheme in SOCKS

    def tunnels(self, secure: bool) -> bool:
        """Whether it is asked for a tunnel; without one it gets the requests themselves."""
        return secure or self.is_socks

    def add_to(self, headers: CIMultiDict[str]) -> CIMultiDict[str]:
        """The fields of a request that is sent to it (RFC 9112 §3.2.2)."""
        headers = headers.copy()
        names = {name.lower() for name in headers}
        for name, value in self.headers:
            if name.lower() not in names or name.lower() == _AUTHORIZATION:
                headers.add(name, value)
        if self.auth is not None:
            headers["Proxy-Authorization"] = self.auth.encode()
        return headers


class Proxies(NamedTuple):
    """How the proxy of a request is found.

    `named` is the ``proxy`` parameter and `own` the credentials in its URL; `auth` and `headers`
    are ``proxy_auth`` and ``proxy_headers``. With `environment` a URL for which no proxy is named
    goes by the one that the environment has for it.
    """

    named: URL | None = None
    own: BasicAuth | None = None
    auth: BasicAuth | None = None
    headers: Headers = ()
    environment: bool = False

    def spare(self, url: URL) -> bool:
        """Whether a URL is reached directly."""
        return self.named is None and self.proxy_for(url) is None

    def proxy_for(self, url: URL) -> Proxy | None:
        """The proxy for a URL, or None if it is reached directly.

        Raises
        ------
        InvalidURL
            When the environment names what is no proxy.
        ValueError
            When the proxy cannot be told what it is to be told.
        """
        if self.named is not None:
            return _proxy(self.named, self.auth or self.own, self.headers)
        found = proxy_from_env(url) if self.environment else None
        if found is None:
            return None
        proxy, own = found
        auth = own or self.auth or (netrc_auth(proxy.host) if proxy.host else None)
        return _proxy(proxy.origin(), auth, self.headers)


def proxies_of(options: Mapping[str, Any], default: Proxies | None) -> Proxies | None:
    """`default` as changed by ``proxy``, ``proxy_auth`` and ``proxy_headers``.

    Raises
    ------
    InvalidURL
        For a proxy that is no URL of an HTTP or SOCKS proxy.
    TypeError, ValueError
        For credentials or headers that cannot be used.
    """
    proxy, auth = options.get("proxy"), basic_auth("proxy_auth", options.get("proxy_auth"))
    headers = options.get("proxy_headers")
    if proxy is None and auth is None and headers is None:
        return default
    found = Proxies() if default is None else default
    if proxy is not None:
        named, own = parse_proxy(proxy)
        found = found._replace(named=named, own=own, auth=None if own else found.auth)
    if auth is not None:
        found = found._replace(auth=auth)
    if headers is not None:
        found = found._replace(headers=_checked_headers(headers))
    return found


def parse_proxy(proxy: Any) -> tuple[URL, BasicAuth | None]:
    """A proxy's URL without credentials, and the credentials.

    Raises
    ------
    TypeError
        When it is neither str nor URL.
    InvalidURL
        When its scheme is not http, https, socks4, socks4a, socks5 or socks5h, or it has no host.
    """
    if not isinstance(proxy, str | URL):
        raise TypeError(f"proxy must be str or yarl.URL, not {type(proxy).__name__}")
    try:
        url = URL(proxy)
        auth = BasicAuth.from_url(url)
    except ValueError:
        # The cause would show what may be a password in a traceback.
        raise InvalidURL(mask_url(proxy), "this is no URL of a proxy") from None
    if url.scheme not in SOCKS and url.scheme not in ("http", "https"):
        schemes = "http, https, socks4, socks4a, socks5 or socks5h"
        raise InvalidURL(mask_url(proxy), f"the scheme of a proxy must be {schemes}")
    if not url.host or url.port == 0:
        raise InvalidURL(mask_url(proxy), "the proxy has no host, or a port that cannot be")
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
            raise ValueError(f"The value of {name} in proxy_headers has CR, LF or NUL in it")
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
        return proxy._replace(auth=None)  # the header was given in place of a login
    return proxy


def _check_login(url: URL, auth: BasicAuth) -> None:
    """What SOCKS has no room for (RFC 1929 §2)."""
    user, password = auth.login.encode(), auth.password.encode()
    if url.scheme.startswith("socks4"):
        if password or b"\0" in user:
            raise ValueError(f"SOCKS4 knows a user's name only, no password: {url}")
    elif not 0 < len(user) < 256 or len(password) > 255:
        raise ValueError(f"SOCKS5 has 1 to 255 bytes for user name and password each: {url}")
