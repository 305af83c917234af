"""The dialer of `TCPConnector`: directly to a host, or through a proxy."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from .address_dialer import AddressDialer, AddressFilter
from .arguments import (
    checked_callable,
    checked_count,
    checked_family,
    checked_local_addr,
    checked_optional_count,
    checked_resolver,
    checked_seconds,
)
from .byte_streams import SocketStream
from .dialer import BaseDialer, Dial
from .key import ProxyKey
from .name_resolution import NameResolution
from .sockets import SocketFactoryType, SocketOpener
from .transports import TransportOpener

if TYPE_CHECKING:
    import asyncio
    from ssl import SSLContext

    from .byte_streams import TransportPair
    from .resolver import AbstractResolver, ResolveResult
    from .tls import SslParameter
    from .transports import ProtocolFactory


class TCPDialer(BaseDialer):
    """Opens TCP connections. Parameters that aiohttp's ``TCPConnector`` has mean the same.

    `happy_eyeballs_delay` is the number of seconds after which the next address is tried while the
    previous attempt is running (RFC 8305 §5); with None, addresses are tried in turn. `interleave`
    is how many addresses of the first family come before the families alternate; 0 keeps the
    resolver's order. `address_filter` is called before each address is dialled, also if the URL
    contains the address; any result but True or None forbids the address. It is not called for a
    proxy's own address, and cannot be called for names that a proxy resolves. `loop` is passed to
    the default resolver; without it that uses the running loop.

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
        ssl: SslParameter = True,
        ssl_shutdown_timeout: float | None = None,
        address_filter: AddressFilter | None = None,
    ) -> None:
        from .proxy_dialer import ProxyDialer  # with the first dialer, as ConnectionPool does

        super().__init__()
        delay = checked_seconds("happy_eyeballs_delay", happy_eyeballs_delay)
        first = checked_optional_count("interleave", interleave, 0)
        if first is None:
            first = 0 if delay is None else 1
        sockets = SocketOpener(
            checked_local_addr(local_addr), checked_callable("socket_factory", socket_factory)
        )
        allowed = checked_callable("address_filter", address_filter)
        self.addresses = AddressDialer(sockets, delay, first, allowed, self.counters)
        self.transports = TransportOpener(ssl, ssl_shutdown_timeout, self.counters)
        self.names = NameResolution(
            checked_resolver(resolver),
            loop=loop,
            use_cache=bool(use_dns_cache),
            ttl=checked_seconds("ttl_dns_cache", ttl_dns_cache),
            max_size=checked_count("dns_cache_max_size", dns_cache_max_size, 1),
            family=checked_family(family),
            counters=self.counters,
        )
        self.proxies = ProxyDialer(self.names, self.addresses, self.transports, self.counters)

    async def _connect(self, dial: Dial, protocol_factory: ProtocolFactory) -> TransportPair:
        key, record = dial.key, dial.record
        if key.proxy is not None:
            return await self.proxies.connect(dial, protocol_factory)
        context = await self.transports.context(key, record)
        addresses = await self.names.addresses(key, record, dial.timeouts.dns)
        return await self.open(dial, addresses, context, protocol_factory)

    async def open(
        self,
        dial: Dial,
        addresses: list[ResolveResult],
        context: SSLContext | None,
        protocol_factory: ProtocolFactory,
    ) -> TransportPair:
        """Connect to one of the addresses, with TLS if there is a context.

        The filter is not asked for those of a proxy: the program chose the proxy.
        """
        to_proxy = isinstance(dial.key, ProxyKey)
        connect = self.addresses.connect_to_proxy if to_proxy else self.addresses.connect
        async with dial.within_sock_connect():
            sock = await connect(dial.key, dial.record, addresses)
            return await self.transports.open(SocketStream(sock), context, dial, protocol_factory)

    @property
    def cached_hosts(self) -> int:
        """The number of hosts in the DNS cache."""
        return len(self.names.cache)

    def clear_dns_cache(self, host: str | None = None, port: int | None = None) -> None:
        """Remove the addresses of one host and port from the cache, or all.

        Raises
        ------
        ValueError
            When only one of the two is given.
        """
        if host is None and port is None:
            self.names.cache.clear()
        elif host is None or port is None:
            raise ValueError("either both host and port must be given, or neither")
        else:
            self.names.cache.clear((host, port))

    async def close(self) -> None:
        """Cancel the running look-ups; close the resolver unless the program gave it."""
        await super().close()
        await self.names.close()
