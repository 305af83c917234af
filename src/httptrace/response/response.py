"""`ClientResponse`: what the caller gets, with aiohttp's names (aiohttp's documentation)."""

from __future__ import annotations

import asyncio
from codecs import lookup
from json import loads as parse_json
from typing import TYPE_CHECKING, Any

from ..body.streams import StreamReader
from ..errors import ClientConnectionError, ClientResponseError, ContentTypeError
from ..headers.mime import is_json
from ..trace.done import DONE
from .unclosed import Guard
from .view import ResponseConnection, ResponseView

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from types import TracebackType

    from ..body.content_coding import Decoder
    from ..body.sse import ServerSentEvent
    from ..call.call import Call
    from ..call.exchange import Exchange


class ClientResponse(ResponseView):
    """The response to one request; its body may still be on its way.

    Use it with ``async with`` or read it, or call `release`: until then it keeps its connection.
    """

    _guard: Guard | None = None

    def __init__(self, call: Call, exchange: Exchange) -> None:
        self._call = call
        self._exchange = exchange
        self._body: bytes | None = None
        self._content: StreamReader | None = None
        self.status: int = exchange.status

    # --- the body --------------------------------------------------------------------------------

    @property
    def content(self) -> StreamReader:
        """The body as a stream."""
        if self._content is None:
            if self.status == 101:  # what follows is another protocol (RFC 9110 §15.2.2)
                from ..body.empty import EMPTY_PAYLOAD

                return EMPTY_PAYLOAD
            call = self._call
            limit = call.settings.read_bufsize
            self._content = StreamReader(self._exchange, self._decoder(), limit, self._on_end)
        return self._content

    async def read(self) -> bytes:
        """The whole body, decoded; kept, so that it can be read again.

        Raises
        ------
        ClientPayloadError
            If it is cut short or cannot be decoded.
        ClientConnectionError
            If the response was closed before.
        """
        if self._body is not None:
            return self._body
        exchange = self._exchange
        if (
            exchange.complete
            and self._content is None
            and not exchange.encoded
            and not exchange.let_go
        ):
            chunks = exchange.chunks
            body = self._body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            exchange.body_decoded = len(body)
            if not self._call.finished and self._is_last():
                await self._call.finish("completed")
            return body
        try:
            if exchange.let_go:
                raise self._why_gone()
            self._body = await self.content.read()
        except BaseException as exc:
            await self._broken(exc)
            raise
        return self._body

    async def text(self, encoding: str | None = None, errors: str = "strict") -> str:
        """The body as text, in `encoding` or that of `get_encoding`.

        Raises
        ------
        UnicodeDecodeError, LookupError
            If the body is not in that encoding, or there is no such encoding.
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
            If the response's content type is not `content_type`; None switches the check off.
            For ``application/json``, types that end in ``+json`` will do as well; any other text
            must be found in the Content-Type field.
        """
        body = await self.read()
        if content_type and not self._is(content_type):
            raise self._unexpected_type("Attempt to decode JSON")
        if not body.strip():
            return None
        text = body.decode(encoding or self.get_encoding()).strip()
        if loads is not None:
            return loads(text)
        return parse_json(text)

    async def sse(self, *, max_event_size: int = 1 << 20) -> AsyncIterator[ServerSentEvent]:
        """The body as server-sent events, as they come (WHATWG HTML, section 9.2).

        Raises
        ------
        ContentTypeError
            If the response is no ``text/event-stream``.
        ClientPayloadError
            If an event has more than `max_event_size` bytes, or the body breaks off.
        """
        if self.content_type != "text/event-stream":
            raise self._unexpected_type("Attempt to read server-sent events")
        from ..body.sse import iter_events

        async for event in iter_events(self.content.iter_any(), max_event_size=max_event_size):
            yield event

    def get_encoding(self) -> str:
        """The charset of the response; JSON is UTF-8; otherwise as the session's resolver says."""
        charset = self.charset
        if charset:
            try:
                return lookup(charset).name
            except (LookupError, ValueError):
                pass  # an unknown charset is as good as none
        if self._is("application/json"):
            return "utf-8"
        if self._body is None:
            raise RuntimeError("Cannot compute fallback encoding of a not yet read body")
        return self._call.session.fallback_charset(self, self._body)

    # --- its end ---------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether nothing more can come from the network."""
        return self._exchange.complete or self._exchange.let_go or self._exchange.error is not None

    @property
    def connection(self) -> ResponseConnection | None:
        """The connection while the response needs it, otherwise None."""
        connection = self._exchange.connection
        if self.closed or connection is None:
            return None
        return ResponseConnection(self, connection, self._call.loop)

    def release(self) -> Any:
        """Let the response go. Its connection is kept if the body has come whole."""
        if self._is_last():
            self._call.finish_soon()
        self._exchange.let_go = True
        return DONE

    def close(self) -> None:
        """Let the response go, and close its connection if the body has not come whole."""
        self.release()

    async def wait_for_close(self) -> None:
        """Wait until the request's body is no longer being sent, then let the response go."""
        upload = self._exchange.upload
        if upload is not None and not upload.done():
            await asyncio.wait([upload])
        self.release()

    def raise_for_status(self) -> None:
        """Do nothing if the status is below 400.

        Raises
        ------
        ClientResponseError
            Otherwise; outside of ``async with`` the response is let go.
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
        if not self._call.entered:
            self.release()
        raise error

    async def drain_some(self, most: int) -> None:
        """Internal: read up to `most` bytes that nobody wants, to use the connection again."""
        exchange = self._exchange
        length = self.headers.get("Content-Length", "")
        wanted = not exchange.complete and length.isdecimal() and int(length) <= most
        if wanted and exchange.error is None:
            exchange.let_go = True
            exchange.waits_for_end = True
            if exchange.connection is not None:
                exchange.connection.resume_reading()
            await exchange.wait(self._call.loop)
            exchange.waits_for_end = False
            if exchange.error is None:  # who reads it from the history must not take a part for all
                exchange.error = ClientConnectionError("Connection closed")
            if self._call.timeout_error is not None:
                raise self._call.timeout_error
        if not exchange.complete:
            self._call.abandon("unread body")
        if exchange.trace is not None:
            await exchange.trace.flush()

    def watch_over(self) -> None:
        """Internal: notice if the response is dropped before its body was read."""
        self._guard = Guard(self._call)

    def _decoder(self) -> Decoder | None:
        if not (self._exchange.encoded and self._call.settings.auto_decompress):
            return None
        from ..body.content_coding import decoder_for

        return decoder_for(",".join(self.headers.getall("Content-Encoding", ())))

    def _why_gone(self) -> BaseException:
        """What a response that was let go raises to who reads it: what went wrong first."""
        broken = self._exchange.error if self._content is None else self._content.exception()
        return self._call.timeout_error or broken or ClientConnectionError("Connection closed")

    def _on_end(self, error: BaseException | None) -> Awaitable[None] | None:
        if error is None:
            return self._call.finish("completed") if self._is_last() else None
        return self._broken(error)

    async def _broken(self, exc: BaseException) -> None:
        if not self._is_last():
            return
        cancelled = isinstance(exc, asyncio.CancelledError)
        self._call.abandon("cancelled" if cancelled else "error")
        await self._call.finish("cancelled" if cancelled else "failed", exc)

    def _is_last(self) -> bool:
        """Whether its end is the end of the call: no attempt has followed it."""
        return not self._call.finished and self._call.exchange is self._exchange

    def _unexpected_type(self, attempt: str) -> ContentTypeError:
        given = self.headers.get("Content-Type", "").lower()
        return ContentTypeError(
            self.request_info,
            self.history,
            status=self.status,
            message=f"{attempt} with unexpected mimetype: {given}",
            headers=self.headers,
        )

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
        if self._is_last():
            await self._call.let_go(exc)

    def __repr__(self) -> str:
        from ..masking import mask_url, shown

        reason = self.reason.encode("unicode_escape").decode("ascii") or None  # no control codes
        url = mask_url(self.url)
        return f"<ClientResponse({url}) [{self.status} {reason}]>\n{shown(self.headers)}\n"
