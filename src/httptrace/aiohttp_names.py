"""Shelter for old habits: what programs import from aiohttp's modules and the engine does not need.

The modules with aiohttp's names (`httptrace.helpers`, `httptrace.client_proto` ...) take from here
what has no place in the engine. Nothing in the engine imports this module.
"""

from __future__ import annotations

import asyncio
import netrc
import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Generator, Sequence
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar, overload

from multidict import CIMultiDict, MultiMapping
from yarl import URL

from .auth.basic import BasicAuth
from .body.disposition import content_disposition_header as _content_disposition_header
from .body.payload_files import guess_filename as _guess_filename
from .headers.mime import charset_of, content_type_of
from .request.client_request import ClientHandlerType, ClientMiddlewareType, ClientRequest
from .request.environment import proxy_from_env
from .response.response import ClientResponse

_T = TypeVar("_T")

sentinel: Any = ...
"""The default of parameters that tell "not given" from None."""

RESPONSES = MappingProxyType(
    {int(status): (status.phrase, status.description) for status in HTTPStatus}
)
"""The reason phrase and a description of each status code."""

WS_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""The GUID of WebSocket handshakes (RFC 6455 §1.3)."""


# --- helpers --------------------------------------------------------------------------------------


class HeadersMixin:
    """Properties that are read from the field Content-Type or Content-Length of ``_headers``."""

    _headers: MultiMapping[str]
    _content_type: str | None = None
    _content_dict: dict[str, str] | None = None
    _stored_content_type: str | None = None

    @property
    def content_type(self) -> str:
        """The media type without parameters; 'application/octet-stream' if there is none."""
        return content_type_of(self._headers.get("Content-Type", ""))[0]

    @property
    def charset(self) -> str | None:
        """The charset parameter of Content-Type, if there is one."""
        return charset_of(self._headers.get("Content-Type", ""))

    @property
    def content_length(self) -> int | None:
        """The Content-Length field as a number, if there is one."""
        value = self._headers.get("Content-Length")
        return None if value is None else int(value)


class BaseTimerContext(ABC):
    """A time limit as a context manager."""

    @abstractmethod
    def __enter__(self) -> Any: ...

    @abstractmethod
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None: ...

    def assert_timeout(self) -> None:  # noqa: B027 # nothing to do is what most need
        """Raise TimeoutError if the limit has passed."""


class TimerNoop(BaseTimerContext):
    """No time limit."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None


class noop:
    """An awaitable that yields to the event loop once."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class _Cached(Protocol):
    _cache: dict[str, Any]


class reify(Generic[_T]):
    """A read-only property that is computed once, and kept in the object's ``_cache``."""

    def __init__(self, wrapped: Callable[[Any], _T]) -> None:
        self.wrapped = wrapped
        self.name = wrapped.__name__
        self.__doc__ = wrapped.__doc__

    @overload
    def __get__(self, instance: None, owner: type[object] | None = None) -> Self: ...
    @overload
    def __get__(self, instance: _Cached, owner: type[object] | None = None) -> _T: ...
    def __get__(self, instance: _Cached | None, owner: type[object] | None = None) -> Any:
        if instance is None:
            return self
        if self.name not in instance._cache:
            instance._cache[self.name] = self.wrapped(instance)
        return instance._cache[self.name]

    def __set__(self, instance: _Cached, value: _T) -> None:
        raise AttributeError("reified property is read-only")


def strip_auth_from_url(url: URL) -> tuple[URL, BasicAuth | None]:
    """The URL without user and password, and these as `BasicAuth`; None if it has neither."""
    auth = BasicAuth.from_url(url)
    return (url, None) if auth is None else (url.with_user(None), auth)


def netrc_from_env() -> netrc.netrc | None:
    """The file that ``$NETRC`` names, or ``~/.netrc``; None if it cannot be read or parsed."""
    path = os.environ.get("NETRC")
    try:
        if path is None:
            return netrc.netrc(str(Path.home() / ("_netrc" if os.name == "nt" else ".netrc")))
        return netrc.netrc(path)
    except (OSError, RuntimeError, netrc.NetrcParseError):
        return None


def basicauth_from_netrc(netrc_obj: netrc.netrc | None, host: str) -> BasicAuth:
    """The credentials that a netrc file has for a host.

    Raises
    ------
    LookupError
        If there is no file, or it has none.
    """
    if netrc_obj is None:
        raise LookupError("No .netrc file found")
    entry = netrc_obj.authenticators(host)
    if entry is None:
        raise LookupError(f"No entry for {host} found in the .netrc file")
    login, account, password = entry
    return BasicAuth(login or account or "", password or "")


