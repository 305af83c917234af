"""Timelines are true: what the network, the server and the event loop took, each by itself.

The servers run in threads with clocks of their own, so that a blocked loop does not block them.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from time import perf_counter_ns, sleep
from typing import Any

import pytest

import httptrace
from httptrace.http1 import lateness

MS = 1_000_000
TICK_MS = 10
"""The longest tick of a kernel's clock."""
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

linux = pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not tell it")


class Times:
    """When the server had read a request, and when it sent its response."""

    def __init__(self) -> None:
        self.read_ns: list[int] = []
        self.sent_ns: list[int] = []


Serve = Callable[[socket.socket, Times], None]


@contextmanager
def serving(serve: Serve, *, receive_buffer: int = 0) -> Iterator[tuple[str, Times]]:
    """A server for one connection, in a thread: its URL, and the times that it notes."""
    times, listener = Times(), socket.create_server(("127.0.0.1", 0))
    if receive_buffer:  # connections inherit it
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)

    def run() -> None:
        accepted, _ = listener.accept()
        with accepted:
            serve(accepted, times)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/", times
    finally:
        thread.join(10)
        listener.close()
    assert not thread.is_alive()


def respond(client: socket.socket, times: Times, *, think: float = 0.0, body: int = 0) -> bool:
    """Read a request with so many bytes of body, think, respond; False once the client is gone."""
    data = b""
    while b"\r\n\r\n" not in data or len(data.partition(b"\r\n\r\n")[2]) < body:
        more = client.recv(1 << 16)
        if not more:
            return False
        data += more
    times.read_ns.append(perf_counter_ns())
    sleep(think)
    times.sent_ns.append(perf_counter_ns())
    client.sendall(HELLO)
    return True


def starts(hop: httptrace.Hop) -> dict[str, int]:
    """When each phase began, the last time."""
    return {phase: start_ns for phase, start_ns, _end_ns in hop.spans_ns}


async def test_wait_begins_before_the_server_has_the_request() -> None:
    """`wait` covers all of the server's time, from its reading to its sending."""

    def serve(client: socket.socket, times: Times) -> None:
        while respond(client, times, think=0.01):
            pass

    with serving(serve) as (url, times):
        async with httptrace.ClientSession() as session:
            for _ in range(5):
                async with session.get(url) as response:
                    await response.read()
                hop = response.timeline.hops[0]
                began_ns = starts(hop)
                assert began_ns["wait"] <= times.read_ns[-1]
                assert began_ns["receive"] >= times.sent_ns[-1]
                assert hop.send_until == "sent"


async def test_the_loop_between_connecting_and_sending_is_queue() -> None:
    """`connect` ends when the loop has the socket; a slow listener after it is no connecting."""

    async def slow(*_: object) -> None:
        await asyncio.sleep(0.05)

    config = httptrace.TraceConfig()
    config.on_connection_create_end.append(slow)

    def serve(client: socket.socket, times: Times) -> None:
        respond(client, times)
        client.recv(1)

    with serving(serve) as (url, _):
        async with httptrace.ClientSession(trace_configs=[config]) as session:
            async with session.get(url) as response:
                await response.read()
    hop = response.timeline.hops[0]
    assert [phase for phase, *_ in hop.spans_ns] == [
        *["queue", "connect", "queue", "send", "wait", "receive"]
    ]
    assert hop.phases_ns["connect"] < 45 * MS <= hop.phases_ns["queue"]


@linux
async def test_a_blocked_loop_is_no_connecting() -> None:
    """The peer accepted long before the loop looked: `connect` ends then."""

    def serve(client: socket.socket, times: Times) -> None:
        respond(client, times)
        client.recv(1)

    async def block() -> None:
        while True:
            await asyncio.sleep(0)
            sleep(0.03)

    with serving(serve) as (url, _):
        async with httptrace.ClientSession() as session:
            blocking = asyncio.ensure_future(block())
            try:
                async with session.get(url) as response:
                    await response.read()
            finally:
                blocking.cancel()
    hop = response.timeline.hops[0]
    assert hop.phases_ns["connect"] < 20 * MS
    assert hop.phases_ns["queue"] > 25 * MS


