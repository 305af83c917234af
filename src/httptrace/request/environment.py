"""The proxies that the environment names: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY.

There is no standard. The rules are those that curl, Python and Go share; where they differ, the
more general one is used.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from yarl import URL

from ..auth.basic import BasicAuth
from ..errors import InvalidURL
from ..masking import mask_url
from ..net.socks import SCHEMES as SOCKS

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

__all__ = ["PROXY_SCHEMES", "bypasses_proxy", "proxy_from_env"]

_VARIABLES = {
    "http": ("http_proxy", "all_proxy"),
    "https": ("https_proxy", "all_proxy"),
    "ws": ("ws_proxy", "http_proxy", "all_proxy"),
    "wss": ("wss_proxy", "https_proxy", "all_proxy"),
}
PROXY_SCHEMES = SOCKS | {"http", "https"}


def proxy_from_env(url: URL) -> tuple[URL, BasicAuth | None] | None:
    """The proxy for a URL, and the credentials for the proxy; None if there is no proxy.

    A variable's lower-case name is looked up before its upper-case name. In a CGI program
    ``HTTP_PROXY`` is ignored, because there a request's Proxy header sets it. A proxy without a
    scheme is an HTTP proxy.

    Raises
    ------
    InvalidURL
        If a variable does not contain the URL of an HTTP or SOCKS proxy.
    """
    for variable in _VARIABLES.get(url.scheme, ()):
        value = _value_of(variable)
        if value:
            break
    else:
        return None
    excluded = _value_of("no_proxy")
    if excluded and bypasses_proxy(url, excluded):
        return None
    return _proxy(variable, value)


def bypasses_proxy(url: URL, no_proxy: str) -> bool:
    """Whether NO_PROXY excludes the URL's host.

    Entries are separated by commas or blanks. An entry is a host or domain, which includes its
    subdomains (a leading ``.`` or ``*.`` changes nothing), an address, a network such as
    ``10.0.0.0/8``, or ``*`` for every host. All but networks may have a port.
    """
    host = url.host
    if not host:
        return False
    name = host.rstrip(".").lower()
    address = _address(name)
    return any(entry.covers(name, address, url.port) for entry in _entries(no_proxy))


def _value_of(variable: str) -> str:
    upper = variable.upper()
    found = os.environ.get(variable)
    if found is None and not (upper == "HTTP_PROXY" and "REQUEST_METHOD" in os.environ):
        found = os.environ.get(upper)
    return (found or "").strip()


@lru_cache(maxsize=16)
def _proxy(variable: str, value: str) -> tuple[URL, BasicAuth | None]:
    try:
        url = URL(value if "://" in value else f"http://{value}")
        auth = BasicAuth.from_url(url)
    except ValueError:
        url, auth = URL(), None
    if url.scheme not in PROXY_SCHEMES or not url.host:
        raise InvalidURL(
            mask_url(value), f"{variable.upper()} in the environment is not the URL of a proxy"
        )
    return url.with_user(None), auth


class _Entry(NamedTuple):
    """One entry of NO_PROXY. An empty name without a network covers every host."""

    name: str
    port: int | None
    network: IPv4Network | IPv6Network | None

    def covers(
        self, host: str, address: IPv4Address | IPv6Address | None, port: int | None
    ) -> bool:
        if self.port is not None and self.port != port:
            return False
        if self.network is not None:
            return address is not None and address in self.network
        if not self.name or host == self.name:
            return True
        return address is None and host.endswith(f".{self.name}")


@lru_cache(maxsize=16)
def _entries(no_proxy: str) -> tuple[_Entry, ...]:
    return tuple(map(_entry, no_proxy.replace(",", " ").split()))


def _entry(text: str) -> _Entry:
    name, port = _split_port(text.lower())
    if name == "*":
        return _Entry("", port, None)
    network = _network(name)
    return _Entry(name.removeprefix("*").strip("."), port, network)


def _split_port(text: str) -> tuple[str, int | None]:
    """Host and port. An IPv6 address has a port only if it is in brackets."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        return text, None
    return (host, int(port)) if port.isdecimal() and len(port) < 6 else (host, None)


@lru_cache(maxsize=1024)
def _address(host: str) -> IPv4Address | IPv6Address | None:
    from ipaddress import IPv6Address, ip_address

    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _network(text: str) -> IPv4Network | IPv6Network | None:
    from ipaddress import ip_network

    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
