"""The signals of TraceConfig, for type checkers. Generated from the events."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import events
    from .config import Signal


class Signals:
    """One attribute for each event."""

    on_request_start: Signal[events.TraceRequestStartParams]
    on_request_end: Signal[events.TraceRequestEndParams]
    on_request_exception: Signal[events.TraceRequestExceptionParams]
    on_request_finish: Signal[events.TraceRequestFinishParams]
    on_request_redirect: Signal[events.TraceRequestRedirectParams]
    on_request_retry: Signal[events.TraceRequestRetryParams]
    on_cache_hit: Signal[events.TraceCacheHitParams]
    on_cache_miss: Signal[events.TraceCacheMissParams]
    on_cache_revalidated: Signal[events.TraceCacheRevalidatedParams]
    on_cache_stored: Signal[events.TraceCacheStoredParams]
    on_connection_queued_start: Signal[events.TraceConnectionQueuedStartParams]
    on_connection_queued_end: Signal[events.TraceConnectionQueuedEndParams]
    on_connection_queued_exception: Signal[events.TraceConnectionQueuedExceptionParams]
    on_dns_resolvehost_start: Signal[events.TraceDnsResolveHostStartParams]
    on_dns_resolvehost_end: Signal[events.TraceDnsResolveHostEndParams]
    on_dns_resolvehost_exception: Signal[events.TraceDnsResolveHostExceptionParams]
    on_dns_cache_hit: Signal[events.TraceDnsCacheHitParams]
    on_dns_cache_miss: Signal[events.TraceDnsCacheMissParams]
    on_connection_create_start: Signal[events.TraceConnectionCreateStartParams]
    on_connection_create_end: Signal[events.TraceConnectionCreateEndParams]
    on_connection_create_exception: Signal[events.TraceConnectionCreateExceptionParams]
    on_socket_connect_start: Signal[events.TraceSocketConnectStartParams]
    on_socket_connect_end: Signal[events.TraceSocketConnectEndParams]
    on_socket_connect_exception: Signal[events.TraceSocketConnectExceptionParams]
    on_tls_handshake_start: Signal[events.TraceTlsHandshakeStartParams]
    on_tls_handshake_end: Signal[events.TraceTlsHandshakeEndParams]
    on_tls_handshake_exception: Signal[events.TraceTlsHandshakeExceptionParams]
    on_proxy_connect_start: Signal[events.TraceProxyConnectStartParams]
    on_proxy_connect_end: Signal[events.TraceProxyConnectEndParams]
    on_proxy_connect_exception: Signal[events.TraceProxyConnectExceptionParams]
    on_connection_reuseconn: Signal[events.TraceConnectionReuseconnParams]
    on_connection_acquired: Signal[events.TraceConnectionAcquiredParams]
    on_connection_released: Signal[events.TraceConnectionReleasedParams]
    on_connection_closed: Signal[events.TraceConnectionClosedParams]
    on_request_headers_sent: Signal[events.TraceRequestHeadersSentParams]
    on_request_chunk_sent: Signal[events.TraceRequestChunkSentParams]
    on_request_body_sent: Signal[events.TraceRequestBodySentParams]
    on_response_informational: Signal[events.TraceResponseInformationalParams]
    on_response_first_byte: Signal[events.TraceResponseFirstByteParams]
    on_response_headers_received: Signal[events.TraceResponseHeadersReceivedParams]
    on_response_chunk_received: Signal[events.TraceResponseChunkReceivedParams]
    on_response_body_end: Signal[events.TraceResponseBodyEndParams]
    on_response_trailers: Signal[events.TraceResponseTrailersParams]
    on_websocket_handshake_start: Signal[events.TraceWebSocketHandshakeStartParams]
    on_websocket_handshake_end: Signal[events.TraceWebSocketHandshakeEndParams]
    on_websocket_handshake_exception: Signal[events.TraceWebSocketHandshakeExceptionParams]
    on_websocket_message_sent: Signal[events.TraceWebSocketMessageSentParams]
    on_websocket_message_received: Signal[events.TraceWebSocketMessageReceivedParams]
    on_websocket_ping_sent: Signal[events.TraceWebSocketPingSentParams]
    on_websocket_ping_received: Signal[events.TraceWebSocketPingReceivedParams]
    on_websocket_pong_received: Signal[events.TraceWebSocketPongReceivedParams]
    on_websocket_closed: Signal[events.TraceWebSocketClosedParams]
