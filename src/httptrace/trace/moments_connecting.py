"""The moments of getting a connection: queue, DNS, sockets, TLS, proxies, and its life."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .declare import Event, field

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from yarl import URL


# --- waiting for a place in the pool --------------------------------------------------------------


class TraceConnectionQueuedStartParams(
    Event, signal="on_connection_queued_start", group="queue", span="queue", edge="start"
):
    """A limit of the connector is reached; the request begins to wait for a place.

    A request that gets its place at once has no such span.
    """

    limit: str = field("which limit is reached: 'limit' or 'limit_per_host'")
    position: int = field("how many requests wait before it for the same limit; 0 for the next one")
    depth: int = field("how many requests wait in the connector, this one included")


class TraceConnectionQueuedEndParams(
    Event, signal="on_connection_queued_end", group="queue", span="queue", edge="end"
):
    """The request has its place: an open connection was freed, or a new one may be made."""


class TraceConnectionQueuedExceptionParams(
    Event, signal="on_connection_queued_exception", group="queue", span="queue", edge="exception"
):
    """The request stopped waiting without a place: a limit of time, a cancellation, a closing."""

    exception: BaseException = field(
        "the timeout, the cancellation, or that the connector was closed"
    )


# --- DNS ------------------------------------------------------------------------------------------


class TraceDnsResolveHostStartParams(
    Event, signal="on_dns_resolvehost_start", group="dns", span="dns", edge="start"
):
    """A look-up of the host's addresses begins, or another request's is waited for.

    Hosts that are addresses, and answers from the cache, have no such span.
    """

    host: str = field("the name that is looked up")
    coalesced: bool = field("whether it joins a look-up that another request has begun")


class TraceDnsResolveHostEndParams(
    Event, signal="on_dns_resolvehost_end", group="dns", span="dns", edge="end"
):
    """The look-up brought addresses; connecting follows."""

    host: str = field("the name that is looked up")
    coalesced: bool = field("whether it joined a look-up that another request had begun")
    addresses: Sequence[str] = field(
        "IP addresses as text, in the order in which the resolver gave them"
    )


class TraceDnsResolveHostExceptionParams(
    Event, signal="on_dns_resolvehost_exception", group="dns", span="dns", edge="exception"
):
    """The look-up failed, or the request stopped waiting for one that may still go on."""

    host: str = field("the name that is looked up")
    coalesced: bool = field("whether it joined a look-up that another request had begun")
    exception: BaseException = field("what went wrong")


class TraceDnsCacheHitParams(Event, signal="on_dns_cache_hit", group="dns"):
    """The addresses are taken from the connector's DNS cache: nothing is looked up."""

    host: str = field("the name that is looked up")
    addresses: Sequence[str] = field("IP addresses as text")
    age: float = field("seconds since they were looked up")


class TraceDnsCacheMissParams(Event, signal="on_dns_cache_miss", group="dns"):
    """The DNS cache has no addresses for the host, or too old ones: a look-up follows.

    Not told without a cache.
    """

    host: str = field("the name that is looked up")


# --- connecting -----------------------------------------------------------------------------------


class TraceConnectionCreateStartParams(
    Event, signal="on_connection_create_start", group="connect", span="connection", edge="start"
):
    """A new connection is being made: look-up, sockets, proxy and TLS lie within its span."""


class TraceConnectionCreateEndParams(
    Event, signal="on_connection_create_end", group="connect", span="connection", edge="end"
):
    """The new connection is ready to take the request."""


class TraceConnectionCreateExceptionParams(
    Event,
    signal="on_connection_create_exception",
    group="connect",
    span="connection",
    edge="exception",
):
    """No connection could be made, or the request went away meanwhile."""

    exception: BaseException = field("what went wrong")


class TraceSocketConnectStartParams(
    Event, signal="on_socket_connect_start", group="connect", span="socket", edge="start"
):
    """One address is being tried; several may be at once (RFC 8305), each with a span."""

    address: str = field("the address and port, or the path of a Unix socket")
    family: socket.AddressFamily = field("the kind of address: AF_INET, AF_INET6 or AF_UNIX")


class TraceSocketConnectEndParams(
    Event, signal="on_socket_connect_end", group="connect", span="socket", edge="end"
):
    """The address answered first: its socket is the one that is used."""

    address: str = field("the address and port, or the path of a Unix socket")
    family: socket.AddressFamily = field("the kind of address: AF_INET, AF_INET6 or AF_UNIX")


