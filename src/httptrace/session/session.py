"""`ClientSession`, with aiohttp's names."""

from __future__ import annotations

import asyncio
import sys
import warnings
from abc import ABCMeta
from json import dumps
from typing import TYPE_CHECKING, Any, Literal, overload

from multidict import CIMultiDict

from ..call.call import Call
from ..call.core import SessionCore
from ..call.settings import Settings
from ..checks import callable_or_none, checked_callable, checked_class, flag, positive, several
from ..headers.head import version_of
from ..headers.limits import HeadLimits
from ..overrides import follow, refuse_overrides
from ..request.client_request import ClientMiddlewareType, ClientRequest
from ..request.fields import merge_headers
from ..request.options import limits_of, status_check, timeout_settings
from ..request.target import absolute_url
from ..response.response import ClientResponse
from ..trace.listening import SessionObservers
from ..version import HttpVersion, HttpVersion11, __version__
from .arguments import (
    auto_headers,
    checked_auth,
    checked_base_url,
    checked_configs,
    checked_header_names,
    checked_jar,
    checked_observers,
    checked_version,
    propagation_of,
    session_proxies,
    session_timeout,
)
from .chain import run, use_overrides
from .context_manager import RequestContextManager
from .first_use import import_needed, install_exporters
from .private_names import PrivateNames, use_connector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType
    from typing import Unpack

    from yarl import URL

    from ..auth.basic import BasicAuth
    from ..cookies.jar import AbstractCookieJar
    from ..local.propagation import LoosePropagation
    from ..pool.connector import BaseConnector
    from ..request.options import LooseCookies, LooseHeaders, RaiseForStatus, RequestOptions
    from ..timeouts import ClientTimeout
    from ..trace.config import TraceConfig
    from ..trace.observer import Observer
    from ..ws.connect import Opening
    from ..ws.options import WebSocketOptions
    from ..ws.response import ClientWebSocketResponse

_UNSET: Any = ...
USER_AGENT = f"Python/{sys.version_info[0]}.{sys.version_info[1]} httptrace/{__version__}"


def _utf8(response: ClientResponse, body: bytes) -> str:
    return "utf-8"


