"""The receiving half of an HTTP/1.1 connection: llhttp parses its responses (RFC 9112).

The states of a connection::

    connecting ──► idle ──send()──► busy ──request and response complete──► idle
                    │                │
                    └────────────────┴──close() / error / end of file──► closed

If bytes follow the end of a response, no request has asked for them, and the connection is closed
(RFC 9112 §9.2).
"""

from __future__ import annotations

import re
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from httptools import HttpParserUpgrade, HttpResponseParser

from ..errors import ClientPayloadError
from ..headers.head import headers_of, reason_of
from ..headers.limits import BadHeadError, HeadTooLargeError, check_head, check_overhead
from ..trace.events import (
    TraceResponseBodyEndParams,
    TraceResponseChunkReceivedParams,
    TraceResponseFirstByteParams,
    TraceResponseHeadersReceivedParams,
    TraceResponseInformationalParams,
    TraceResponseTrailersParams,
)
from .framing import (
    announces_body,
    check_coding,
    describe,
    ends_head,
    incomplete_error,
    is_persistent,
    reads_until_close,
)
from .lateness import LONG_NS, look_at_beginning, look_at_more
from .lenient import REFUSALS, LenientParser
from .sending import Sending

if TYPE_CHECKING:
    from ..call.exchange import Exchange
    from ..call.pool import Host, Pool
    from ..headers.head import RawHeaders

_STATUS = len(b"HTTP/1.1 ")
"""The offset of the status code."""
_CODING_LENGTH = len(b"Transfer-Encoding")
_HEAD_LOOK = 1 << 13
"""The fast parser is used only if the head ends within this many bytes."""
_MOST_INFORMATIONAL = 32
"""How many 1xx responses may arrive at once; each second allows one more."""
_MOST_EARLY = 1 << 16
"""After how many bytes before the first request nothing is read until it is sent."""
_EARLY_ERROR = rb"HTTP/1\.\d [45]"
_TLS_ALERT = b"\x15\x03"
"""The first bytes of a TLS alert, the response of a TLS server to plain HTTP (RFC 8446 §5.1)."""


