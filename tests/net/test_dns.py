"""The DNS cache: shared look-ups, how long results are cached, and failures."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextvars import ContextVar
from typing import Any

import pytest

from httptrace.errors import ClientConnectionError, ClientConnectorDNSError
from httptrace.net.counters import DialCounters
from httptrace.net.dns_cache import DnsCache, SharedLookUp
from httptrace.net.name_resolution import NameResolution
from httptrace.net.resolver import (
    AbstractResolver,
    AsyncResolver,
    DefaultResolver,
    ThreadedResolver,
    default_resolver,
)
from httptrace.net.tcp_dialer import TCPDialer

from .recording import Fixed, Gated, Listened, key, result, turns

pytestmark = pytest.mark.usefixtures("nothing_stays")

HOST = key("test.example", 80)


def names(resolver: Any, **more: Any) -> NameResolution:
    options: dict[str, Any] = {"use_cache": True, "ttl": 10, "max_size": 100}
    options |= {"family": socket.AF_UNSPEC, "loop": None, "counters": DialCounters()}
    return NameResolution(resolver, **(options | more))


async def test_one_look_up_serves_all() -> None:
    """Concurrent requests join the look-up; each has events with its own waiting time."""
    resolver = Gated("127.0.0.1")
    lookup = names(resolver)
    records = [Listened() for _ in range(3)]
    tasks = [asyncio.ensure_future(lookup.addresses(HOST, record)) for record in records]
    await turns(3)
    resolver.gate.set()
    found = await asyncio.gather(*tasks)
    assert resolver.calls == 1
    assert [one[0]["host"] for one in found] == ["127.0.0.1"] * 3
    for at, record in enumerate(records):
        assert record.names == ["dns_cache_miss", "dns_resolvehost_start", "dns_resolvehost_end"]
        assert record.kept.events[1].coalesced is (at > 0)  # type: ignore[attr-defined]
        assert record.kept.events[2].coalesced is (at > 0)  # type: ignore[attr-defined]
        assert record.phases == ["dns"]
    await lookup.close()


async def test_a_failure_is_each_waiters_own() -> None:
    """A failed look-up gives each waiting request its own error, and is not cached."""
    resolver = Gated(error=socket.gaierror(-2, "Name or service not known"))
    lookup = names(resolver)
    records = [Listened() for _ in range(3)]
    tasks = [asyncio.ensure_future(lookup.addresses(HOST, record)) for record in records]
    await turns(3)
    resolver.gate.set()
    errors = await asyncio.gather(*tasks, return_exceptions=True)
    assert len({id(error) for error in errors}) == 3
    for record, error in zip(records, errors, strict=True):
        assert isinstance(error, ClientConnectorDNSError)
        assert isinstance(error.os_error, socket.gaierror)
        assert error.os_error.errno == -2
        assert "no address for host test.example: Name or service not known" in str(error)
        assert await record.flushed() == [
            "dns_cache_miss",
            "dns_resolvehost_start",
            "dns_resolvehost_exception",
        ]
        assert record.kept.events[-1].exception is error  # type: ignore[attr-defined]
    resolver.error = None
    resolver.hosts = ("127.0.0.1",)
    assert await lookup.addresses(HOST, Listened())
    assert resolver.calls == 2
    await lookup.close()


async def test_a_waiter_that_goes_away_harms_nobody() -> None:
    """Cancelling the request that began the look-up does not affect the others."""
    resolver = Gated("127.0.0.1")
    lookup = names(resolver)
    first, second = Listened(), Listened()
    going = asyncio.ensure_future(lookup.addresses(HOST, first))
    staying = asyncio.ensure_future(lookup.addresses(HOST, second))
    await turns(3)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert await first.flushed() == [
        "dns_cache_miss",
        "dns_resolvehost_start",
        "dns_resolvehost_exception",
    ]
    resolver.gate.set()
    assert await staying
    assert resolver.calls == 1
    await lookup.close()


async def test_a_waiter_that_goes_away_in_the_same_turn() -> None:
    """A request that is cancelled just before the look-up ends does not block the others."""
    look_up = SharedLookUp()
    going, staying = (asyncio.ensure_future(look_up.wait()) for _ in range(2))
    await turns(1)
    going.cancel()
    look_up.finish(None, OSError("no such host"))
    assert await staying is None
    assert going.cancelled()
    assert look_up.waiting == 0


async def test_all_waiters_gone() -> None:
    """A look-up that no request waits for any more is completed and cached."""
    resolver = Gated("127.0.0.1")
    lookup = names(resolver)
    going = asyncio.ensure_future(lookup.addresses(HOST, Listened()))
    await turns(3)
    going.cancel()
    resolver.gate.set()
    await turns(4)
    record = Listened()
    await lookup.addresses(HOST, record)
    assert record.names == ["dns_cache_hit"]
    assert (resolver.calls, len(lookup.cache)) == (1, 1)
    await lookup.close()


async def test_a_look_up_belongs_to_no_request() -> None:
    """The shared look-up runs in an empty context, not in that of the first request."""
    whose: ContextVar[str] = ContextVar("whose", default="nobody's")
    whose.set("the first request's")
    resolver = Gated("127.0.0.1")
    heard: list[str] = []
    resolver.seen = lambda: heard.append(whose.get())
    resolver.gate.set()
    lookup = names(resolver)
    await lookup.addresses(HOST, Listened())
    assert heard == ["nobody's"]
    await lookup.close()


async def test_closing_stops_look_ups() -> None:
    """Closing cancels the look-up; waiting requests fail because the connector is closed."""
    lookup = names(Gated("127.0.0.1"))
    record = Listened()
    waiting = asyncio.ensure_future(lookup.addresses(HOST, record))
    await turns(3)
    await lookup.close()
    with pytest.raises(ClientConnectionError, match="Connector is closed"):
        await waiting
    assert (await record.flushed())[-1] == "dns_resolvehost_exception"


async def test_closing_before_the_look_up_began() -> None:
    """A look-up that is cancelled before its first step still wakes its waiter."""
    lookup = names(Gated("127.0.0.1"))
    waiting = asyncio.ensure_future(lookup.addresses(HOST, Listened()))
    await turns(1)
    await lookup.close()
    with pytest.raises(ClientConnectionError, match="Connector is closed"):
        await waiting


@pytest.mark.parametrize("use_cache", [True, False])
async def test_a_resolver_that_raises_something_else(use_cache: bool) -> None:
    """Any exception of a resolver becomes an error that names the host and the exception."""

    class Broken(Fixed):
        async def resolve(self, *args: Any, **kwargs: Any) -> Any:
            raise LookupError("out of order")

    lookup = names(Broken(), use_cache=use_cache)
    with pytest.raises(ClientConnectorDNSError, match=r"test\.example: LookupError: out of order"):
        await lookup.addresses(HOST, Listened())
    await lookup.close()


@pytest.mark.parametrize("use_cache", [True, False])
async def test_a_resolver_whose_own_work_is_cancelled(use_cache: bool) -> None:
    """A CancelledError of the resolver fails the look-up; the request is not cancelled."""

    class Broken(Fixed):
        async def resolve(self, *args: Any, **kwargs: Any) -> Any:
            question = asyncio.get_running_loop().create_future()
            question.cancel()
            return await question

    lookup = names(Broken(), use_cache=use_cache)
    with pytest.raises(ClientConnectorDNSError, match=r"test\.example: the look-up was cancelled"):
        await lookup.addresses(HOST, Listened())
    await lookup.close()


async def test_a_request_that_is_cancelled_without_cache() -> None:
    """A cancellation of the request itself stays one."""
    resolver = Gated("127.0.0.1")
    lookup = names(resolver, use_cache=False)
    waiting = asyncio.ensure_future(lookup.addresses(HOST, Listened()))
    await turns(1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await lookup.close()


async def test_without_cache() -> None:
    """Without the cache every request calls the resolver, and there is no cache event."""
    resolver = Fixed("127.0.0.1")
    lookup = names(resolver, use_cache=False)
    for _ in range(2):
        record = Listened()
        await lookup.addresses(HOST, record)
        assert record.names == ["dns_resolvehost_start", "dns_resolvehost_end"]
    assert resolver.calls == 2
    await lookup.close()


async def test_addresses_take_turns() -> None:
    """Each use of the cache begins with the next address, as in aiohttp."""
    lookup = names(Fixed("127.0.0.1", "127.0.0.2", "127.0.0.3"))
    firsts = []
    for _ in range(4):
        found = await lookup.addresses(HOST, Listened())
        assert len(found) == 3
        firsts.append(found[0]["host"])
    assert firsts == ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.1"]
    await lookup.close()


async def test_the_same_address_twice() -> None:
    """An address that a resolver returns twice is tried once."""
    lookup = names(Fixed("127.0.0.1", "127.0.0.1"))
    assert len(await lookup.addresses(HOST, Listened())) == 1
    await lookup.close()


async def test_counters() -> None:
    """Look-ups, joined ones and hits are counted."""
    dialer_counters = DialCounters()
    lookup = names(Fixed("127.0.0.1"), counters=dialer_counters)
    await asyncio.gather(*(lookup.addresses(HOST, Listened()) for _ in range(2)))
    await lookup.addresses(HOST, Listened())
    counted = dialer_counters.as_dict()
    assert counted["dns_look_ups"] == counted["dns_coalesced"] == counted["dns_cache_hits"] == 1
    await lookup.close()


# --- what is kept for how long ----------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The cache's clock, in nanoseconds."""
    now = [1_000]
    monkeypatch.setattr("httptrace.net.dns_cache.perf_counter_ns", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("own_ttl", "cache_ttl", "seconds"),
    [(None, 10, 10), (3, 10, 3), (30, 10, 10), (3, None, 3), (float("inf"), 10, 10)],
)
async def test_ttl(
    own_ttl: float | None, cache_ttl: float | None, seconds: int, clock: list[int]
) -> None:
    """Addresses are cached for the cache's ttl, and never longer than their own."""

    async def resolve(host: str, port: int) -> Any:
        return [result("127.0.0.1", port, **({} if own_ttl is None else {"ttl": own_ttl}))]

    cache = DnsCache(resolve, cache_ttl, 10)
    await cache.join(("a", 80))[0].wait()
    clock[0] += seconds * 1_000_000_000 - 1
    known = cache.get(("a", 80))
    assert known is not None
    assert known[1] == pytest.approx(seconds)
    clock[0] += 1
    assert cache.get(("a", 80)) is None


