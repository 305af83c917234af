"""Findings that a server nearby can cause: the pool, connections that are not kept, addresses."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from typing import Any

from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace.demo.websocket import converse
from httptrace.net.resolver import AbstractResolver, ResolveResult
from httptrace.testing import Peer, ReceivedRequest, blackhole, per_request, response_bytes
from httptrace.trace.why.ranking import all_of

from ..conftest import MakeSession

HELLO = response_bytes(200, b"hello")
CLOSING = response_bytes(200, b"hello", ("Connection", "close"))
PAUSE = 0.05


def of(timeline: httptrace.Timeline, code: str) -> httptrace.Finding | None:
    """A finding about a timeline, however little it costs: a server nearby costs little."""
    return next((one for one in all_of(timeline) if one.code == code), None)


def told(timeline: httptrace.Timeline, code: str) -> httptrace.Finding:
    """A finding that `why` has, beside what a busy machine may have caused."""
    (found,) = (one for one in timeline.why if one.code == code)
    return found


async def fetch(session: httptrace.ClientSession, url: str, **options: Any) -> httptrace.Timeline:
    """Make a request and read its body."""
    async with session.get(url, **options) as response:
        await response.read()
    return response.timeline


@per_request
async def slowly(peer: Peer, request: ReceivedRequest) -> None:
    """Respond after a pause."""
    await asyncio.sleep(PAUSE)
    await peer.send(HELLO)


def here() -> str:
    """The file and the function that calls this, and the line after that."""
    frame = sys._getframe(1)
    return f"{frame.f_code.co_filename}:{frame.f_lineno + 1} in {frame.f_code.co_name}"


async def test_pool_wait(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """With limit=1 the third of three requests waits for two others, and is told so."""
    server = await scripted(slowly)
    session = make_session(connector=httptrace.TCPConnector(limit=1))
    timelines = await asyncio.gather(*(fetch(session, server.url) for _ in range(3)))
    assert of(timelines[0], "pool_wait") is None
    third = told(timelines[2], "pool_wait")
    assert third.seconds > 1.5 * PAUSE
    assert third.evidence == (
        "the only connection was in use (limit=1), and 1 request waited before this one"
    )
    whole = httptrace.explain(timelines)
    assert {one.code: one.count for one in whole.findings}["pool_wait"] == 2


async def test_pool_wait_of_a_timeout(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """A request that a timeout ended in the queue was there for all of that time."""
    server = await scripted(slowly)
    session = make_session(connector=httptrace.TCPConnector(limit_per_host=1))
    first = asyncio.ensure_future(fetch(session, server.url))
    await asyncio.sleep(0)
    limit = httptrace.ClientTimeout(pool=PAUSE / 2)
    try:
        await fetch(session, server.url, timeout=limit)
    except httptrace.ConnectionTimeoutError as error:
        assert error.timeline is not None
        one = told(error.timeline, "pool_wait")
    assert "(limit_per_host=1)" in one.evidence
    await first


async def test_no_reuse(session: httptrace.ClientSession, scripted: ScriptedFactory) -> None:
    """The server closes each connection after its response: the first one is not to blame."""
    server = await scripted(CLOSING)
    first = await fetch(session, server.url)
    second = await fetch(session, server.url)
    assert of(first, "no_reuse") is None
    one = of(second, "no_reuse")
    assert one is not None
    assert one.evidence == "the server closed the last connection after its response"


async def test_side_by_side_is_not_no_reuse(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """Requests side by side need a connection each; one that is closed is replaced once."""
    server = await scripted(CLOSING, HELLO)
    await fetch(session, server.url)
    timelines = await asyncio.gather(*(fetch(session, server.url) for _ in range(3)))
    assert len({timeline.hops[0].connection_id for timeline in timelines}) == 3
    assert [of(timeline, "no_reuse") is None for timeline in timelines] == [False, True, True]


async def test_closed_while_idle(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """The server closed an idle connection: for how long it was idle is told."""

    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO)

    server = await scripted(once)
    await fetch(session, server.url)
    async with asyncio.timeout(10):
        while session.connector.stats().open:  # type: ignore[union-attr]
            await asyncio.sleep(0)
    one = of(await fetch(session, server.url), "no_reuse")
    assert one is not None
    assert one.evidence.startswith("the server had closed the last connection after ")
    assert one.advice == "let the server keep idle connections for longer"


async def test_keepalive_timeout(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """A connector that keeps connections too briefly is named by its parameter."""
    server = await scripted(HELLO)
    session = make_session(connector=httptrace.TCPConnector(keepalive_timeout=0))
    await fetch(session, server.url)
    one = of(await fetch(session, server.url), "no_reuse")
    assert one is not None
    assert "(keepalive_timeout)" in one.evidence


async def test_force_close(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """`force_close` costs a connection for each request but the first one."""
    server = await scripted(HELLO)
    session = make_session(connector=httptrace.TCPConnector(force_close=True))
    assert of(await fetch(session, server.url), "no_reuse") is None
    one = of(await fetch(session, server.url), "no_reuse")
    assert one is not None
    assert one.advice == "leave the connector's force_close out"


async def test_the_limit_made_it_necessary(
    make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A connection that was closed to make room for another host: the limit is to blame."""
    one, other = await scripted(HELLO), await scripted(HELLO)
    session = make_session(connector=httptrace.TCPConnector(limit=1))
    for url in (one.url, other.url):
        assert of(await fetch(session, url), "no_reuse") is None
    finding = of(await fetch(session, one.url), "no_reuse")
    assert finding is not None
    assert finding.advice == "raise the connector's limit"
    waiting = [asyncio.ensure_future(fetch(session, url)) for url in (one.url, other.url)]
    finding = of(await waiting[1], "no_reuse")  # its turn came when the other one was done
    assert finding is not None
    assert finding.advice == "raise the connector's limit"
    await waiting[0]


