"""Connections to and through a proxy: DNS, sockets, TLS with the proxy, tunnel, TLS inside it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from ..errors import ClientProxyConnectionError
from .addresses import ip_literal
from .byte_streams import ByteStream, SocketStream
from .key import proxy_key
from .socks import SCHEMES, Destination, SocksError, UnreachableError, proxy_resolves
from .tunnel import TunnelOpener

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .address_dialer import AddressDialer
    from .byte_streams import TransportPair
    from .counters import DialCounters
    from .dialer import Dial
    from .name_resolution import NameResolution
    from .transports import ProtocolFactory, TransportOpener


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
        destinations = await self.destinations(dial, to_proxy)
        addresses = await self._names.addresses(to_proxy.key, record, dial.timeouts.dns)

        async def reach() -> ByteStream:
            sock = await self._addresses.connect_to_proxy(to_proxy.key, record, addresses)
            stream = SocketStream(sock)
            if proxy_context is None or not key.tunnel:
                return stream
            return await self._transports.start_tls(stream, proxy_context, to_proxy)

        async with to_proxy.within_sock_connect():
            if not key.tunnel:
                return await self._transports.open(
                    await reach(), proxy_context, to_proxy, protocol_factory
                )
            tunnel = await self.tunnel(dial, to_proxy, destinations, reach)
            return await self._transports.open(tunnel, context, dial, protocol_factory)

    async def destinations(self, dial: Dial, to_proxy: Dial) -> list[Destination]:
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

    async def tunnel(
        self,
        dial: Dial,
        to_proxy: Dial,
        destinations: list[Destination],
        reach: Callable[[], Awaitable[ByteStream]],
    ) -> ByteStream:
        """A tunnel to the first destination that the proxy reaches.

        `reach` opens the stream on which the proxy is asked for it.
        """
        for number, to in enumerate(destinations, 1):
            stream = await reach()
            try:
                await self._tunnels.open(stream, dial.key, to_proxy.key, to, dial.record)
            except ClientProxyConnectionError as exc:
                if number == len(destinations) or not isinstance(exc.__cause__, UnreachableError):
                    raise
            else:
                return stream
        raise AssertionError("there is always a destination")
