"""Methods of aiohttp's connectors that programs override to open connections in their own way.

aiohttp's connectors call each other's methods for each new connection::

    _create_connection ─┬─ _create_direct_connection ─┬─ _resolve_host
                        │                             └─ _wrap_create_connection
                        └─ _create_proxy_connection ──┬─ _update_proxy_auth_header_and_build_…
                                                      └─ _create_direct_connection, to the proxy

httptrace's do not, unless a program overrides one of them. Then `HookedDialer` goes by them, with
the arguments that aiohttp 3.14 gives. Those that are not overridden are the ones in this module:
they do their part with httptrace's own dialer, and may be called by ``super()``.
"""

from __future__ import annotations

from functools import partial
from socket import AF_INET6, IPPROTO_TCP, SOCK_STREAM
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ..errors import ClientConnectionError, ClientConnectorError, ClientProxyConnectionError
from ..net.addresses import checked_results, format_address, is_ip, with_families
from ..net.adopted import adopted, peer_address, stream_over
from ..net.dialer import Dial
from ..net.key import ProxyKey
from ..net.socks import SCHEMES as SOCKS
from ..net.tcp_dialer import TCPDialer
from ..net.timeouts import ConnectTimeouts
from ..net.transports import server_name
from ..overrides import original, overridden, refuse_overrides
from .connect_hook import client_error, use_connect
from .pool import pool_of
from .response_handler import ResponseHandler

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from ssl import SSLContext

    from ..net.byte_streams import ByteStream, TransportPair
    from ..net.key import ConnectionKey
    from ..net.name_resolution import NameResolution
    from ..net.resolver import ResolveResult
    from ..net.sockets import AddrInfoType
    from ..net.transports import ProtocolFactory
    from ..timeouts import ClientTimeout
    from .pool import ConnectionPool

Opened = tuple["asyncio.Transport", "ResponseHandler"]
"""A transport and its protocol, until a request's connection becomes the transport's protocol."""

INSTEAD = "use its parameters, proxy=, address_filter= or dialer="
_FOR_PROXIES = frozenset(
    {"_create_proxy_connection", "_update_proxy_auth_header_and_build_proxy_req"}
)
_NOT_FOR_DIALS = frozenset({"connect", "_resolve_host"})


def use_overrides(pool: ConnectionPool) -> None:
    """Let a pool go by what its connector overrides: its class, or the object itself.

    Raises
    ------
    TypeError
        If it overrides a method that is never called.
    """
    connector: Any = pool.connector()
    if connector is None:
        return
    refuse_overrides(type(connector), "BaseConnector", INSTEAD)
    names = overridden(connector, "BaseConnector")
    use_connect(pool, partial(_connect, pool) if "connect" in names else None)
    dialled_by = names - _NOT_FOR_DIALS
    pool.hooked_dialer = HookedDialer(pool, dialled_by) if dialled_by else None
    if isinstance(pool.dialer, TCPDialer):
        finder = pool.dialer.names
        finder.override = partial(_resolve, pool, finder) if "_resolve_host" in names else None
        takes_names = "_wrap_create_connection" in names
        if finder.takes_names is not takes_names:
            finder.takes_names = takes_names
            finder.cache.clear()


async def _connect(pool: ConnectionPool, *args: Any) -> Any:
    return await _alive(pool).connect(*args)


async def _resolve(
    pool: ConnectionPool, finder: NameResolution, host: str, port: int
) -> list[ResolveResult]:
    connector = _alive(pool)
    found = with_families(await connector._resolve_host(host, port, traces=[]))
    return checked_results(found, host, connector, names=finder.takes_names)


def _alive(pool: ConnectionPool) -> Any:
    """The connector of the pool, which does not keep it alive."""
    connector = pool.connector()
    if connector is None:
        raise ClientConnectionError("Connector is closed")
    return connector