@pytest.mark.parametrize("ttl", [{}, {"ttl": float("inf")}, {"ttl": 1e300}])
async def test_kept_for_ever(ttl: dict[str, float], clock: list[int]) -> None:
    """With a ttl of None addresses are cached until they are cleared."""

    async def resolve(host: str, port: int) -> Any:
        return [result("127.0.0.1", port, **ttl)]

    cache = DnsCache(resolve, None, 10)
    await cache.join(("a", 80))[0].wait()
    clock[0] += 10**18
    assert cache.get(("a", 80)) is not None


async def test_a_ttl_of_zero_is_not_kept(clock: list[int]) -> None:
    """With a ttl of 0 a look-up is shared while it runs, and not cached."""

    async def resolve(host: str, port: int) -> Any:
        return [result("127.0.0.1", port)]

    cache = DnsCache(resolve, 0, 10)
    look_up, _ = cache.join(("a", 80))
    assert await look_up.wait()
    assert cache.get(("a", 80)) is None
    assert len(cache) == 0


async def test_the_least_used_is_forgotten() -> None:
    """A full cache removes the least recently used host."""

    async def resolve(host: str, port: int) -> Any:
        return [result("127.0.0.1", port)]

    cache = DnsCache(resolve, 10, 2)
    for host in ("a", "b"):
        await cache.join((host, 80))[0].wait()
    assert cache.get(("a", 80)) is not None
    await cache.join(("c", 80))[0].wait()
    assert [cache.get((host, 80)) is not None for host in "abc"] == [True, False, True]


