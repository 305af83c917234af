"""The events of connecting: queue, DNS, sockets, TLS, proxies; and of connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .declare import Event, field

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from yarl import URL


# --- waiting for the pool -------------------------------------------------------------------------


class TraceConnectionQueuedStartParams(
    Event, signal="on_connection_queued_start", group="queue", span="queue", edge="start"
):
    """The request begins to wait, because a limit of the connector is reached.

    A request that does not have to wait has no such span.
    """

    limit: str = field("the limit that is reached: 'limit' or 'limit_per_host'")
    position: int = field("how many requests wait for the same limit before this one")
    depth: int = field("how many requests wait in the connector, including this one")


class TraceConnectionQueuedEndParams(
    Event, signal="on_connection_queued_end", group="queue", span="queue", edge="end"
):
    """The wait ended: a connection became idle, or a new one may be opened."""


class TraceConnectionQueuedExceptionParams(
    Event, signal="on_connection_queued_exception", group="queue", span="queue", edge="exception"
):
    """The wait failed: by a timeout, by cancellation, or because the connector was closed."""

    exception: BaseException = field("the exception that ended the wait")


# --- DNS ------------------------------------------------------------------------------------------


class TraceDnsResolveHostStartParams(
    Event, signal="on_dns_resolvehost_start", group="dns", span="dns", edge="start"
):
    """A DNS lookup begins, or the request begins to wait for another request's lookup.

    There is no such span if the host is an IP address or its addresses are in the cache.
    """

    host: str = field("the host name")
    coalesced: bool = field("whether it waits for a lookup that another request began")


class TraceDnsResolveHostEndParams(
    Event, signal="on_dns_resolvehost_end", group="dns", span="dns", edge="end"
):
    """The lookup found addresses."""

    host: str = field("the host name")
    coalesced: bool = field("whether it waited for a lookup that another request began")
    addresses: Sequence[str] = field("the IP addresses as text, in the resolver's order")


class TraceDnsResolveHostExceptionParams(
    Event, signal="on_dns_resolvehost_exception", group="dns", span="dns", edge="exception"
):
    """The lookup failed, or the request stopped waiting for it."""

    host: str = field("the host name")
    coalesced: bool = field("whether it waited for a lookup that another request began")
    exception: BaseException = field("the error")


class TraceDnsCacheHitParams(Event, signal="on_dns_cache_hit", group="dns"):
    """The addresses are taken from the connector's DNS cache."""

    host: str = field("the host name")
    addresses: Sequence[str] = field("the IP addresses as text")
    age: float = field("seconds since the lookup")


class TraceDnsCacheMissParams(Event, signal="on_dns_cache_miss", group="dns"):
    """The DNS cache has no addresses of the host, or they have expired: a lookup follows.

    If the connector has no cache there is no such event.
    """

    host: str = field("the host name")


# --- connecting -----------------------------------------------------------------------------------


class TraceConnectionCreateStartParams(
    Event, signal="on_connection_create_start", group="connect", span="connection", edge="start"
):
    """A new connection is being opened: its span encloses DNS, sockets, proxy and TLS."""


class TraceConnectionCreateEndParams(
    Event, signal="on_connection_create_end", group="connect", span="connection", edge="end"
):
    """The new connection is ready for the request."""


class TraceConnectionCreateExceptionParams(
    Event,
    signal="on_connection_create_exception",
    group="connect",
    span="connection",
    edge="exception",
):
    """No connection was opened: an error occurred, or the request was cancelled."""

    exception: BaseException = field("the error")


class TraceSocketConnectStartParams(
    Event, signal="on_socket_connect_start", group="connect", span="socket", edge="start"
):
    """The socket begins to connect to one address; several may do so at once (RFC 8305)."""

    address: str = field("the address and port, or the path of a Unix socket")
    family: socket.AddressFamily = field("the address family: AF_INET, AF_INET6 or AF_UNIX")


class TraceSocketConnectEndParams(
    Event, signal="on_socket_connect_end", group="connect", span="socket", edge="end"
):
    """The socket is connected and will be used."""

    address: str = field("the address and port, or the path of a Unix socket")
    family: socket.AddressFamily = field("the address family: AF_INET, AF_INET6 or AF_UNIX")


class TraceSocketConnectExceptionParams(
    Event, signal="on_socket_connect_exception", group="connect", span="socket", edge="exception"
):
    """The socket did not connect, or another address connected first (RFC 8305)."""

    address: str = field("the address and port, or the path of a Unix socket")
    family: socket.AddressFamily = field("the address family: AF_INET, AF_INET6 or AF_UNIX")
    exception: BaseException = field("the error; CancelledError if another address was first")
    lost: bool = field("whether another address was first")


