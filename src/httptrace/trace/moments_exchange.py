"""The events of sending a request and receiving its response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .declare import Event, field
from .moments_call import RequestEvent

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy


# --- sending --------------------------------------------------------------------------------------


class TraceRequestHeadersSentParams(RequestEvent, signal="on_request_headers_sent", group="send"):
    """The request's head was written to the transport, perhaps with a short body."""

    @property
    def head(self) -> bytes:
        """the head as sent, from the request line to the empty line; secrets are not masked"""
        return self._record.head_sent


class TraceRequestChunkSentParams(RequestEvent, signal="on_request_chunk_sent", group="send"):
    """A piece of the request's body was written to the transport."""

    chunk: bytes = field("the piece, after content coding and before transfer coding")


class TraceRequestBodySentParams(RequestEvent, signal="on_request_body_sent", group="send"):
    """The whole request was written to the transport; it may have no body."""

    @property
    def size(self) -> int:
        """bytes of the body, before transfer coding; 0 without a body"""
        return self._record.body_sent

    @property
    def blocked_ns(self) -> int:
        """nanoseconds of waiting because the transport's buffer was full"""
        return self._record.blocked_ns


# --- receiving ------------------------------------------------------------------------------------


class TraceResponseInformationalParams(Event, signal="on_response_informational", group="receive"):
    """A 1xx response was received (RFC 9110 §15.2)."""

    status: int = field("its status: 100, 103, …")
    headers: CIMultiDictProxy[str] = field("its headers")


class TraceResponseFirstByteParams(Event, signal="on_response_first_byte", group="receive"):
    """The first byte of the final response was received; a 1xx response has no such event."""


class TraceResponseHeadersReceivedParams(
    Event, signal="on_response_headers_received", group="receive"
):
    """The head of a response other than 1xx was received, also that of a redirect."""

    @property
    def status(self) -> int:
        """the status code"""
        return self._record.status

    @property
    def reason(self) -> str:
        """the reason phrase, which may be empty"""
        return self._record.reason

    @property
    def version(self) -> str:
        """the version of HTTP: '1.1' or '1.0'"""
        return self._record.http_version

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """the response's headers"""
        return self._record.response_headers


class TraceResponseChunkReceivedParams(
    RequestEvent, signal="on_response_chunk_received", group="receive"
):
    """A piece of the response's body was received; the caller may not have read it yet."""

    chunk: bytes = field("the piece, after transfer coding, before content decoding")


class TraceResponseBodyEndParams(Event, signal="on_response_body_end", group="receive"):
    """The whole response was received; the caller may not have read its body yet."""

    @property
    def size(self) -> int:
        """bytes of the body as received, after transfer coding, before content decoding"""
        return self._record.body_received

    @property
    def decoded_size(self) -> int:
        """bytes that the caller has read so far, after content decoding"""
        return self._record.body_decoded

    @property
    def network_wait_ns(self) -> int:
        """nanoseconds of receiving in which the caller waited for the network"""
        return self._record.network_wait_ns

    @property
    def consumer_ns(self) -> int:
        """nanoseconds of receiving in which the response waited for the caller to read"""
        return self._record.consumer_ns


class TraceResponseTrailersParams(Event, signal="on_response_trailers", group="receive"):
    """The response ended with trailer fields (RFC 9110 §6.5)."""

    headers: CIMultiDictProxy[str] = field("the trailer fields")
