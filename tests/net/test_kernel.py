"""What the kernel tells about real connections, on both loops, with TLS and without."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import pytest

from httptrace.net.kernel import kernel_socket, tcp_info
from httptrace.net.local_dialers import UnixDialer
from httptrace.net.tcp_dialer import TCPDialer
from httptrace.testing.certificates import CertificateAuthority
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import ScriptedServer, hang
from httptrace.trace.record import Record

from .recording import Stream, gone, key

pytestmark = [
    pytest.mark.usefixtures("nothing_stays"),
    pytest.mark.skipif(sys.platform != "linux", reason="other kernels have other structures"),
]

LARGE = 8 << 20


class Waiting(asyncio.Protocol):
    """Lets a test wait until so many bytes have arrived."""

    def __init__(self) -> None:
        self.received = 0
        self.changed = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self.changed.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5):
            while self.received < count:
                self.changed.clear()
                await self.changed.wait()


async def dialled(port: int, **tls: Any) -> Stream:
    dialer = TCPDialer()
    to = key("127.0.0.1", port, bool(tls), **tls)
    stream = await dialer.connect(to, Record(), Waiting, sock_connect=5)
    await dialer.close()
    return stream  # type: ignore[return-value]


async def echo(peer: Peer) -> None:
    await peer.send(await peer.read(300))
    await peer.hang()


async def test_facts_of_a_connection() -> None:
    """The amounts are those that were sent and received, and the round trip is loopback's."""
    async with ScriptedServer(echo) as server:
        transport, protocol = await dialled(server.port)
        transport.write(bytes(300))
        await protocol.until(300)  # type: ignore[attr-defined]
        before_ns = perf_counter_ns()
        info = tcp_info(kernel_socket(transport))
        assert info is not None
        assert before_ns <= info.at_ns <= perf_counter_ns()
        assert (info.bytes_received, info.bytes_acked) == (300, 301)
        assert info.rtt_ns is not None and 0 < info.rtt_ns < 5_000_000_000
        assert info.min_rtt_ns is not None and info.min_rtt_ns > 0
        assert info.total_retrans == info.bytes_retrans == 0
        assert info.snd_cwnd > 0 and info.snd_mss > 500
        await gone((transport, protocol))


async def test_below_tls(ca: CertificateAuthority, trusting: ssl.SSLContext) -> None:
    """With TLS the socket below it tells, and counts the bytes of the handshake too."""
    async with ScriptedServer(hang, ssl=ca.issue("127.0.0.1").server_context()) as server:
        stream = await dialled(server.port, ssl=trusting)
        info = tcp_info(kernel_socket(stream[0]))
        assert info is not None and info.bytes_received is not None and info.bytes_received > 500
        await gone(stream)


async def test_a_unix_socket_has_none(tmp_path: Path) -> None:
    """A Unix socket has no TCP and so no facts; neither has a transport without a socket."""
    path = str(tmp_path / "socket")
    async with ScriptedServer(hang, unix_path=path):
        stream = await UnixDialer(path).connect(
            key("localhost", 80), Record(), asyncio.Protocol, sock_connect=5
        )
        assert kernel_socket(stream[0]) is None
        await gone(stream)
    assert kernel_socket(asyncio.Transport()) is None


async def never_reads(peer: Peer) -> None:
    peer.pause_reading()
    await peer.events["enough"].wait()


async def test_what_the_kernel_holds() -> None:
    """While the peer does not read, the kernel tells how much of what it took is not sent yet."""
    async with ScriptedServer(never_reads, receive_buffer=4096) as server:
        stream = await dialled(server.port)
        transport, sock = stream[0], kernel_socket(stream[0])
        before = tcp_info(sock)
        assert before is not None and before.notsent_bytes == 0
        transport.write(bytes(LARGE))
        info = tcp_info(sock)
        assert info is not None and info.notsent_bytes is not None
        assert 0 < info.notsent_bytes <= LARGE - transport.get_write_buffer_size()
        server.events["enough"].set()
        await gone(stream)


async def test_a_socket_that_is_none() -> None:
    """A file descriptor that is no TCP connection gives None, not an error."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        assert tcp_info(sock) is None
    assert tcp_info(sock) is None  # it is closed now
