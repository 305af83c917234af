"""The methods of an Observer, one for each event. Generated from the events."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import events


class ObserverMethods:
    """One method for each event, which does nothing: an observer overrides those that it wants."""

    def on_request_start(self, event: events.TraceRequestStartParams) -> None:
        """A request begins."""

    def on_request_end(self, event: events.TraceRequestEndParams) -> None:
        """The head of the final response arrived: redirects and middlewares are done."""

    def on_request_exception(self, event: events.TraceRequestExceptionParams) -> None:
        """The request failed or was cancelled before the caller got a response."""

    def on_request_finish(self, event: events.TraceRequestFinishParams) -> None:
        """The request has ended: it completed, failed, was cancelled or was dropped."""

    def on_request_redirect(self, event: events.TraceRequestRedirectParams) -> None:
        """A redirect was received."""

    def on_request_retry(self, event: events.TraceRequestRetryParams) -> None:
        """The attempt failed, and the request will be sent again on another connection."""

    def on_cache_hit(self, event: events.TraceCacheHitParams) -> None:
        """A stored response answers the request: nothing is sent."""

    def on_cache_miss(self, event: events.TraceCacheMissParams) -> None:
        """No stored response answers the request."""

    def on_cache_revalidated(self, event: events.TraceCacheRevalidatedParams) -> None:
        """The origin said that a stored response is still valid, which answers the request."""

    def on_cache_stored(self, event: events.TraceCacheStoredParams) -> None:
        """The whole response was received and given to the store."""

    def on_connection_queued_start(self, event: events.TraceConnectionQueuedStartParams) -> None:
        """The request begins to wait, because a limit of the connector is reached."""

    def on_connection_queued_end(self, event: events.TraceConnectionQueuedEndParams) -> None:
        """The wait ended: a connection became idle, or a new one may be opened."""

    def on_connection_queued_exception(
        self, event: events.TraceConnectionQueuedExceptionParams
    ) -> None:
        """The wait failed: by a timeout, by cancellation, or because the connector was closed."""

    def on_dns_resolvehost_start(self, event: events.TraceDnsResolveHostStartParams) -> None:
        """A DNS lookup begins, or the request begins to wait for another request's lookup."""

    def on_dns_resolvehost_end(self, event: events.TraceDnsResolveHostEndParams) -> None:
        """The lookup found addresses."""

    def on_dns_resolvehost_exception(
        self, event: events.TraceDnsResolveHostExceptionParams
    ) -> None:
        """The lookup failed, or the request stopped waiting for it."""

    def on_dns_cache_hit(self, event: events.TraceDnsCacheHitParams) -> None:
        """The addresses are taken from the connector's DNS cache."""

    def on_dns_cache_miss(self, event: events.TraceDnsCacheMissParams) -> None:
        """The DNS cache has no addresses of the host, or they have expired: a lookup follows."""

    def on_connection_create_start(self, event: events.TraceConnectionCreateStartParams) -> None:
        """A new connection is being opened: its span encloses DNS, sockets, proxy and TLS."""

    def on_connection_create_end(self, event: events.TraceConnectionCreateEndParams) -> None:
        """The new connection is ready for the request."""

    def on_connection_create_exception(
        self, event: events.TraceConnectionCreateExceptionParams
    ) -> None:
        """No connection was opened: an error occurred, or the request was cancelled."""

    def on_socket_connect_start(self, event: events.TraceSocketConnectStartParams) -> None:
        """The socket begins to connect to one address; several may do so at once (RFC 8305)."""

    def on_socket_connect_end(self, event: events.TraceSocketConnectEndParams) -> None:
        """The socket is connected and will be used."""

    def on_socket_connect_exception(self, event: events.TraceSocketConnectExceptionParams) -> None:
        """The socket did not connect, or another address connected first (RFC 8305)."""

    def on_tls_handshake_start(self, event: events.TraceTlsHandshakeStartParams) -> None:
        """The TLS handshake begins, over a socket or a proxy's tunnel."""

    def on_tls_handshake_end(self, event: events.TraceTlsHandshakeEndParams) -> None:
        """The TLS session is established, and the peer is verified as configured."""

    def on_tls_handshake_exception(self, event: events.TraceTlsHandshakeExceptionParams) -> None:
        """The handshake failed, timed out or was cancelled; nothing of the request was sent."""

    def on_proxy_connect_start(self, event: events.TraceProxyConnectStartParams) -> None:
        """A tunnel is requested from a proxy, by CONNECT or SOCKS."""

    def on_proxy_connect_end(self, event: events.TraceProxyConnectEndParams) -> None:
        """The proxy opened the tunnel; for https the TLS handshake with the server follows."""

    def on_proxy_connect_exception(self, event: events.TraceProxyConnectExceptionParams) -> None:
        """The proxy opened no tunnel: it refused, it failed, or the request was cancelled."""

    def on_connection_reuseconn(self, event: events.TraceConnectionReuseconnParams) -> None:
        """An idle connection of the pool is reused; `on_connection_acquired` follows."""

    def on_connection_acquired(self, event: events.TraceConnectionAcquiredParams) -> None:
        """The attempt has its connection, a new or a reused one."""

    def on_connection_released(self, event: events.TraceConnectionReleasedParams) -> None:
        """The response is complete, and its connection was returned to the pool."""

    def on_connection_closed(self, event: events.TraceConnectionClosedParams) -> None:
        """The connection was closed."""

    def on_request_headers_sent(self, event: events.TraceRequestHeadersSentParams) -> None:
        """The request's head was written to the transport, perhaps with a short body."""

    def on_request_chunk_sent(self, event: events.TraceRequestChunkSentParams) -> None:
        """A piece of the request's body was written to the transport."""

    def on_request_body_sent(self, event: events.TraceRequestBodySentParams) -> None:
        """The whole request was written to the transport; it may have no body."""

    def on_response_informational(self, event: events.TraceResponseInformationalParams) -> None:
        """A 1xx response was received (RFC 9110 §15.2)."""

    def on_response_first_byte(self, event: events.TraceResponseFirstByteParams) -> None:
        """The first byte of the final response was received; a 1xx response has no such event."""

    def on_response_headers_received(
        self, event: events.TraceResponseHeadersReceivedParams
    ) -> None:
        """The head of a response other than 1xx was received, also that of a redirect."""

    def on_response_chunk_received(self, event: events.TraceResponseChunkReceivedParams) -> None:
        """A piece of the response's body was received; the caller may not have read it yet."""

    def on_response_body_end(self, event: events.TraceResponseBodyEndParams) -> None:
        """The whole response was received; the caller may not have read its body yet."""

    def on_response_trailers(self, event: events.TraceResponseTrailersParams) -> None:
        """The response ended with trailer fields (RFC 9110 §6.5)."""

    def on_websocket_handshake_start(
        self, event: events.TraceWebSocketHandshakeStartParams
    ) -> None:
        """A WebSocket is being opened: its span encloses connecting, request and redirects."""

    def on_websocket_handshake_end(self, event: events.TraceWebSocketHandshakeEndParams) -> None:
        """The WebSocket is open (RFC 6455 §4.1)."""

    def on_websocket_handshake_exception(
        self, event: events.TraceWebSocketHandshakeExceptionParams
    ) -> None:
        """No WebSocket was opened: the handshake failed or was cancelled."""

    def on_websocket_message_sent(self, event: events.TraceWebSocketMessageSentParams) -> None:
        """A text or binary message was written to the transport."""

    def on_websocket_message_received(
        self, event: events.TraceWebSocketMessageReceivedParams
    ) -> None:
        """A text or binary message was received; the caller may not have read it yet."""

    def on_websocket_ping_sent(self, event: events.TraceWebSocketPingSentParams) -> None:
        """A ping was sent (RFC 6455 §5.5.2)."""

    def on_websocket_ping_received(self, event: events.TraceWebSocketPingReceivedParams) -> None:
        """A ping was received (RFC 6455 §5.5.2)."""

    def on_websocket_pong_received(self, event: events.TraceWebSocketPongReceivedParams) -> None:
        """A pong was received (RFC 6455 §5.5.3); it need not answer a ping."""

    def on_websocket_closed(self, event: events.TraceWebSocketClosedParams) -> None:
        """The WebSocket is closed."""