class HookedDialer:
    """Opens the connections of a connector by its methods, some of which a program overrides."""

    def __init__(self, pool: ConnectionPool, names: frozenset[str]) -> None:
        self._pool = pool
        self._only_proxies = names <= _FOR_PROXIES
        if pool.held is None:
            pool.held = WeakKeyDictionary()

    async def connect(
        self,
        key: ConnectionKey,
        record: Any,
        protocol_factory: ProtocolFactory,
        *,
        sock_connect: float | None,
        dns: float | None = None,
        tls: float | None = None,
    ) -> TransportPair:
        """Connect as `BaseDialer.connect` does; errors of the program's methods are raised on."""
        engine = self._pool.dialer
        if engine is not None and self._only_proxies and key.proxy is None:
            return await engine.connect(
                key, record, protocol_factory, sock_connect=sock_connect, dns=dns, tls=tls
            )
        call = record.call
        record.enter("connect")
        request, timeout = call.core.request_class._of(call), call.settings.timeout
        try:
            handler = await _alive(self._pool)._create_connection(request, [], timeout)
        except OSError as exc:
            if (error := client_error(exc, key)) is exc:
                raise
            raise error from exc
        if call.headers is not None:
            call.head = None  # they may have changed
        return self._adopt(handler, key, record, protocol_factory)

    async def close(self) -> None:
        """Do nothing: the pool closes its own dialer."""

    def _adopt(
        self, handler: Any, key: ConnectionKey, record: Any, protocol_factory: ProtocolFactory
    ) -> TransportPair:
        """Make a connection the protocol of the transport in place of `handler`."""
        transport = _transport_of(handler, key)
        try:
            received = _received(handler)
            transport = adopted(transport)
            connection: Any = protocol_factory()
            transport.set_protocol(connection)
            connection.connection_made(transport)
            if received:
                connection.received(received)
        except OSError as exc:
            transport.abort()
            raise key.failure(exc) from exc
        except BaseException:
            transport.abort()
            raise
        record.address = record.address or peer_address(transport)
        record.tls = getattr(transport, "facts", None)
        self._pool.held[connection] = handler  # type: ignore[index]
        return transport, connection


def _transport_of(handler: Any, key: ConnectionKey) -> Any:
    """The transport of what a program's method returned.

    Raises
    ------
    TypeError
        If it cannot have one.
    ClientConnectorError
        If it has lost it.
    """
    if not hasattr(handler, "transport"):
        text = f"must return a protocol that has a transport, not {handler!r}"
        raise TypeError(f"The connector's _create_connection {text}")
    if handler.transport is None:
        raise key.failure(OSError(None, "the connection was closed"))
    return handler.transport


def _received(handler: Any) -> bytes:
    """What has arrived at the transport's protocol.

    Raises
    ------
    TypeError
        If it is one that would do more with it.
    """
    if isinstance(handler, ResponseHandler):
        refuse_overrides(type(handler), "ResponseHandler", "httptrace parses responses itself")
    return bytes(getattr(handler, "_tail", b""))


class ConnectorHooks:
    """The methods of every connector."""

    @property
    def _factory(self) -> Callable[[], ResponseHandler]:
        """Makes the protocol of a new transport."""
        return partial(ResponseHandler, pool_of(self).loop)

    @original
    async def _create_connection(
        self, req: Any, traces: list[Any], timeout: ClientTimeout
    ) -> ResponseHandler:
        """A new connection for a request."""
        dialer, dial = pool_of(self).dialer, _dial_of(req, timeout)
        if dialer is None:
            raise NotImplementedError
        seconds = dial.timeouts._asdict()
        pair = await dialer.connect(dial.key, dial.record, self._factory, **seconds)
        return pair[1]  # type: ignore[return-value]

    @original
    def _update_proxy_auth_header_and_build_proxy_req(self, req: Any) -> Any:
        """The request that is sent to a request's proxy: its ``ssl`` and ``headers`` are used."""
        return req._for_proxy()