class TraceSocketConnectExceptionParams(
    Event, signal="on_socket_connect_exception", group="connect", span="socket", edge="exception"
):
    """The address refused, timed out, or lost the race against another (RFC 8305)."""

    address: str = field("the address and port, or the path of a Unix socket")
    family: socket.AddressFamily = field("the kind of address: AF_INET, AF_INET6 or AF_UNIX")
    exception: BaseException = field("what went wrong; CancelledError for one that lost")
    lost: bool = field("whether another address was faster")


# --- TLS ------------------------------------------------------------------------------------------


class TraceTlsHandshakeStartParams(
    Event, signal="on_tls_handshake_start", group="tls", span="tls", edge="start"
):
    """The TLS handshake begins; the socket, or the tunnel of a proxy, is there."""

    server_hostname: str = field("the name that is sent (SNI) and that the certificate must have")


class TraceTlsHandshakeEndParams(
    Event, signal="on_tls_handshake_end", group="tls", span="tls", edge="end"
):
    """The TLS session is established and the peer verified as configured."""

    version: str = field("the version agreed on: 'TLSv1.3' or 'TLSv1.2'")
    cipher: str = field("the cipher suite's name")
    alpn: str | None = field("the application protocol agreed on (RFC 7301); None if none was")
    session_reused: bool | None = field(
        "whether an earlier session was resumed; None where that is not known"
    )
    peer_subject: str | None = field(
        "the common name in the peer's certificate; None unless verified"
    )
    peer_expiry: str | None = field(
        "when the peer's certificate ends, in ISO 8601; None unless verified"
    )


class TraceTlsHandshakeExceptionParams(
    Event, signal="on_tls_handshake_exception", group="tls", span="tls", edge="exception"
):
    """The handshake failed, timed out or was given up; nothing of the request was sent."""

    exception: BaseException = field("what went wrong")


# --- a proxy's tunnel -----------------------------------------------------------------------------


class TraceProxyConnectStartParams(
    Event, signal="on_proxy_connect_start", group="proxy", span="proxy", edge="start"
):
    """A proxy is asked for a connection, by CONNECT or SOCKS."""

    proxy: URL = field("the proxy, without credentials")
    destination: str = field("the host, as name or address, and port that it is to connect to")


class TraceProxyConnectEndParams(
    Event, signal="on_proxy_connect_end", group="proxy", span="proxy", edge="end"
):
    """The proxy made the connection; TLS with the server follows for https."""

    proxy: URL = field("the proxy, without credentials")
    destination: str = field("the host, as name or address, and port that it connected to")
    status: int = field("its answer: the HTTP status, or the reply code of SOCKS")


class TraceProxyConnectExceptionParams(
    Event, signal="on_proxy_connect_exception", group="proxy", span="proxy", edge="exception"
):
    """The proxy refused or failed, or the request went away meanwhile."""

    proxy: URL = field("the proxy, without credentials")
    destination: str = field("the host, as name or address, and port that it was to connect to")
    status: int | None = field("its answer, if it gave one: the HTTP status, or SOCKS's reply code")
    exception: BaseException = field("what went wrong")


# --- the connection -------------------------------------------------------------------------------


class TraceConnectionReuseconnParams(Event, signal="on_connection_reuseconn", group="connection"):
    """An idle connection of the pool is used again; `on_connection_acquired` follows."""

    @property
    def requests_served(self) -> int:
        """how many requests it has served before"""
        return self.source.served_before

    @property
    def age(self) -> float:
        """seconds since it was opened"""
        return (self.time_ns - self.source.opened_ns) / 1e9

    @property
    def idle(self) -> float:
        """seconds for which it lay idle before this request"""
        return self.source.idle_ns / 1e9


class TraceConnectionAcquiredParams(Event, signal="on_connection_acquired", group="connection"):
    """The request has its connection, new or used before; once for each attempt that gets one."""

    @property
    def reused(self) -> bool:
        """whether it served requests before"""
        return self.source.reused

    @property
    def why_not_reused(self) -> str | None:
        """why a new one was made: 'first' to this origin, all 'busy', 'none idle', 'force_close'"""
        return self.source.why_not_reused


class TraceConnectionReleasedParams(Event, signal="on_connection_released", group="connection"):
    """The connection went back to the pool, fit for the next request, once the response was in."""


class TraceConnectionClosedParams(Event, signal="on_connection_closed", group="connection"):
    """The connection was closed instead of being kept.

    One that ends while it is idle is told to the observers of the process, with no `request_id`.
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
        return (self.time_ns - self.source.opened_ns) / 1e9

    @property
    def requests_served(self) -> int:
        """how many requests it was used for, the last one included"""
        return self.source.requests_served
