"""Connections to and through a proxy: DNS, sockets, TLS with the proxy, tunnel, TLS inside it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ClientProxyConnectionError
from .addresses import ip_literal
from .byte_streams import ByteStream, SocketStream
from .key import proxy_key
from .socks import SCHEMES, Destination, SocksError, UnreachableError, proxy_resolves
from .tunnel import TunnelOpener

if TYPE_CHECKING:
    import ssl

    from .address_dialer import AddressDialer
    from .byte_streams import TransportPair
    from .counters import DialCounters
    from .dialer import Dial
    from .name_resolution import NameResolution
    from .resolver import ResolveResult
    from .transports import ProtocolFactory, TransportOpener


class _Proxy(NamedTuple):
    """What is needed to open a connection to the proxy itself."""

    dial: Dial
    """The proxy is its destination."""
    addresses: list[ResolveResult]
    context: ssl.SSLContext | None
    """For TLS with the proxy."""


class ProxyDialer:
    """Opens connections to and through proxies, with the parts of a `TCPDialer`."""

    def __init__(
        self,
        names: NameResolution,
        addresses: AddressDialer,
        transports: TransportOpener,
        counters: DialCounters,
    ) -> None:
        self._names = names
        self._addresses = addresses
        self._transports = transports
        self._tunnels = TunnelOpener(counters)

    async def connect(self, dial: Dial, protocol_factory: ProtocolFactory) -> TransportPair:
        """A connection to the proxy itself, or through it; raises as `TCPDialer.connect` does."""
        key, record = dial.key, dial.record
        choice = await self._transports.ssl_for_proxy(key.ssl, record)
        to_proxy = dial._replace(key=proxy_key(key, choice))
        proxy_context = await self._transports.context(to_proxy.key, record)
        context = await self._transports.context(key, record) if key.tunnel else None
        destinations = await self._destinations(dial, to_proxy)
        addresses = await self._names.addresses(to_proxy.key, record, dial.timeouts.dns)
        proxy = _Proxy(to_proxy, addresses, proxy_context)
        async with to_proxy.within_sock_connect():
            if not key.tunnel:
                stream = await self._connect(proxy)
                return await self._transports.open(
                    stream, proxy_context, to_proxy, protocol_factory
                )
            tunnel = await self._tunnel(dial, proxy, destinations)
            return await self._transports.open(tunnel, context, dial, protocol_factory)

    async def _destinations(self, dial: Dial, to_proxy: Dial) -> list[Destination]:
        """The destinations to ask for: the host's name if the proxy resolves it, else addresses."""
        key = dial.key
        scheme = key.proxy.scheme if key.proxy is not None else ""
        literal = ip_literal(key.host, key.port)
        if literal is None and (scheme not in SCHEMES or proxy_resolves(scheme)):
            return [Destination(key.host, key.port)]
        if literal is not None:
            found = [literal]
        else:
            found = await self._names.addresses(key, dial.record, dial.timeouts.dns)
        found = self._addresses.permitted(key, found)
        if scheme == "socks4":
            found = [one for one in found if one["family"] == socket.AF_INET]
            if not found:
                error = SocksError(f"SOCKS4 reaches IPv4 addresses only: {key.host}")
                raise to_proxy.key.failure(error)
        return [Destination(one["host"], key.port) for one in found]

    async def _connect(self, proxy: _Proxy) -> ByteStream:
        dial = proxy.dial
        sock = await self._addresses.connect_to_proxy(dial.key, dial.record, proxy.addresses)
        return SocketStream(sock)

    async def _tunnel(
        self, dial: Dial, proxy: _Proxy, destinations: list[Destination]
    ) -> ByteStream:
        """A tunnel to the first destination that the proxy reaches."""
        for number, to in enumerate(destinations, 1):
            stream = await self._connect(proxy)
            if proxy.context is not None:
                stream = await self._transports.start_tls(stream, proxy.context, proxy.dial)
            try:
                await self._tunnels.open(stream, dial.key, proxy.dial.key, to, dial.record)
            except ClientProxyConnectionError as exc:
                if number == len(destinations) or not isinstance(exc.__cause__, UnreachableError):
                    raise
            else:
                return stream
        raise AssertionError("there is always a destination")