async def test_clearing(port: int) -> None:
    """The cache is cleared for one host and port, or completely; half a key raises an error."""
    dialer = TCPDialer(resolver=Fixed("127.0.0.1"))
    for host in ("a.example", "b.example"):
        stream = await dialer.connect(key(host, port), Listened(), asyncio.Protocol, sock_connect=5)
        stream[0].abort()
    assert dialer.cached_hosts == 2
    dialer.clear_dns_cache("a.example", port)
    assert dialer.cached_hosts == 1
    dialer.clear_dns_cache()
    assert dialer.cached_hosts == 0
    with pytest.raises(ValueError, match="both host and port"):
        dialer.clear_dns_cache("a.example")
    await dialer.close()


# --- resolvers --------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [ThreadedResolver, AsyncResolver])
async def test_localhost(make: type[AbstractResolver]) -> None:
    """Both resolvers know localhost, and keep to the family that is asked for."""
    resolver = make()
    found = await resolver.resolve("localhost", 8080, family=socket.AF_INET)
    assert [(one["host"], one["port"], one["family"]) for one in found] == [
        ("127.0.0.1", 8080, socket.AF_INET)
    ]
    assert found[0]["hostname"] == "localhost"
    assert "ttl" not in found[0]
    await resolver.close()


@pytest.mark.parametrize("make", [ThreadedResolver, AsyncResolver])
async def test_unknown_names(make: type[AbstractResolver]) -> None:
    """Both resolvers raise OSError for a name that does not exist (RFC 6761 §6.4)."""
    resolver = make()
    with pytest.raises(OSError):
        await resolver.resolve("nowhere.invalid", 80, family=socket.AF_UNSPEC)
    await resolver.close()


