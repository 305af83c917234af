"""Dialling with real sockets: which address is used, the events, and the errors."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from httptrace.errors import (
    ClientConnectionError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ConnectionTimeoutError,
    InvalidUrlClientError,
)
from httptrace.net.local_dialers import UnixDialer
from httptrace.net.tcp_dialer import TCPDialer
from httptrace.testing.unreachable import blackhole, refused_port
from httptrace.trace.config import TraceConfig
from httptrace.trace.record import Record

from .recording import Fixed, Listened, gone, key, result

pytestmark = pytest.mark.usefixtures("nothing_stays")

DNS = ["dns_cache_miss", "dns_resolvehost_start", "dns_resolvehost_end"]


async def test_a_literal_needs_no_dns(port: int) -> None:
    """An IPv4 address is dialled at once, in one span, with TCP_NODELAY."""
    record, dialer = Listened(), TCPDialer()
    stream = await dialer.connect(
        key("127.0.0.1", port), record, asyncio.Protocol, sock_connect=None
    )
    assert record.names == ["socket_connect_start", "socket_connect_end"]
    assert record.address == f"127.0.0.1:{port}"
    assert record.phases == ["connect", "queue"]
    sock = stream[0].get_extra_info("socket")
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert dialer.counters.as_dict()["sockets_connected"] == 1
    await gone(stream)
    await dialer.close()


@pytest.mark.parametrize("host", ["::1", "::1%lo", "::1%25lo", "::1%1"])
async def test_ipv6_literals(host: str, port6: int) -> None:
    """An IPv6 address is dialled, with its zone in both notations."""
    record = Listened()
    stream = await TCPDialer().connect(key(host, port6), record, asyncio.Protocol, sock_connect=5)
    assert record.names == ["socket_connect_start", "socket_connect_end"]
    zone = host.replace("%25", "%")
    assert record.address == f"[{zone}]:{port6}"
    await gone(stream)


async def test_a_zone_that_is_not_there(port6: int) -> None:
    """An IPv6 zone that names no network interface raises an error that says so."""
    with pytest.raises(ClientConnectorError, match="no network interface 'nowhere'"):
        await TCPDialer().connect(
            key("fe80::1%nowhere", port6), Listened(), asyncio.Protocol, sock_connect=5
        )


async def test_nobody_listens(port: int) -> None:
    """Without listeners a connection is opened too, and its facts are kept."""
    record = Record()
    dialer = TCPDialer(resolver=Fixed("127.0.0.2", "127.0.0.1"))
    stream = await dialer.connect(
        key("test.example", port), record, asyncio.Protocol, sock_connect=5
    )
    assert record.address == f"127.0.0.1:{port}"
    await gone(stream)


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1"])
async def test_old_spellings_of_ipv4_are_refused(host: str, port: int) -> None:
    """127.1 and the like, which filters take for names, are errors before anything is sent."""
    with pytest.raises(InvalidUrlClientError, match="canonical"):
        await TCPDialer().connect(key(host, port), Listened(), asyncio.Protocol, sock_connect=1)


async def test_a_malformed_ipv6_address(port: int) -> None:
    """A host with colons that is no IPv6 address raises an error that says so."""
    with pytest.raises(InvalidUrlClientError, match="is not an IPv6 address"):
        await TCPDialer().connect(key("::g", port), Listened(), asyncio.Protocol, sock_connect=1)


async def test_localhost_is_looked_up(port: int) -> None:
    """localhost is looked up by the resolver, and the second time in the cache."""
    dialer = TCPDialer(family=socket.AF_INET)
    first, second = Listened(), Listened()
    for record in (first, second):
        await gone(
            await dialer.connect(key("localhost", port), record, asyncio.Protocol, sock_connect=5)
        )
    tried = ["socket_connect_start", "socket_connect_end"]
    assert first.names == DNS + tried
    assert first.phases == ["dns", "connect", "queue"]
    assert second.names == ["dns_cache_hit", *tried]
    assert second.phases == ["connect", "queue"]
    assert second.kept.events[0].addresses == ("127.0.0.1",)  # type: ignore[attr-defined]
    assert 0 <= second.kept.events[0].age < 5  # type: ignore[attr-defined]
    await dialer.close()


async def test_refused() -> None:
    """The error of a refused connection has the address, the reason and the error's number."""
    with refused_port() as port:
        record = Listened()
        with pytest.raises(ClientConnectorError) as caught:
            await TCPDialer().connect(
                key("127.0.0.1", port), record, asyncio.Protocol, sock_connect=5
            )
    assert await record.flushed() == ["socket_connect_start", "socket_connect_exception"]
    assert isinstance(caught.value.os_error, ConnectionRefusedError)
    assert f"127.0.0.1:{port}: Connection refused" in str(caught.value)
    assert record.phase == "connect"


