"""Resolvers: from a host's name to its addresses (aiohttp's documentation, "Resolvers")."""

from __future__ import annotations

import asyncio
import socket
from abc import ABC, abstractmethod
from contextlib import suppress
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from inspect import isawaitable
from typing import Any, NotRequired, TypedDict

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class ResolveResult(TypedDict):
    """One address of a host."""

    hostname: str
    """The name that was looked up."""
    host: str
    """The IP address; an IPv6 address may end in ``%`` and a zone id."""
    port: int
    family: int
    proto: int
    flags: int
    ttl: NotRequired[float]
    """How many seconds the connector may cache it; without it, `ttl_dns_cache` applies."""


class AbstractResolver(ABC):
    """Base class of resolvers. A subclass can resolve names in another way."""

    @abstractmethod
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look up the addresses of a host, in the order in which to try them.

        `family` is ``socket.AF_UNSPEC`` for both IPv4 and IPv6.

        Raises
        ------
        OSError
            When the host has no addresses.
        """

    @abstractmethod
    async def close(self) -> None:
        """Release the resolver's resources."""


class ThreadedResolver(AbstractResolver):
    """The operating system's resolver (``getaddrinfo``), called in the loop's thread pool."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look up a host; the system orders the addresses (RFC 6724)."""
        loop = self._loop or asyncio.get_running_loop()
        look_up = partial(
            socket.getaddrinfo,
            host,
            port,
            family=family,
            type=socket.SOCK_STREAM,
            flags=socket.AI_ADDRCONFIG,
        )
        # Not loop.getaddrinfo: uvloop's drops zone ids.
        infos: list[Any] = await loop.run_in_executor(None, look_up)
        return [
            _result(host, _scoped(*address), address[1], family, proto)
            for family, _type, proto, _name, address in infos
            if family in (socket.AF_INET, socket.AF_INET6)
        ]

    async def close(self) -> None:
        """Do nothing: this resolver has no resources."""


class AsyncResolver(AbstractResolver):
    """Resolves with c-ares, through the package aiodns.

    Further arguments are passed to ``aiodns.DNSResolver``.

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
        """Look up a host; each result has the time to live of its DNS record as `ttl`."""
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
        """Cancel the look-ups that are running, and close the channel."""
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
    if node.ttl > 0:  # entries of the hosts file have 0
        result["ttl"] = node.ttl
    return result


def _scoped(host: str, _port: int, _flow: int = 0, scope: int = 0) -> str:
    """The address with its zone id, which a link-local address needs (RFC 4007 §11)."""
    return f"{host}%{scope}" if scope and "%" not in host else host


DefaultResolver: type[AsyncResolver | ThreadedResolver] = (
    AsyncResolver if find_spec("aiodns") else ThreadedResolver
)
"""`AsyncResolver` where aiodns is installed, as in aiohttp, otherwise `ThreadedResolver`."""


def default_resolver(loop: asyncio.AbstractEventLoop | None = None) -> AbstractResolver:
    """The default resolver; `ThreadedResolver` if aiodns does not work here."""
    try:
        return DefaultResolver(loop)
    except RuntimeError:
        return ThreadedResolver(loop)


def import_default_resolver() -> None:
    """Import what the default resolver needs. Its first look-up would do that otherwise."""
    if DefaultResolver is AsyncResolver:
        with suppress(Exception):  # the look-up tells what is wrong with it
            import_module("aiodns")
