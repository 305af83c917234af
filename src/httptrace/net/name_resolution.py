"""From a host to its addresses: literals, the DNS cache, look-ups, and their events."""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict
from time import perf_counter_ns
from typing import TYPE_CHECKING

from ..errors import ClientConnectionError, ClientConnectorDNSError, ClientError
from ..trace.events import (
    TraceDnsCacheHitParams,
    TraceDnsCacheMissParams,
    TraceDnsResolveHostEndParams,
    TraceDnsResolveHostExceptionParams,
    TraceDnsResolveHostStartParams,
)
from ..trace.record import DnsFacts
from .addresses import checked_results, ip_addresses, ip_literal, with_families
from .dns_cache import DnsCache, SharedLookUp
from .resolver import default_resolver, import_default_resolver
from .timeouts import StepTimeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..trace.record import Record
    from .counters import DialCounters
    from .key import ConnectionKey
    from .resolver import AbstractResolver, ResolveResult

_MOST_REMEMBERED = 1000
"""Of how many hosts it is remembered when they were looked up."""


class NameResolution:
    """Finds the addresses of hosts for one dialer.

    If `resolver` is None, it creates the default resolver on first use and closes it at the end. A
    resolver that it was given is not closed.
    """

    def __init__(
        self,
        resolver: AbstractResolver | None,
        *,
        loop: asyncio.AbstractEventLoop | None,
        use_cache: bool,
        ttl: float | None,
        max_size: int,
        family: socket.AddressFamily,
        counters: DialCounters,
    ) -> None:
        self._resolver = resolver
        self._own = resolver is None
        self._loop = loop
        self.family = family
        self.uses_cache = use_cache
        self._counters = counters
        self._closed = False
        self._looked_up_ns: OrderedDict[str, int] = OrderedDict()
        if self._own:
            import_default_resolver()
        self.cache = DnsCache(self._resolve, ttl, max_size)
        self.override: Callable[[str, int], Awaitable[list[ResolveResult]]] | None = None
        """The connector's `_resolve_host` if a program overrides it; replaces cache and look-up."""
        self.takes_names = False
        """Whether a resolver may return names: a program that overrides how sockets are connected
        may leave it to a proxy to resolve them."""

    @property
    def resolver(self) -> AbstractResolver:
        """The resolver; the default one is made when it is first needed."""
        if self._resolver is None:
            self._resolver = default_resolver(self._loop)
        return self._resolver

    async def close(self) -> None:
        """Cancel the look-ups that are running."""
        self._closed = True
        await self.cache.close()
        if self._own and self._resolver is not None:
            resolver, self._resolver = self._resolver, None
            await resolver.close()

    async def addresses(
        self, key: ConnectionKey, record: Record, seconds: float | None = None
    ) -> list[ResolveResult]:
        """The addresses of the key's host, in the order in which to try them.

        `seconds` is ``ClientTimeout.dns``: how long the request waits for a look-up.

        Raises
        ------
        ClientConnectorDNSError
            When the look-up fails.
        InvalidUrlClientError
            For a malformed IP address.
        ConnectionTimeoutError
            When the look-up takes longer than `seconds`.
        ClientConnectionError
            When the dialer is closed.
        """
        if self.override is not None:
            return await self._overridden(self.override, key, record)
        literal = ip_literal(key.host, key.port)
        if literal is not None:
            return [literal]
        if not self.uses_cache:
            return await self._look_up(key, record, seconds)
        known = self.cache.get((key.host, key.port))
        if known is None:
            return await self._look_up(key, record, seconds)
        found, age = known
        record.dns = DnsFacts(key.host, "cache", age)
        self._counters.dns_cache_hits += 1
        if record.trace is not None:
            data = (key.host, ip_addresses(found), age)
            await record.trace.tell(TraceDnsCacheHitParams, record, 0, *data)
        return found

    async def _overridden(
        self,
        override: Callable[[str, int], Awaitable[list[ResolveResult]]],
        key: ConnectionKey,
        record: Record,
    ) -> list[ResolveResult]:
        record.enter("dns")
        try:
            return await override(key.host, key.port)
        except OSError as exc:
            if isinstance(exc, ClientError):
                raise
            raise _dns_error(key, exc) from exc

    async def resolve_host(self, host: str, port: int) -> list[ResolveResult]:
        """The addresses of a host, from the cache or a look-up, without events and limits.

        Raises
        ------
        OSError
            When the look-up fails.
        """
        literal = ip_literal(host, port)
        if literal is not None:
            return [literal]
        if not self.uses_cache:
            return await self._resolve(host, port)
        known = self.cache.get((host, port))
        if known is not None:
            return known[0]
        look_up, _coalesced = self.cache.join((host, port))
        found = await look_up.wait()
        if found is None:
            error = look_up.error
            closed = ClientConnectionError("Connector is closed")
            raise error if isinstance(error, Exception) else closed
        return found

    async def _look_up(
        self, key: ConnectionKey, record: Record, seconds: float | None
    ) -> list[ResolveResult]:
        if self._closed:
            raise ClientConnectionError("Connector is closed")
        record.enter("dns")
        async with StepTimeout(key, record, "dns", seconds):
            return await self._traced_look_up(key, record)

    async def _traced_look_up(self, key: ConnectionKey, record: Record) -> list[ResolveResult]:
        """Look up the key's host, with a span."""
        trace, host = record.trace, key.host
        look_up, coalesced = self._begin(key)
        if coalesced:
            record.dns = DnsFacts(host, "shared look-up", None)
        else:
            record.dns = DnsFacts(host, "look-up", self._since_last(host))
        if trace is not None and look_up is not None:
            trace.note(TraceDnsCacheMissParams, record, 0, host)
        try:
            if trace is not None:
                await trace.tell(TraceDnsResolveHostStartParams, record, 0, host, coalesced)
            found = await self._result(key, look_up)
        except BaseException as exc:
            self._counters.dns_failed += 1
            if trace is not None:
                failed = (host, coalesced, record.error_for_caller(exc))
                trace.note(TraceDnsResolveHostExceptionParams, record, 0, *failed)
            raise
        if trace is not None:
            end = (host, coalesced, ip_addresses(found))
            await trace.tell(TraceDnsResolveHostEndParams, record, 0, *end)
        return found

    def _begin(self, key: ConnectionKey) -> tuple[SharedLookUp | None, bool]:
        """Join or start a shared look-up; without the cache there is none, as in aiohttp."""
        look_up, coalesced = None, False
        if self.uses_cache:
            look_up, coalesced = self.cache.join((key.host, key.port))
        if coalesced:
            self._counters.dns_coalesced += 1
        else:
            self._counters.dns_look_ups += 1
        return look_up, coalesced

    def _since_last(self, host: str) -> float | None:
        """Seconds since the host was looked up before; None if it was not. It is looked up now."""
        known, now_ns = self._looked_up_ns, perf_counter_ns()
        before_ns = known.pop(host, None)
        known[host] = now_ns
        if len(known) > _MOST_REMEMBERED:
            known.popitem(last=False)
        return None if before_ns is None else (now_ns - before_ns) / 1e9

    async def _result(
        self, key: ConnectionKey, look_up: SharedLookUp | None
    ) -> list[ResolveResult]:
        if look_up is None:
            try:
                return await self._resolve(key.host, key.port)
            except (Exception, asyncio.CancelledError) as exc:
                if isinstance(exc, asyncio.CancelledError) and _request_is_cancelled():
                    raise
                raise _dns_error(key, exc) from exc
        found = await look_up.wait()
        if found is None:
            raise self._failure(key, look_up.error) from look_up.error
        return found

    def _failure(self, key: ConnectionKey, error: BaseException | None) -> Exception:
        """A new error for each request that shared the look-up."""
        if self._closed and isinstance(error, asyncio.CancelledError):
            return ClientConnectionError("Connector is closed")
        return _dns_error(key, error)

    async def _resolve(self, host: str, port: int) -> list[ResolveResult]:
        resolver = self.resolver
        found = await resolver.resolve(host, port, family=self.family)
        if self.takes_names:
            return checked_results(with_families(found), host, resolver, names=True)
        return checked_results(found, host, resolver)


def _request_is_cancelled() -> bool:
    """Whether the request was cancelled, and not something inside the resolver."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _dns_error(key: ConnectionKey, error: BaseException | None) -> Exception:
    reason = str(error) or type(error).__name__
    number = None
    if isinstance(error, asyncio.CancelledError):
        reason = "the look-up was cancelled"
    elif isinstance(error, OSError):
        number, reason = error.errno, error.strerror or reason
    else:
        reason = f"{type(error).__name__}: {reason}"
    text = f"no address for host {key.host}: {reason}"
    made = socket.gaierror if isinstance(error, socket.gaierror) else OSError
    return ClientConnectorDNSError(key, made(number, text))
