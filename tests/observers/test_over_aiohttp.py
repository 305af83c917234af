"""An exporter over aiohttp's own sessions: what aiohttp tells, and nothing invented."""

from __future__ import annotations

import asyncio
import ssl
import sys

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace import Timeline
from httptrace.observers.exporter import Exporter, attempts_of
from httptrace.testing import Peer, ReceivedRequest
from httptrace.testing.scripted import per_request, response_bytes
from httptrace.trace.declare import Event
from httptrace.trace.events import TraceRequestFinishParams

aiohttp = pytest.importorskip("aiohttp", reason="aiohttp is not installed")


class Seen(Exporter):
    """Keeps what it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.ends: list[TraceRequestFinishParams] = []

    def on_event(self, event: Event) -> None:
        self.names.append(event.name)

    def on_request_finish(self, event: TraceRequestFinishParams) -> None:
        self.ends.append(event)

    @property
    def end(self) -> TraceRequestFinishParams:
        (end,) = self.ends
        return end


def check(timeline: Timeline) -> None:
    """The phases of each hop fill its time without gaps."""
    assert timeline.complete
    for hop in timeline.hops:
        assert sum(hop.phases_ns.values()) == hop.total_ns > 0
        assert "tls" not in hop.phases_ns


@per_request
async def serve(peer: Peer, request: ReceivedRequest) -> None:
    """Respond by the path."""
    path = request.target.partition("?")[0]
    if path == "/moved":
        await peer.send(response_bytes(302, b"", ("Location", "/end")))
    elif path == "/half":
        await peer.send(response_bytes(200, b"x", ("Content-Length", "9"), length=False))
        await peer.until_closed()
    elif path == "/cut":
        await peer.send(response_bytes(200, b"x", ("Content-Length", "9"), length=False))
        peer.close()
    elif path == "/hang":
        await peer.until_closed()
    else:
        await peer.send(response_bytes(404 if path == "/missing" else 200, b"hello"))


async def test_new_connection_and_reused(scripted: ScriptedFactory) -> None:
    """The exact events of a request on a new connection, and of one on a reused connection."""
    server, seen = await scripted(serve), Seen()
    async with aiohttp.ClientSession(trace_configs=[seen.trace_config()]) as session:
        async with session.post(server.url, data=b"abc") as response:
            assert await response.read() == b"hello"
        assert seen.names == [
            *("request_start", "connection_create_start", "connection_create_end"),
            *("request_headers_sent", "request_chunk_sent", "request_end", "request_finish"),
        ]
        seen.names.clear()
        async with session.get(server.url) as response:
            await response.read()
        assert seen.names == [
            *("request_start", "connection_reuseconn", "request_headers_sent", "request_end"),
            "request_finish",
        ]
    first, second = (end.timeline for end in seen.ends)
    assert [*first.hops[0].phases_ns] == ["queue", "connect", "send", "wait", "receive"]
    assert [*second.hops[0].phases_ns] == ["queue", "send", "wait", "receive"]
    assert [one.hops[0].reused for one in (first, second)] == [False, True]
    assert first.hops[0].connection_id == second.hops[0].connection_id is not None
    assert first.hops[0].address == f"127.0.0.1:{server.port}"
    assert first.hops[0].body_sent == 3 and first.hops[0].bytes_received == 0
    assert first.request_id is not None and second.request_id == first.request_id + 1
    for end in seen.ends:
        check(end.timeline)
        assert end.outcome == "completed"


async def test_redirect(scripted: ScriptedFactory) -> None:
    """A redirect is an attempt of its own, with its status and headers."""
    server, seen = await scripted(serve), Seen()
    async with aiohttp.ClientSession(trace_configs=[seen.trace_config()]) as session:
        await (await session.get(f"{server.url}/moved")).read()
    first, second = attempts_of(seen.end)
    assert (first.hop.status, second.hop.status) == (302, 200)
    assert (first.hop.url.path, second.hop.url.path) == ("/moved", "/end")
    assert ("Location", "/end") in first.response_headers
    assert first.hop.end_ns == second.hop.start_ns
    check(seen.end.timeline)


async def test_names_are_looked_up(scripted: ScriptedFactory) -> None:
    """The look-up of a name is a phase; one from aiohttp's cache is not."""
    server, seen = await scripted(serve), Seen()
    url = f"http://localhost:{server.port}"
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(
        connector=connector, trace_configs=[seen.trace_config()]
    ) as session:
        await (await session.get(url)).read()
        await (await session.get(url)).read()
    first, second = (end.timeline.hops[0] for end in seen.ends)
    assert [*first.phases_ns] == ["queue", "dns", "connect", "send", "wait", "receive"]
    assert [*second.phases_ns] == ["queue", "connect", "send", "wait", "receive"]
    assert first.dns is not None and (first.dns.host, first.dns.source) == ("localhost", "look-up")
    assert second.dns is not None and second.dns.source == "cache"


