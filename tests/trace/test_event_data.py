"""The values in events: ages, waits, families, limits, sizes."""

from __future__ import annotations

import asyncio
import socket
import zlib
from time import perf_counter_ns
from typing import Any

import pytest
from tests.net.recording import Fixed, Gated

import httptrace
from httptrace import ClientTimeout
from httptrace.testing import EventRecorder, Peer, response_bytes

from .conftest import MakeSession
from .sequences import START
from .test_exchanges import HELLO, fetch
from .test_timeline import PAUSE, PAUSE_NS

PAUSE_S = PAUSE_NS / 1e9


def at(server: Any) -> str:
    return f"http://test.example:{server.port}/"


async def until(recorder: EventRecorder, name: str, count: int = 1) -> None:
    async with asyncio.timeout(5):
        while len(recorder.of(name)) < count:
            await asyncio.sleep(0)


async def test_times_are_of_this_clock(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Times are readings of ``perf_counter_ns``, and lie within the request."""
    server = await scripted(HELLO)
    before_ns = perf_counter_ns()
    await fetch(session, "GET", server.url)
    after_ns = perf_counter_ns()
    times = [event.time_ns for event in recorder.events]
    assert times == sorted(times)
    assert before_ns < times[0] <= times[-1] < after_ns
    (timeline,) = recorder.timelines()
    assert before_ns < timeline.start_ns <= times[0]
    assert timeline.start_ns + timeline.total_ns <= times[-1]


async def test_ids(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Requests have their own numbers; method and URL are those of the attempt."""
    other = await scripted(HELLO)
    server = await scripted(response_bytes(303, b"", ("Location", other.url + "/there?a=b")))
    await fetch(session, "POST", server.url + "/here", data=b"x")
    await fetch(session, "GET", other.url)
    first, second = recorder.requests
    assert second > first
    sent = recorder.of("request_headers_sent", first)
    assert [(e.attempt, e.method, e.url.path_qs) for e in sent] == [
        (1, "POST", "/here"),
        (2, "GET", "/there?a=b"),
    ]
    assert [e.head.split(b"\r\n")[0] for e in sent] == [
        b"POST /here HTTP/1.1",
        b"GET /there?a=b HTTP/1.1",
    ]
    assert sent[0].connection_id != sent[1].connection_id
    again = recorder.of("request_headers_sent", second)[0]
    assert again.connection_id == sent[1].connection_id


# --- connections ----------------------------------------------------------------------------------


async def test_age_idle_time_and_use(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A connection that is used again tells how old it is, how long it lay idle, how often it
    served."""

    async def slow(peer: Peer) -> None:
        while True:
            await peer.request()
            await asyncio.sleep(PAUSE)
            await peer.send(HELLO)

    server = await scripted(slow)
    for _ in range(3):
        await fetch(session, "GET", server.url)
        await asyncio.sleep(PAUSE)
    second, third = recorder.of("connection_reuseconn")
    assert (second.requests_served, third.requests_served) == (1, 2)
    assert PAUSE_S <= second.idle <= second.age - PAUSE_S
    assert PAUSE_S <= third.idle <= third.age - 3 * PAUSE_S
    assert [e.reused for e in recorder.of("connection_acquired")] == [False, True, True]


async def test_age_of_what_the_cache_knows(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A hit of the DNS cache has the time since the look-up."""
    server = await scripted(HELLO)
    resolver = Fixed("127.0.0.1")
    session = make_session(connector=httptrace.TCPConnector(resolver=resolver, force_close=True))
    await fetch(session, "GET", at(server))
    await asyncio.sleep(PAUSE)
    await fetch(session, "GET", at(server))
    (hit,) = recorder.of("dns_cache_hit")
    looked_up = recorder.of("dns_resolvehost_end")[0]
    assert PAUSE_S <= hit.age <= (hit.time_ns - looked_up.time_ns) / 1e9 + 0.02
    assert recorder.of("dns_cache_miss")[0].host == hit.host == "test.example"
    assert resolver.calls == 1


async def test_coalesced_wait(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A request that joins a look-up waits for the rest of it: its span is shorter."""
    server = await scripted(HELLO)
    resolver = Gated("127.0.0.1")
    session = make_session(connector=httptrace.TCPConnector(resolver=resolver))
    tasks = [asyncio.create_task(fetch(session, "GET", at(server)))]
    await until(recorder, "dns_resolvehost_start")
    await asyncio.sleep(PAUSE)
    tasks.append(asyncio.create_task(fetch(session, "GET", at(server))))
    await until(recorder, "dns_resolvehost_start", 2)
    await asyncio.sleep(PAUSE)
    resolver.gate.set()
    await asyncio.gather(*tasks)
    first, second = (span for span in recorder.spans() if span.kind == "dns")
    assert (first.duration_ns or 0) >= 2 * PAUSE_NS
    assert PAUSE_NS <= (second.duration_ns or 0) <= (first.duration_ns or 0) - PAUSE_NS
    for request_id, coalesced in zip(recorder.requests, (False, True), strict=True):
        assert [e.coalesced for e in recorder.of("dns_resolvehost_end", request_id)] == [coalesced]
    timelines = {timeline.request_id: timeline for timeline in recorder.timelines()}
    for span in (first, second):
        timeline = timelines[span.start.request_id]
        assert abs(timeline.phases_ns["dns"] - (span.duration_ns or 0)) < PAUSE_NS


@pytest.mark.parametrize(
    ("host", "address", "family"),
    [
        ("127.0.0.1", "127.0.0.1:{}", socket.AF_INET),
        ("::1", "[::1]:{}", socket.AF_INET6),
    ],
)
async def test_address_and_family(
    session: httptrace.ClientSession,
    scripted: Any,
    recorder: EventRecorder,
    host: str,
    address: str,
    family: socket.AddressFamily,
) -> None:
    """A socket's events have its address as in URLs, and its family."""
    server = await scripted(HELLO, host=host)
    await fetch(session, "GET", server.url)
    for name in ("socket_connect_start", "socket_connect_end"):
        (event,) = recorder.of(name)
        assert (event.address, event.family) == (address.format(server.port), family)
    assert recorder.timelines()[0].hops[0].address == address.format(server.port)


async def test_position_and_depth(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Positions count the requests that wait for the same limit; the depth counts all."""

    async def gated(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.events["gate"].wait()
            await peer.send(HELLO)

    servers = [await scripted(gated), await scripted(gated)]
    session = make_session(connector=httptrace.TCPConnector(limit_per_host=1))
    tasks = []
    for count, server in enumerate([*servers, *servers, *servers]):
        tasks.append(asyncio.create_task(fetch(session, "GET", server.url)))
        await until(recorder, "request_body_sent", min(count + 1, 2))
        await until(recorder, "connection_queued_start", max(0, count - 1))
    for server in servers:
        server.events["gate"].set()
    await asyncio.gather(*tasks)
    told = [(e.limit, e.position, e.depth) for e in recorder.of("connection_queued_start")]
    per_host = "limit_per_host"
    assert told == [(per_host, 0, 1), (per_host, 0, 2), (per_host, 1, 3), (per_host, 1, 4)]


@pytest.mark.parametrize("limit", ["total", "connect", "pool"])
async def test_the_limit_that_ends_waiting(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, limit: str
) -> None:
    """The end of waiting has the error that the caller gets."""

    async def silent(peer: Peer) -> None:
        await peer.request()
        await peer.hang()

    server = await scripted(silent)
    session = make_session(connector=httptrace.TCPConnector(limit=1))
    first = asyncio.create_task(fetch(session, "GET", server.url))
    await server.received()
    with pytest.raises(TimeoutError) as caught:
        await fetch(session, "GET", server.url, timeout=ClientTimeout(**{limit: PAUSE}))
    first.cancel()
    await asyncio.wait([first])
    (ended,) = recorder.of("connection_queued_exception")
    assert ended.exception is caught.value
    span = next(span for span in recorder.spans() if span.kind == "queue")
    assert (span.duration_ns or 0) >= PAUSE_NS


# --- bodies ---------------------------------------------------------------------------------------


async def test_sizes_before_and_after_decoding(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Received and decoded bytes are counted separately, with and without chunks."""
    packed = zlib.compress(b"hello" * 1000)
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nTransfer-Encoding: chunked\r\n\r\n"
    server = await scripted(head + chunked)
    async with session.get(server.url) as response:
        assert len(await response.read()) == 5000
    (end,) = recorder.of("response_body_end")
    assert (end.size, end.decoded_size) == (len(packed), 5000)
    (hop,) = response.timeline.hops
    assert hop.bytes_received == len(head) + len(chunked)
    assert hop.bytes_sent == len(server.requests[0].raw)


async def test_the_response_of_events(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Version, status, phrase and headers are those of the received head."""
    answer = b"HTTP/1.0 299 Quite Good\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 0\r\n\r\n"
    server = await scripted(answer)
    async with session.get(server.url) as response:
        await response.read()
    (head,) = recorder.of("response_headers_received")
    assert (head.version, head.status, head.reason) == ("1.0", 299, "Quite Good")
    assert head.headers.getall("X-A") == ["1", "2"]
    assert recorder.of("request_end")[0].response is response
    assert recorder.of("request_end")[0].headers["Host"] == f"127.0.0.1:{server.port}"
    assert recorder.of("request_finish")[0].timeline.total_ns == response.timeline.total_ns


@pytest.mark.parametrize("who", ["network", "consumer"])
async def test_who_is_waited_for(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, who: str
) -> None:
    """Time in which the network is waited for and time in which the caller thinks are told apart,
    also where all of the time is the one or the other."""

    async def parts(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO[:-3])
        await peer.events["more"].wait()
        await peer.send(HELLO[-3:])
        await peer.until_closed()

    server = await scripted(parts)
    loop = asyncio.get_running_loop()
    async with session.get(server.url) as response:
        if who == "consumer":
            await asyncio.sleep(2 * PAUSE)
            server.events["more"].set()
        else:
            loop.call_later(2 * PAUSE, server.events["more"].set)
        await response.read()
    (end,) = recorder.of("response_body_end")
    told = {"network": end.network_wait_ns, "consumer": end.consumer_ns}
    assert told[who] >= 2 * PAUSE_NS > sum(told.values()) - told[who]
    (hop,) = response.timeline.hops
    assert (hop.network_wait_ns, hop.consumer_ns) == (end.network_wait_ns, end.consumer_ns)


async def test_limit_and_phase_in_the_body(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Once there was a response, the end tells which limit was reached, and in which phase."""

    async def half(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO[:-3])
        await peer.hang()

    server = await scripted(half)
    with pytest.raises(TimeoutError):
        await fetch(session, "GET", server.url, timeout=ClientTimeout(sock_read=PAUSE))
    (finish,) = recorder.of("request_finish")
    error = finish.exception
    assert (error.timeout, error.phase, error.limit) == ("sock_read", "receive", PAUSE)
    assert recorder.of("request_exception") == []
    assert recorder.names()[:1] == START
