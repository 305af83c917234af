"""What a session shows of its settings, with aiohttp's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from multidict import CIMultiDict
    from yarl import URL

    from ..auth.basic import BasicAuth
    from ..call.exchange import Exchange
    from ..cookies.jar import AbstractCookieJar
    from ..local.propagation import Propagation
    from ..pool.connector import BaseConnector
    from ..request.options import RaiseForStatus, Settings
    from ..response.response import ClientResponse
    from ..timeouts import ClientTimeout
    from ..trace.config import TraceConfig
    from ..version import HttpVersion


class SessionView:
    """The properties of a `ClientSession`."""

    settings: Settings
    loop: asyncio.AbstractEventLoop
    """The event loop that it was made in."""
    connector_in_use: BaseConnector | None
    jar: AbstractCookieJar
    default_headers: CIMultiDict[str]
    _closed: bool
    _connector_owner: bool
    propagation: Propagation | None
    """Internal: which hosts may see the ids of the work that makes a request."""
    _counts_cookies: bool
    """Whether the jar can tell that it is empty."""
    _pristine: bool
    """Nothing but defaults: no cookies, no credentials, and nobody could have changed that."""
    _version: HttpVersion
    _skip_auto_headers: frozenset[str]
    _auth: BasicAuth | None
    _json_serialize: Callable[[Any], str]
    _trust_env: bool
    _requote: bool
    _trace_configs: list[TraceConfig]
    _base_url: URL | None
    _retry_connection: bool
    _json_serialize_bytes: Callable[[Any], bytes] | None
    _fallback_charset: Callable[[ClientResponse, bytes], str]

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed or self.connector_in_use is None or self.connector_in_use.closed

    @property
    def connector(self) -> BaseConnector | None:
        """Its connector; None after `close` or `detach`."""
        return self.connector_in_use

    @property
    def connector_owner(self) -> bool:
        """Whether `close` closes the connector."""
        return self._connector_owner

    @property
    def cookie_jar(self) -> AbstractCookieJar:
        """Its cookies."""
        self._pristine = False
        return self.jar

    @property
    def version(self) -> HttpVersion:
        """The version of HTTP that requests are sent with."""
        return self._version

    @property
    def headers(self) -> CIMultiDict[str]:
        """The headers that every request gets; may be changed."""
        self._pristine = False
        return self.default_headers

    @property
    def skip_auto_headers(self) -> frozenset[str]:
        """The default headers that are left out."""
        return self._skip_auto_headers

    @property
    def auth(self) -> BasicAuth | None:
        """The credentials that requests get."""
        return self._auth

    @property
    def timeout(self) -> ClientTimeout:
        """The limits that hold unless a request has its own."""
        return self.settings.timeout

    @property
    def json_serialize(self) -> Callable[[Any], str]:
        """What makes JSON of ``json=``."""
        return self._json_serialize

    @property
    def raise_for_status(self) -> RaiseForStatus:
        """Whether, or by what, the status is checked."""
        return self.settings.raise_for_status

    @property
    def auto_decompress(self) -> bool:
        """Whether bodies are decoded."""
        return self.settings.auto_decompress

    @property
    def trust_env(self) -> bool:
        """Whether netrc and the environment are looked at."""
        return self._trust_env

    @property
    def requote_redirect_url(self) -> bool:
        """Whether the targets of redirects are requoted; may be set, for the requests to come."""
        return self._requote

    @requote_redirect_url.setter
    def requote_redirect_url(self, value: bool) -> None:
        self._requote = bool(value)

    @property
    def trace_configs(self) -> list[TraceConfig]:
        """Its TraceConfigs."""
        return self._trace_configs

    # --- what requests need of it ---------------------------------------------------------------

    @property
    def retries_stale_connections(self) -> bool:
        """Internal: whether a request is sent again when its reused connection was dead."""
        return self._retry_connection

    @property
    def http_version(self) -> str:
        """Internal: the version as the request line has it."""
        return f"{self._version[0]}.{self._version[1]}"

    def absolute(self, url: URL) -> URL:
        """Internal: a URL as `base_url` completes it."""
        if self._base_url is None or url.absolute:
            return url
        return self._base_url.join(url)

    def auth_for(self, url: URL) -> BasicAuth | None:
        """Internal: the session's credentials, or those that netrc has for the host."""
        if self._auth is not None:
            base = self._base_url
            if base is None or base.origin() == url.origin():
                return self._auth
        return self.netrc_for(url)

    def netrc_for(self, url: URL) -> BasicAuth | None:
        """Internal: the credentials that netrc has for the host, if the environment is trusted."""
        if not self._trust_env or url.host is None:
            return None
        from ..auth.basic import netrc_auth

        return netrc_auth(url.host)

    def json_bytes(self, value: Any) -> bytes:
        """Internal: `value` as the session serializes JSON."""
        if self._json_serialize_bytes is not None:
            data = self._json_serialize_bytes(value)
            if not isinstance(data, bytes | bytearray | memoryview):
                kind = type(data).__name__
                raise TypeError(f"json_serialize_bytes must return bytes, not {kind}")
            return bytes(data)
        return self._json_serialize(value).encode("utf-8")

    def fallback_charset(self, response: ClientResponse, body: bytes) -> str:
        """Internal: the charset of a body that does not tell."""
        return self._fallback_charset(response, body)

    def adds_nothing(self) -> bool:
        """Internal: whether requests get neither credentials nor cookies nor ids."""
        without = self._auth is None and not self._trust_env and self.propagation is None
        return without and not self.has_cookies()

    def has_cookies(self) -> bool:
        """Internal: whether the jar may have cookies for a request."""
        return not self._counts_cookies or len(self.jar) > 0

    def keep_cookies(self, exchange: Exchange) -> None:
        """Internal: put the cookies of a response into the jar."""
        self._pristine = False
        headers = exchange.response_headers.getall("Set-Cookie", ())
        self.jar.update_cookies_from_headers(headers, exchange.url)