@pytest.mark.parametrize("delay", [None, 0.25])
async def test_all_addresses_refuse(delay: float | None) -> None:
    """If no address connects, the error names each and the reason; each has its span."""
    with refused_port("127.0.0.1") as port, refused_at("127.0.0.2", port):
        record = Listened()
        dialer = TCPDialer(resolver=Fixed("127.0.0.1", "127.0.0.2"), happy_eyeballs_delay=delay)
        with pytest.raises(ClientConnectorError) as caught:
            await dialer.connect(
                key("test.example", port), record, asyncio.Protocol, sock_connect=5
            )
    text = f"127.0.0.1:{port}: Connection refused; 127.0.0.2:{port}: Connection refused"
    assert text in str(caught.value)
    assert isinstance(caught.value.os_error, ConnectionRefusedError)
    tried = ["socket_connect_start", "socket_connect_exception"]
    assert await record.flushed() == DNS + tried * 2
    assert dialer.counters.sockets_failed == 2


def refused_at(host: str, port: int) -> Any:
    """Reserve one more address that refuses connections."""
    stack = ExitStack()
    sock = stack.enter_context(socket.socket())
    sock.bind((host, port))
    return stack


async def test_one_after_the_other(port: int) -> None:
    """Without a delay, an address is tried when the previous one has failed."""
    record = Listened()
    dialer = TCPDialer(resolver=Fixed("127.0.0.2", "127.0.0.1"), happy_eyeballs_delay=None)
    stream = await dialer.connect(
        key("test.example", port), record, asyncio.Protocol, sock_connect=5
    )
    assert record.names == [
        *DNS,
        "socket_connect_start",
        "socket_connect_exception",
        "socket_connect_start",
        "socket_connect_end",
    ]
    await gone(stream)


async def test_happy_eyeballs(port: int) -> None:
    """After the delay the next address is tried beside a silent one, which is reported as lost."""
    with blackhole("127.0.0.2", port):
        record = Listened()
        dialer = TCPDialer(resolver=Fixed("127.0.0.2", "127.0.0.1"), happy_eyeballs_delay=0.02)
        stream = await dialer.connect(
            key("test.example", port), record, asyncio.Protocol, sock_connect=5
        )
        assert await record.flushed() == [
            *DNS,
            "socket_connect_start",
            "socket_connect_start",
            "socket_connect_end",
            "socket_connect_exception",
        ]
        first, second = record.events("socket_connect_start")
        assert second.time_ns - first.time_ns >= 19_000_000
        assert record.events("socket_connect_end")[0].address == f"127.0.0.1:{port}"
        (loser,) = record.events("socket_connect_exception")
        assert (loser.address, loser.lost) == (f"127.0.0.2:{port}", True)
        assert isinstance(loser.exception, asyncio.CancelledError)
        assert dialer.counters.sockets_lost == 1
        record.assert_spans_are_closed()
        await gone(stream)


async def test_a_failure_starts_the_next_at_once(port: int) -> None:
    """After a refused address the next one does not wait for the delay (RFC 8305 §5)."""
    record = Listened()
    dialer = TCPDialer(resolver=Fixed("127.0.0.2", "127.0.0.1"), happy_eyeballs_delay=30)
    stream = await dialer.connect(
        key("test.example", port), record, asyncio.Protocol, sock_connect=5
    )
    (failed,) = record.events("socket_connect_exception")
    assert not failed.lost
    record.assert_spans_are_closed()
    await gone(stream)


async def test_both_connect_in_the_same_turn(port: int) -> None:
    """If two addresses connect at once, one is used, and the other's socket is closed."""
    record = Listened()
    dialer = TCPDialer(resolver=Fixed("127.0.0.1", "127.0.0.3"), happy_eyeballs_delay=0)
    with socket.create_server(("127.0.0.3", port)):
        stream = await dialer.connect(
            key("test.example", port), record, asyncio.Protocol, sock_connect=5
        )
        await record.flushed()
        record.assert_spans_are_closed()
        assert len(record.events("socket_connect_end")) == 1
        await gone(stream)


