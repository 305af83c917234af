"""Dialers make connections: addresses, sockets, TLS. The pool decides when, they know how."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING, Protocol

from ..errors import ClientConnectionError
from .arguments import (
    checked_callable,
    checked_local_addr,
    checked_path,
    checked_resolver,
    checked_ssl,
    count,
    family_of,
    optional_count,
    seconds,
)
from .attempts import Attempt, Attempts
from .carriers import SocketCarrier, Stream
from .counters import DialCounters
from .key import proxy_leg
from .limit import Limit, Limits
from .lookup import NameLookup
from .plugs import AddressFilter, Plugs
from .proxied import ProxyDialer
from .sockets import SocketFactoryType, Sockets, connect_unix
from .streams import ProtocolFactory, Streams
from .tls import Choice

if TYPE_CHECKING:
    import asyncio

    from ..trace.record import Record
    from .key import ConnectionKey
    from .resolver import AbstractResolver


class AnyDialer(Protocol):
    """What makes a connector's connections: `BaseConnector`'s ``dialer``."""

    async def connect(
        self,
        key: ConnectionKey,
        record: Record,
        protocol_factory: ProtocolFactory,
        *,
        sock_connect: float | None,
        dns: float | None = None,
        tls: float | None = None,
    ) -> Stream:
        """A new connection to what the key tells, and the protocol that the factory made for it.

        The protocol's ``connection_made`` was called. It raises a `ClientConnectionError`, or what
        stands below it, when it cannot connect, and leaves nothing open then.
        """
        ...

    async def close(self) -> None:
        """Make no more connections, and stop what is under way."""


def refuse_proxy(key: ConnectionKey) -> None:
    """For what goes to one place of this machine only.

    Raises
    ------
    ClientProxyConnectionError
        When the key names a proxy.
    """
    if key.proxy is not None:
        text = "this connector connects to one place of this machine, by way of no proxy"
        raise proxy_leg(key, key.ssl).failure(OSError(None, text))


class Dialer:
    """Makes TCP connections (aiohttp's documentation, ``TCPConnector``, tells the parameters).

    `happy_eyeballs_delay` is how many seconds an address has before the next one is tried beside it
    (RFC 8305 §5); None tries one after the other. `interleave` is how many addresses of the first
    family come before the families alternate; 0 keeps the resolver's order. `address_filter` is
    asked before each address is dialled, also for one that the URL spells out; anything but True or
    None forbids it. It is not asked about a proxy's own address, and cannot be about names that a
    proxy resolves. `loop` is for the default resolver; without it the running one is used.

    Raises
    ------
    TypeError, ValueError
        For a parameter that cannot be used.
    """

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        resolver: AbstractResolver | None = None,
        use_dns_cache: bool = True,
        ttl_dns_cache: float | None = 10,
        dns_cache_max_size: int = 1000,
        family: int = socket.AF_UNSPEC,
        local_addr: tuple[str, int] | None = None,
        happy_eyeballs_delay: float | None = 0.25,
        interleave: int | None = None,
        socket_factory: SocketFactoryType | None = None,
        ssl: Choice = True,
        ssl_shutdown_timeout: float | None = None,
        address_filter: AddressFilter | None = None,
    ) -> None:
        self.counters = DialCounters()
        delay = seconds("happy_eyeballs_delay", happy_eyeballs_delay)
        first = optional_count("interleave", interleave, 0)
        if first is None:
            first = 0 if delay is None else 1
        sockets = Sockets(
            checked_local_addr(local_addr), checked_callable("socket_factory", socket_factory)
        )
        allowed = checked_callable("address_filter", address_filter)
        self._plugs = Plugs(sockets, delay, first, allowed, self.counters)
        shutdown_timeout = seconds("ssl_shutdown_timeout", ssl_shutdown_timeout)
        self._streams = Streams(checked_ssl(ssl), shutdown_timeout, self.counters)
        self._closed = False
        self._names = NameLookup(
            checked_resolver(resolver),
            loop=loop,
            use_cache=bool(use_dns_cache),
            ttl=seconds("ttl_dns_cache", ttl_dns_cache),
            max_size=count("dns_cache_max_size", dns_cache_max_size, 1),
            family=family_of(family),
            counters=self.counters,
        )
        self._by_proxy = ProxyDialer(self._names, self._plugs, self._streams, self.counters)

    async def connect(
        self,
        key: ConnectionKey,
        record: Record,
        protocol_factory: ProtocolFactory,
        *,
        sock_connect: float | None,
        dns: float | None = None,
        tls: float | None = None,
    ) -> Stream:
        """A new connection: its transport, and the protocol that the factory made.

        The limits are in seconds, None or 0 is no limit. `sock_connect` covers sockets, a proxy's
        tunnel and TLS together, but not DNS; `dns` is for each look-up, `tls` for each handshake.
        If the key names a proxy, the connection goes by way of it. What is noted on the record's
        trace when this raises is for the caller to flush.

        Raises
        ------
        ClientConnectorDNSError
            When the host has no address.
        ClientConnectorError
            When no address answers; the text tells why for each.
        ClientSSLError, ServerFingerprintMismatch
            When TLS fails.
        ClientProxyConnectionError, ClientHttpProxyError
            When a proxy cannot be reached, or makes no tunnel.
        ConnectionTimeoutError
            When a limit is reached.
        ClientConnectionError
            When the dialer is closed.
        """
        if self._closed:
            raise ClientConnectionError("Connector is closed")
        limits = Limits(sock_connect, dns, tls)
        if key.proxy is not None:
            return await self._by_proxy.connect(key, record, protocol_factory, limits)
        context = await self._streams.context(key, record)
        addresses = await self._names.addresses(key, record, dns)
        async with Limit(key, record, sock_connect) as limit:
            sock = await self._plugs.connected(key, addresses, record, limit)
            return await self._streams.open(
                SocketCarrier(sock), context, key, record, protocol_factory, limit, tls
            )

    @property
    def cached_hosts(self) -> int:
        """How many hosts the DNS cache holds."""
        return len(self._names.cache)

    def clear_dns_cache(self, host: str | None = None, port: int | None = None) -> None:
        """Forget the addresses of one host and port, or all.

        Raises
        ------
        ValueError
            When only one of the two is given.
        """
        if host is None and port is None:
            self._names.cache.clear()
        elif host is None or port is None:
            raise ValueError("either both host and port must be given, or neither")
        else:
            self._names.cache.clear((host, port))

    async def close(self) -> None:
        """Stop the look-ups under way; close the resolver unless it was given."""
        self._closed = True
        await self._names.close()


class UnixDialer:
    """Makes connections to one Unix socket; `path` may begin with NUL (Linux's abstract names).

    Raises
    ------
    TypeError, ValueError
        For a parameter that cannot be used.
    """

    def __init__(
        self,
        path: str,
        *,
        ssl: Choice = True,
        ssl_shutdown_timeout: float | None = None,
    ) -> None:
        self.counters = DialCounters()
        self.path = checked_path(path)
        shutdown_timeout = seconds("ssl_shutdown_timeout", ssl_shutdown_timeout)
        self._streams = Streams(checked_ssl(ssl), shutdown_timeout, self.counters)
        self._closed = False

    async def connect(
        self,
        key: ConnectionKey,
        record: Record,
        protocol_factory: ProtocolFactory,
        *,
        sock_connect: float | None,
        dns: float | None = None,
        tls: float | None = None,
    ) -> Stream:
        """A new connection to the Unix socket; raises as `Dialer.connect` does."""
        if self._closed:
            raise ClientConnectionError("Connector is closed")
        refuse_proxy(key)
        context = await self._streams.context(key, record)
        async with Limit(key, record, sock_connect) as limit:
            record.enter("connect")
            attempt = Attempt(self.path, socket.AF_UNIX, partial(connect_unix, self.path))
            sock = await Attempts(key, record, limit, self.counters).connect([attempt], None)
            return await self._streams.open(
                SocketCarrier(sock), context, key, record, protocol_factory, limit, tls
            )

    async def close(self) -> None:
        """Make no more connections."""
        self._closed = True
