"""When connecting and TLS begin: with the first thing that is done for them, not turns before.

The clock of these tests counts turns of the event loop, so nothing depends on how fast it turns.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import weakref
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import pytest
from tests.proxies.scripts import connecting
from yarl import URL

from httptrace.errors import ClientConnectorError, ClientConnectorSSLError
from httptrace.net import transports
from httptrace.net.local_dialers import UnixDialer
from httptrace.net.tcp_dialer import TCPDialer
from httptrace.testing.certificates import CertificateAuthority
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import ScriptedServer, hang
from httptrace.trace import record as recording
from httptrace.trace.config import TraceConfig
from httptrace.trace.record import Record

from .recording import Fixed, Listened, gone, key, turns

pytestmark = pytest.mark.usefixtures("nothing_stays")


class Turns:
    """Counts the turns of the loop; a call returns the number of the current one."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._count = 0
        self._next = self._loop.call_soon(self._turned)

    def _turned(self) -> None:
        self._count += 1
        self._next = self._loop.call_soon(self._turned)

    def __call__(self) -> int:
        return self._count

    def stop(self) -> None:
        self._next.cancel()


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Turns]:
    """The clock of phases, which counts turns."""
    clock = Turns()
    for module in (recording, transports):
        monkeypatch.setattr(module, "perf_counter_ns", clock)
    yield clock
    clock.stop()


class Watched(socket.socket):
    """Notes in which turns it was asked to connect, and to what."""

    clock: Turns
    calls: list[tuple[int, Any]]

    def connect(self, address: Any) -> None:
        self.calls.append((self.clock(), address))
        super().connect(address)


@pytest.fixture
def calls(clock: Turns, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, Any]]:
    """The turns in which sockets of `watched` were asked to connect, and their addresses."""
    found: list[tuple[int, Any]] = []
    monkeypatch.setattr(Watched, "clock", clock, raising=False)
    monkeypatch.setattr(Watched, "calls", found, raising=False)
    return found


def watched(info: Any) -> socket.socket:
    return Watched(*info[:3])


async def connected(record: Record, host: str, port: int, resolver: Any = None) -> None:
    dialer = TCPDialer(socket_factory=watched, resolver=resolver)
    stream = await dialer.connect(key(host, port), record, asyncio.Protocol, sock_connect=None)
    await gone(stream)  # type: ignore[arg-type]
    await dialer.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "test.example"])
async def test_connecting_begins_with_the_socket(
    host: str, port: int, calls: list[tuple[int, Any]]
) -> None:
    """The socket connects in the turn in which the phase begins, on every loop."""
    record = Record()
    await connected(record, host, port, Fixed("127.0.0.1"))
    assert record.marks is not None
    assert calls == [(record.marks[-2][1], ("127.0.0.1", port))]
    assert [phase for phase, _turn in record.marks][-2:] == ["connect", "queue"]


@pytest.mark.parametrize(("host", "scope"), [("::1", 0), ("::1%lo", 1), ("::1%1", 1)])
async def test_ipv6_is_connected_at_once(
    host: str, scope: int, port6: int, calls: list[tuple[int, Any]]
) -> None:
    """So does one to an IPv6 address, with the number of its zone."""
    record = Record()
    await connected(record, host, port6)
    assert record.marks[:1] == [("connect", calls[0][0])]
    assert [address for _turn, address in calls] == [("::1", port6, 0, scope)]


async def names(host: str, port: int) -> list[Any]:
    return [{"hostname": host, "host": "localhost", "port": port, "family": socket.AF_INET}]


async def test_a_name_is_left_to_the_loop(port: int, calls: list[tuple[int, Any]]) -> None:
    """A program's `_resolve_host` may give a name: the loop looks it up, and does not stand."""
    dialer = TCPDialer(socket_factory=watched)
    dialer.names.override = names
    stream = await dialer.connect(
        key("test.example", port), Record(), asyncio.Protocol, sock_connect=5
    )
    assert [address[:2] for _turn, address in calls] == [("127.0.0.1", port)]
    await gone(stream)  # type: ignore[arg-type]
    await dialer.close()


# --- TLS ------------------------------------------------------------------------------------------