async def test_families_take_turns() -> None:
    """Addresses are interleaved by family, beginning with the resolver's first (RFC 8305 §4)."""
    hosts = ("127.0.0.1", "127.0.0.2", "127.0.0.3", "::1")
    for interleave, order in (
        (None, [0, 3, 1, 2]),
        (2, [0, 1, 3, 2]),
        (0, [0, 1, 2, 3]),
    ):
        asked: list[str] = []

        def forbid(to: Any, asked: list[str] = asked) -> bool:
            return False

        record = Listened()
        with refused_port() as port:
            dialer = TCPDialer(
                resolver=Fixed(*hosts), interleave=interleave, happy_eyeballs_delay=9
            )
            with pytest.raises(ClientConnectorError):
                await dialer.connect(
                    key("test.example", port), record, asyncio.Protocol, sock_connect=5
                )
        await record.flushed()
        tried = [event.address for event in record.events("socket_connect_start")]
        bare = [address.rpartition(":")[0].strip("[]") for address in tried]
        assert bare == [hosts[at] for at in order]


# --- limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize("hosts", [("127.0.0.2",), ("127.0.0.2", "127.0.0.3")])
async def test_sock_connect_runs_out(hosts: tuple[str, ...]) -> None:
    """A silent address ends with a timeout that has phase, limit and time, also in its span."""
    with ExitStack() as stack:
        port = stack.enter_context(blackhole(hosts[0]))
        for more in hosts[1:]:
            stack.enter_context(blackhole(more, port))
        record = Listened()
        dialer = TCPDialer(resolver=Fixed(*hosts), happy_eyeballs_delay=0.01)
        with pytest.raises(ConnectionTimeoutError) as caught:
            await dialer.connect(
                key("test.example", port), record, asyncio.Protocol, sock_connect=0.05
            )
        await record.flushed()
    error = caught.value
    assert (error.phase, error.limit) == ("connect", 0.05)
    assert error.elapsed is not None and 0.04 < error.elapsed < 5
    record.assert_spans_are_closed()
    failures = record.events("socket_connect_exception")
    assert [event.exception for event in failures] == [error] * len(hosts)
    assert not any(event.lost for event in failures)


async def test_a_limit_of_zero_is_none(port: int) -> None:
    """As in aiohttp, a `sock_connect` of 0 means no limit."""
    stream = await TCPDialer().connect(
        key("127.0.0.1", port), Listened(), asyncio.Protocol, sock_connect=0
    )
    await gone(stream)


async def test_a_cancelled_caller_sees_its_cancellation() -> None:
    """A cancellation from outside is not a timeout; the span has the CancelledError."""
    with blackhole("127.0.0.2") as port:
        record = Listened()
        task = asyncio.ensure_future(
            TCPDialer().connect(key("127.0.0.2", port), record, asyncio.Protocol, sock_connect=9)
        )
        while "socket_connect_start" not in record.names:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await record.flushed()
    (failure,) = record.events("socket_connect_exception")
    assert isinstance(failure.exception, asyncio.CancelledError)


async def test_a_cancelled_race_is_over_at_once(port: int) -> None:
    """When the caller gets its cancellation, the attempts have ended already."""
    with blackhole("127.0.0.2", port), blackhole("127.0.0.3", port):
        record = Listened()
        dialer = TCPDialer(resolver=Fixed("127.0.0.2", "127.0.0.3"), happy_eyeballs_delay=0)
        task = asyncio.ensure_future(
            dialer.connect(key("test.example", port), record, asyncio.Protocol, sock_connect=9)
        )
        while len(record.events("socket_connect_start")) < 2:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await record.flushed()
        record.assert_spans_are_closed()


# --- what may be dialled ----------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "test.example"])
async def test_a_veto(host: str, port: int) -> None:
    """A forbidden address is never dialled, in the URL or looked up, and the error says why."""
    seen: list[Any] = []

    def forbid(to: Any) -> bool:
        seen.append((to["host"], to["port"], to["family"]))
        return False

    record = Listened()
    dialer = TCPDialer(resolver=Fixed("127.0.0.1"), address_filter=forbid)
    with pytest.raises(ClientConnectorError, match="not allowed by address_filter"):
        await dialer.connect(key(host, port), record, asyncio.Protocol, sock_connect=5)
    assert seen == [("127.0.0.1", port, socket.AF_INET)]
    assert not [name for name in await record.flushed() if name.startswith("socket")]


async def test_a_veto_leaves_the_others(port: int) -> None:
    """Addresses that are not forbidden are tried; None allows an address."""
    record = Listened()
    dialer = TCPDialer(
        resolver=Fixed("127.0.0.1", "127.0.0.2"),
        address_filter=lambda to: False if to["host"] == "127.0.0.2" else None,
    )
    stream = await dialer.connect(
        key("test.example", port), record, asyncio.Protocol, sock_connect=5
    )
    assert len(record.events("socket_connect_start")) == 1
    await gone(stream)


