"""`Timeline`: an exact partition of a request's time, in success and failure."""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import Any

import pytest
from tests.net.recording import Gated

import httptrace
from httptrace.testing import (
    EventRecorder,
    Peer,
    ReceivedRequest,
    per_request,
    refused_port,
    response_bytes,
)
from httptrace.trace.record import PHASES

from .conftest import MakeSession
from .test_exchanges import HELLO, fetch

PAUSE = 0.03
PAUSE_NS = 25_000_000
"""What a pause of `PAUSE` seconds must show at least: timers may come early by a clock tick."""


def assert_partition(timeline: httptrace.Timeline) -> None:
    """Phases sum to the total, hop by hop and in all, without a gap or an overlap."""
    assert timeline.complete
    assert sum(timeline.phases_ns.values()) == timeline.total_ns
    assert timeline.total == timeline.total_ns / 1e9
    end_ns = timeline.start_ns
    for hop in timeline.hops:
        for phase, since_ns, until_ns in hop.spans_ns:
            assert phase in PHASES
            assert since_ns == end_ns <= until_ns
            end_ns = until_ns
        assert hop.end_ns == end_ns
        assert sum(hop.phases_ns.values()) == hop.total_ns
    assert end_ns - timeline.start_ns == timeline.total_ns


async def test_without_any_listener(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """The timeline needs no set-up, for a new connection and a reused one."""
    httptrace.uninstall(recorder)
    server = await scripted(HELLO)
    timelines = []
    for _ in range(2):
        async with session.get(server.url) as response:
            await response.read()
        timelines.append(response.timeline)
        assert_partition(response.timeline)
    first, second = timelines
    assert {"queue", "connect", "send", "wait", "receive"} == set(first.hops[0].phases_ns)
    assert {"queue", "send", "wait", "receive"} == set(second.hops[0].phases_ns)
    assert (first.hops[0].reused, first.hops[0].why_not_reused) == (False, "first")
    assert (second.hops[0].reused, second.hops[0].why_not_reused) == (True, None)
    assert first.hops[0].connection_id == second.hops[0].connection_id
    assert first.hops[0].address == f"{server.host}:{server.port}"


async def test_every_phase_has_its_own_time(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Time that passes in one phase is counted there and nowhere else."""

    async def slow(peer: Peer) -> None:
        await peer.request()
        await asyncio.sleep(PAUSE)
        await peer.send(HELLO[:-3])
        await asyncio.sleep(PAUSE * 2)
        await peer.send(HELLO[-3:])
        await peer.until_closed()

    server = await scripted(slow)
    resolver = Gated("127.0.0.1")
    loop = asyncio.get_running_loop()
    resolver.seen = lambda: loop.call_later(PAUSE, resolver.gate.set)
    session = make_session(connector=httptrace.TCPConnector(resolver=resolver))
    async with session.get(f"http://test.example:{server.port}/") as response:
        await response.read()
    timeline = response.timeline
    assert_partition(timeline)
    phases = timeline.phases_ns
    assert phases["dns"] >= PAUSE_NS
    assert phases["wait"] >= PAUSE_NS
    assert phases["receive"] >= 2 * PAUSE_NS
    rest = timeline.total_ns - phases["dns"] - phases["wait"] - phases["receive"]
    assert phases["queue"] + phases["connect"] + phases["send"] == rest
    assert timeline.hops[0].network_wait_ns >= 2 * PAUSE_NS
    for phase in PHASES:
        assert getattr(timeline, phase) == phases[phase] / 1e9


async def test_queue(make_session: MakeSession, scripted: Any, recorder: EventRecorder) -> None:
    """Waiting for a place counts as `queue`."""

    async def slow(peer: Peer) -> None:
        while True:
            await peer.request()
            await asyncio.sleep(PAUSE)
            await peer.send(HELLO)

    server = await scripted(slow)
    session = make_session(connector=httptrace.TCPConnector(limit=1))
    await asyncio.gather(*(fetch(session, "GET", server.url) for _ in range(2)))
    first, second = recorder.timelines()
    assert_partition(first)
    assert_partition(second)
    assert second.phases_ns["queue"] >= PAUSE_NS > first.phases_ns["queue"]


async def test_think_time_of_the_caller(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """While the body arrives, waiting for the network and for the caller are separate."""

    async def parts(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO[:-3])
        await peer.events["more"].wait()
        await asyncio.sleep(PAUSE)
        await peer.send(HELLO[-3:])
        await peer.until_closed()

    server = await scripted(parts)
    async with session.get(server.url) as response:
        await asyncio.sleep(PAUSE)
        server.events["more"].set()
        await response.read()
    hop = response.timeline.hops[0]
    assert hop.network_wait_ns >= PAUSE_NS
    assert hop.consumer_ns >= PAUSE_NS
    event = recorder.of("response_body_end")[0]
    assert event.network_wait_ns >= PAUSE_NS
    assert event.consumer_ns >= PAUSE_NS
    assert_partition(response.timeline)


async def test_hops(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Each hop of a redirect has its own time, and they follow without a gap."""
    server = await scripted(response_bytes(302, b"", ("Location", "/there")), HELLO)
    other = await scripted(HELLO)
    answer = response_bytes(302, b"", ("Location", other.url))
    server = await scripted(answer)
    async with session.get(server.url) as response:
        await response.read()
    timeline = response.timeline
    assert_partition(timeline)
    assert [hop.attempt for hop in timeline.hops] == [1, 2]
    assert [hop.status for hop in timeline.hops] == [302, 200]
    assert [hop.url.port for hop in timeline.hops] == [server.port, other.port]
    assert timeline.hops[0].bytes_received == len(answer)
    assert timeline.hops[1].bytes_received == len(HELLO)
    assert timeline.hops[1].bytes_sent == len(other.requests[0].raw)
    assert_partition(response.history[0].timeline)
    assert len(response.history[0].timeline.hops) == 1


@pytest.mark.parametrize("outcome", ["refused", "cut", "cancelled", "timeout"])
async def test_failures(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, outcome: str
) -> None:
    """Without a response the timeline is in on_request_finish, and is as exact."""
    heard: list[httptrace.Timeline] = []
    config = httptrace.TraceConfig()
    config.on_request_finish.append(lambda _s, _c, params: heard.append(params.timeline))

    async def cut(peer: Peer) -> None:
        await peer.request()
        if outcome == "cut":
            await peer.send(HELLO[:-3])
            return
        await peer.hang()

    server = await scripted(cut)
    with refused_port() as port:
        url = f"http://127.0.0.1:{port}/" if outcome == "refused" else server.url
        task = asyncio.create_task(
            fetch(session, "GET", url, trace_configs=[config], timeout=PAUSE)
        )
        if outcome == "cancelled":
            await server.received()
            task.cancel()
        with pytest.raises((Exception, asyncio.CancelledError)):
            await task
    (timeline,) = heard
    assert_partition(timeline)
    (hop,) = timeline.hops
    assert hop.exception is recorder.of("request_finish")[0].exception is not None
    if outcome == "timeout":
        assert timeline.total_ns >= PAUSE_NS
    if outcome == "refused":
        assert hop.addresses_failed[0][0] == f"127.0.0.1:{port}"


async def test_under_way(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """While the body arrives the timeline ends now, and says that it is not complete."""

    async def parts(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO[:-3])
        await peer.events["more"].wait()
        await peer.send(HELLO[-3:])

    server = await scripted(parts)
    async with session.get(server.url) as response:
        early = response.timeline
        assert not early.complete
        assert sum(early.phases_ns.values()) == early.total_ns
        server.events["more"].set()
        await response.read()
    assert response.timeline.total_ns > early.total_ns
    assert_partition(response.timeline)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("secure", [False, True])
async def test_protocol(
    make_session: MakeSession,
    scripted: Any,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
    secure: bool,
    version: str,
) -> None:
    """The protocol has its ALPN name, with and without TLS."""
    answer = HELLO.replace(b"HTTP/1.1", f"HTTP/{version}".encode())
    server = await scripted(answer, ssl=server_ssl if secure else None)
    async with make_session().get(server.url, ssl=client_ssl) as response:
        await response.read()
    (hop,) = response.timeline.hops
    assert (hop.protocol, hop.version, hop.tls is not None) == (f"http/{version}", version, secure)
    assert hop.to_dict()["protocol"] == f"http/{version}"


async def test_no_protocol_of_what_is_no_http(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Of a head that is not HTTP the timeline has only the number of bytes."""
    garbage = b"HTTP/1.\xd3 200 Fine\r\nX: y\r\n\r\n"
    server = await scripted(garbage)
    with pytest.raises(httptrace.ClientResponseError):
        await session.get(server.url)
    (hop,) = recorder.of("request_finish")[0].timeline.hops
    assert (hop.protocol, hop.version, hop.status, hop.reason) == ("http/1.1", None, None, "")
    assert hop.bytes_received == len(garbage)


async def test_json_and_text(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """`to_dict()` is JSON with exact sums, and `str()` a drawing that names every phase."""
    server = await scripted(HELLO)
    async with session.get(server.url) as response:
        await response.read()
    timeline = response.timeline
    told = json.loads(json.dumps(timeline.to_dict()))
    assert told["total_ns"] == sum(told["phases_ns"].values()) == timeline.total_ns
    assert told["complete"] is True
    assert told["hops"][0]["status"] == 200
    text = str(timeline)
    for phase in timeline.hops[0].phases_ns:
        assert phase in text


async def test_many_at_once(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """With many concurrent requests, each timeline is a partition of its own request's time."""
    httptrace.uninstall(recorder)
    server = await scripted(HELLO)

    async def one() -> httptrace.Timeline:
        async with session.get(server.url) as response:
            await response.read()
        return response.timeline

    timelines = await asyncio.gather(*(one() for _ in range(300)))
    for timeline in timelines:
        assert_partition(timeline)
    assert len({timeline.request_id for timeline in timelines}) == 300


async def test_context_id_without_any_listener(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Each timeline has the id of the context that made the request, hops and failures too."""
    httptrace.uninstall(recorder)

    async def answer(peer: Peer, request: ReceivedRequest) -> None:
        redirect = response_bytes(302, b"", ("Location", "/there"))
        await peer.send(redirect if request.path == "/" else HELLO)

    server = await scripted(per_request(answer))

    async def work(name: str) -> list[str | None]:
        with httptrace.job_context("job", id=name):
            await asyncio.sleep(0)
            async with session.get(server.url) as response:
                await response.read()
            first = response.timeline.context_id
            async with session.get(server.url + "/x", headers={"X-A": "1"}) as response:
                await response.read()
        return [first, response.timeline.context_id, response.timeline.to_dict()["context_id"]]

    told = await asyncio.gather(work("one"), work("two"))
    assert told == [["one"] * 3, ["two"] * 3]
    async with session.get(server.url) as response:
        await response.read()
    assert response.timeline.context_id is None


async def test_context_id_of_events(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Events have the same id; a task's request in its own context has that context's."""
    server = await scripted(HELLO)
    with httptrace.job_context("job", id="outer"):
        task = asyncio.create_task(fetch(session, "GET", server.url))
        with httptrace.job_context("job", id="inner"):
            await fetch(session, "GET", server.url)
        await task
    with refused_port() as port, httptrace.job_context("job", id="failing"):
        with pytest.raises(httptrace.ClientConnectorError):
            await fetch(session, "GET", f"http://127.0.0.1:{port}/")
    told = [timeline.context_id for timeline in recorder.timelines()]
    assert sorted(map(str, told)) == ["failing", "inner", "outer"]
    for timeline in recorder.timelines():
        of_request = [e for e in recorder.events if e.request_id == timeline.request_id]
        assert {event.context_id for event in of_request} == {timeline.context_id}