async def test_tls(
    scripted: ScriptedFactory, server_ssl: ssl.SSLContext, client_ssl: ssl.SSLContext
) -> None:
    """The facts of TLS are there, its time is part of `connect`."""
    server, seen = await scripted(serve, ssl=server_ssl), Seen()
    async with aiohttp.ClientSession(trace_configs=[seen.trace_config()]) as session:
        await (await session.get(server.url, ssl=client_ssl)).read()
    (hop,) = seen.end.timeline.hops
    assert hop.tls is not None and hop.tls.version == "TLSv1.3"
    check(seen.end.timeline)


async def test_dropped(scripted: ScriptedFactory) -> None:
    """A body that the program does not read is dropped, and no failure."""
    server, seen = await scripted(serve), Seen()
    async with aiohttp.ClientSession(trace_configs=[seen.trace_config()]) as session:
        async with session.get(f"{server.url}/half"):
            assert seen.ends == []
    assert (seen.end.outcome, seen.end.exception) == ("dropped", None)


async def test_broken_body(scripted: ScriptedFactory) -> None:
    """A body that breaks off is a failure after the head."""
    server, seen = await scripted(serve), Seen()
    async with aiohttp.ClientSession(trace_configs=[seen.trace_config()]) as session:
        with pytest.raises(aiohttp.ClientError):
            await (await session.get(f"{server.url}/cut")).read()
    assert seen.end.outcome == "failed" and isinstance(seen.end.exception, aiohttp.ClientError)
    assert seen.end.timeline.hops[0].status == 200


@pytest.mark.parametrize("path", ["/hang", "/half"])
async def test_cancelled(scripted: ScriptedFactory, path: str) -> None:
    """A cancellation is one, before the head and while the body comes."""
    server, seen = await scripted(serve), Seen()

    async def fetch() -> None:
        async with session.get(f"{server.url}{path}") as response:
            await response.read()

    async with aiohttp.ClientSession(trace_configs=[seen.trace_config()]) as session:
        task = asyncio.create_task(fetch())
        awaited = "request_end" if path == "/half" else "request_headers_sent"
        while awaited not in seen.names:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert seen.end.outcome == "cancelled"
    assert isinstance(seen.end.exception, asyncio.CancelledError)


async def test_refused(unused_tcp_port: int) -> None:
    """A connection that cannot be opened fails in `connect`."""
    seen = Seen()
    async with aiohttp.ClientSession(trace_configs=[seen.trace_config()]) as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"http://127.0.0.1:{unused_tcp_port}")
    assert seen.names[-2:] == ["request_exception", "request_finish"]
    (hop,) = seen.end.timeline.hops
    assert (seen.end.outcome, hop.status, hop.connection_id) == ("failed", None, None)
    assert [*hop.phases_ns] == ["queue", "connect"]


async def test_raise_for_status(scripted: ScriptedFactory) -> None:
    """A status that raises is known, although aiohttp does not tell when it came."""
    server, seen = await scripted(serve), Seen()
    async with aiohttp.ClientSession(trace_configs=[seen.trace_config()]) as session:
        with pytest.raises(aiohttp.ClientResponseError):
            await session.get(f"{server.url}/missing", raise_for_status=True)
    assert seen.end.outcome == "failed" and seen.end.timeline.hops[0].status == 404


async def test_many_at_once(scripted: ScriptedFactory) -> None:
    """Requests that wait for aiohttp's pool have the time in `queue`; none is mixed up."""
    server, seen = await scripted(serve), Seen()
    connector = aiohttp.TCPConnector(limit=2)
    async with aiohttp.ClientSession(
        connector=connector, trace_configs=[seen.trace_config()]
    ) as session:

        async def fetch(number: int) -> None:
            async with session.get(f"{server.url}/{number}") as response:
                await response.read()

        await asyncio.gather(*map(fetch, range(20)))
    assert sorted(int(end.url.path[1:]) for end in seen.ends) == [*range(20)]
    assert len({end.request_id for end in seen.ends}) == 20
    assert seen.names.count("connection_queued_start") == 18
    for end in seen.ends:
        check(end.timeline)


def test_without_aiohttp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without aiohttp the error says what to do."""
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(ImportError, match="sessions of aiohttp, which is not installed"):
        Seen().trace_config()
