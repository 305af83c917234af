"""Keys of connections: a request may use any connection whose key equals its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import ClientConnectorError, ClientProxyConnectionError

if TYPE_CHECKING:
    from ssl import SSLContext

    from yarl import URL

    from .tls import Fingerprint


class ConnectionKey(NamedTuple):
    """The destination, and every parameter by which connections to it differ.

    `host` has no brackets, is IDNA-encoded and in lower case. `ssl` is the request's parameter;
    contexts are compared by identity. `proxy` has no credentials and no path. With `tunnel` the
    proxy opens a tunnel to the host (CONNECT, SOCKS); without it, requests are sent to the proxy
    itself (RFC 9112 §3.2.2).
    """

    host: str
    port: int
    is_ssl: bool
    ssl: SSLContext | bool | Fingerprint = True
    server_hostname: str | None = None
    proxy: URL | None = None
    proxy_auth: Any = None
    proxy_headers: tuple[tuple[str, str], ...] = ()
    tunnel: bool = False

    @property
    def proxy_headers_hash(self) -> int | None:
        """The hash of `proxy_headers`, which aiohttp's keys have instead of the headers."""
        return hash(self.proxy_headers) if self.proxy_headers else None

    @property
    def authority(self) -> str:
        """Host and port as in a URL: ``[::1]:443``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def origin(self) -> URL:
        """The destination as a URL (RFC 6454 §4)."""
        from yarl import URL

        scheme = "https" if self.is_ssl else "http"
        return URL(f"{scheme}://{self.authority}/")

    def failure(self, error: OSError) -> ClientConnectorError:
        """The exception for a failed connection to the host."""
        return ClientConnectorError(self, error)

    def __repr__(self) -> str:
        # Errors contain keys, and programs log errors: the values of proxy headers are left out.
        shown = [f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True)]
        if self.proxy_headers:
            names = [name for name, _value in self.proxy_headers]
            shown[self._fields.index("proxy_headers")] = f"proxy_headers={names!r}"
        return f"{type(self).__name__}({', '.join(shown)})"


class ProxyKey(ConnectionKey):
    """The key of a connection to a proxy itself, with or without a tunnel."""

    __slots__ = ()

    def failure(self, error: OSError) -> ClientConnectorError:
        """The exception for a proxy that cannot be reached, or opens no tunnel."""
        text = f"proxy {self.proxy}: {error.strerror or error}"
        return ClientProxyConnectionError(self, OSError(error.errno, text))


_PORTS = {"http": 80, "https": 443}
_SOCKS_PORT = 1080
"""RFC 1928 §3."""


def proxy_key(key: ConnectionKey, ssl: SSLContext | bool | Fingerprint) -> ProxyKey:
    """The key of another key's proxy. `ssl` is for TLS with the proxy."""
    proxy = key.proxy
    assert proxy is not None
    port = proxy.port or _PORTS.get(proxy.scheme, _SOCKS_PORT)
    return ProxyKey(proxy.raw_host or "", port, proxy.scheme == "https", ssl, None, proxy)