async def test_local_addr(port: int) -> None:
    """Sockets are bound to `local_addr`."""
    dialer = TCPDialer(local_addr=("127.0.0.9", 0))
    stream = await dialer.connect(
        key("127.0.0.1", port), Listened(), asyncio.Protocol, sock_connect=5
    )
    assert stream[0].get_extra_info("sockname")[0] == "127.0.0.9"
    await gone(stream)


@pytest.mark.parametrize("local", [("::1", 0), ("192.0.2.1", 0)])
async def test_a_local_addr_that_does_not_fit(local: tuple[str, int], port: int) -> None:
    """The error of a local address that cannot be bound to names it."""
    dialer = TCPDialer(local_addr=local)
    with pytest.raises(ClientConnectorError, match=r"local_addr .* cannot be used: "):
        await dialer.connect(key("127.0.0.1", port), Listened(), asyncio.Protocol, sock_connect=5)


async def test_socket_factory(port: int) -> None:
    """`socket_factory` gets the address as getaddrinfo describes it, and its socket is used."""
    got: list[Any] = []

    def make(info: Any) -> socket.socket:
        got.append(info)
        return socket.socket(info[0], info[1], info[2])

    dialer = TCPDialer(socket_factory=make)
    stream = await dialer.connect(
        key("127.0.0.1", port), Listened(), asyncio.Protocol, sock_connect=5
    )
    wanted = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))
    assert got == [wanted]
    await gone(stream)


@pytest.mark.parametrize("hosts", [("127.0.0.1",), ("127.0.0.1", "127.0.0.2")])
async def test_a_socket_factory_that_returns_rubbish(hosts: tuple[str, ...], port: int) -> None:
    """A `socket_factory` that returns no socket raises an error, and the span is closed."""
    record = Listened()
    factory: Any = lambda info: "socket"  # noqa: E731
    dialer = TCPDialer(resolver=Fixed(*hosts), socket_factory=factory)
    with pytest.raises(TypeError, match="socket_factory must return a socket, not 'socket'"):
        await dialer.connect(key("test.example", port), record, asyncio.Protocol, sock_connect=5)
    await record.flushed()
    record.assert_spans_are_closed()


async def test_a_protocol_factory_that_raises(port: int) -> None:
    """If the protocol cannot be created, the socket is closed."""

    def fail() -> asyncio.Protocol:
        raise LookupError("no protocol")

    with pytest.raises(LookupError):
        await TCPDialer().connect(key("127.0.0.1", port), Listened(), fail, sock_connect=5)


@pytest.mark.parametrize("hosts", [("127.0.0.1",), ("127.0.0.2", "127.0.0.1")])
@pytest.mark.parametrize(
    "signal", ["on_dns_resolvehost_end", "on_socket_connect_start", "on_socket_connect_end"]
)
async def test_a_raising_listener(signal: str, hosts: tuple[str, ...], port: int) -> None:
    """A callback that raises fails the request; nothing leaks and every span is closed."""

    async def fail(session: object, context: object, params: object) -> None:
        raise OSError("the listener is at fault")

    config = TraceConfig()
    getattr(config, signal).append(fail)
    config.freeze()
    record = Listened(config)
    dialer = TCPDialer(resolver=Fixed(*hosts))
    with pytest.raises(OSError, match="the listener is at fault") as caught:
        await dialer.connect(key("test.example", port), record, asyncio.Protocol, sock_connect=5)
    assert type(caught.value) is OSError
    await record.flushed()
    record.assert_spans_are_closed()


# --- the dialer itself ------------------------------------------------------------------------


async def test_closed(port: int) -> None:
    """A closed dialer opens no more connections; a resolver that was given stays open."""
    resolver = Fixed("127.0.0.1")
    dialer = TCPDialer(resolver=resolver)
    await dialer.close()
    await dialer.close()
    with pytest.raises(ClientConnectionError, match="Connector is closed"):
        await dialer.connect(key("127.0.0.1", port), Listened(), asyncio.Protocol, sock_connect=5)
    assert not resolver.closed


