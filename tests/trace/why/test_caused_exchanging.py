"""Findings that a server nearby can cause: redirects, uploads, waits, downloads, limits.

Where the event loop is blocked, the server runs in a thread, so that it is not blocked as well.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from time import sleep

import pytest
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace.demo.servers import BundledServers
from httptrace.testing import Peer, ReceivedRequest, per_request, response_bytes

from ..test_true_times import Times, respond, serving
from .test_caused_connecting import HELLO, PAUSE, fetch, of, told

linux = pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not tell it")
JSON_TYPE = ("Content-Type", "application/json")


async def test_redirect_chain(session: httptrace.ClientSession, scripted: ScriptedFactory) -> None:
    """Redirects that are followed cost their own time; the way is told."""

    @per_request
    async def serve(peer: Peer, request: ReceivedRequest) -> None:
        await asyncio.sleep(PAUSE)
        target = {"/": "/a?token=s3cret", "/a": "/b"}.get(request.path.partition("?")[0])
        await peer.send(response_bytes(302, b"", ("Location", target)) if target else HELLO)

    server = await scripted(serve)
    one = told((await fetch(session, server.url)), "redirect_chain")
    assert one.seconds > 1.8 * PAUSE
    url = server.url
    assert one.evidence == f"2 redirects came first: {url}/ → {url}/a → {url}/b"


async def test_expect_100_wait(session: httptrace.ClientSession, scripted: ScriptedFactory) -> None:
    """The body waited for 100 Continue; where the server refused the body that was right."""

    async def late(peer: Peer) -> None:
        await peer.read_head()
        await asyncio.sleep(PAUSE)
        await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await peer.read(5)
        await peer.send(response_bytes(200, b"", ("Connection", "close")))

    async def refuses(peer: Peer) -> None:
        await peer.read_head()
        await asyncio.sleep(PAUSE)
        await peer.send(response_bytes(401, b"", ("Connection", "close")))
        await peer.until_closed()

    server = await scripted(late, refuses)
    found = []
    for _ in range(2):
        async with session.post(server.url, data=b"hello", expect100=True) as response:
            await response.read()
        found.append(of(response.timeline, "expect_100_wait"))
    assert response.status == 401
    sent, refused = found
    assert sent is not None
    assert sent.seconds > 0.9 * PAUSE
    assert refused is None


async def test_slow_reader(session: httptrace.ClientSession, scripted: ScriptedFactory) -> None:
    """The program took its time between the pieces, while more lay ready."""
    server = await scripted(response_bytes(200, bytes(8_000_000)))
    async with session.get(server.url) as response:
        async for _piece in response.content.iter_chunked(4_000_000):
            await asyncio.sleep(3 * PAUSE)
    one = told(response.timeline, "slow_reader")
    assert one.seconds > 2.5 * PAUSE


async def test_a_reader_that_is_not_too_slow(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """The program took its time as well, but the server took longer: nothing was lost."""

    @per_request
    async def serve(peer: Peer, request: ReceivedRequest) -> None:
        await peer.send(response_bytes(200, b"", ("Content-Length", "600000"), length=False))
        await peer.send_pieces([bytes(200_000)] * 3, pause=2 * PAUSE)

    server = await scripted(serve)
    async with session.get(server.url) as response:
        async for _piece in response.content.iter_any():
            await asyncio.sleep(PAUSE / 2)
    hop = response.timeline.hops[0]
    assert hop.consumer_ns > 0.4e9 * PAUSE
    codes = [one.code for one in response.timeline.why]
    assert "slow_reader" not in codes
    assert codes[0] == "download_slow"


async def test_a_body_that_is_not_wanted_yet(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """The network took its time, and the program did not even wait for it: it was not too late."""

    @per_request
    async def serve(peer: Peer, request: ReceivedRequest) -> None:
        await peer.send(response_bytes(200, b"", ("Content-Length", "10"), length=False))
        await asyncio.sleep(PAUSE)
        await peer.send(bytes(10))

    server = await scripted(serve)
    async with session.get(server.url) as response:
        await asyncio.sleep(2 * PAUSE)
        await response.read()
    assert of(response.timeline, "slow_reader") is None
    assert of(response.timeline, "download_slow") is not None


async def test_server_slow(session: httptrace.ClientSession, scripted: ScriptedFactory) -> None:
    """The server took its time, and says on what."""

    @per_request
    async def serve(peer: Peer, request: ReceivedRequest) -> None:
        await asyncio.sleep(2 * PAUSE)
        said = ("Server-Timing", "cache;dur=1, db;dur=90;desc=orders")
        await peer.send(response_bytes(200, b"hello", said))

    server = await scripted(serve)
    await fetch(session, server.url)
    one = told((await fetch(session, server.url)), "server_slow")
    assert one.seconds > 1.8 * PAUSE
    assert one.evidence.endswith("; it says: db 90 ms")


async def test_no_response(session: httptrace.ClientSession, scripted: ScriptedFactory) -> None:
    """A timeout ended the wait: the limit is named."""
    server = await scripted(per_request(hang))
    with pytest.raises(httptrace.TotalTimeoutError) as caught:
        await session.get(server.url, timeout=httptrace.ClientTimeout(total=3 * PAUSE))
    assert caught.value.timeline is not None
    one = told(caught.value.timeline, "server_slow")
    assert one.evidence.endswith(" (total=0.15)")


async def hang(peer: Peer, request: ReceivedRequest) -> None:
    """Do not respond."""
    await peer.until_closed()


@linux
async def test_loop_blocked() -> None:
    """`time.sleep` held the loop while the response lay there: its line is named."""

    def serve(client: socket.socket, times: Times) -> None:
        while respond(client, times):
            pass

    async def block() -> None:
        await asyncio.sleep(0)
        sleep(0.4)

    with serving(serve) as (url, _), httptrace.loop_lag(threshold=0.03) as lag:
        async with httptrace.ClientSession() as session:
            await fetch(session, url)
            while not lag.count:
                await asyncio.sleep(0.01)
            timeline, _ = await asyncio.gather(fetch(session, url), block())
    one = told(timeline, "loop_blocked")
    assert one.seconds > 0.3
    line = block.__code__.co_firstlineno + 2
    assert one.where == f"{__file__}:{line} in block"
    assert one.evidence.endswith(f"in test_caused_exchanging.py:{line} in block")
    assert of(timeline, "server_slow") is None


async def test_uncompressed_large_body(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """Much JSON came slowly and uncompressed; the advice depends on what was asked for."""
    text = json.dumps(["order"] * 40_000).encode()

    @per_request
    async def serve(peer: Peer, request: ReceivedRequest) -> None:
        length = ("Content-Length", str(len(text)))
        await peer.send(response_bytes(200, b"", JSON_TYPE, length, length=False))
        await peer.send_pieces([text[:200_000], text[200_000:]], pause=PAUSE)

    server = await scripted(serve)
    one = told((await fetch(session, server.url)), "uncompressed_large_body")
    assert one.evidence.startswith("360 kB of application/json came uncompressed in ")
    assert one.advice == "let the server compress it, or ask for less"
    plain = await fetch(session, server.url, skip_auto_headers=["Accept-Encoding"])
    unasked = of(plain, "uncompressed_large_body")
    assert unasked is not None
    assert unasked.advice == "ask for compression: the request had no Accept-Encoding"


async def test_limit_too_close(session: httptrace.ClientSession, scripted: ScriptedFactory) -> None:
    """The total limit fired while the body was arriving."""

    @per_request
    async def serve(peer: Peer, request: ReceivedRequest) -> None:
        await peer.send(response_bytes(200, b"", ("Content-Length", "1000000"), length=False))
        await peer.send_pieces([bytes(1000)] * 1000, pause=0.01)

    server = await scripted(serve)
    with pytest.raises(httptrace.TotalTimeoutError) as caught:
        await fetch(session, server.url, timeout=httptrace.ClientTimeout(total=4 * PAUSE))
    assert caught.value.timeline is not None
    one = told(caught.value.timeline, "limit_too_close")
    assert one.evidence.startswith("the limit total=0.2 ended it when ")
    assert " of 1.0 MB, which takes " in one.evidence


async def test_big_cookie_header(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """The server refused a request because of its cookies."""
    server = await scripted(response_bytes(431, b"too long"))
    cookies = {f"name{number}": "c" * 1000 for number in range(9)}
    one = told((await fetch(session, server.url, cookies=cookies)), "big_cookie_header")
    assert one.evidence == "the Cookie header has 9.1 kB, and the server responded with 431"


async def test_slow_writer(session: httptrace.ClientSession, scripted: ScriptedFactory) -> None:
    """The program provided the body slowly: that is neither the network nor the server."""
    server = await scripted(HELLO)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            await asyncio.sleep(PAUSE)
            yield bytes(10_000)

    async with session.post(server.url, data=pieces()) as response:
        await response.read()
    one = told(response.timeline, "slow_writer")
    assert one.seconds > 2.8 * PAUSE
    assert of(response.timeline, "upload_slow") is None


@linux
async def test_upload_slow(session: httptrace.ClientSession, scripted: ScriptedFactory) -> None:
    """The server read the body slowly: that is not the program."""

    async def reads_late(peer: Peer) -> None:
        peer.pause_reading()
        await asyncio.sleep(3 * PAUSE)
        peer.resume_reading()
        await peer.request()
        await peer.send(HELLO)
        await peer.until_closed()

    server = await scripted(reads_late, receive_buffer=65_536)
    async with session.post(server.url, data=bytes(16_000_000)) as response:
        await response.read()
    (one, *others) = response.timeline.why
    assert one.code in ("upload_slow", "small_window")
    assert "slow_writer" not in [other.code for other in others]


async def test_recording() -> None:
    """A whole block is explained: what was lost, in how many requests, to which hosts."""
    async with BundledServers() as servers:
        connector = httptrace.TCPConnector(limit=2)
        with httptrace.record() as recording:
            async with httptrace.ClientSession(servers.http, connector=connector) as session:
                await asyncio.gather(*(session.get("/slow-start/0.1") for _ in range(6)))
        explanation = httptrace.explain(recording)
    assert explanation.requests == 6
    assert explanation.seconds == sum(one.total for one in recording.timelines)
    slow, waited = sorted(explanation.findings, key=lambda one: one.code, reverse=True)[:2]
    assert (slow.code, slow.count) == ("server_slow", 6)
    assert (waited.code, waited.count) == ("pool_wait", 4)
    assert waited.hosts == slow.hosts == (servers.http.removeprefix("http://"),)
    assert waited.seconds > 0.5
