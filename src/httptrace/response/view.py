"""What a response shows of its request, its status and its headers, with aiohttp's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multidict import CIMultiDictProxy

from ..headers.head import headers_of
from ..headers.mime import charset_of, content_type_of
from ..request_info import RequestInfo
from ..trace.timeline import Timeline
from ..version import HttpVersion, HttpVersion10, HttpVersion11

if TYPE_CHECKING:
    import asyncio
    from http.cookies import SimpleCookie

    from multidict import MultiDictProxy
    from yarl import URL

    from ..body.disposition import ContentDisposition
    from ..body.streams import StreamReader
    from ..call.call import Call
    from ..call.exchange import Exchange
    from ..http1.connection import Http1Connection
    from .response import ClientResponse


class ResponseConnection:
    """A response's hold on its connection (aiohttp's documentation, "Connection")."""

    def __init__(
        self, response: ClientResponse, connection: Http1Connection, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._response = response
        self._connection = connection
        self._loop = loop

    @property
    def closed(self) -> bool:
        """Whether the connection is closed, or the response no longer needs it."""
        return self._response.closed or self._connection.closed

    @property
    def transport(self) -> asyncio.Transport | None:
        """The transport, which knows the peer and its certificate; None once it is `closed`."""
        return None if self.closed else self._connection.transport

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the session."""
        return self._loop

    def close(self) -> None:
        """As `ClientResponse.close`."""
        self._response.close()

    def release(self) -> None:
        """As `ClientResponse.release`."""
        self._response.release()


class Kept:
    """What every response has: slots are the quickest to read."""

    __slots__ = ("_body", "_call", "_content", "_exchange", "status")

    _body: bytes | None
    _call: Call
    _content: StreamReader | None
    _exchange: Exchange
    status: int


class ResponseView(Kept):
    """The properties of a `ClientResponse`."""

    _history: tuple[Any, ...] = ()
    _cookies: SimpleCookie | None = None
    _request_info: RequestInfo | None = None
    _uploaded: asyncio.Future[None] | None = None

    # --- the request and the status ------------------------------------------------------------

    @property
    def method(self) -> str:
        """The method of the request."""
        return self._exchange.method

    @property
    def reason(self) -> str:
        """The reason phrase of the status line, which may be empty."""
        return self._exchange.reason

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    @property
    def version(self) -> HttpVersion:
        """The version of the protocol that the server answered with."""
        version = self._exchange.http_version
        if version == "1.1":
            return HttpVersion11
        return HttpVersion10 if version == "1.0" else HttpVersion(*map(int, version.split(".")))

    @property
    def url(self) -> URL:
        """The URL of this response, after redirects, without fragment."""
        return self._exchange.url.with_fragment(None)

    @property
    def real_url(self) -> URL:
        """The same with the fragment."""
        return self._exchange.url

    @property
    def host(self) -> str | None:
        """The host of the URL."""
        return self._exchange.url.host

    @property
    def url_obj(self) -> URL:
        """`url` by its old name; deprecated."""
        _deprecated("url_obj", "ClientResponse.url")
        return self.url

    @property
    def request_info(self) -> RequestInfo:
        """What was asked."""
        if self._request_info is None:
            exchange = self._exchange
            url, headers = exchange.url, CIMultiDictProxy(exchange.request_headers)
            self._request_info = RequestInfo(url.with_fragment(None), exchange.method, headers, url)
        return self._request_info

    @property
    def history(self) -> tuple[Any, ...]:
        """The redirects that led here, the first one first."""
        return self._history

    def set_history(self, history: tuple[Any, ...]) -> None:
        """Internal: remember the redirects that led here."""
        self._history = history

    @property
    def timeline(self) -> Timeline:
        """Where the time of the request went; while the body is read, up to now."""
        return Timeline(self._exchange)

    # --- headers ---------------------------------------------------------------------------------

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """The response's header fields."""
        return self._exchange.response_headers

    @property
    def raw_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The same as bytes, in the order and case in which they came."""
        return tuple(self._exchange.raw_headers)

    @property
    def trailers(self) -> CIMultiDictProxy[str]:
        """The trailer fields (RFC 9110 §6.5); complete once the body has been read."""
        return headers_of(self._exchange.raw_trailers or [])

    @property
    def cookies(self) -> SimpleCookie:
        """The cookies that this response sets."""
        if self._cookies is None:
            from ..cookies.morsels import response_cookies

            self._cookies = response_cookies(self.headers.getall("Set-Cookie", ()))
        return self._cookies

    @property
    def links(self) -> MultiDictProxy[MultiDictProxy[str | URL]]:
        """The Link fields (RFC 8288), by relation."""
        from .links import parse_links

        return parse_links(self.headers.getall("Link", ()), self.url)

    @property
    def content_type(self) -> str:
        """The media type without parameters; 'application/octet-stream' if there is none."""
        return content_type_of(self.headers.get("Content-Type", ""))[0]

    @property
    def charset(self) -> str | None:
        """The charset parameter of the content type, if there is one."""
        return charset_of(self.headers.get("Content-Type", ""))

    @property
    def content_length(self) -> int | None:
        """The Content-Length field as a number, if there is one."""
        value = self.headers.get("Content-Length")
        return None if value is None else int(value)

    @property
    def content_disposition(self) -> ContentDisposition | None:
        """The Content-Disposition field: its type, parameters and file name (RFC 6266)."""
        from ..body.disposition import content_disposition

        return content_disposition(self.headers.get("Content-Disposition"))

    # --- the body that was sent -------------------------------------------------------------------

    @property
    def output_size(self) -> int:
        """Bytes of the request that were sent, without the framing of chunks; deprecated.

        `UploadTracker` tells more.
        """
        _deprecated("output_size", "httptrace.UploadTracker")
        return len(self._exchange.head_sent) + self._exchange.body_sent

    @property
    def upload_complete(self) -> asyncio.Future[None]:
        """Done when the request's body is sent; deprecated: use `UploadTracker`."""
        _deprecated("upload_complete", "httptrace.UploadTracker")
        if self._uploaded is not None:
            return self._uploaded
        done: asyncio.Future[None] = self._call.loop.create_future()
        self._uploaded = done
        upload = self._exchange.upload
        if upload is None or upload.done():
            done.set_result(None)
        else:
            upload.add_done_callback(lambda _: _resolve(done))
        return done


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _deprecated(name: str, instead: str) -> None:
    import warnings

    text = f"ClientResponse.{name} is deprecated, use {instead}"
    warnings.warn(text, DeprecationWarning, stacklevel=3)