@pytest.mark.parametrize(
    ("argument", "value", "error"),
    [
        ("happy_eyeballs_delay", -1, ValueError),
        ("happy_eyeballs_delay", "1", TypeError),
        ("interleave", -1, ValueError),
        ("interleave", 1.5, TypeError),
        ("ttl_dns_cache", -1, ValueError),
        ("ttl_dns_cache", float("nan"), ValueError),
        ("ttl_dns_cache", True, TypeError),
        ("dns_cache_max_size", 0, ValueError),
        ("dns_cache_max_size", "9", TypeError),
        ("family", socket.AF_UNIX, ValueError),
        ("family", "AF_INET", ValueError),
        ("local_addr", "127.0.0.1", TypeError),
        ("local_addr", ("127.0.0.1", "80"), TypeError),
        ("local_addr", ("localhost", 0), ValueError),
        ("local_addr", ("127.0.0.1", 65536), ValueError),
        ("resolver", "8.8.8.8", TypeError),
        ("resolver", Fixed, TypeError),
        ("socket_factory", 1, TypeError),
        ("address_filter", 1, TypeError),
        ("ssl", "no", TypeError),
        ("ssl_shutdown_timeout", -1, ValueError),
    ],
)
def test_bad_arguments(argument: str, value: Any, error: type[Exception]) -> None:
    """The error of each invalid parameter names it and its value."""
    with pytest.raises(error, match=argument) as caught:
        TCPDialer(**{argument: value})
    shown = value[0] if error is ValueError and isinstance(value, tuple) else value
    assert str(shown) in str(caught.value) or "65536" in str(caught.value)


# --- Unix sockets -----------------------------------------------------------------------------


async def test_unix(tmp_path: Path) -> None:
    """A Unix socket is connected in one span; its path is the address."""
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        record = Listened()
        stream = await UnixDialer(path).connect(
            key("localhost", 80), record, asyncio.Protocol, sock_connect=5
        )
        assert record.names == ["socket_connect_start", "socket_connect_end"]
        assert record.events("socket_connect_start")[0].family == socket.AF_UNIX
        assert record.address == path
        await gone(stream)


async def test_unix_socket_that_is_not_there(tmp_path: Path) -> None:
    """The error of a missing Unix socket names it."""
    record = Listened()
    with pytest.raises(ClientConnectorError, match="nowhere: No such file or directory"):
        await UnixDialer(str(tmp_path / "nowhere")).connect(
            key("localhost", 80), record, asyncio.Protocol, sock_connect=5
        )
    assert await record.flushed() == ["socket_connect_start", "socket_connect_exception"]


@pytest.mark.parametrize(
    ("path", "error"), [(1.5, TypeError), ("", ValueError), ("a\0b", ValueError)]
)
def test_bad_paths(path: Any, error: type[Exception]) -> None:
    """An invalid path is refused when the dialer is created."""
    with pytest.raises(error, match="path must"):
        UnixDialer(path)


async def test_closed_unix_dialer(tmp_path: Path) -> None:
    """A closed Unix dialer opens no more connections."""
    dialer = UnixDialer(str(tmp_path))
    await dialer.close()
    with pytest.raises(ClientConnectionError, match="closed"):
        await dialer.connect(key("a", 80), Listened(), asyncio.Protocol, sock_connect=5)


# --- what resolvers may do wrong --------------------------------------------------------------


@pytest.mark.parametrize(
    ("results", "text"),
    [
        ([], "found no addresses"),
        (None, "must return a list of addresses, not None"),
        ("127.0.0.1", "must return a list of addresses, not '127.0.0.1'"),
        (["127.0.0.1"], "must be a dict with hostname, host, port, family"),
        ([{"host": "127.0.0.1"}], "must be a dict with"),
        ([result("localhost", 80)], "its host must be an IPv4 address"),
        ([result("::1", 80, family=socket.AF_INET)], "its host must be an IPv4 address"),
        ([result("127.0.0.1", 80, family=1)], "its family must be"),
        ([result("127.0.0.1", 70000)], "its port must be"),
        ([result("127.0.0.1", 80, proto="tcp")], "its proto must be"),
        ([result("127.0.0.1", 80, ttl="x")], "its ttl must be"),
    ],
)
async def test_resolvers_that_return_rubbish(results: Any, text: str) -> None:
    """If nothing can be dialled, the error names the host, the resolver and its result."""

    class Odd(Fixed):
        async def resolve(self, *args: Any, **kwargs: Any) -> Any:
            return results

    with pytest.raises(ClientConnectorDNSError) as caught:
        await TCPDialer(resolver=Odd()).connect(
            key("test.example", 80), Listened(), asyncio.Protocol, sock_connect=5
        )
    assert "no address for host test.example: Odd " in str(caught.value)
    assert text in str(caught.value)