# --- TLS ------------------------------------------------------------------------------------------


class TraceTlsHandshakeStartParams(
    Event, signal="on_tls_handshake_start", group="tls", span="tls", edge="start"
):
    """The TLS handshake begins, over a socket or a proxy's tunnel."""

    server_hostname: str = field("the name that is sent (SNI) and that the certificate must match")


class TraceTlsHandshakeEndParams(
    Event, signal="on_tls_handshake_end", group="tls", span="tls", edge="end"
):
    """The TLS session is established, and the peer is verified as configured."""

    version: str = field("the version: 'TLSv1.3' or 'TLSv1.2'")
    cipher: str = field("the cipher suite's name")
    alpn: str | None = field("the application protocol (RFC 7301); None if none was negotiated")
    session_reused: bool | None = field(
        "whether an earlier session was resumed; None if that is not known"
    )
    peer_subject: str | None = field(
        "the common name in the peer's certificate; None unless verified"
    )
    peer_expiry: str | None = field(
        "when the peer's certificate expires, in ISO 8601; None unless verified"
    )


class TraceTlsHandshakeExceptionParams(
    Event, signal="on_tls_handshake_exception", group="tls", span="tls", edge="exception"
):
    """The handshake failed, timed out or was cancelled; nothing of the request was sent."""

    exception: BaseException = field("the error")


# --- a proxy's tunnel -----------------------------------------------------------------------------


class TraceProxyConnectStartParams(
    Event, signal="on_proxy_connect_start", group="proxy", span="proxy", edge="start"
):
    """A tunnel is requested from a proxy, by CONNECT or SOCKS."""

    proxy: URL = field("the proxy, without credentials")
    destination: str = field("the host and port that the proxy is asked for")


class TraceProxyConnectEndParams(
    Event, signal="on_proxy_connect_end", group="proxy", span="proxy", edge="end"
):
    """The proxy opened the tunnel; for https the TLS handshake with the server follows."""

    proxy: URL = field("the proxy, without credentials")
    destination: str = field("host and port to which the proxy connected")
    status: int = field("the proxy's HTTP status, or its SOCKS reply code")


class TraceProxyConnectExceptionParams(
    Event, signal="on_proxy_connect_exception", group="proxy", span="proxy", edge="exception"
):
    """The proxy opened no tunnel: it refused, it failed, or the request was cancelled."""

    proxy: URL = field("the proxy, without credentials")
    destination: str = field("the host and port that the proxy was asked for")
    status: int | None = field("the proxy's HTTP status or SOCKS reply code; None if it sent none")
    exception: BaseException = field("the error")


# --- the connection -------------------------------------------------------------------------------


class TraceConnectionReuseconnParams(Event, signal="on_connection_reuseconn", group="connection"):
    """An idle connection of the pool is reused; `on_connection_acquired` follows."""

    @property
    def requests_served(self) -> int:
        """how many requests it served before"""
        return self._record.served_before

    @property
    def age(self) -> float:
        """seconds since it was opened"""
        return (self.time_ns - self._record.opened_ns) / 1e9

    @property
    def idle(self) -> float:
        """seconds for which it was idle before this request"""
        return self._record.idle_ns / 1e9


class TraceConnectionAcquiredParams(Event, signal="on_connection_acquired", group="connection"):
    """The attempt has its connection, a new or a reused one."""

    @property
    def reused(self) -> bool:
        """whether the connection served requests before"""
        return self._record.reused

    @property
    def why_not_reused(self) -> str | None:
        """why a new one was opened: 'first' of this origin, 'busy', 'none idle' or 'force_close'"""
        return self._record.why_not_reused


class TraceConnectionReleasedParams(Event, signal="on_connection_released", group="connection"):
    """The response is complete, and its connection was returned to the pool."""


class TraceConnectionClosedParams(Event, signal="on_connection_closed", group="connection"):
    """The connection was closed.

    If a request had acquired it, the request gets this event after `connection_acquired`. If it was
    idle, only the observers of the process get the event, and its `request_id` is None.
    """

    reason: str = field(
        "why: 'server close', 'client close', 'force_close', 'idle timeout', 'max age', 'evicted', "
        "'unexpected data', 'unread body', 'request not sent whole', 'request body failed', "
        "'malformed response', 'websocket closed', 'timeout', 'cancelled', 'connector closed', or "
        "'error'"
    )

    @property
    def age(self) -> float:
        """seconds since it was opened"""
        return (self.time_ns - self._record.opened_ns) / 1e9

    @property
    def requests_served(self) -> int:
        """how many requests it was used for, including the last one"""
        return self._record.requests_served
