"""A parser that repairs responses: it accepts what RFC 9112 wants and llhttp refuses.

llhttp is strict, and stays so: what it refuses is rewritten, and given to a new one. A response
that arrives at once is given to llhttp alone; this parser gets it in these cases::

    the head is incomplete, or of a 1xx ──► `FieldLines` before llhttp, until the final head is read
    llhttp refuses the head ──────────────► the same from the first byte on
    the body is chunked, and incomplete ──► llhttp, and the position in the chunks is noted
    llhttp refuses a chunk ───────────────► `ChunkLines` before a new llhttp, from its size line on

llhttp does not tell where an error is. The last size line is found by walking over the pieces of
the body that llhttp has returned: CRLF follows the data of each chunk.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserUpgrade,
    HttpResponseParser,
)

from ..headers.limits import BadHeadError
from ..headers.lines import ChunkLines, FieldLines, can_repair
from .framing import is_chunked

if TYPE_CHECKING:
    from ..call.exchange import Exchange
    from .connection import Http1Connection

REFUSALS = (HttpParserError, HttpParserUpgrade, BadHeadError)
"""What llhttp and `LenientParser` raise for bytes that they refuse."""
_CHUNKED_HEAD = b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n"
_LAST_CHUNK = rb"0+[;\r]"
_LF = 0x0A
_SLICE = 1 << 13
"""How many bytes of a head are rewritten at once: a rewritten piece needs more memory."""


class LenientParser:
    """Reads one response of a connection, with the connection's llhttp or a new one."""

    __slots__ = ("_chunks", "_connection", "_exchange", "_head", "_llhttp", "_seen", "_watches")

    def __init__(
        self, connection: Http1Connection, exchange: Exchange, llhttp: HttpResponseParser
    ) -> None:
        self._connection = connection
        self._exchange = exchange
        self._llhttp = llhttp
        self._head: FieldLines | None = None
        self._chunks: ChunkLines | None = None
        self._watches = False
        # What llhttp was given since the last size line began; None within the data of a chunk.
        self._seen: bytearray | None = None

    def get_status_code(self) -> int:
        """The status, as far as it was parsed."""
        return self._llhttp.get_status_code()

    def get_http_version(self) -> str:
        """The version of HTTP: '1.1' or '1.0'."""
        return self._llhttp.get_http_version()

    def should_keep_alive(self) -> bool:
        """Whether the connection is kept open after the response."""
        return self._llhttp.should_keep_alive()

    def feed_data(self, data: bytes | memoryview) -> None:
        """Parse the next bytes of the response.

        Raises
        ------
        HttpParserError, BadHeadError
            If they are not valid.
        HttpParserUpgrade
            As from llhttp. Its argument is how many bytes of `data` belong to the head.
        """
        if self._watches:
            self._feed_watched(data)
        elif self._head is not None:
            self._feed_head(self._head, bytes(data))
        elif self._chunks is not None:
            self._feed_chunks(self._chunks, bytes(data))
        else:
            self._llhttp.feed_data(data)

    # --- heads -----------------------------------------------------------------------------

    def begin_head(self) -> None:
        """The next bytes are the first ones of a head."""
        self._head = FieldLines(of_head=True)

    def _feed_head(self, lines: FieldLines, data: bytes) -> None:
        """Parse heads of 1xx responses and the final head, and what follows it."""
        at, size = 0, len(data)
        while at < size and not self._exchange.head_ns:
            text = lines.feed(data[at : at + _SLICE])
            at = min(at + _SLICE, size) - len(lines.rest or b"")
            if text:
                try:
                    self._llhttp.feed_data(text)
                except HttpParserUpgrade:
                    raise HttpParserUpgrade(at) from None
            if lines.rest is not None:
                lines = self._head = FieldLines(of_head=True)
        if self._exchange.head_ns:
            self._head = None
            self.begin_body(data[at:])

    # --- chunked bodies --------------------------------------------------------------------

    def begin_body(self, data: bytes) -> None:
        """The final head was parsed. Parse the bytes after it."""
        self._watches, self._seen = not self._connection.ended, bytearray()
        if data:
            self.feed_data(data)

    def note_first(self, data: bytes | memoryview) -> None:
        """llhttp has parsed the first piece of a response, with a whole head in it."""
        self._watches, self._seen = True, bytearray()
        self._note(data, 0, is_first=True)

    def read_again(self, data: bytes | memoryview, error: Exception) -> Exception | None:
        """llhttp has refused the first piece of a response. Returns the error that remains."""
        if not isinstance(error, HttpParserError) or isinstance(error, HttpParserCallbackError):
            return error
        try:
            if self._exchange.head_ns:
                self._seen = bytearray()
                return None if self._repair(_after_head(data), 0) else error
            self._connection.forget_fields()
            self.begin_head()
            self.feed_data(data)
        except REFUSALS as exc:
            return exc
        return None

    def _feed_watched(self, data: bytes | memoryview) -> None:
        told = len(self._exchange.chunks)
        refusal: HttpParserError | None = None
        try:
            self._llhttp.feed_data(data)
        except HttpParserCallbackError:
            raise
        except HttpParserError as exc:
            refusal = exc
        # Not in the handler: httptools sets the context of its own errors.
        if refusal is None:
            if not self._connection.ended:
                self._note(data, told)
        elif self._connection.ended or not self._repair(bytes(data), told):
            raise refusal

    def _note(self, data: bytes | memoryview, told: int, *, is_first: bool = False) -> None:
        """Keep what llhttp has seen of an incomplete size line, or of trailers."""
        exchange, in_size = self._exchange, self._connection.in_size
        if in_size and data[-1] == _LF:
            self._seen = bytearray()
        elif not in_size and exchange.chunks and exchange.chunks[-1]:
            self._seen = None
        elif not self._can_walk():
            self._watches = False
        else:
            chunks = _after_head(data) if is_first else bytes(data)
            seen = self._since_size(chunks, told)
            in_data = seen and not in_size and not re.match(_LAST_CHUNK, seen)
            self._seen = None if in_data else seen

    def _can_walk(self) -> bool:
        """Whether the pieces of the body are those of chunks, and are kept."""
        return is_chunked(self._exchange) and not self._exchange.dropped

    def _since_size(self, data: bytes, told: int) -> bytearray | None:
        """The bytes since the last size line began; None within the data of a chunk.

        llhttp has seen `data`, and has returned the pieces of the body from `told` on.
        """
        seen, at, begin = self._seen, 0, 0
        for piece in self._exchange.chunks[told:]:
            if seen is not None:  # the rest of the size line
                at, seen = data.index(b"\n", at) + 1, None
            if piece:
                at += len(piece)
            else:  # the CRLF after the data of a chunk, or its LF
                at = begin = data.index(b"\n", at) + 1
                seen = bytearray()
        if seen is not None:
            seen += data[begin:]
        return seen

    def _repair(self, data: bytes, told: int) -> bool:
        """Parse again from the last size line on. False if there is nothing to repair."""
        seen = self._since_size(data, told) if self._can_walk() else None
        if seen is None or not can_repair(seen):
            return False
        connection = self._connection
        connection.replace_parsers()
        self._llhttp = HttpResponseParser(_BodyCallbacks(connection))
        self._llhttp.feed_data(_CHUNKED_HEAD)
        connection.forget_fields()
        self._watches, self._chunks = False, ChunkLines()
        self._feed_chunks(self._chunks, bytes(seen))
        return True

    def _feed_chunks(self, lines: ChunkLines, data: bytes) -> None:
        text = lines.feed(data)
        if text:
            self._llhttp.feed_data(text)
        if lines.rest:
            self._connection.on_message_begin()


class _BodyCallbacks:
    """The callbacks of an llhttp that gets the rest of a chunked body."""

    def __init__(self, connection: Http1Connection) -> None:
        self.on_header = connection.on_header
        self.on_body = connection.on_body
        self.on_chunk_complete = connection.on_chunk_complete
        self.on_message_complete = connection.on_message_complete


def _after_head(data: bytes | memoryview) -> bytes:
    """The bytes after a head at the beginning of `data` that llhttp has accepted."""
    return bytes(data).partition(b"\r\n\r\n")[2]
