"""`ClientSession`: defaults, verbs, and the chain that a request goes through."""

from __future__ import annotations

import asyncio
import sys
import warnings
from functools import partial
from json import dumps
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict
from yarl import URL

from ..call.call import Call
from ..call.exchange import Exchange
from ..checks import callable_or_none, checked_callable, checked_class, flag, positive, several
from ..headers.head import version_of
from ..http1.limits import HeadLimits
from ..interceptors.middlewares import middleware_link, send_on
from ..interceptors.raise_for_status import check_status
from ..interceptors.redirects import REDIRECTS, follow_redirects
from ..interceptors.tracked import count_attempt
from ..interceptors.wire import wire
from ..local.request import current_request_id
from ..request.client_request import ClientRequest
from ..request.fields import merge_headers
from ..request.options import Settings, limits_of, status_check, timing
from ..request.prepare import prepare, refresh_head
from ..request.target import Target, parse_url, target_of
from ..response.response import ClientResponse
from ..trace import observer as observing
from ..trace.events import TraceRequestEndParams, TraceRequestStartParams
from ..trace.listening import listened
from ..version import HttpVersion, HttpVersion11, __version__
from .arguments import (
    auto_headers,
    checked_auth,
    checked_base,
    checked_configs,
    checked_jar,
    checked_observers,
    checked_version,
    names_of,
    propagation_of,
    session_proxies,
    session_timeout,
)
from .verbs import Asked, SessionVerbs

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence
    from types import TracebackType
    from typing import Unpack

    from ..auth.basic import BasicAuth
    from ..cookies.jar import AbstractCookieJar
    from ..pool.connector import BaseConnector
    from ..request.options import LooseCookies, LooseHeaders, RaiseForStatus, RequestOptions
    from ..timeouts import ClientTimeout
    from ..trace.config import TraceConfig
    from ..trace.observer import Observer
    from ..ws.response import ClientWebSocketResponse

_UNSET: Any = ...
_URLS = (str, URL)
_MOST_TARGETS = 1024
USER_AGENT = f"Python/{sys.version_info[0]}.{sys.version_info[1]} httptrace/{__version__}"


def _utf8(response: ClientResponse, body: bytes) -> str:
    return "utf-8"