def get_env_proxy_for_url(url: URL) -> tuple[URL, BasicAuth | None]:
    """The proxy that the environment names for a URL, and the credentials for it.

    Raises
    ------
    LookupError
        If it names none, or NO_PROXY excludes the host.
    """
    found = proxy_from_env(url)
    if found is None:
        raise LookupError(f"The environment has no proxy for {url.origin()}")
    return found


def content_disposition_header(
    disptype: str, quote_fields: bool = True, _charset: str = "utf-8", **params: str
) -> str:
    """The value of a Content-Disposition field in a multipart body."""
    return _content_disposition_header(disptype, quote_fields, _charset, **params)


def guess_filename(obj: Any, default: str | None = None) -> str | None:
    """The last part of a file's name, if it has one that names a file; else `default`."""
    return _guess_filename(obj) or default


def is_ip_address(host: str | None) -> bool:
    """Whether a host is written like an IP address: with a colon, or with dots and digits alone."""
    return host is not None and (":" in host or host.replace(".", "").isdigit())


def set_result(fut: asyncio.Future[_T], result: _T) -> None:
    """Set the result of a future that is not done."""
    if not fut.done():
        fut.set_result(result)


def set_exception(fut: Any, exc: BaseException, exc_cause: BaseException | None = None) -> None:
    """Set the exception of a future that is not done, or of a stream."""
    if asyncio.isfuture(fut) and fut.done():
        return
    if exc_cause is not None:
        exc.__cause__ = exc_cause
    fut.set_exception(exc)


# --- middlewares ----------------------------------------------------------------------------------


def build_client_middlewares(
    handler: ClientHandlerType, middlewares: Sequence[ClientMiddlewareType]
) -> ClientHandlerType:
    """A handler that calls the middlewares around `handler`; the first one is the outermost."""
    for middleware in reversed(middlewares):
        handler = _around(middleware, handler)
    return handler


def _around(middleware: ClientMiddlewareType, inner: ClientHandlerType) -> ClientHandlerType:
    def handler(request: ClientRequest) -> Awaitable[ClientResponse]:
        return middleware(request, inner)

    return handler


# --- errors of aiohttp's parser -------------------------------------------------------------------


class HttpProcessingError(Exception):
    """An error of aiohttp's parser, for ``except`` clauses: httptrace does not raise it.

    For a malformed response httptrace raises `ClientResponseError`, as aiohttp's client does, and
    for a malformed body `ClientPayloadError`.
    """

    code = 0
    message = ""
    headers: CIMultiDict[str] | None = None

    def __init__(
        self,
        *,
        code: int | None = None,
        message: str = "",
        headers: CIMultiDict[str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.headers = message, headers
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.code}, message:\n  {self.message}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.code}, message={self.message!r}>"


class BadHttpMessage(HttpProcessingError):
    """A message that is not HTTP."""

    code = 400
    message = "Bad Request"

    def __init__(self, message: str, *, headers: CIMultiDict[str] | None = None) -> None:
        super().__init__(message=message, headers=headers)


class HttpBadRequest(BadHttpMessage):
    """A request that is not HTTP."""


class PayloadEncodingError(BadHttpMessage):
    """A malformed body."""


class ContentEncodingError(PayloadEncodingError):
    """A body that cannot be decoded."""


class TransferEncodingError(PayloadEncodingError):
    """A body whose chunks are malformed."""


class ContentLengthError(PayloadEncodingError):
    """A body that is shorter than its Content-Length."""


class DecompressSizeError(PayloadEncodingError):
    """A compressed body that is too large."""


class LineTooLong(BadHttpMessage):
    """A line over the limit."""

    def __init__(
        self, line: str | bytes, limit: str | int = "Unknown", actual_size: str = "Unknown"
    ) -> None:
        super().__init__(f"Got more than {limit} bytes when reading: {line!r}.")
        self.args = (line, limit, actual_size)


class InvalidHeader(BadHttpMessage):
    """A malformed header field."""

    def __init__(self, hdr: bytes | str) -> None:
        super().__init__(f"Invalid HTTP header: {hdr!r}")
        self.hdr = hdr.decode(errors="backslashreplace") if isinstance(hdr, bytes) else hdr
        self.args = (hdr,)


class BadStatusLine(BadHttpMessage):
    """A malformed status line."""

    def __init__(self, line: str = "", error: str | None = None) -> None:
        self.line = line if isinstance(line, str) else repr(line)
        super().__init__(error or f"Bad status line {self.line!r}")
        self.args = (self.line,)


class BadHttpMethod(BadStatusLine):
    """A malformed method in a request line."""

    def __init__(self, line: str = "", error: str | None = None) -> None:
        super().__init__(line, error or f"Bad HTTP method in status line {line!r}")


class InvalidURLError(BadHttpMessage):
    """A malformed URL in a request line."""


class WSHandshakeError(Exception):
    """An error of aiohttp's handshake, for ``except`` clauses: see `WSServerHandshakeError`."""
