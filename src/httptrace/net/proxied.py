"""Connections by way of a proxy: DNS, sockets, TLS with the proxy, tunnel, TLS through it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ClientProxyConnectionError
from .addresses import literal
from .carriers import Carrier, SocketCarrier
from .key import ConnectionKey, ProxyKey, proxy_leg
from .limit import Limit, Limits
from .socks import SCHEMES, Destination, SocksError, UnreachableError, resolves_itself
from .tunnel import Tunnels

if TYPE_CHECKING:
    import ssl

    from ..trace.record import Record
    from .carriers import Stream
    from .counters import DialCounters
    from .lookup import NameLookup
    from .plugs import Plugs
    from .resolver import ResolveResult
    from .streams import ProtocolFactory, Streams


class _Way(NamedTuple):
    """All that is known before a socket is opened."""

    key: ConnectionKey
    leg: ProxyKey
    addresses: list[ResolveResult]
    """The proxy's."""
    proxy_context: ssl.SSLContext | None
    context: ssl.SSLContext | None


class ProxyDialer:
    """Makes connections by way of proxies, with the parts of a `Dialer`."""

    def __init__(
        self, names: NameLookup, plugs: Plugs, streams: Streams, counters: DialCounters
    ) -> None:
        self._names = names
        self._plugs = plugs
        self._streams = streams
        self._tunnels = Tunnels(counters)

    async def connect(
        self,
        key: ConnectionKey,
        record: Record,
        protocol_factory: ProtocolFactory,
        limits: Limits,
    ) -> Stream:
        """A connection to the proxy itself, or through it; raises as `Dialer.connect` does, and:

        Raises
        ------
        ClientProxyConnectionError
            When the proxy cannot be reached, or makes no tunnel.
        ClientHttpProxyError
            When an HTTP proxy answers CONNECT with an error.
        """
        leg = proxy_leg(key, await self._streams.for_proxy(key.ssl, record))
        proxy_context = await self._streams.context(leg, record)
        context = await self._streams.context(key, record) if key.tunnel else None
        destinations = await self._destinations(key, leg, record, limits)
        addresses = await self._names.addresses(leg, record, limits.dns)
        way = _Way(key, leg, addresses, proxy_context, context)
        async with Limit(leg, record, limits.sock_connect) as limit:
            if not key.tunnel:
                carrier = await self._plug(way, record, limit)
                return await self._streams.open(
                    carrier, proxy_context, leg, record, protocol_factory, limit, limits.tls
                )
            through = await self._through(way, destinations, record, limit, limits.tls)
            return await self._streams.open(
                through, context, key, record, protocol_factory, limit, limits.tls
            )

    async def _destinations(
        self, key: ConnectionKey, leg: ProxyKey, record: Record, limits: Limits
    ) -> list[Destination]:
        """What the proxy is asked for: the name, unless it is for us to look it up."""
        scheme = key.proxy.scheme if key.proxy is not None else ""
        spelled = literal(key.host, key.port)
        if spelled is None and (scheme not in SCHEMES or resolves_itself(scheme)):
            return [Destination(key.host, key.port)]
        found = [spelled] if spelled else await self._names.addresses(key, record, limits.dns)
        found = self._plugs.permitted(key, found)
        if scheme == "socks4":
            found = [one for one in found if one["family"] == socket.AF_INET]
            if not found:
                raise leg.failure(SocksError(f"SOCKS4 reaches IPv4 addresses only: {key.host}"))
        return [Destination(one["host"], key.port) for one in found]

    async def _plug(self, way: _Way, record: Record, limit: Limit) -> Carrier:
        sock = await self._plugs.connected_to_proxy(way.leg, way.addresses, record, limit)
        return SocketCarrier(sock)

    async def _through(
        self,
        way: _Way,
        destinations: list[Destination],
        record: Record,
        limit: Limit,
        tls: float | None,
    ) -> Carrier:
        """A carrier that leads to the first destination that the proxy reaches."""
        for number, to in enumerate(destinations, 1):
            carrier = await self._plug(way, record, limit)
            if way.proxy_context is not None:
                carrier = await self._streams.secured(
                    carrier, way.proxy_context, way.leg, record, limit, tls
                )
            try:
                await self._tunnels.ask(carrier, way.key, way.leg, to, record, limit)
            except ClientProxyConnectionError as exc:
                if number == len(destinations) or not isinstance(exc.__cause__, UnreachableError):
                    raise
            else:
                return carrier
        raise AssertionError("there is always a destination")