class TCPHooks(ConnectorHooks):
    """The methods of `TCPConnector`."""

    @original
    async def _create_connection(
        self, req: Any, traces: list[Any], timeout: ClientTimeout
    ) -> ResponseHandler:
        """A new connection for a request, directly or by its proxy."""
        create = self._create_proxy_connection if req.proxy else self._create_direct_connection
        return (await create(req, traces, timeout))[1]

    @original
    async def _create_direct_connection(
        self,
        req: Any,
        traces: list[Any],
        timeout: ClientTimeout,
        *,
        client_error: type[Exception] = ClientConnectorError,
    ) -> Opened:
        """A new connection to the host of a request; the addresses are tried one after another."""
        dialer, dial = _dialer_of(self), _dial_of(req, timeout)
        key, record = dial.key, dial.record
        context = await dialer.transports.context(key, record)
        found = await dialer.names.addresses(key, record, dial.timeouts.dns)
        infos = [_addr_info(one) for one in _permitted(dialer, key, found)]
        record.enter("connect")
        while True:
            try:
                pair = await self._wrap_create_connection(
                    self._factory,
                    timeout=timeout,
                    ssl=context,
                    addr_infos=infos,
                    server_hostname=server_name(key) if context else None,
                    req=req,
                    client_error=client_error,
                )
            except (ClientConnectorError, TimeoutError):
                _forget_tried(infos, record)
                if not infos:
                    raise
            else:
                dialer.transports.check_fingerprint(pair[0], key)
                return pair

    @original
    async def _wrap_create_connection(
        self,
        factory: Callable[[], ResponseHandler],
        /,
        *,
        addr_infos: list[AddrInfoType],
        req: Any,
        timeout: ClientTimeout,
        client_error: type[Exception] = ClientConnectorError,
        ssl: SSLContext | None = None,
        server_hostname: str | None = None,
    ) -> Opened:
        """A new connection to one of the addresses. The errors are httptrace's own."""
        dialer, dial = _dialer_of(self), _dial_of(req, timeout)
        if server_hostname is not None and server_hostname != server_name(dial.key):
            dial = dial._replace(key=dial.key._replace(server_hostname=server_hostname))
        addresses = checked_results([_result(one) for one in addr_infos], dial.key.host, self)
        return await dialer.open(dial, addresses, ssl, factory)  # type: ignore[return-value]

    @original
    async def _create_proxy_connection(
        self, req: Any, traces: list[Any], timeout: ClientTimeout
    ) -> Opened:
        """A new connection to the proxy of a request, or by its tunnel to the host."""
        dialer, dial = _dialer_of(self), _dial_of(req, timeout)
        proxied = self._update_proxy_auth_header_and_build_proxy_req(req)
        proxied._ssl = await dialer.transports.ssl_for_proxy(proxied.ssl, dial.record)
        error = ClientProxyConnectionError
        if not dial.key.tunnel:
            return await self._create_direct_connection(proxied, [], timeout, client_error=error)
        held: list[Any] = []

        async def reach() -> ByteStream:
            pair = await self._create_direct_connection(proxied, [], timeout, client_error=error)
            held.append(pair)
            try:
                return stream_over(adopted(pair[0]), _received(pair[1]))
            except OSError as exc:
                raise to_proxy.key.failure(exc) from exc

        dial = dial._replace(key=_tunnel_key(dial.key, proxied))
        to_proxy = _dial_of(proxied, timeout)
        context = await dialer.transports.context(dial.key, dial.record)
        destinations = await dialer.proxies.destinations(dial, to_proxy)
        async with to_proxy.within_sock_connect():
            stream = await dialer.proxies.tunnel(dial, to_proxy, destinations, reach)
            transport, handler = await dialer.transports.open(stream, context, dial, self._factory)
        handler.holds = held  # type: ignore[attr-defined]
        return transport, handler  # type: ignore[return-value]


# --- from aiohttp's arguments to the dialer's and back --------------------------------------------


def _dialer_of(connector: TCPHooks) -> TCPDialer:
    dialer: Any = pool_of(connector).dialer
    return dialer  # type: ignore[no-any-return]


def _dial_of(request: Any, timeout: ClientTimeout) -> Dial:
    """Where a request goes, and the limits for that; aiohttp's own timeouts have fewer."""
    dns, tls = getattr(timeout, "dns", None), getattr(timeout, "tls", None)
    key, record = request._destination
    return Dial(key, record, ConnectTimeouts(timeout.sock_connect, dns, tls))


def _permitted(
    dialer: TCPDialer, key: ConnectionKey, found: list[ResolveResult]
) -> list[ResolveResult]:
    """The addresses that the connector's filter allows, in the order to try.

    It is not asked about a proxy, and cannot be about a name that the program leaves to a proxy.
    """
    are_ips = all(is_ip(one["host"], one["family"]) for one in found)
    return dialer.addresses.permitted(key, found, ask=are_ips and not isinstance(key, ProxyKey))


def _addr_info(found: ResolveResult) -> AddrInfoType:
    host, port, family = found["host"], found["port"], found["family"]
    address = (host, port, 0, 0) if family == AF_INET6 else (host, port)
    return (family, SOCK_STREAM, IPPROTO_TCP, "", address)


def _result(info: AddrInfoType) -> ResolveResult:
    family, _kind, proto, _name, (host, port, *_scope) = info
    return {
        "hostname": host,
        "host": host,
        "port": port,
        "family": family,
        "proto": proto,
        "flags": 0,
    }


def _forget_tried(infos: list[AddrInfoType], record: Any) -> None:
    """Remove the first address, and those that have failed."""
    failed = {address for address, _reason in record.addresses_failed}
    infos[:] = [one for one in infos[1:] if format_address(_result(one)) not in failed]


def _tunnel_key(key: ConnectionKey, proxied: Any) -> ConnectionKey:
    """The key with the header fields that the program gives a proxy which is asked for a tunnel."""
    if key.proxy is None or key.proxy.scheme in SOCKS:
        return key
    fields = [(name, value) for name, value in proxied.headers.items() if name.lower() != "host"]
    return key._replace(proxy_headers=tuple(fields), proxy_auth=None)
