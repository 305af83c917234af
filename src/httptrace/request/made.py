"""`MadeRequest`: how a `ClientRequest` is made, by the engine for each hop or by a program."""

from __future__ import annotations

import inspect
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from ..call.call import Call
from ..call.exchange import Exchange
from ..checks import flag
from ..overrides import Patchable, original
from ..version import HttpVersion11
from .hooks import RequestHooks, retarget
from .prepare import prepare

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable
    from ssl import SSLContext

    from yarl import URL

    from ..auth.basic import BasicAuth
    from ..net.tls import Fingerprint
    from ..response.response import ClientResponse
    from ..session.session import ClientSession
    from ..version import HttpVersion
    from .options import LooseCookies, LooseHeaders, Query, RequestOptions

_hop: ContextVar[Call[Any] | None] = ContextVar("hop", default=None)
"""The call for which the engine is making a request, while a constructor of a subclass runs."""

_LEFT_OUT: Any = object()
"""The default of ``url``: only constructors that pass on the engine's call leave it out."""


class MadeRequest(RequestHooks, metaclass=Patchable):
    """The constructor with aiohttp's parameters."""

    @original
    def __init__(
        self,
        method: str,
        url: URL = _LEFT_OUT,
        *,
        params: Query = None,
        headers: LooseHeaders | None = None,
        skip_auto_headers: Iterable[str] | None = None,
        data: Any = None,
        cookies: LooseCookies | None = None,
        auth: BasicAuth | None = None,
        version: HttpVersion = HttpVersion11,
        compress: str | bool | None = None,
        chunked: bool | None = None,
        expect100: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
        response_class: type[ClientResponse] | None = None,
        proxy: URL | None = None,
        proxy_auth: BasicAuth | None = None,
        timer: Any = None,
        session: ClientSession | None = None,
        ssl: SSLContext | bool | Fingerprint = True,
        proxy_headers: LooseHeaders | None = None,
        traces: Any = None,
        trust_env: bool = False,
        server_hostname: str | None = None,
    ) -> None:
        """A request that is not sent: for its URL, its headers, or to test a middleware.

        `timer` and `traces` are accepted and not used. The parameters are those of
        `ClientSession.request`.
        """
        if (hop := _hop.get()) is not None:
            _hop.set(None)
            self._call = hop
            if url is not _LEFT_OUT:
                _note_changes(hop, method, url, headers, data)
            return
        options: Any = {
            "params": params,
            "headers": headers,
            "skip_auto_headers": skip_auto_headers,
            "data": data,
            "cookies": cookies,
            "auth": auth,
            "compress": compress,
            "chunked": chunked,
            "expect100": expect100 or None,
            "proxy": proxy,
            "proxy_auth": proxy_auth,
            "proxy_headers": proxy_headers,
            "ssl": None if ssl is True else ssl,
            "server_hostname": server_hostname,
        }
        given: RequestOptions = {key: one for key, one in options.items() if one is not None}  # type: ignore[assignment]
        self._call = _alone(method, url, given, version, flag("trust_env", trust_env), loop)
        self._call.session = session
        if response_class is not None:
            self._call.core.response_class = response_class

    @classmethod
    def _of(cls, call: Call[Any]) -> Self:
        """The request of a call's hop."""
        if not is_overridden(cls):
            return _plain(cls, call)  # type: ignore[no-any-return]
        if call.made_request is None:
            call.made_request = request = _made(cls, call)
            if request.is_ssl() != call.target.key.is_ssl:
                retarget(call, is_ssl=not call.target.key.is_ssl)
        return call.made_request  # type: ignore[no-any-return]


_INIT = MadeRequest.__init__
_IS_SSL = MadeRequest.is_ssl


def is_overridden(cls: type[MadeRequest]) -> bool:
    """Whether a class, or a program that patches it, has its own constructor or `is_ssl`."""
    return cls.__init__ is not _INIT or cls.is_ssl is not _IS_SSL


def _plain(cls: Any, call: Call[Any]) -> Any:
    request = object.__new__(cls)
    request._call = call
    return request


def _made(cls: Any, call: Call[Any]) -> Any:
    """A request of a class that overrides something."""
    if cls.__init__ is _INIT:
        return _plain(cls, call)
    token = _hop.set(call)
    try:
        return _constructed(cls, call)
    finally:
        _hop.reset(token)


def _alone(
    method: str,
    url: URL,
    options: RequestOptions,
    version: HttpVersion,
    trust_env: bool,
    loop: asyncio.AbstractEventLoop | None,
) -> Call[Any]:
    """The call of a request that belongs to no session."""
    from ..session.detached import detached_core

    core = detached_core(version, trust_env, loop)
    call: Call[Any] = Call(None, core, method)
    prepare(call, url, options)
    call.exchange = Exchange(call, call.start_ns)
    return call


def _constructed(cls: Any, call: Call[Any]) -> Any:
    """A request of a class whose constructor is its own; it gets aiohttp's arguments."""
    if not _takes_arguments(cls.__init__):
        return cls(call)
    return cls(
        call.method,
        call.target.url,
        params=None,
        headers=call.request_headers,
        skip_auto_headers=call.core.skip_auto_headers,
        data=_body(call),
        cookies=None,
        auth=None,
        version=call.core.version,
        compress=call.compress,
        chunked=call.chunked or None,
        expect100=call.expect100,
        loop=call.loop,
        response_class=call.core.response_class,
        proxy=call.target.key.proxy,
        proxy_auth=call.target.key.proxy_auth,
        timer=None,
        session=call.session,
        ssl=call.target.key.ssl,
        proxy_headers=None,
        traces=[],
        trust_env=call.core.trust_env,
        server_hostname=call.target.key.server_hostname,
    )


def _body(call: Call[Any]) -> Any:
    return call.payload if call.payload is not None else call.body or None


@lru_cache(maxsize=64)
def _takes_arguments(constructor: Callable[..., Any]) -> bool:
    """Whether a constructor has aiohttp's parameters, as against that of the call alone."""
    names = list(inspect.signature(_INIT).parameters)[3:]
    try:
        inspect.signature(constructor).bind(None, "GET", None, **dict.fromkeys(names))
    except TypeError:
        return False
    return True


def _note_changes(call: Call[Any], method: str, url: URL, headers: Any, data: Any) -> None:
    """Let a constructor change the method and the headers that it passes on.

    Raises
    ------
    TypeError
        If it passes on another URL or body.
    """
    if method != call.method:
        from .target import check_method

        call.method = call.exchange.method = check_method(method)
        call.head = None
    if headers is not None and headers is not call.request_headers:
        from .fields import merge_headers

        call.request_headers.clear()
        merge_headers(call.request_headers, headers)
    if url != call.target.url:
        raise TypeError("A request_class cannot change the URL of a request: use a middleware")
    if data is not None and data is not _body(call):
        raise TypeError("A request_class cannot change the body: use update_body() in a middleware")
