"""`ClientResponse`: the response of a request, with aiohttp's names (aiohttp's documentation)."""

from __future__ import annotations

import asyncio
from json import loads as parse_json
from typing import TYPE_CHECKING, Any, Self

from multidict import CIMultiDictProxy

from ..body.streams import StreamReader, response_stream
from ..errors import ClientConnectionError, ClientResponseError, ContentTypeError
from ..headers.head import headers_of
from ..headers.mime import charset_of, content_type_of, is_json, text_encoding
from ..request_info import RequestInfo
from ..trace.awaitables import COMPLETED
from ..trace.call_site import call_site
from ..trace.timeline import attach_timeline, timeline_of
from ..version import HttpVersion, HttpVersion10, HttpVersion11
from .connection import ResponseConnection
from .made import MadeResponse, constructed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from http.cookies import SimpleCookie
    from types import TracebackType

    from multidict import MultiDictProxy
    from yarl import URL

    from ..body.content_coding import Decoder
    from ..body.disposition import ContentDisposition
    from ..body.sse import ServerSentEvent
    from ..call.call import Call
    from ..call.exchange import Exchange
    from ..headers.server_timing import ServerTiming
    from ..trace.record import CacheFacts
    from ..trace.timeline import Timeline
    from .finalizer import Finalizer

_new = object.__new__
_INIT = MadeResponse.__init__