class ClientSession(SessionVerbs):
    """Makes requests with common defaults, over one connector (aiohttp's documentation).

    Beyond aiohttp's parameters: `observers` listen to every request of the session (`Observer`),
    `max_decoded_size` is how many bytes a compressed body may decode to when it is read whole, and
    `propagate` names the hosts that may see the ids of the work that makes a request
    (`Propagation`). `request_class` is made for every hop, before its middlewares are called.

    Raises
    ------
    TypeError, ValueError
        Naming a parameter that cannot be used.
    RuntimeError
        When no event loop is running.
    """

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
        middlewares: Sequence[Any] = (),
        ssl_shutdown_timeout: float | None = _UNSET,
        observers: Sequence[Observer] = (),
        max_decoded_size: int = 1 << 28,
        propagate: Any = None,
        ws_response_class: type[ClientWebSocketResponse] | None = None,
        proxy_headers: LooseHeaders | None = None,
    ) -> None:
        self._closed = True  # until all is well: __del__ runs even if __init__ raises
        self.connector_in_use: Any = None
        limits = {
            "max_line_size": max_line_size,
            "max_field_size": max_field_size,
            "max_headers": max_headers,
        }
        self.settings = Settings(
            *timing(session_timeout(timeout, read_timeout, conn_timeout)),
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
        self._base_url = checked_base(base_url)
        self._auth = checked_auth(auth)
        self._version = checked_version(version)
        self._json_serialize = checked_callable("json_serialize", json_serialize)
        self._json_serialize_bytes = callable_or_none("json_serialize_bytes", json_serialize_bytes)
        self._fallback_charset = checked_callable(
            "fallback_charset_resolver", fallback_charset_resolver
        )
        self._trust_env = flag("trust_env", trust_env)
        self._requote = flag("requote_redirect_url", requote_redirect_url)
        self._skip_auto_headers = frozenset(names_of(skip_auto_headers))
        self.default_headers: CIMultiDict[str] = CIMultiDict()
        merge_headers(self.default_headers, headers)
        self._listen(trace_configs, observers)
        self.propagation = propagation_of(propagate)
        self.request_class = checked_class("request_class", request_class)
        self._middlewares = tuple(several("middlewares", middlewares))
        self._hop = self._chain(self._middlewares)
        self.response_class: type[ClientResponse] = checked_class("response_class", response_class)
        self.ws_response_class = ws_response_class
        self.loop = loop or asyncio.get_running_loop()
        self._open(connector, connector_owner, cookie_jar, cookies)

    def _open(
        self,
        connector: BaseConnector | None,
        connector_owner: bool,
        cookie_jar: AbstractCookieJar | None,
        cookies: LooseCookies | None,
    ) -> None:
        from ..cookies.jar import CookieJar, length_counts
        from ..pool.connectors import TCPConnector, check_connector

        own_jar = checked_jar(cookie_jar) is None
        if cookie_jar is None:
            cookie_jar = CookieJar()
        own = own_jar and not cookies and self.propagation is None
        direct = self._auth is None and not self._trust_env and self.settings.proxies is None
        self._pristine = own and direct
        self.jar = cookie_jar
        self._counts_cookies = length_counts(cookie_jar)
        if cookies:
            cookie_jar.update_cookies(cookies)
        self._targets: dict[str | URL, Target] = {}
        self._headers_version = version_of(self.default_headers)
        self._tasks: set[asyncio.Task[None]] = set()
        self._retry_connection = True
        if connector is None:
            connector = TCPConnector(loop=self.loop)
        self.connector_in_use = check_connector(connector, self.loop)
        self._connector_owner = flag("connector_owner", connector_owner)
        self.auto_headers = auto_headers(self.connector_in_use, self._version, USER_AGENT)
        self._closed = False

    # --- the chain -----------------------------------------------------------------------------

    def _chain(self, middlewares: Sequence[Any], *links: Any) -> Any:
        """The way of one hop, outermost first: each link calls the next one, the last is `wire`.

        `follow_redirects` sends a call along it once more for each further hop.
        """
        if not middlewares and self.request_class is not ClientRequest:
            middlewares = (send_on,)  # each hop is made known to the class
        hop: Any = wire
        for link in reversed([*map(middleware_link, middlewares), *links]):
            hop = partial(link, hop)
        return hop

    async def _run(self, call: Call, where: str | URL, options: RequestOptions) -> ClientResponse:
        try:
            target = self._targets.get(where) if self._pristine and not options else None
        except TypeError:  # it cannot be hashed: `prepare` tells what a URL must be
            target = None
        if target is not None and call.method in target.heads:
            call.target, call.head = target, target.heads[call.method]
        else:
            prepare(call, where, options)
        call.exchange = Exchange(call, call.start_ns)
        if (work := current_request_id()) is not None:
            call.context_id = work
        settings = call.settings
        if settings.first_limit_ns:
            due_ns = call.start_ns + settings.first_limit_ns
            deadlines = call.connector.deadlines
            if due_ns < deadlines.next_ns:
                deadlines.arm(due_ns)
        try:
            if options or self._listeners or observing.installed or observing.ambient():
                self._attach(call, options)
            trace = call.trace
            if trace is not None:
                call.await_outside()  # listeners are awaited: limits hold meanwhile
            if trace is not None and TraceRequestStartParams in trace.wants:
                await trace.start(TraceRequestStartParams, call.exchange)
                refresh_head(call)
            hop = self._hop if not options else self._hop_for(options)
            response: ClientResponse = await hop(call)
            if response.status in REDIRECTS:
                response = await follow_redirects(hop, call, response)
            if options and call.upload_tracker is not None:
                call.upload_tracker.final(has_body=call.payload is not None)
            if settings.raise_for_status:
                await check_status(call, response)
            if trace is not None:
                trace.note_head(TraceRequestEndParams, call.exchange, response)
                await trace.flush(call.may_end)
        except BaseException as exc:
            error = call.seen(exc)
            await call.fail(error)
            if error is not exc:
                raise error from exc
            raise
        if not call.may_end():
            call.task = None
            if not call.entered:  # otherwise __aexit__ comes, whatever becomes of the response
                response.watch_over()
        elif trace is not None and trace.pending:  # the body ended while listeners were told
            await trace.flush()
        return response

    def _hop_for(self, options: RequestOptions) -> Any:
        given, tracked = options.get("middlewares"), options.get("upload_tracker") is not None
        if given is None and not tracked:
            return self._hop
        middlewares = self._middlewares if given is None else several("middlewares", given)
        return self._chain(tuple(middlewares), *[count_attempt] * tracked)

    # --- who listens ---------------------------------------------------------------------------

    def _listen(
        self, trace_configs: Sequence[TraceConfig] | None, observers: Sequence[Observer]
    ) -> None:
        self._trace_configs = checked_configs(trace_configs)
        self._observers = checked_observers(observers)
        self._listeners = bool(self._trace_configs or self._observers)

    def _attach(self, call: Call, options: RequestOptions) -> None:
        """Give the call its listeners, if there are any."""
        configs, observers = self._trace_configs, self._observers
        if "trace_configs" in options:
            configs = [*configs, *checked_configs(options["trace_configs"])]
        if "observers" in options:
            observers = [*observers, *checked_observers(options["observers"])]
        if observing.installed or observing.ambient():
            observers = [*observing.everybody(), *observers]
        if configs or observers:
            context = options.get("trace_request_ctx")
            call.trace = trace = listened(self, configs, observers, context)
            call.exchange.trace = trace if trace.below else None

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Internal: run what nobody can wait for; `close` does."""
        task = self.loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- what requests need of it -----------------------------------------------------------------

    def plain_target(self, where: str | URL) -> Target | None:
        """Internal: the target of a request whose parameters leave it alone, made once.

        None if it goes by a proxy, if the URL has credentials, and for what is no URL.
        """
        if not isinstance(where, _URLS):
            return None
        if version_of(self.default_headers) != self._headers_version:
            self._headers_version = version_of(self.default_headers)
            self._targets.clear()
        target = self._targets.get(where)
        if target is None:
            url = self.absolute(parse_url(where))
            if url.raw_user is not None or url.raw_password is not None:
                return None
            if len(self._targets) >= _MOST_TARGETS:
                self._targets.clear()
            target = self._targets[where] = target_of(url)
        proxies = self.settings.proxies
        return target if proxies is None or proxies.spare(target.url) else None

    # --- verbs -----------------------------------------------------------------------------------

    def request(self, method: str, url: str | URL, **kwargs: Unpack[RequestOptions]) -> Call:
        """Make a request; use as ``async with session.request(…) as response`` or await it.

        See `RequestOptions` for the parameters.
        """
        if self._asks:
            return Asked(self._request(method, url, **kwargs))  # type: ignore[return-value]
        call = Call(self, method)
        call.coroutine = self._run(call, url, kwargs)
        return call

    def get(self, url: str | URL, **kwargs: Unpack[RequestOptions]) -> Call:
        """GET: fetch a resource."""
        if self._asks:
            return Asked(self._request("GET", url, **kwargs))  # type: ignore[return-value]
        call = Call(self, "GET")
        call.coroutine = self._run(call, url, kwargs)
        return call

    # --- its end ---------------------------------------------------------------------------------

    async def close(self) -> None:
        """Close it, and its connector if it is its own."""
        if not self._closed:
            self._closed = True
            if self.connector_in_use is not None and self._connector_owner:
                await self.connector_in_use.close()
            self.connector_in_use = None
        if self._tasks and asyncio.current_task() not in self._tasks:  # none can await itself
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def detach(self) -> None:
        """Let go of the connector without closing it."""
        self.connector_in_use = None
        self._closed = True

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
        """Never reached; it makes ``with`` reach `__enter__`'s message."""

    def __del__(self, _warn: Any = warnings.warn) -> None:
        if self.closed:
            return
        _warn(f"Unclosed client session {self!r}", ResourceWarning, source=self)
        if not self.loop.is_closed():
            context = {"client_session": self, "message": "Unclosed client session"}
            self.loop.call_exception_handler(context)
        if self._connector_owner:
            self.connector_in_use.dropped()
