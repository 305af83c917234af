"""The DNS cache. Requests for the same host share one look-up.

A look-up runs in a task of its own, in an empty context. If the requests that wait for it are
cancelled, it continues, and its result is cached. Failures are not cached.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextvars import Context
from math import isinf
from time import perf_counter_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .resolver import ResolveResult

Host = tuple[str, int]
"""A host's name and port: the arguments of a resolver."""

Resolve = Callable[[str, int], Awaitable[list["ResolveResult"]]]


class _Entry:
    """The addresses of one host, rotated by one at each use, as in aiohttp."""

    __slots__ = ("_addresses", "_next", "expires_ns", "since_ns")

    def __init__(self, addresses: list[ResolveResult], since_ns: int, expires_ns: int) -> None:
        self._addresses = addresses
        self._next = 0
        self.since_ns = since_ns
        self.expires_ns = expires_ns

    def take(self) -> list[ResolveResult]:
        at, self._next = self._next, (self._next + 1) % len(self._addresses)
        return [*self._addresses[at:], *self._addresses[:at]]


class SharedLookUp:
    """A look-up that several requests may wait for. Its result is an entry or an error."""

    __slots__ = ("_entry", "_waiters", "error", "task")

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()
        self._entry: _Entry | None = None
        self.error: BaseException | None = None
        self.task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """The number of requests that wait for it."""
        return len(self._waiters)

    async def wait(self) -> list[ResolveResult] | None:
        """The addresses, or None if it failed. Cancelling one caller does not affect the others."""
        if self._entry is None and self.error is None:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)
        return None if self._entry is None else self._entry.take()

    def finish(self, entry: _Entry | None, error: BaseException | None) -> None:
        """Set the result, and wake the requests that wait."""
        self._entry, self.error = entry, error
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)


class DnsCache:
    """Caches addresses for `ttl` seconds (None: without limit), and at most for their own ttl.

    It holds `max_size` hosts and drops the least recently used one when it is full.
    """

    def __init__(self, resolve: Resolve, ttl: float | None, max_size: int) -> None:
        self._resolve = resolve
        self._ttl = ttl
        self._max_size = max_size
        self._entries: OrderedDict[Host, _Entry] = OrderedDict()
        self._under_way: dict[Host, SharedLookUp] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, host: Host) -> tuple[list[ResolveResult], float] | None:
        """The cached addresses and their age in seconds."""
        entry = self._entries.get(host)
        if entry is None:
            return None
        now_ns = perf_counter_ns()
        if entry.expires_ns and now_ns >= entry.expires_ns:
            del self._entries[host]
            return None
        self._entries.move_to_end(host)
        return entry.take(), (now_ns - entry.since_ns) / 1e9

    def join(self, host: Host) -> tuple[SharedLookUp, bool]:
        """The look-up of a host, and whether it was running already."""
        found = self._under_way.get(host)
        if found is not None:
            return found, True
        look_up = self._under_way[host] = SharedLookUp()
        loop = asyncio.get_running_loop()
        look_up.task = loop.create_task(self._run(host, look_up), context=Context())
        # A callback, because a task that is cancelled before its first step never runs `_run`.
        look_up.task.add_done_callback(lambda task: self._done(host, look_up, task))
        return look_up, False

    def clear(self, host: Host | None = None) -> None:
        """Remove one host, or all."""
        if host is None:
            self._entries.clear()
        else:
            self._entries.pop(host, None)

    async def close(self) -> None:
        """Remove all hosts, and cancel the look-ups that are running."""
        self._entries.clear()
        tasks = [one.task for one in self._under_way.values() if one.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, host: Host, look_up: SharedLookUp) -> None:
        try:
            addresses = await self._resolve(*host)
        except Exception as exc:
            self._over(host, look_up)  # first: who is woken may ask again at once
            look_up.finish(None, exc)
        else:
            look_up.finish(self._keep(host, addresses), None)

    def _keep(self, host: Host, addresses: list[ResolveResult]) -> _Entry:
        since_ns = perf_counter_ns()
        ttl = self._shortest(addresses)
        forever = ttl is None or isinf(ttl * 1e9)
        expires_ns = 0 if forever else since_ns + int(ttl * 1e9)  # type: ignore[operator]
        entry = _Entry(addresses, since_ns, expires_ns)
        if ttl != 0:
            self._entries[host] = entry
            if len(self._entries) > self._max_size:
                self._entries.popitem(last=False)
        return entry

    def _shortest(self, addresses: list[ResolveResult]) -> float | None:
        limits = [one["ttl"] for one in addresses if "ttl" in one]
        if self._ttl is not None:
            limits.append(self._ttl)
        return min(limits, default=None)

    def _done(self, host: Host, look_up: SharedLookUp, task: asyncio.Task[None]) -> None:
        self._over(host, look_up)
        if task.cancelled():
            look_up.finish(None, asyncio.CancelledError())
        elif (error := task.exception()) is not None:
            look_up.finish(None, error)

    def _over(self, host: Host, look_up: SharedLookUp) -> None:
        if self._under_way.get(host) is look_up:
            del self._under_way[host]
