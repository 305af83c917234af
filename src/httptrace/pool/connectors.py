"""The connectors that users make: TCP, Unix sockets, named pipes."""

from __future__ import annotations

from socket import AF_UNSPEC
from typing import TYPE_CHECKING, Any

from ..net.local_dialers import PipeDialer, UnixDialer
from ..net.tcp_dialer import TCPDialer
from ..net.tls_parameters import tls_of
from ..overrides import original
from .connector import BaseConnector, pool_of
from .hooks import TCPHooks, use_overrides
from .private_names import TCPNames

if TYPE_CHECKING:
    import asyncio
    import socket
    import ssl as tls

    from ..net.address_dialer import AddressFilter
    from ..net.dialer import AnyDialer
    from ..net.resolver import AbstractResolver, ResolveResult
    from ..net.sockets import SocketFactoryType
    from ..net.tls import Fingerprint

_UNSET: Any = ...


class TCPConnector(TCPNames, TCPHooks, BaseConnector):
    """Connects over TCP, with TLS for https (aiohttp's documentation, "TCPConnector").

    Requests to the same host share one look-up, and its addresses are cached for `ttl_dns_cache`
    seconds (None: without limit). If a host has several addresses, the next one is tried after
    `happy_eyeballs_delay` seconds (RFC 8305). `ssl` is for requests without an ``ssl`` parameter.

    aiohttp has no `address_filter` and no `max_connection_age`. The filter is called before each
    address is dialled, for every hop and also if the URL contains the address; any result but True
    or None forbids the address. It is not called for names that a proxy resolves. A connection is
    not reused when it is older than `max_connection_age` seconds.
    """

    allowed_protocol_schema_set = BaseConnector.allowed_protocol_schema_set | {"tcp"}

    def __init__(
        self,
        *,
        verify_ssl: bool = True,
        fingerprint: bytes | None = None,
        use_dns_cache: bool = True,
        ttl_dns_cache: float | None = 10,
        dns_cache_max_size: int = 1000,
        family: socket.AddressFamily | int = AF_UNSPEC,
        ssl_context: tls.SSLContext | None = None,
        ssl: bool | Fingerprint | tls.SSLContext = True,
        local_addr: tuple[str, int] | None = None,
        resolver: AbstractResolver | None = None,
        keepalive_timeout: float | None = _UNSET,
        force_close: bool = False,
        limit: int | None = 100,
        limit_per_host: int | None = 0,
        enable_cleanup_closed: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
        timeout_ceil_threshold: float = 5,
        happy_eyeballs_delay: float | None = 0.25,
        interleave: int | None = None,
        socket_factory: SocketFactoryType | None = None,
        ssl_shutdown_timeout: float | None = _UNSET,
        address_filter: AddressFilter | None = None,
        max_connection_age: float | None = None,
    ) -> None:
        super().__init__(
            keepalive_timeout=keepalive_timeout,
            force_close=force_close,
            limit=limit,
            limit_per_host=limit_per_host,
            enable_cleanup_closed=enable_cleanup_closed,
            loop=loop,
            timeout_ceil_threshold=timeout_ceil_threshold,
            max_connection_age=max_connection_age,
        )
        chosen = {
            "ssl": ssl,
            "verify_ssl": verify_ssl,
            "fingerprint": fingerprint,
            "ssl_context": ssl_context,
        }
        pool = pool_of(self)
        self.__dialer = pool.dialer = TCPDialer(
            loop=pool.loop,
            resolver=resolver,
            use_dns_cache=use_dns_cache,
            ttl_dns_cache=ttl_dns_cache,
            dns_cache_max_size=dns_cache_max_size,
            family=family,
            local_addr=local_addr,
            happy_eyeballs_delay=happy_eyeballs_delay,
            interleave=interleave,
            socket_factory=socket_factory,
            ssl=tls_of(chosen),
            ssl_shutdown_timeout=None if ssl_shutdown_timeout is _UNSET else ssl_shutdown_timeout,
            address_filter=address_filter,
        )
        self.__family = family
        self.__use_dns_cache = use_dns_cache
        use_overrides(pool)

    @original
    async def _resolve_host(self, host: str, port: int, traces: Any = None) -> list[ResolveResult]:
        """The addresses of a host (as in aiohttp).

        It is called for each new connection, IP addresses included, if a subclass or an assignment
        overrides it.
        """
        return await self.__dialer.names.resolve_host(host, port)

    @property
    def family(self) -> int:
        """The address family of the look-ups; 0 means all."""
        return self.__family

    @property
    def use_dns_cache(self) -> bool:
        """Whether addresses are cached."""
        return self.__use_dns_cache

    def clear_dns_cache(self, host: str | None = None, port: int | None = None) -> None:
        """Remove the addresses of one host and port from the cache, or all."""
        self.__dialer.clear_dns_cache(host, port)


class _LocalConnector(BaseConnector):
    """Connects to one path on this machine, whatever host the URL names."""

    def __init__(
        self,
        path: str,
        force_close: bool = False,
        keepalive_timeout: float | None = _UNSET,
        limit: int | None = 100,
        limit_per_host: int | None = 0,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(
            force_close=force_close,
            keepalive_timeout=keepalive_timeout,
            limit=limit,
            limit_per_host=limit_per_host,
            loop=loop,
        )
        pool = pool_of(self)
        pool.uses_proxies = False
        pool.dialer = self._dialer_for(path, pool.loop)
        self.__path = path

    def _dialer_for(self, path: str, loop: asyncio.AbstractEventLoop) -> AnyDialer:
        raise NotImplementedError

    @property
    def path(self) -> str:
        """The path of the socket or the pipe."""
        return self.__path


class UnixConnector(_LocalConnector):
    """Connects to a Unix socket, whatever host the URL names (aiohttp's documentation).

    The scheme of a URL may be ``unix``, as in ``unix://localhost/path``.
    """

    allowed_protocol_schema_set = BaseConnector.allowed_protocol_schema_set | {"unix"}

    def _dialer_for(self, path: str, loop: asyncio.AbstractEventLoop) -> AnyDialer:
        return UnixDialer(path)


class NamedPipeConnector(_LocalConnector):
    """Connects to a named pipe of Windows, whatever host the URL names (aiohttp's documentation).

    Raises
    ------
    RuntimeError
        When the event loop is not a proactor event loop, which exists on Windows only.
    """

    allowed_protocol_schema_set = BaseConnector.allowed_protocol_schema_set | {"npipe"}

    def _dialer_for(self, path: str, loop: asyncio.AbstractEventLoop) -> AnyDialer:
        if not hasattr(loop, "create_pipe_connection"):
            raise RuntimeError("Named pipes need a proactor event loop, which only Windows has")
        return PipeDialer(path)


def check_connector(connector: Any, loop: asyncio.AbstractEventLoop) -> BaseConnector:
    """Raise unless it is an open connector of httptrace that uses this event loop."""
    if not isinstance(connector, BaseConnector):
        raise TypeError(f"connector must be an httptrace connector, not {connector!r}")
    if connector.closed:
        raise RuntimeError("The connector is closed already")
    if pool_of(connector).loop is not loop:
        raise RuntimeError("Session and connector have to use the same event loop")
    return connector