@per_request
async def large(peer: Peer, request: ReceivedRequest) -> None:
    """Send a head, and only a part of its body."""
    await peer.send(response_bytes(200, b"", ("Content-Length", "1000000"), length=False))
    await peer.send(bytes(1000))


async def test_unread_responses(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """The line of the program that leaves a body unread is named."""
    server = await scripted(large, large, HELLO)
    site = here()
    async with session.get(server.url):
        pass
    response = await session.get(server.url)
    one = of(response.timeline, "no_reuse")
    assert one is not None
    line = site.partition("test_caused_connecting.py:")[2]
    assert one.evidence.startswith(f"a response was let go at test_caused_connecting.py:{line} b")
    assert one.where == site
    site = here()
    response.release()
    one = of(await fetch(session, server.url), "no_reuse")
    assert one is not None
    assert one.where == site


async def test_a_session_for_each_request(
    scripted: ScriptedFactory, server_ssl: ssl.SSLContext, client_ssl: ssl.SSLContext
) -> None:
    """Connections are gone with their session: it is named where that was closed."""
    server = await scripted(HELLO, ssl=server_ssl)
    sites = []
    for _ in range(2):
        sites.append(here())
        async with httptrace.ClientSession() as session:
            timeline = await fetch(session, server.url, ssl=client_ssl)
    one = of(timeline, "tls_each_time") or of(timeline, "no_reuse")  # whatever took longer
    assert one is not None
    assert "an earlier session was closed at test_caused_connecting.py:" in one.evidence
    assert one.advice == "use one ClientSession for all requests of the program"
    assert one.where == sites[0]


async def test_another_session_at_the_same_time(
    make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """While the first session is open, its connections are not lost: the second needs its own."""
    server = await scripted(HELLO)
    for session in (make_session(), make_session()):
        timeline = await fetch(session, server.url)
        assert timeline.hops[0].closed_before is None


async def test_websockets_are_not_kept(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """The connection of a WebSocket serves nothing else, so that the next one replaces none."""

    @per_request
    async def serve(peer: Peer, request: ReceivedRequest) -> None:
        if request.path == "/websocket":
            await converse(peer, request, 0)
        else:
            await peer.send(HELLO)

    server = await scripted(serve)
    async with session.ws_connect(f"{server.url}/websocket") as websocket:
        await websocket.close()
    timeline = await fetch(session, server.url)
    assert not timeline.hops[0].reused
    assert timeline.hops[0].closed_before is None


class Slow(AbstractResolver):
    """A resolver that takes its time."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        await asyncio.sleep(PAUSE)
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        pass


async def test_dns(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """The first look-up is slow, the second one is not cached."""
    server = await scripted(CLOSING)
    connector = httptrace.TCPConnector(resolver=Slow("127.0.0.1"), use_dns_cache=False)
    session = make_session(connector=connector)
    url = f"http://shop.example:{server.port}/"
    first = told(await fetch(session, url), "dns_slow")
    second = told(await fetch(session, url), "dns_not_cached")
    assert first.evidence.startswith("the look-up of shop.example took ")
    assert second.evidence.startswith("the host shop.example was looked up again, ")


async def test_dead_address(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """The first address never answers: the delay until the second one is tried is lost."""
    server = await scripted(HELLO)
    with blackhole("127.0.0.2", server.port):
        connector = httptrace.TCPConnector(
            resolver=Slow("127.0.0.2", "127.0.0.1"), happy_eyeballs_delay=0.2
        )
        timeline = await fetch(make_session(connector=connector), f"http://a.test:{server.port}/")
    one = told(timeline, "dead_address")
    assert 0.19 < one.seconds < timeline.connect
    assert one.evidence == f"127.0.0.2:{server.port} had not answered when another one did"


async def test_closed_address(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """An address that refuses at once costs nothing worth telling."""
    server = await scripted(HELLO)
    connector = httptrace.TCPConnector(resolver=Slow("127.0.0.2", "127.0.0.1"))
    timeline = await fetch(make_session(connector=connector), f"http://a.test:{server.port}/")
    assert timeline.hops[0].addresses_failed
    one = of(timeline, "dead_address")
    assert one is not None
    assert one.seconds < 0.1
    assert one.evidence == f"127.0.0.2:{server.port} failed: Connection refused"


async def test_proxy_slow(
    session: httptrace.ClientSession,
    scripted: ScriptedFactory,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """The proxy opens its tunnel after a pause."""

    async def tunnel(peer: Peer) -> None:
        await peer.read_head()
        await asyncio.sleep(PAUSE)
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        await peer.start_tls(server_ssl)
        await peer.request()
        await peer.send(HELLO)
        await peer.until_closed()

    proxy = await scripted(tunnel)
    timeline = await fetch(session, "https://localhost/", proxy=proxy.url, ssl=client_ssl)
    one = told(timeline, "proxy_slow")
    assert one.seconds > 0.9 * PAUSE
    assert one.evidence.startswith("the tunnel through the proxy 127.0.0.1 took ")


async def test_client_slow(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """A middleware that waits is the program's own time."""

    async def wait(
        request: httptrace.ClientRequest, handler: httptrace.ClientHandlerType
    ) -> httptrace.ClientResponse:
        await asyncio.sleep(PAUSE)
        return await handler(request)

    server = await scripted(HELLO)
    one = told((await fetch(make_session(middlewares=[wait]), server.url)), "client_slow")
    assert one.seconds > 0.9 * PAUSE


async def test_retried(session: httptrace.ClientSession, scripted: ScriptedFactory) -> None:
    """A connection that the server closed when the request came: the first attempt was in vain."""

    async def stale(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO)
        await peer.read_head()
        await asyncio.sleep(PAUSE)

    server = await scripted(stale, HELLO)
    await fetch(session, server.url)
    one = told(await fetch(session, server.url), "retried")
    assert one.hop == 1
    assert one.evidence == "1 attempt came first: stale connection"