async def test_link_local_addresses_keep_their_zone() -> None:
    """An address that needs a zone comes with it."""
    found = await ThreadedResolver().resolve("fe80::1%1", 80, family=socket.AF_INET6)
    assert found[0]["host"] == "fe80::1%1"


async def test_without_aiodns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without aiodns `AsyncResolver` says what to install; the default uses threads."""
    monkeypatch.setitem(sys.modules, "aiodns", None)
    with pytest.raises(RuntimeError, match=r"httptrace\[speed\]"):
        AsyncResolver()
    assert isinstance(default_resolver(), ThreadedResolver)


async def test_the_default_resolver_is_closed() -> None:
    """A resolver that the dialer created is closed with it, and no new one is created."""
    dialer = TCPDialer()
    with pytest.raises(ClientConnectorDNSError, match=r"no address for host nowhere\.invalid: "):
        await dialer.connect(
            key("nowhere.invalid", 80), Listened(), asyncio.Protocol, sock_connect=5
        )
    await dialer.close()
    with pytest.raises(ClientConnectionError, match="closed"):
        await dialer.names.addresses(key("nowhere.invalid", 80), Listened())
    assert issubclass(DefaultResolver, AbstractResolver)


async def test_labels_that_are_too_long() -> None:
    """A name that DNS cannot encode is an error of the look-up."""
    dialer = TCPDialer(resolver=ThreadedResolver())
    with pytest.raises(ClientConnectorDNSError, match="no address for host aaa"):
        await dialer.connect(key("a" * 64, 80), Listened(), asyncio.Protocol, sock_connect=5)
    await dialer.close()
