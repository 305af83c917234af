"""Resolvers turn a host's name into addresses (aiohttp's documentation, "Resolvers")."""

from __future__ import annotations

import asyncio
import socket
from abc import ABC, abstractmethod
from functools import partial
from importlib.util import find_spec
from inspect import isawaitable
from typing import Any, NotRequired, TypedDict

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class ResolveResult(TypedDict):
    """One address of a host."""

    hostname: str
    """The name that was looked up."""
    host: str
    """The IP address; an IPv6 one may end in ``%`` and its zone."""
    port: int
    family: int
    proto: int
    flags: int
    ttl: NotRequired[float]
    """For how many seconds it may be kept; without it, as long as the connector keeps any."""


class AbstractResolver(ABC):
    """Turns names into addresses; subclass it to resolve in a way of your own."""

    @abstractmethod
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look up the addresses of a host, the one to be tried first at the front.

        `family` may be ``socket.AF_UNSPEC`` for IPv4 and IPv6 alike.

        Raises
        ------
        OSError
            When there are none.
        """

    @abstractmethod
    async def close(self) -> None:
        """Let go of what the resolver holds."""


class ThreadedResolver(AbstractResolver):
    """The operating system's resolver (``getaddrinfo``), called in the loop's thread pool."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look up a host; the order is the one of RFC 6724 that the system gives."""
        loop = self._loop or asyncio.get_running_loop()
        look_up = partial(
            socket.getaddrinfo,
            host,
            port,
            family=family,
            type=socket.SOCK_STREAM,
            flags=socket.AI_ADDRCONFIG,
        )
        # Not loop.getaddrinfo: uvloop's loses the zones of addresses.
        infos: list[Any] = await loop.run_in_executor(None, look_up)
        return [
            _result(host, _scoped(*address), address[1], family, proto)
            for family, _type, proto, _name, address in infos
            if family in (socket.AF_INET, socket.AF_INET6)
        ]

    async def close(self) -> None:
        """Nothing is held."""


class AsyncResolver(AbstractResolver):
    """DNS over c-ares by the package aiodns; further arguments go to ``aiodns.DNSResolver``.

    Raises
    ------
    RuntimeError
        When aiodns is not installed.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop | None = None, *args: Any, **kwargs: Any
    ) -> None:
        try:
            import aiodns
        except ImportError as exc:
            raise RuntimeError(
                "AsyncResolver needs the package aiodns, which is not installed: "
                "pip install 'httptrace[speed]'"
            ) from exc
        self._error = aiodns.error.DNSError
        loop = loop or asyncio.get_running_loop()
        make: Any = aiodns.DNSResolver
        self._resolver = make(*args, loop=loop, **kwargs)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look up a host; the results carry the time to live that DNS gave them."""
        try:
            found = await self._resolver.getaddrinfo(
                host,
                port=port,
                type=socket.SOCK_STREAM,
                family=family,
                flags=socket.AI_ADDRCONFIG,
            )
        except self._error as exc:
            reason = exc.args[1] if len(exc.args) > 1 else "DNS look-up failed"
            raise OSError(None, reason) from exc
        return [
            _from_cares(host, node)
            for node in found.nodes
            if node.family in (socket.AF_INET, socket.AF_INET6)
        ]

    async def close(self) -> None:
        """Cancel what is under way and close the channel."""
        closed = getattr(self._resolver, "close", self._resolver.cancel)()
        if isawaitable(closed):
            await closed


def _result(name: str, host: str, port: int, family: int, proto: int) -> ResolveResult:
    return {
        "hostname": name,
        "host": host,
        "port": port,
        "family": family,
        "proto": proto,
        "flags": _NUMERIC,
    }


def _from_cares(name: str, node: Any) -> ResolveResult:
    host, *rest = node.addr
    result = _result(
        name, _scoped(host.decode("ascii"), *rest), rest[0], node.family, socket.IPPROTO_TCP
    )
    if node.ttl > 0:  # 0 is what the hosts file has, which knows no time to live
        result["ttl"] = node.ttl
    return result


def _scoped(host: str, _port: int, _flow: int = 0, scope: int = 0) -> str:
    """An address with its zone, without which a link-local one leads nowhere (RFC 4007 §11)."""
    return f"{host}%{scope}" if scope and "%" not in host else host


DefaultResolver: type[AsyncResolver | ThreadedResolver] = (
    AsyncResolver if find_spec("aiodns") else ThreadedResolver
)
"""`AsyncResolver` where aiodns is installed, as in aiohttp, otherwise `ThreadedResolver`."""


def default_resolver(loop: asyncio.AbstractEventLoop | None = None) -> AbstractResolver:
    """The default resolver; an aiodns that does not work here gives way to threads."""
    try:
        return DefaultResolver(loop)
    except RuntimeError:
        return ThreadedResolver(loop)