@linux
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("whole", [False, True], ids=["streamed", "bytes"])
async def test_send_lasts_until_the_last_byte_has_left(chunked: bool, whole: bool) -> None:
    """Bytes that only the kernel holds are not sent: the peer's window was closed for a while."""
    size, closed, thinking = 1 << 18, 0.2, 0.2
    received = bytearray()

    def serve(client: socket.socket, times: Times) -> None:
        sleep(closed)  # the kernels take what fits in their buffers meanwhile
        while not is_whole(received, size, chunked):
            received.extend(client.recv(1 << 16))
        times.read_ns.append(perf_counter_ns())
        sleep(thinking)
        client.sendall(HELLO)
        client.recv(1 << 16)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(16):
            yield bytes(size // 16)

    connector = httptrace.TCPConnector(socket_factory=with_large_buffer)
    with serving(serve, receive_buffer=16_384) as (url, times):
        async with httptrace.ClientSession(connector=connector) as session:
            data = bytes(size) if whole else pieces()
            framing: Any = (
                {"chunked": True} if chunked else {"headers": {"Content-Length": str(size)}}
            )
            async with session.post(url, data=data, **framing) as response:
                await response.read()
    hop = response.timeline.hops[0]
    assert hop.send_until == "sent"
    assert hop.phases_ns["send"] > closed * 0.9e9
    assert abs(starts(hop)["wait"] - times.read_ns[0]) < thinking * 0.5e9
    assert hop.body_sent == size
    assert hop.bytes_sent == len(received)


def is_whole(received: bytearray, size: int, chunked: bool) -> bool:
    """Whether a request was received with all of its body."""
    body = received.partition(b"\r\n\r\n")[2]
    return body.endswith(b"\r\n0\r\n\r\n") if chunked else len(body) == size


def with_large_buffer(info: Any) -> socket.socket:
    """A socket whose kernel takes more than the peer's window has room for."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    return sock


@linux
@pytest.mark.parametrize("blocked_ms", [20, 50])
async def test_a_blocked_loop_is_not_the_server(blocked_ms: int) -> None:
    """A response that lay in the kernel while the loop was blocked: the hop tells for how long."""

    def serve(client: socket.socket, times: Times) -> None:
        while respond(client, times):
            pass

    with serving(serve) as (url, times):
        async with httptrace.ClientSession() as session:
            async with session.get(url) as response:
                await response.read()
            task = asyncio.ensure_future(session.get(url))
            await asyncio.sleep(0)  # it is sent
            sleep(blocked_ms / 1e3)
            async with await task as response:
                await response.read()
    hop = response.timeline.hops[0]
    truth_ns = starts(hop)["receive"] - times.sent_ns[-1]
    assert truth_ns > blocked_ms * MS * 0.8
    assert abs(hop.loop_late_ns - truth_ns) <= TICK_MS * MS
    assert hop.wait_late_ns == hop.loop_late_ns <= hop.phases_ns["wait"]
    assert hop.server_ns is not None
    assert hop.server_ns <= hop.phases_ns["wait"] - hop.wait_late_ns
    assert hop.to_dict()["loop_late"] == hop.loop_late_ns / 1e9


@linux
async def test_a_blocked_loop_is_not_the_network() -> None:
    """A reader waits for more of the body: the loop's lateness is no waiting for the network."""
    arrived = threading.Event()

    def serve(client: socket.socket, times: Times) -> None:
        client.recv(1 << 16)
        client.sendall(HELLO[:-2])
        arrived.wait(10)
        client.sendall(HELLO[-2:])
        client.recv(1)

    with serving(serve) as (url, _):
        async with httptrace.ClientSession() as session, session.get(url) as response:
            assert await response.content.read(3) == b"hel"
            rest = asyncio.ensure_future(response.content.read(2))
            await asyncio.sleep(0)
            arrived.set()
            sleep(0.06)
            assert await rest == b"lo"
    hop = response.timeline.hops[0]
    assert 40 * MS < hop.receive_late_ns < 75 * MS
    assert hop.network_wait_ns < 20 * MS
    assert hop.network_wait_ns + hop.consumer_ns + hop.receive_late_ns <= hop.phases_ns["receive"]


async def test_a_timeout_is_not_the_loop() -> None:
    """A body stopped in its middle: the time until a timeout ended it is the network's."""
    arrived = threading.Event()

    def serve(client: socket.socket, times: Times) -> None:
        client.recv(1 << 16)
        client.sendall(HELLO[:-5])
        arrived.wait(10)
        client.sendall(HELLO[-5:-2])
        client.recv(1)

    with serving(serve) as (url, _):
        async with httptrace.ClientSession(timeout=httptrace.ClientTimeout(total=0.2)) as session:
            with pytest.raises(httptrace.TotalTimeoutError):
                async with session.get(url) as response:
                    arrived.set()
                    await response.read()
    hop = response.timeline.hops[0]
    assert hop.body_received == 3
    assert hop.network_wait_ns > 100 * MS
    assert hop.receive_late_ns < 50 * MS


def test_looks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel is asked at most 2,000 times a second, and 256 times at once."""
    monkeypatch.setattr(lateness, "_allowed_ns", 0)
    now_ns = 10**12
    assert sum(lateness._allow(now_ns) for _ in range(1000)) == 256
    assert sum(lateness._allow(now_ns + 10 * MS) for _ in range(1000)) == 20