class Http1Connection(Sending):
    """One HTTP/1.1 connection: it serves one exchange after the other.

    It has two llhttp parsers. Most responses arrive with their whole head at once and are not
    chunked: for them the fast parser has callbacks for the body alone, and the fields of the head
    are parsed on first access. The full parser has a callback for each field of heads and trailers.
    """

    __slots__ = (
        *("_pool", "_fast_parser", "_full_parser", "_parser", "_headers", "_head_began_ns"),
        *("_early_end", "_answered_early", "in_size"),
        *("_overhead", "_reason", "_informational", "_keep_alive", "_parser_behind", "_surplus"),
    )

    def __init__(self, pool: Pool, host: Host) -> None:
        super().__init__(host)
        self._pool = pool
        self._fast_parser = HttpResponseParser(_FastCallbacks(self))
        self._full_parser: HttpResponseParser | None = None
        self._parser: HttpResponseParser | LenientParser | None = self._fast_parser
        self.in_size = True
        """Whether the last byte of a chunked body belongs to a size line or comes before one."""
        self._headers: RawHeaders = []
        self._overhead = 0  # bytes received since the last byte of a body
        self._reason = b""
        self._informational = 0
        self._head_began_ns = 0  # when an incomplete head began that may be a 1xx
        self._answered_early = False  # the response arrived before its request
        self._early_end = False  # the end of file came before the first request
        self._keep_alive = False
        self._parser_behind = False
        self._surplus = False  # bytes were received after the end of the response

    # --- what the transport calls ----------------------------------------------------------

    def received(self, data: bytes | memoryview) -> None:
        """Parse received bytes, then wake the caller once."""
        exchange = self.exchange
        if exchange is None:
            self._received_early(data)
            return
        nbytes = len(data)
        exchange.bytes_received += nbytes
        now_ns = perf_counter_ns()
        if not exchange.first_byte_ns:
            if now_ns - exchange.sent_ns > LONG_NS or not exchange.served_before:
                look_at_beginning(self, exchange, now_ns)
            self._begin_response(exchange, data, now_ns)
        elif (
            exchange.waiter is not None
            and now_ns - max(exchange.last_data_ns, exchange.waiting_since_ns) > LONG_NS
        ):
            look_at_more(self, exchange, now_ns)
        exchange.last_data_ns = now_ns
        self._overhead += nbytes
        try:
            self._parser.feed_data(data)  # type: ignore[union-attr]
            if self._overhead > 8190:
                limits = exchange.call.settings.limits
                check_overhead(
                    self._headers, self._overhead, limits, in_body=bool(exchange.head_ns)
                )
            if self._head_began_ns:
                self._look_at_status(exchange)
        except REFUSALS as exc:
            error: Exception | None = exc
        else:
            error = None
        if error is not None and not self._survives(exchange, error, data):
            return
        if self.ended:
            if self._parser_behind and not ends_head(data):
                self._surplus = True  # bytes follow a response without a body
            self._response_complete(exchange)
        elif self._full_parser is not None and self._parser is self._full_parser:
            self._parser = LenientParser(self, exchange, self._full_parser)
            self._parser.note_first(data)
        waiter = exchange.waiter
        if (
            waiter is not None
            and exchange.head_ns
            and (exchange.complete or not exchange.waits_for_end)
            and not waiter.done()
        ):
            waiter.set_result(None)

    def _received_early(self, data: bytes | memoryview) -> None:
        """Keep bytes that arrive before the first request: they begin its response.

        Overloaded servers respond as soon as they accept a connection. After the head of an error
        response the request is not written: if the server has closed its end, it would answer with
        a reset, and the rest of the response would be lost. On a connection that has served a
        request, unexpected bytes belong to no request: it is closed.
        """
        if self.requests_served:
            self._pool.close_unused(self, "unexpected data")
            return
        early = self.early = (self.early + bytes(data)).lstrip(b"\r\n")  # RFC 9112 §2.2
        if re.match(_EARLY_ERROR, early) and (b"\n\r\n" in early or b"\n\n" in early):
            self._write = _discarded
        if len(early) > _MOST_EARLY and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()  # type: ignore[union-attr]

    def answer_early(self) -> None:
        """Parse the bytes that arrived before the request as the beginning of its response.

        The connection is closed after it, because the server may respond to the request again.
        """
        early, self.early = self.early, b""
        if self.exchange is None:
            return
        self._answered_early = True
        self.received(early)
        if self._early_end:
            self._end_of_file(None)
            self._forget_parsers()
        elif self.exchange is not None:
            unread = self.exchange.body_received - self.exchange.taken
            if unread <= self.exchange.call.settings.pause_above:
                self.resume_reading()

    def _begin_response(self, exchange: Exchange, data: bytes | memoryview, now_ns: int) -> None:
        """Choose the parser for a head that begins with these bytes."""
        start = data[:_HEAD_LOOK]
        if type(start) is not bytes:
            start = bytes(start)
        end = start.find(b"\r\n\r\n")
        head = start[:end]
        lower = head.lower().decode("latin-1")  # searching text takes half the time of bytes
        limits = exchange.call.settings.limits
        is_whole = (
            end > _STATUS
            and not self._informational
            and lower.startswith("http/1.")
            and lower[_STATUS] > "1"  # not a 1xx
        )
        if is_whole and "chunked" not in lower and (end < limits.small or limits.allow(head)):
            exchange.first_byte_ns = now_ns
            if exchange.trace is not None:
                exchange.trace.pending.append((TraceResponseFirstByteParams, exchange, now_ns, ()))
            self._overhead = 0
            exchange.head = head
            exchange.has_cookies = "\nset-cookie:" in lower
            exchange.encoded = "\ncontent-encoding:" in lower
            self._parser = self._fast_parser
            return
        self.in_size = True
        if self._full_parser is None:
            self._full_parser = HttpResponseParser(self)
        self._parser = self._full_parser
        if not is_whole:
            self._parser = LenientParser(self, exchange, self._full_parser)
            self._parser.begin_head()
        self._head_began_ns = exchange.first_byte_ns = now_ns  # unless it is a 1xx
        if not self._informational:
            self._overhead = 0
            self._headers = []

    def _survives(self, exchange: Exchange, error: Exception, data: bytes | memoryview) -> bool:
        """Whether the response goes on, or is complete, although the parser has raised an error."""
        # llhttp alone reads whole heads, and the first piece of a response with chunks.
        alone = not exchange.head_ns or self._parser is self._full_parser
        if alone and not self.ended and not isinstance(self._parser, LenientParser):
            self.replace_parsers()
            self._parser = LenientParser(self, exchange, HttpResponseParser(self))
            remaining = self._parser.read_again(data, error)
            if remaining is None:
                return True
            error = remaining
        if isinstance(error, HttpParserUpgrade) and exchange.status == 101:
            self._switch(exchange, bytes(data[error.args[0] :]))
            return False
        if self.ended:
            self._surplus = True
        else:
            self._malformed(exchange, error, data)
        return self.ended

    def _look_at_status(self, exchange: Exchange) -> None:
        """Note the first byte as soon as the status of an incomplete head is not 1xx."""
        status = str(self._parser.get_status_code())  # type: ignore[union-attr]
        if status[0] != "0" and (status[0] != "1" or status == "101"):
            self._note_first_byte(exchange, self._head_began_ns)

    def _note_first_byte(self, exchange: Exchange, began_ns: int) -> None:
        self._head_began_ns = 0
        exchange.first_byte_ns = began_ns
        if exchange.trace is not None:
            exchange.trace.note(TraceResponseFirstByteParams, exchange, began_ns)

    def _switch(self, exchange: Exchange, rest: bytes) -> None:
        """Pass the transport on to whoever has asked for another protocol (RFC 9110 §7.8).

        Both sets a protocol of its own on the transport: a WebSocket, and what programs get.
        """
        take_over = getattr(exchange.call, "take_over", None)
        if take_over is None:
            from .upgraded import UpgradedConnection

            transport: Any = self._transport
            exchange.upgraded = UpgradedConnection(self, transport, exchange, rest)
        else:
            self.exchange, self.switched = None, True
            take_over(self, self._transport, rest)
        exchange.wake()

    def eof_received(self) -> bool:
        """The server has sent the end of the stream. False lets the transport close."""
        self._end_of_file(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport is closed."""
        self.lost = True
        self._end_of_file(exc)
        if not self._early_end:
            self._forget_parsers()
        self._pool.transport_closed(self)

    # --- what the parser calls -------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A message begins. If the response has ended, its bytes are surplus."""
        self._surplus = self.ended
        exchange = self.exchange
        if exchange is not None and not self.ended and exchange.head is None:
            self._head_began_ns = exchange.first_byte_ns = exchange.last_data_ns

    def on_status(self, reason: bytes) -> None:
        """A piece of the reason phrase."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head or of the trailers."""
        if len(name) == _CODING_LENGTH and name.lower() == b"transfer-encoding":
            check_coding(value)
        self._headers.append((name, value.rstrip(b" \t")))  # llhttp removes only spaces

    def on_headers_complete(self) -> None:
        """The head of a 1xx or of the final response is complete."""
        exchange = self.exchange
        if exchange is None or self.ended or self._parser is None:
            self._surplus = True
            return
        status = self._parser.get_status_code()
        headers, self._headers = self._headers, []
        reason, self._reason = self._reason, b""
        check_head(headers, reason, self._overhead, exchange.call.settings.limits)
        if status < 100:
            raise BadHeadError(f"a status of {status:03}")
        if status < 200 and status != 101:
            self._on_informational(exchange, status, headers)
            return
        if status == 101 and not hasattr(exchange.call, "take_over"):
            from .upgraded import check_switch

            check_switch(b"" if self._answered_early else exchange.head_sent, headers)
        names = {name.lower() for name, _value in headers}
        exchange.has_cookies = b"set-cookie" in names
        exchange.encoded = b"content-encoding" in names
        exchange.head = None  # the fast parser may have refused it
        exchange.raw_headers = headers
        exchange.version_received = self._parser.get_http_version()
        exchange.reason_phrase = reason_of(reason)
        exchange.status = status
        if self._head_began_ns:
            self._note_first_byte(exchange, self._head_began_ns)
        exchange.head_ns = exchange.last_data_ns
        self._overhead = self._informational = 0
        self._keep_alive = self._parser.should_keep_alive()
        self._tell_head(exchange)
        if status in (204, 304) or exchange.method == "HEAD":
            self._end_without_body(exchange)

    def on_fast_head(self) -> None:
        """The fast parser has accepted the head, whose bytes the exchange has."""
        exchange, parser = self.exchange, self._parser
        if exchange is None or exchange.head_ns or parser is None:
            self._surplus = True
            return
        exchange.status = status = parser.get_status_code()
        exchange.head_ns = exchange.first_byte_ns
        self._keep_alive = parser.should_keep_alive()
        if exchange.trace is not None or exchange.continued is not None:
            self._tell_head(exchange)
        if status == 204 or status == 304 or exchange.method == "HEAD":
            self._end_without_body(exchange)

    def _tell_head(self, exchange: Exchange) -> None:
        if exchange.trace is not None:
            pending = exchange.trace.pending
            pending.append((TraceResponseHeadersReceivedParams, exchange, exchange.head_ns, ()))
            exchange.trace.head_at = len(pending)
        if exchange.continued is not None and not exchange.continued.done():
            exchange.continued.set_result(False)

    def on_body(self, chunk: bytes) -> None:
        """A piece of the body, after the transfer coding was removed."""
        exchange = self.exchange
        if exchange is None or self.ended:
            self._surplus = True
            return
        exchange.body_received += len(chunk)
        self._overhead = 0
        trace = exchange.trace
        if trace is not None and TraceResponseChunkReceivedParams in trace.wants:
            fact = (TraceResponseChunkReceivedParams, exchange, exchange.last_data_ns, (chunk,))
            trace.pending.append(fact)
        if exchange.dropped:
            return
        exchange.chunks.append(chunk)
        if exchange.body_received - exchange.taken > exchange.call.settings.pause_above:
            self._pause_reading(exchange)

    def on_chunk_header(self) -> None:
        """A chunk-size line ends."""
        self.in_size = False

    def on_chunk_complete(self) -> None:
        """A chunk ends (RFC 9112 §7.1): an empty piece marks the position."""
        exchange = self.exchange
        self.in_size = True
        if exchange is None or self.ended:
            self._surplus = True
        elif not exchange.dropped:
            exchange.chunks.append(b"")

    def on_message_complete(self) -> None:
        """A 1xx or the final response is complete."""
        exchange = self.exchange
        self._parser_behind = False
        if exchange is None or self.ended or not exchange.head_ns:
            return
        if self._headers:
            limits = exchange.call.settings.limits
            check_head(self._headers, b"", limits.whole, limits)
            exchange.raw_trailers, self._headers = self._headers, []
        self.ended = True

    def forget_fields(self) -> None:
        """Forget the fields of an incomplete head, or of incomplete trailers."""
        self._headers, self._reason = [], b""

    # --- how a response ends ----------------------------------------------------------------

    def on_fast_end(self) -> None:
        """The response of the fast parser is complete; it has no trailers."""
        self._parser_behind = False
        self.ended = True

    def _on_informational(self, exchange: Exchange, status: int, headers: RawHeaders) -> None:
        self._head_began_ns = exchange.first_byte_ns = 0
        self._informational += 1
        seconds = (exchange.last_data_ns - exchange.send_ns) // 1_000_000_000
        if self._informational > _MOST_INFORMATIONAL + seconds:
            raise HeadTooLargeError(f"{self._informational} informational responses in {seconds} s")
        if announces_body(headers):  # llhttp would parse the next head as that body
            raise BadHeadError(f"an informational response with a body ({status})")
        if exchange.trace is not None:
            data = (exchange.last_data_ns, status, headers_of(headers))
            exchange.trace.note(TraceResponseInformationalParams, exchange, *data)
        if status == 100 and exchange.continued is not None and not exchange.continued.done():
            exchange.continued.set_result(True)

    def _end_without_body(self, exchange: Exchange) -> None:
        """End a response to HEAD, a 204 or a 304 (RFC 9110 §6.4.1): llhttp expects a body."""
        self.ended = self._parser_behind = True
        self._keep_alive = is_persistent(exchange)

    def _response_complete(self, exchange: Exchange) -> None:
        exchange.end_ns = perf_counter_ns()
        exchange.complete = True
        self.exchange = None
        if exchange.on_complete is not None:
            for callback in exchange.on_complete:
                exchange.call.loop.call_soon(callback)
        trace = exchange.trace
        if trace is not None:
            trace.pending.append((TraceResponseBodyEndParams, exchange, exchange.end_ns, ()))
            if exchange.head is None and exchange.raw_trailers:  # not from the fast parser
                trailers = headers_of(exchange.raw_trailers)
                trace.note(TraceResponseTrailersParams, exchange, exchange.end_ns, trailers)
        if exchange.on_complete is not None and exchange.at_end is not None:
            exchange.at_end()
        if self._parser_behind:  # the parser still expects a body
            self.replace_parsers()
        head = exchange.head
        if head is not None and exchange.bytes_received - exchange.body_received - len(head) != 4:
            self._surplus = True  # more bytes follow the head, the empty line and the body
        if self._reading_paused:  # no reader will resume it
            self.resume_reading()
        if self._surplus or (self._answered_early and not self._early_end):
            reason = "unexpected data"
        elif not self._request_whole:
            reason = "request not sent whole"
            if exchange.upload is not None:  # it may wait for its next piece without end
                exchange.upload.cancel()
        elif not self._keep_alive or self._early_end:
            reason = "server close"
        elif exchange.call.closes:
            reason = "client close"
        else:
            self._pool.release(self, exchange)
            return
        self._pool.discard(self, exchange, reason)

    def _forget_parsers(self) -> None:
        """Break the reference cycle of the connection and its parsers."""
        self._parser = self._full_parser = None
        del self._fast_parser

    def replace_parsers(self) -> None:
        """Read the next response with new parsers: one of them expects more, or has failed."""
        self._parser_behind = False
        self._full_parser, self._fast_parser = None, HttpResponseParser(_FastCallbacks(self))

    def _end_of_file(self, exc: Exception | None) -> None:
        """The connection has ended: that ends the body, or is an error (RFC 9112 §8)."""
        if self.closed:
            return
        exchange = self.exchange
        if exchange is None:
            if self.early and not self._pool.is_idle(self):
                self._early_end = True  # `answer_early` passes the bytes to the first request
                self._write = _discarded
            else:
                self._pool.close_unused(self, "server close")
            return
        if exc is None and exchange.head_ns and reads_until_close(exchange):
            self.ended, self._keep_alive = True, False
            self._response_complete(exchange)
            exchange.wake()
            return
        self._pool.discard(self, exchange, "error", incomplete_error(exchange, exc))

    def _malformed(self, exchange: Exchange, exc: Exception, data: bytes | memoryview) -> None:
        cause = exc.__context__ if isinstance(exc.__context__, BadHeadError) else exc
        if self._head_began_ns and not self._informational:
            self._note_first_byte(exchange, self._head_began_ns)
        error: Exception
        if exchange.head_ns:
            error = ClientPayloadError(f"Response payload is not completed: {describe(cause)}")
        else:
            exchange.head = None  # the parser rejected it
            speaks_tls = exchange.bytes_received == len(data) and data[:2] == _TLS_ALERT
            why = (
                "the server speaks TLS on this port: use https://"
                if speaks_tls
                else describe(cause)
            )
            error = exchange.call.malformed(why)
        error.__cause__ = cause
        self._pool.discard(self, exchange, "malformed response", error)


def _discarded(data: Any) -> None:
    """Discard a request that has its response: the server is closing or has closed."""


class _FastCallbacks:
    """The callbacks of the fast parser: llhttp calls only those that exist."""

    def __init__(self, connection: Http1Connection) -> None:
        self.on_headers_complete = connection.on_fast_head
        self.on_body = connection.on_body
        self.on_message_complete = connection.on_fast_end
