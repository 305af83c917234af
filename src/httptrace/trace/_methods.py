"""The methods of an Observer, one for each event. Generated from the events."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import events


class ObserverMethods:
    """One method for each event, which does nothing: an observer overrides those that it wants."""

    def on_request_start(self, event: events.TraceRequestStartParams) -> None:
        """A request begins: the first event of each."""

    def on_request_end(self, event: events.TraceRequestEndParams) -> None:
        """The final response's head is in, redirects and middlewares included, and goes to the
        caller.
        """

    def on_request_exception(self, event: events.TraceRequestExceptionParams) -> None:
        """The request failed or was cancelled before the caller had a response; its finish follows."""

    def on_request_finish(self, event: events.TraceRequestFinishParams) -> None:
        """The request is over: the response came whole, or it failed, was cancelled or let go."""

    def on_request_redirect(self, event: events.TraceRequestRedirectParams) -> None:
        """A redirect was received."""

    def on_request_retry(self, event: events.TraceRequestRetryParams) -> None:
        """The attempt is given up, and the request will be sent once more on another connection."""

    def on_connection_queued_start(self, event: events.TraceConnectionQueuedStartParams) -> None:
        """A limit of the connector is reached; the request begins to wait for a place."""

    def on_connection_queued_end(self, event: events.TraceConnectionQueuedEndParams) -> None:
        """The request has its place: an open connection was freed, or a new one may be made."""

    def on_connection_queued_exception(
        self, event: events.TraceConnectionQueuedExceptionParams
    ) -> None:
        """The request stopped waiting without a place: a limit of time, a cancellation, a closing."""

    def on_dns_resolvehost_start(self, event: events.TraceDnsResolveHostStartParams) -> None:
        """A look-up of the host's addresses begins, or another request's is waited for."""

    def on_dns_resolvehost_end(self, event: events.TraceDnsResolveHostEndParams) -> None:
        """The look-up brought addresses; connecting follows."""

    def on_dns_resolvehost_exception(
        self, event: events.TraceDnsResolveHostExceptionParams
    ) -> None:
        """The look-up failed, or the request stopped waiting for one that may still go on."""

    def on_dns_cache_hit(self, event: events.TraceDnsCacheHitParams) -> None:
        """The addresses are taken from the connector's DNS cache: nothing is looked up."""

    def on_dns_cache_miss(self, event: events.TraceDnsCacheMissParams) -> None:
        """The DNS cache has no addresses for the host, or too old ones: a look-up follows."""

    def on_connection_create_start(self, event: events.TraceConnectionCreateStartParams) -> None:
        """A new connection is being made: look-up, sockets, proxy and TLS lie within its span."""

    def on_connection_create_end(self, event: events.TraceConnectionCreateEndParams) -> None:
        """The new connection is ready to take the request."""

    def on_connection_create_exception(
        self, event: events.TraceConnectionCreateExceptionParams
    ) -> None:
        """No connection could be made, or the request went away meanwhile."""

    def on_socket_connect_start(self, event: events.TraceSocketConnectStartParams) -> None:
        """One address is being tried; several may be at once (RFC 8305), each with a span."""

    def on_socket_connect_end(self, event: events.TraceSocketConnectEndParams) -> None:
        """The address answered first: its socket is the one that is used."""

    def on_socket_connect_exception(self, event: events.TraceSocketConnectExceptionParams) -> None:
        """The address refused, timed out, or lost the race against another (RFC 8305)."""

    def on_tls_handshake_start(self, event: events.TraceTlsHandshakeStartParams) -> None:
        """The TLS handshake begins; the socket, or the tunnel of a proxy, is there."""

    def on_tls_handshake_end(self, event: events.TraceTlsHandshakeEndParams) -> None:
        """The TLS session is established and the peer verified as configured."""

    def on_tls_handshake_exception(self, event: events.TraceTlsHandshakeExceptionParams) -> None:
        """The handshake failed, timed out or was given up; nothing of the request was sent."""

    def on_proxy_connect_start(self, event: events.TraceProxyConnectStartParams) -> None:
        """A proxy is asked for a connection, by CONNECT or SOCKS."""

    def on_proxy_connect_end(self, event: events.TraceProxyConnectEndParams) -> None:
        """The proxy made the connection; TLS with the server follows for https."""

    def on_proxy_connect_exception(self, event: events.TraceProxyConnectExceptionParams) -> None:
        """The proxy refused or failed, or the request went away meanwhile."""

    def on_connection_reuseconn(self, event: events.TraceConnectionReuseconnParams) -> None:
        """An idle connection of the pool is used again; `on_connection_acquired` follows."""

    def on_connection_acquired(self, event: events.TraceConnectionAcquiredParams) -> None:
        """The request has its connection, new or used before; once for each attempt that gets one."""

    def on_connection_released(self, event: events.TraceConnectionReleasedParams) -> None:
        """The connection went back to the pool, fit for the next request, once the response was in."""

    def on_connection_closed(self, event: events.TraceConnectionClosedParams) -> None:
        """The connection was closed instead of being kept."""

    def on_request_headers_sent(self, event: events.TraceRequestHeadersSentParams) -> None:
        """The request's head was handed to the transport; a short body may have gone with it."""

    def on_request_chunk_sent(self, event: events.TraceRequestChunkSentParams) -> None:
        """A piece of the request's body was handed to the transport; once for each piece."""

    def on_request_body_sent(self, event: events.TraceRequestBodySentParams) -> None:
        """The request was handed over whole, also one without a body: waiting begins."""

    def on_response_informational(self, event: events.TraceResponseInformationalParams) -> None:
        """A 1xx response came before the final one (RFC 9110 §15.2); once for each."""

    def on_response_first_byte(self, event: events.TraceResponseFirstByteParams) -> None:
        """The first byte of the answer arrived, be it a 1xx response's: waiting is over."""

    def on_response_headers_received(
        self, event: events.TraceResponseHeadersReceivedParams
    ) -> None:
        """The head of a response that is not 1xx is in; for redirects too."""

    def on_response_chunk_received(self, event: events.TraceResponseChunkReceivedParams) -> None:
        """A piece of the response's body arrived; it may not have been read yet."""

    def on_response_body_end(self, event: events.TraceResponseBodyEndParams) -> None:
        """The response is in whole, its body if it has one; the caller may not have read it yet."""

    def on_response_trailers(self, event: events.TraceResponseTrailersParams) -> None:
        """The response ended with trailer fields (RFC 9110 §6.5); told after the body's end."""

    def on_websocket_handshake_start(
        self, event: events.TraceWebSocketHandshakeStartParams
    ) -> None:
        """A WebSocket is being opened: connecting, the request and redirects lie within its span."""

    def on_websocket_handshake_end(self, event: events.TraceWebSocketHandshakeEndParams) -> None:
        """The WebSocket is open (RFC 6455 §4.1)."""

    def on_websocket_handshake_exception(
        self, event: events.TraceWebSocketHandshakeExceptionParams
    ) -> None:
        """No WebSocket could be opened, or it is no longer wanted; the request fails."""

    def on_websocket_message_sent(self, event: events.TraceWebSocketMessageSentParams) -> None:
        """A text or binary message was handed to the transport."""

    def on_websocket_message_received(
        self, event: events.TraceWebSocketMessageReceivedParams
    ) -> None:
        """A whole text or binary message has arrived; the caller may not have taken it yet."""

    def on_websocket_ping_sent(self, event: events.TraceWebSocketPingSentParams) -> None:
        """A ping was sent, by the caller or by the heartbeat."""

    def on_websocket_ping_received(self, event: events.TraceWebSocketPingReceivedParams) -> None:
        """The server has sent a ping (RFC 6455 §5.5.2)."""

    def on_websocket_pong_received(self, event: events.TraceWebSocketPongReceivedParams) -> None:
        """The server has sent a pong (RFC 6455 §5.5.3), asked for or not."""

    def on_websocket_closed(self, event: events.TraceWebSocketClosedParams) -> None:
        """The WebSocket is over; every one that was opened has exactly one of these."""