class _Overridable(ABCMeta):
    """Notices when `_request` or `_ws_connect` is replaced on the class, as tests and agents do."""

    def __setattr__(cls, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in _OVERRIDABLE:
            cls._note_overrides()

    def __delattr__(cls, name: str) -> None:
        super().__delattr__(name)
        if name in _OVERRIDABLE:
            cls._note_overrides()

    def _note_overrides(cls) -> None:
        """Find out which of them the class, or one that derives from it, overrides."""
        overridden = any(getattr(cls, n) is not default for n, default in _DEFAULTS.items())
        super().__setattr__("_ClientSession__is_overridden", overridden)
        below: list[Any] = cls.__subclasses__()
        for one in below:
            one._note_overrides()


_OVERRIDABLE = ("_request", "_ws_connect")
_DEFAULTS: dict[str, Any] = {}
"""The methods of `ClientSession` itself."""


class ClientSession(PrivateNames, metaclass=_Overridable):
    """Makes requests that share settings, cookies and connections (aiohttp's documentation).

    Use it with ``async with``, or call `close` when it is no longer needed.

    Parameters
    ----------
    base_url
        An absolute URL that ends in a slash. Relative URLs of requests are joined to it.
    connector
        Keeps the connections; a `TCPConnector` with its defaults if none is given.
    loop
        The event loop; the running one if none is given.
    cookies
        Cookies that are put into the jar.
    headers
        Headers of every request, unless the request has its own of the same name.
    proxy, proxy_auth, proxy_headers
        The URL of a proxy, and the Basic credentials and headers that it gets. An empty URL means
        no proxy, also none from the environment.
    skip_auto_headers
        Names of automatic headers (``User-Agent``, ``Accept`` ...) to leave out.
    auth
        Basic credentials; with `base_url` only its origin gets them.
    json_serialize, json_serialize_bytes
        Functions that turn the value of ``json=`` into text, or bytes.
    request_class, response_class, ws_response_class
        Subclasses of `ClientRequest`, `ClientResponse` and `ClientWebSocketResponse` to use.
        A `request_class` is instantiated for every hop, before its middlewares are called.
    version
        `HttpVersion11` or `HttpVersion10`; also as text, ``"1.1"`` or ``"1.0"``.
    cookie_jar
        Keeps the cookies; a `CookieJar` with its defaults if none is given.
    connector_owner
        Whether `close` closes the connector.
    raise_for_status
        Whether a status of 400 or above raises `ClientResponseError`; or a coroutine function that
        gets each response.
    timeout
        A `ClientTimeout`, seconds for the whole request, or None for no limit. `read_timeout` and
        `conn_timeout` are the older parameters for its `total` and `connect`.
    auto_decompress
        Whether bodies are decoded as their Content-Encoding says.
    trust_env
        Whether proxies from the environment and credentials from netrc are used.
    requote_redirect_url
        Whether characters in the Location of redirects are requoted.
    trace_configs, observers
        `TraceConfig` and `Observer` objects that listen to every request of the session.
    read_bufsize
        How many bytes of a body are buffered before reading from the socket pauses.
    max_line_size, max_field_size, max_headers
        Limits for the head of a response: bytes of the status line and of a field, and fields.
    max_decoded_size
        The maximum size of a compressed body, once decoded, when it is read as a whole.
    fallback_charset_resolver
        Called with a response and its body; returns the charset if Content-Type names none.
    middlewares
        Coroutine functions ``(request, handler) -> response`` around every hop.
    propagate
        The hosts that get the ids of the current context in headers.
    ssl_shutdown_timeout
        Ignored: TLS connections are closed at once.

    Raises
    ------
    TypeError, ValueError
        If a parameter has a value that cannot be used; the text names it.
    RuntimeError
        If no event loop is running.
    """

    __core: SessionCore | None = None  # __del__ runs even if __init__ raises
    __connector: BaseConnector | None = None
    __connector_owner = False
    __is_overridden = False
    """Whether `_request` or `_ws_connect` is not that of this class."""

    def __init__(
        self,
        base_url: str | URL | None = None,
        *,
        connector: BaseConnector | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
        cookies: LooseCookies | None = None,
        headers: LooseHeaders | None = None,
        proxy: str | URL | None = None,
        proxy_auth: BasicAuth | None = None,
        skip_auto_headers: Iterable[str] | None = None,
        auth: BasicAuth | None = None,
        json_serialize: Callable[[Any], str] = dumps,
        json_serialize_bytes: Callable[[Any], bytes] | None = None,
        request_class: type[ClientRequest] = ClientRequest,
        response_class: type[ClientResponse] = ClientResponse,
        version: HttpVersion = HttpVersion11,
        cookie_jar: AbstractCookieJar | None = None,
        connector_owner: bool = True,
        raise_for_status: RaiseForStatus = False,
        read_timeout: float | None = _UNSET,
        conn_timeout: float | None = None,
        timeout: ClientTimeout | float | None = _UNSET,
        auto_decompress: bool = True,
        trust_env: bool = False,
        requote_redirect_url: bool = True,
        trace_configs: Sequence[TraceConfig] | None = None,
        read_bufsize: int = 1 << 18,
        max_line_size: int = 8190,
        max_field_size: int = 8190,
        max_headers: int = 128,
        fallback_charset_resolver: Callable[[ClientResponse, bytes], str] = _utf8,
        middlewares: Sequence[ClientMiddlewareType] = (),
        ssl_shutdown_timeout: float | None = _UNSET,
        observers: Sequence[Observer] = (),
        max_decoded_size: int = 1 << 28,
        propagate: LoosePropagation = None,
        ws_response_class: type[ClientWebSocketResponse] | None = None,
        proxy_headers: LooseHeaders | None = None,
    ) -> None:
        limits = {
            "max_line_size": max_line_size,
            "max_field_size": max_field_size,
            "max_headers": max_headers,
        }
        core = SessionCore()
        core.settings = Settings(
            *timeout_settings(session_timeout(timeout, read_timeout, conn_timeout)),
            limits=limits_of(limits, HeadLimits()),
            read_bufsize=positive("read_bufsize", read_bufsize),
            pause_above=read_bufsize * 2,
            auto_decompress=flag("auto_decompress", auto_decompress),
            max_decoded_size=positive("max_decoded_size", max_decoded_size),
            raise_for_status=status_check("raise_for_status", raise_for_status),
            allow_redirects=True,
            max_redirects=10,
            ssl=True,
            server_hostname=None,
            proxies=session_proxies(
                proxy, proxy_auth, proxy_headers, flag("trust_env", trust_env), connector
            ),
        )
        core.base_url = checked_base_url(base_url)
        core.auth = checked_auth(auth)
        core.version = checked_version(version)
        core.http_version = f"{core.version[0]}.{core.version[1]}"
        core.json_serialize = checked_callable("json_serialize", json_serialize)
        core.json_serialize_bytes = callable_or_none("json_serialize_bytes", json_serialize_bytes)
        core.fallback_charset = checked_callable(
            "fallback_charset_resolver", fallback_charset_resolver
        )
        core.trust_env = bool(trust_env)
        core.requote = flag("requote_redirect_url", requote_redirect_url)
        core.skip_auto_headers = frozenset(checked_header_names(skip_auto_headers))
        core.default_headers = CIMultiDict()
        merge_headers(core.default_headers, headers)
        core.headers_version = version_of(core.default_headers)
        core.trace_configs = checked_configs(trace_configs)
        core.observers = SessionObservers(checked_observers(observers))
        core.has_listeners = bool(core.trace_configs or core.observers)
        lone = len(core.trace_configs) == 1 and not core.observers
        core.lone_config = core.trace_configs[0] if lone else None
        core.propagation = propagation_of(propagate)
        core.request_class = checked_class("request_class", request_class)
        core.middlewares = tuple(several("middlewares", middlewares))
        use_overrides(core)
        follow("ClientRequest", core, use_overrides)
        core.response_class = checked_class("response_class", response_class)
        core.new_response = core.response_class._received
        refuse_overrides(core.response_class, "ClientResponse", "use a middleware or an observer")
        core.ws_response_class = ws_response_class
        if ws_response_class is not None:
            refuse_overrides(ws_response_class, "ClientWebSocketResponse", "use an observer")
        core.loop = loop or asyncio.get_running_loop()
        core.targets, core.tasks = {}, set()
        self.__open(core, connector, connector_owner, cookie_jar, cookies)

    def __open(
        self,
        core: SessionCore,
        connector: BaseConnector | None,
        connector_owner: bool,
        cookie_jar: AbstractCookieJar | None,
        cookies: LooseCookies | None,
    ) -> None:
        from ..cookies.jar import CookieJar, length_counts
        from ..pool.connectors import TCPConnector, check_connector
        from ..pool.wrapped import pool_behind

        import_needed(core.trust_env)
        install_exporters()
        own_jar = checked_jar(cookie_jar) is None
        if cookie_jar is None:
            cookie_jar = CookieJar()
        elif isinstance(cookie_jar, CookieJar):
            public = "override filter_cookies or update_cookies"
            refuse_overrides(type(cookie_jar), "CookieJar", public)
        own = own_jar and not cookies and core.propagation is None
        direct = core.auth is None and not core.trust_env and core.settings.proxies is None
        core.pristine = own and direct
        core.jar = cookie_jar
        core.counts_cookies = length_counts(cookie_jar)
        if cookies:
            cookie_jar.update_cookies(cookies)
        owner = flag("connector_owner", connector_owner)
        if connector is None:
            connector = TCPConnector(loop=core.loop)
        core.pool = pool = pool_behind(check_connector(connector, core.loop))
        core.auto_headers = auto_headers(pool.force_close, core.version, USER_AGENT)
        self.__connector, self.__connector_owner, self.__core = connector, owner, core

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Requests of a subclass that overrides `_request` or `_ws_connect` go by that."""
        super().__init_subclass__(**kwargs)
        refuse_overrides(cls, "ClientSession", "use trust_env= or auth=")
        cls._note_overrides()

    # --- requests --------------------------------------------------------------------------------

    def request(
        self, method: str, url: str | URL, **kwargs: Unpack[RequestOptions]
    ) -> Call[ClientResponse]:
        """Make a request with any method; await it, or use it with ``async with``.

        Parameters
        ----------
        method
            The method (RFC 9110 §9).
        url
            An absolute URL, or one relative to the session's ``base_url``.
        **kwargs
            As for `get`.

        Returns
        -------
        Call
            Awaiting it gives the `ClientResponse` as soon as its head has arrived.

        Raises
        ------
        TypeError, ValueError, InvalidURL
            If an argument cannot be used. Nothing was sent.
        ClientError
            As for `get`.
        """
        if self.__is_overridden:
            return RequestContextManager(self._request(method, url, **kwargs))  # type: ignore[return-value]
        call: Call[ClientResponse] = Call(self, self.__core, method)  # type: ignore[arg-type]
        call.coroutine = run(call, url, kwargs)
        return call

    def get(self, url: str | URL, **kwargs: Unpack[RequestOptions]) -> Call[ClientResponse]:
        """Make a GET request; await it, or use it with ``async with``.

        Parameters
        ----------
        url
            An absolute URL, or one relative to the session's ``base_url``.
        params
            Appended to the query: a mapping, pairs, or text that is sent as it is.
        data, json
            The body: bytes, text, a file, `FormData`, an async iterable ...; or a value that is
            sent as JSON.
        headers, cookies, auth
            For this request only; headers replace the session's of the same name.
        skip_auto_headers
            Names of automatic headers to leave out.
        allow_redirects, max_redirects
            Whether redirects are followed (True), and the number of the redirect that raises
            `TooManyRedirects` (10; 0 for no limit).
        compress, chunked, expect100
            How the body is sent: in which content coding, in chunks, after 100 Continue.
        raise_for_status
            Whether a status of 400 or above raises `ClientResponseError`, or a coroutine function
            that gets the response.
        timeout
            A `ClientTimeout`, seconds for the whole request, or None for no limit.
        proxy, proxy_auth, proxy_headers
            The URL of a proxy, and the Basic credentials and headers that it gets. An empty URL
            means no proxy, neither the session's nor the environment's.
        ssl, server_hostname
            How the certificate is verified: True, False, an `ssl.SSLContext` or a `Fingerprint`;
            and the host name to verify instead of the URL's.
        read_bufsize, auto_decompress, max_line_size, max_field_size, max_headers
            As the session's parameters of these names, for this request.
        middlewares
            Middlewares in place of the session's; an empty sequence for none.
        trace_configs, observers, trace_request_ctx
            Listeners in addition to the session's; and any object, which `TraceConfig` callbacks
            find in their context.
        upload_tracker
            An `UploadTracker`, which counts the bytes of the body as they are sent.

        Returns
        -------
        Call
            Awaiting it gives the `ClientResponse` as soon as its head has arrived.

        Raises
        ------
        TypeError, ValueError, InvalidURL
            If an argument cannot be used. Nothing was sent.
        ClientConnectionError
            If connecting fails or the connection breaks (`ClientConnectorError`,
            `ServerDisconnectedError` ...).
        TimeoutError
            If a time limit is reached: `TotalTimeoutError`, `ConnectionTimeoutError` or
            `SocketTimeoutError`; their attributes name the limit and the phase.
        TooManyRedirects, ClientResponseError
            If `max_redirects` is reached; if the status is 400 or above and `raise_for_status` is
            true.
        """
        if self.__is_overridden:
            return RequestContextManager(self._request("GET", url, **kwargs))  # type: ignore[return-value]
        call: Call[ClientResponse] = Call(self, self.__core, "GET")  # type: ignore[arg-type]
        call.coroutine = run(call, url, kwargs)
        return call

    def options(self, url: str | URL, **kwargs: Unpack[RequestOptions]) -> Call[ClientResponse]:
        """Make an OPTIONS request. Parameters, result and exceptions are those of `get`."""
        return self.request("OPTIONS", url, **kwargs)

    def head(self, url: str | URL, **kwargs: Unpack[RequestOptions]) -> Call[ClientResponse]:
        """Make a HEAD request. Parameters, result and exceptions are those of `get`.

        Redirects are not followed unless `allow_redirects` is True.
        """
        kwargs.setdefault("allow_redirects", False)
        return self.request("HEAD", url, **kwargs)

    def post(self, url: str | URL, **kwargs: Unpack[RequestOptions]) -> Call[ClientResponse]:
        """Make a POST request. Parameters, result and exceptions are those of `get`."""
        return self.request("POST", url, **kwargs)

    def put(self, url: str | URL, **kwargs: Unpack[RequestOptions]) -> Call[ClientResponse]:
        """Make a PUT request. Parameters, result and exceptions are those of `get`."""
        return self.request("PUT", url, **kwargs)

    def patch(self, url: str | URL, **kwargs: Unpack[RequestOptions]) -> Call[ClientResponse]:
        """Make a PATCH request. Parameters, result and exceptions are those of `get`."""
        return self.request("PATCH", url, **kwargs)

    def delete(self, url: str | URL, **kwargs: Unpack[RequestOptions]) -> Call[ClientResponse]:
        """Make a DELETE request. Parameters, result and exceptions are those of `get`."""
        return self.request("DELETE", url, **kwargs)

    async def _request(
        self, method: str, str_or_url: str | URL, **kwargs: Unpack[RequestOptions]
    ) -> ClientResponse:
        """Make a request. As in aiohttp, a subclass may override this; all verbs then call it."""
        call: Call[ClientResponse] = Call(self, self.__core, method)  # type: ignore[arg-type]
        call.coroutine = run(call, str_or_url, kwargs)
        return await call

    @overload
    def ws_connect(
        self,
        url: str | URL,
        *,
        decode_text: Literal[True] = ...,
        **kwargs: Unpack[WebSocketOptions],
    ) -> Opening[Literal[True]]: ...

    @overload
    def ws_connect(
        self, url: str | URL, *, decode_text: Literal[False], **kwargs: Unpack[WebSocketOptions]
    ) -> Opening[Literal[False]]: ...

    @overload
    def ws_connect(
        self, url: str | URL, *, decode_text: bool, **kwargs: Unpack[WebSocketOptions]
    ) -> Opening[bool]: ...

    def ws_connect(
        self, url: str | URL, *, decode_text: bool = True, **kwargs: Unpack[WebSocketOptions]
    ) -> Opening[bool]:
        """Open a WebSocket; use as ``async with session.ws_connect(…) as ws`` or await it.

        See `WebSocketOptions` for the parameters. With ``decode_text=False`` text comes as bytes.

        Raises
        ------
        WSServerHandshakeError
            If the server refuses the handshake. All exceptions of `get` may be raised too.
        """
        options: Any = {**kwargs, "decode_text": decode_text}
        if self.__is_overridden:
            opening: Any = self._ws_connect(url, **options)
            return RequestContextManager(opening)  # type: ignore[return-value]
        return self.__open_websocket(url, options)

    async def _ws_connect(self, url: str | URL, **kwargs: Any) -> ClientWebSocketResponse[bool]:
        """Called by `ws_connect` if it is overridden; aiohttp always calls it."""
        return await self.__open_websocket(url, kwargs)

    def __open_websocket(self, url: str | URL, options: Any) -> Opening[bool]:
        from ..ws.connect import Opening

        return Opening(self, self.__core, url, options, run)  # type: ignore[arg-type]

    # --- properties ------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether the session or its connector is closed."""
        core = self.__core
        return core is None or core.pool is None or core.pool.closed

    @property
    def connector(self) -> BaseConnector | None:
        """The connector; None after `close` or `detach`."""
        return self.__connector

    @property
    def connector_owner(self) -> bool:
        """Whether `close` closes the connector."""
        return self.__connector_owner

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the session."""
        return core_of(self).loop

    @property
    def cookie_jar(self) -> AbstractCookieJar:
        """The jar that keeps the session's cookies."""
        core = core_of(self)
        core.pristine = False
        return core.jar

    @property
    def version(self) -> HttpVersion:
        """The HTTP version that requests are sent with."""
        return core_of(self).version

    @property
    def headers(self) -> CIMultiDict[str]:
        """The headers that every request gets. Changes apply to later requests."""
        core = core_of(self)
        core.pristine = False
        return core.default_headers

    @property
    def skip_auto_headers(self) -> frozenset[str]:
        """Names of the automatic headers that are left out."""
        return core_of(self).skip_auto_headers

    @property
    def auth(self) -> BasicAuth | None:
        """The Basic credentials of the session."""
        return core_of(self).auth

    @property
    def timeout(self) -> ClientTimeout:
        """The time limits of requests that have none of their own."""
        return core_of(self).settings.timeout

    @property
    def json_serialize(self) -> Callable[[Any], str]:
        """The function that turns the value of ``json=`` into text."""
        return core_of(self).json_serialize

    @property
    def raise_for_status(self) -> RaiseForStatus:
        """Whether a status of 400 or above raises, or the coroutine function that is called."""
        return core_of(self).settings.raise_for_status

    @property
    def auto_decompress(self) -> bool:
        """Whether bodies are decoded as their Content-Encoding says."""
        return core_of(self).settings.auto_decompress

    @property
    def trust_env(self) -> bool:
        """Whether proxies from the environment and credentials from netrc are used."""
        return core_of(self).trust_env

    @property
    def requote_redirect_url(self) -> bool:
        """Whether characters in the Location of redirects are requoted; may be set."""
        return core_of(self).requote

    @requote_redirect_url.setter
    def requote_redirect_url(self, value: bool) -> None:
        core_of(self).requote = bool(value)

    @property
    def trace_configs(self) -> list[TraceConfig]:
        """The session's `TraceConfig` objects."""
        return core_of(self).trace_configs

    # --- private names of aiohttp's session (`private_names`) ------------------------------------

    @property
    def _connector(self) -> Any:
        return self.__connector

    @_connector.setter
    def _connector(self, value: Any) -> None:
        use_connector(core_of(self), value)
        self.__connector = value

    def _prepare_headers(self, headers: LooseHeaders | None) -> CIMultiDict[str]:
        merged = CIMultiDict(core_of(self).default_headers)
        merge_headers(merged, headers)
        return merged

    def _build_url(self, str_or_url: str | URL) -> URL:
        return absolute_url(core_of(self), str_or_url)

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: Any) -> None:
            object.__setattr__(self, name, value)
            if name in _OVERRIDABLE:
                self.__is_overridden = True

    # --- closing ---------------------------------------------------------------------------------

    async def close(self) -> None:
        """Close the session, and its connector unless `connector_owner` is False."""
        core, connector = self.__core, self.__connector
        if core is None:
            return
        self.__connector = core.pool = None
        if connector is not None and self.__connector_owner:
            await connector.close()
        if core.tasks and asyncio.current_task() not in core.tasks:  # a task cannot await itself
            await asyncio.gather(*core.tasks, return_exceptions=True)

    def detach(self) -> None:
        """Detach the session from its connector, which stays open; the session is closed then."""
        self.__connector = core_of(self).pool = None

    async def __aenter__(self) -> ClientSession:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __enter__(self) -> None:
        raise TypeError("Use async with instead")

    def __exit__(self, *exc: object) -> None:
        """Never called; ``with`` needs it in order to call `__enter__`, which raises."""

    def __del__(self, _warn: Any = warnings.warn) -> None:
        if self.closed:
            return
        _warn(f"Unclosed client session {self!r}", ResourceWarning, source=self)
        loop = core_of(self).loop
        if not loop.is_closed():
            context = {"client_session": self, "message": "Unclosed client session"}
            loop.call_exception_handler(context)
        if self.__connector is not None and self.__connector_owner:
            from ..pool.connector import warn_unclosed

            warn_unclosed(self.__connector)


def core_of(session: ClientSession) -> SessionCore:
    """What the calls of a session share. The name is mangled: subclasses cannot replace it."""
    core: SessionCore = session._ClientSession__core  # type: ignore[attr-defined]
    return core


_DEFAULTS.update({name: getattr(ClientSession, name) for name in _OVERRIDABLE})