@pytest.fixture
def handshakes(
    clock: Turns, trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    """The turns in which handshakes began with `trusting`: their first bytes follow at once."""
    began: list[int] = []
    wrap = trusting.wrap_bio

    def noted(*args: Any, **options: Any) -> ssl.SSLObject:
        began.append(clock())
        return wrap(*args, **options)

    monkeypatch.setattr(trusting, "wrap_bio", noted)
    return began


def begins(record: Record, phase: str) -> list[int]:
    return [turn for name, turn in record.marks or () if name == phase]


@pytest.mark.parametrize("unix", [False, True])
async def test_tls_begins_with_its_first_bytes(
    unix: bool, tmp_path: Any, ca: CertificateAuthority, trusting: Any, handshakes: list[int]
) -> None:
    """TLS begins in the turn in which the handshake does: its transport is there by then."""
    path = str(tmp_path / "socket") if unix else None
    context = ca.issue("127.0.0.1").server_context()
    async with ScriptedServer(hang, ssl=context, unix_path=path) as server:
        record = Record()
        dialer: Any = UnixDialer(path) if path else TCPDialer()
        to = key("127.0.0.1", server.port, True, ssl=trusting)
        stream = await dialer.connect(to, record, asyncio.Protocol, sock_connect=5)
        assert begins(record, "tls") == handshakes
        assert len(handshakes) == 1 and handshakes > begins(record, "connect")
        await gone(stream)
        await dialer.close()


async def test_tls_in_tls(
    ca: CertificateAuthority, trusting: ssl.SSLContext, handshakes: list[int]
) -> None:
    """With a proxy that speaks TLS, each of the two handshakes begins its own phase."""
    context = ca.issue("127.0.0.1").server_context()
    async with ScriptedServer(hang, ssl=context) as server:
        to = ("127.0.0.1", server.port)
        async with ScriptedServer(connecting(to=to), ssl=context) as proxy:
            record, dialer = Record(), TCPDialer(ssl=trusting)
            stream = await dialer.connect(
                key(*to, True, ssl=trusting, proxy=URL(proxy.url), tunnel=True),
                record,
                asyncio.Protocol,
                sock_connect=5,
            )
            assert begins(record, "tls") == handshakes and len(handshakes) == 2
            await gone(stream)  # type: ignore[arg-type]
            await dialer.close()


async def test_a_listener_that_waits_is_not_in_tls(
    ca: CertificateAuthority, trusting: ssl.SSLContext, clock: Turns, handshakes: list[int]
) -> None:
    """A callback that takes its time before the handshake does not make TLS look slow."""

    async def wait(session: Any, context: Any, params: Any) -> None:
        await turns(50)

    config = TraceConfig()
    config.on_tls_handshake_start.append(wait)
    config.freeze()
    async with ScriptedServer(hang, ssl=ca.issue("127.0.0.1").server_context()) as server:
        record, dialer = Listened(config), TCPDialer()
        to = key("127.0.0.1", server.port, True, ssl=trusting)
        stream = await dialer.connect(to, record, asyncio.Protocol, sock_connect=5)
        assert begins(record, "tls") == handshakes
        assert handshakes[0] >= begins(record, "connect")[0] + 50
        await gone(stream)  # type: ignore[arg-type]
        await dialer.close()


@pytest.mark.parametrize("signal", ["on_socket_connect_end", "on_tls_handshake_start"])
@pytest.mark.parametrize("banner", [b"SSH-2.0-OpenSSH_9.6\r\n", b"220 ready\r\n" * 1000])
async def test_a_server_that_speaks_first(
    signal: str, banner: bytes, trusting: ssl.SSLContext
) -> None:
    """What a server sends before the handshake is judged by TLS, whenever it arrives."""

    async def speak(peer: Peer) -> None:
        await peer.events["listener"].wait()
        await peer.send(banner)
        peer.events["sent"].set()
        await peer.hang()

    async with ScriptedServer(speak) as server:

        async def wait(session: Any, context: Any, params: Any) -> None:
            server.events["listener"].set()
            await server.events["sent"].wait()
            await turns(5)

        config = TraceConfig()
        getattr(config, signal).append(wait)
        config.freeze()
        record, dialer = Listened(config), TCPDialer()
        with pytest.raises(ClientConnectorSSLError, match="something other than TLS"):
            await dialer.connect(
                key("127.0.0.1", server.port, True, ssl=trusting),
                record,
                asyncio.Protocol,
                sock_connect=5,
            )
        await dialer.close()


@pytest.mark.parametrize("signal", ["on_socket_connect_end", "on_tls_handshake_start"])
@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_a_server_that_leaves_first(
    signal: str, ending: str, trusting: ssl.SSLContext
) -> None:
    """A server that is gone before the handshake is an error of the connection, on every loop."""

    async def leave(peer: Peer) -> None:
        await peer.events["listener"].wait()
        getattr(peer, ending)()

    async with ScriptedServer(leave) as server:

        async def wait(session: Any, context: Any, params: Any) -> None:
            server.events["listener"].set()
            await server.finished()
            await turns(5)

        config = TraceConfig()
        getattr(config, signal).append(wait)
        config.freeze()
        record, dialer = Listened(config), TCPDialer()
        with pytest.raises(ClientConnectorError, match="in the TLS handshake"):
            await dialer.connect(
                key("127.0.0.1", server.port, True, ssl=trusting),
                record,
                asyncio.Protocol,
                sock_connect=5,
            )
        await record.flushed()
        record.assert_spans_are_closed()
        await dialer.close()


# --- context --------------------------------------------------------------------------------------


class Value:
    """A value of a context variable."""


variable: ContextVar[Value] = ContextVar("variable")


@pytest.mark.parametrize("proxied", [False, True])
async def test_a_connection_keeps_no_context(
    proxied: bool, ca: CertificateAuthority, trusting: ssl.SSLContext
) -> None:
    """A connection with TLS, in a tunnel or not, does not keep its first request's variables."""
    context = ca.issue("127.0.0.1").server_context()
    async with ScriptedServer(hang, ssl=context) as server:
        to = ("127.0.0.1", server.port)
        async with ScriptedServer(connecting(to=to)) as proxy:
            dialer = TCPDialer()
            through = {"proxy": URL(proxy.url), "tunnel": True} if proxied else {}

            async def dial() -> tuple[Any, Any]:
                value = Value()
                variable.set(value)
                stream = await dialer.connect(
                    key(*to, True, ssl=trusting, **through),
                    Record(),
                    asyncio.Protocol,
                    sock_connect=5,
                )
                return stream, weakref.ref(value)

            stream, value = await asyncio.create_task(dial())
            await turns(3)
            gc.collect()
            assert value() is None
            await gone(stream)
            await dialer.close()