class ClientResponse(MadeResponse):
    """The response to a request; its head has been received, its body may not have been yet.

    Use it with ``async with``, read its body, or call `release`: until then it keeps its
    connection.
    """

    __slots__ = (  # set for every response
        *("_body", "_call", "_content", "_exchange", "status"),
        *("__dict__", "__weakref__"),
    )

    status: int
    """The status code (RFC 9110 §15)."""
    _body: bytes | None
    _call: Call[Any]
    _content: StreamReader | None
    _exchange: Exchange
    _history: tuple[ClientResponse, ...] = ()
    _cookies: SimpleCookie | None = None
    _request_info: RequestInfo | None = None
    _reason: str | None = None
    _version: HttpVersion | None = None
    _uploaded: asyncio.Future[None] | None = None
    _finalizer: Finalizer | None = None

    @classmethod
    def _received(cls, call: Call[Any], exchange: Exchange) -> Self:
        """The response of an exchange whose head has arrived."""
        if cls.__init__ is not _INIT:
            return constructed(cls, call, exchange)  # type: ignore[no-any-return]
        response = _new(cls)  # not __init__(), which is for programs: this is quicker
        response._call = call
        response._exchange = exchange
        response._body = response._content = None
        response.status = exchange.status
        return response

    # --- the request and the status ------------------------------------------------------------

    @property
    def method(self) -> str:
        """The method of the request."""
        return self._exchange.method

    @method.setter
    def method(self, value: str) -> None:
        self._exchange.method = value

    @property
    def reason(self) -> str:
        """The reason phrase of the status line; it may be empty."""
        return self._exchange.reason if self._reason is None else self._reason

    @reason.setter
    def reason(self, value: str) -> None:
        self._reason = value

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    @property
    def version(self) -> HttpVersion:
        """The HTTP version of the response."""
        if self._version is not None:
            return self._version
        version = self._exchange.http_version
        if version == "1.1":
            return HttpVersion11
        return HttpVersion10 if version == "1.0" else HttpVersion(*map(int, version.split(".")))

    @version.setter
    def version(self, value: HttpVersion) -> None:
        self._version = value

    @property
    def url(self) -> URL:
        """The URL of the response, after redirects, without its fragment."""
        return self._exchange.url.with_fragment(None)

    @property
    def real_url(self) -> URL:
        """The URL of the response, after redirects, with its fragment."""
        return self._exchange.url

    @property
    def host(self) -> str | None:
        """The host of the URL."""
        return self._exchange.url.host

    @property
    def url_obj(self) -> URL:
        """Deprecated: use `url`."""
        _deprecated("url_obj", "ClientResponse.url")
        return self.url

    @property
    def request_info(self) -> RequestInfo:
        """The URL, method and headers of the request."""
        if self._request_info is None:
            exchange = self._exchange
            url, headers = exchange.url, CIMultiDictProxy(exchange.request_headers)
            self._request_info = RequestInfo(url.with_fragment(None), exchange.method, headers, url)
        return self._request_info

    @property
    def history(self) -> tuple[ClientResponse, ...]:
        """The redirect responses that led to this one, the first one first."""
        return self._history

    @property
    def timeline(self) -> Timeline:
        """Where the time of the request went; up to now, as long as the body is being read."""
        return timeline_of(self._exchange, over=self._call.finished)

    @property
    def cache(self) -> CacheFacts | None:
        """What the `Cache` among the middlewares did for this response; None without one."""
        return self._exchange.cache

    @property
    def from_cache(self) -> bool:
        """Whether the body was stored before: in a `Cache`."""
        facts = self._exchange.cache
        return facts is not None and facts.state in ("hit", "stale", "revalidated")

    # --- headers ---------------------------------------------------------------------------------

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """The response's header fields."""
        return self._exchange.response_headers

    @property
    def raw_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The header fields as bytes, in the order and case in which they were received."""
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

    @cookies.setter
    def cookies(self, value: SimpleCookie) -> None:
        self._cookies = value

    @property
    def links(self) -> MultiDictProxy[MultiDictProxy[str | URL]]:
        """The Link fields (RFC 8288), by relation type."""
        from .links import parse_links

        return parse_links(self.headers.getall("Link", ()), self.url)

    @property
    def server_timing(self) -> tuple[ServerTiming, ...]:
        """What the server says about its own time, in its Server-Timing fields.

        Those of the trailers are there once the body has been read. What is malformed is left out.
        """
        from ..headers.server_timing import parse_server_timing

        name = "Server-Timing"
        values = [*self.headers.getall(name, ()), *self.trailers.getall(name, ())]
        return parse_server_timing(values)

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
        """Deprecated: use `UploadTracker`.

        The bytes of the request that were sent, without the framing of chunks.
        """
        _deprecated("output_size", "httptrace.UploadTracker")
        return len(self._exchange.head_sent) + self._exchange.body_sent

    @property
    def upload_complete(self) -> asyncio.Future[None]:
        """Deprecated: use `UploadTracker`. A future that is done when the body was sent."""
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

    # --- the body --------------------------------------------------------------------------------

    @property
    def content(self) -> StreamReader:
        """The body as a stream."""
        if self._content is None:
            if self.status == 101:  # the connection now speaks another protocol
                from ..body.empty import EMPTY_PAYLOAD

                return EMPTY_PAYLOAD
            call, settings = self._call, self._call.settings
            self._content = response_stream(
                self._exchange,
                self._decoder(),
                settings.read_bufsize,
                self._on_end,
                call.loop,
                settings.max_decoded_size,
            )
            if self._exchange.unread is not None:
                self._exchange.unread.read_by(self._content)
        return self._content

    @content.setter
    def content(self, value: StreamReader) -> None:
        self._content = value

    async def read(self) -> bytes:
        """Read the whole body, decoded. It is kept: reading again returns it again.

        Raises
        ------
        ClientPayloadError
            If the body ends early or cannot be decoded.
        ClientConnectionError
            If the response was closed before its body was read.
        """
        if self._body is not None:
            return self._body
        exchange = self._exchange
        if (
            exchange.complete
            and self._content is None
            and not exchange.encoded
            and not exchange.dropped
        ):
            chunks = exchange.chunks
            body = self._body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            exchange.body_decoded = len(body)
            if not self._call.finished and self._ends_call():
                await self._call.finish("completed")
            return body
        try:
            if exchange.dropped:
                raise self._closed_error()
            self._body = await self.content.read()
        except BaseException as exc:
            await self._fail(exc)
            raise
        return self._body

    async def text(self, encoding: str | None = None, errors: str = "strict") -> str:
        """The body as text, in `encoding` or that of `get_encoding`.

        Raises
        ------
        UnicodeDecodeError, LookupError
            If the body is not in that encoding, or the encoding is unknown.
        """
        body = await self.read()
        return body.decode(encoding or self.get_encoding(), errors=errors)

    async def json(
        self,
        *,
        encoding: str | None = None,
        loads: Callable[[str], Any] | None = None,
        content_type: str | None = "application/json",
    ) -> Any:
        """The body as JSON; an empty body gives None.

        Raises
        ------
        ContentTypeError
            If the response's Content-Type does not contain `content_type`. The default also
            accepts types that end in ``+json``; None accepts every type.
        """
        body = await self.read()
        if content_type and not self._is(content_type):
            raise self._unexpected_type("Attempt to decode JSON")
        if not body.strip():
            return None
        text = body.decode(encoding or self.get_encoding()).strip()
        try:
            return (loads or parse_json)(text)
        except ValueError as exc:
            from ..body.json_errors import explain_json_error
            from ..masking import mask_url

            source = f"the body of {mask_url(self.url)}"
            explain_json_error(exc, text, source=source, content_type=self.content_type)
            raise

    async def sse(self, *, max_event_size: int = 1 << 20) -> AsyncIterator[ServerSentEvent]:
        """Iterate over server-sent events as they arrive (WHATWG HTML, section 9.2).

        Raises
        ------
        ContentTypeError
            If the response's type is not ``text/event-stream``.
        ClientPayloadError
            If an event has more than `max_event_size` bytes, or the body ends early.
        """
        if self.content_type != "text/event-stream":
            raise self._unexpected_type("Attempt to read server-sent events")
        from ..body.sse import iter_events

        async for event in iter_events(self.content.iter_any(), max_event_size=max_event_size):
            yield event

    def get_encoding(self) -> str:
        """The charset of Content-Type, UTF-8 for JSON, or what the session's resolver returns."""
        charset = self.charset
        if charset:
            encoding = text_encoding(charset)
            if encoding is not None:
                return encoding
        if self._is("application/json"):
            return "utf-8"
        if self._body is None:
            raise RuntimeError("Cannot compute fallback encoding of a not yet read body")
        fallback: str = self._resolve_charset(self, self._body)
        return fallback

    # --- its end ---------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether nothing more will be received: the body is complete, or was given up."""
        return self._exchange.complete or self._exchange.dropped or self._exchange.error is not None

    @property
    def connection(self) -> ResponseConnection | None:
        """The connection; None once the response no longer uses it.

        After a 101 that the request has asked for, the program takes it over, and closing the
        response closes it.
        """
        connection = self._exchange.connection
        gone = self.closed if self._exchange.upgraded is None else self._exchange.dropped
        if gone or connection is None:
            return None
        return ResponseConnection(self, connection, self._call.loop)

    def release(self) -> Any:
        """Give the response up. Its connection is kept if the whole body has been received."""
        if self._ends_call():
            if not self._exchange.complete:
                self._exchange.left_at = call_site()
            self._call.finish_nowait()
        self._exchange.dropped = True
        return COMPLETED

    def close(self) -> None:
        """Do the same as `release`: the connection is closed if part of the body is missing."""
        self.release()

    async def wait_for_close(self) -> None:
        """Wait until the request's body is no longer being sent, then `release` the response."""
        upload = self._exchange.upload
        if upload is not None and not upload.done():
            await asyncio.wait([upload])
        self.release()

    def raise_for_status(self) -> None:
        """Do nothing if the status is below 400.

        Raises
        ------
        ClientResponseError
            Otherwise. Outside of ``async with`` the response is released.
        """
        if self.ok:
            return
        error = ClientResponseError(
            self.request_info,
            self.history,
            status=self.status,
            message=self.reason,
            headers=self.headers,
        )
        error.timeline = self.timeline
        if not self._call.entered:
            self.release()
        raise error

    def _decoder(self) -> Decoder | None:
        if not (self._exchange.encoded and self._call.settings.auto_decompress):
            return None
        from ..body.content_coding import decoder_for

        return decoder_for(",".join(self.headers.getall("Content-Encoding", ())))

    def _closed_error(self) -> BaseException:
        """The error for reading a released response: the first one that it had, if any."""
        failure = self._exchange.error if self._content is None else self._content.exception()
        return self._call.timeout_error or failure or ClientConnectionError("Connection closed")

    def _on_end(self, error: BaseException | None) -> Awaitable[None] | None:
        if error is None:
            return self._call.finish("completed") if self._ends_call() else None
        return self._fail(error)

    async def _fail(self, exc: BaseException) -> None:
        if not self._ends_call():
            attach_timeline(exc, self._exchange)
            return
        cancelled = isinstance(exc, asyncio.CancelledError)
        self._call.abandon("cancelled" if cancelled else "error")
        await self._call.finish("cancelled" if cancelled else "failed", exc)

    def _ends_call(self) -> bool:
        """Whether the call ends with this response: no other attempt has followed it."""
        return not self._call.finished and self._call.exchange is self._exchange

    def _unexpected_type(self, attempt: str) -> ContentTypeError:
        given = self.headers.get("Content-Type", "").lower()
        error = ContentTypeError(
            self.request_info,
            self.history,
            status=self.status,
            message=f"{attempt} with unexpected mimetype: {given}",
            headers=self.headers,
        )
        error.timeline = self.timeline
        return error

    def _is(self, content_type: str) -> bool:
        if content_type == "application/json":
            return is_json(self.content_type)
        return content_type in self.headers.get("Content-Type", "").lower()

    async def __aenter__(self) -> ClientResponse:
        self._call.entered = True
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._ends_call():
            await self._call.drop_response(exc)

    def __repr__(self) -> str:
        from ..masking import mask_url, shown

        reason = self.reason.encode("unicode_escape").decode("ascii") or None
        url = mask_url(self.url)
        return f"<ClientResponse({url}) [{self.status} {reason}]>\n{shown(self.headers)}\n"


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _deprecated(name: str, instead: str) -> None:
    import warnings

    text = f"ClientResponse.{name} is deprecated, use {instead}"
    warnings.warn(text, DeprecationWarning, stacklevel=3)
