"""Callbacks of a `TraceConfig` that take their time, read the body or make requests."""

from __future__ import annotations

import asyncio
from typing import Any

import httptrace
from httptrace.testing import EventRecorder, Peer

from .conftest import MakeSession
from .listening import SIGNALS
from .sequences import BODY, END, FINISH, FRESH, HEAD, SENT, START
from .test_exchanges import HELLO, fetch


async def test_slow_listener_delays_its_own_request_only(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """While one request's callback waits, others on the same connector come and go."""
    gate = asyncio.Event()
    entered = asyncio.Event()

    async def wait(session: Any, context: Any, params: Any) -> None:
        if context.trace_request_ctx == "slow":
            entered.set()
            await gate.wait()

    for signal in SIGNALS:
        if signal.startswith(("on_dns", "on_tls", "on_proxy", "on_websocket", "on_cache")):
            continue
        config = httptrace.TraceConfig()
        getattr(config, signal).append(wait)
        server = await scripted(HELLO)
        session = make_session(trace_configs=[config])
        slow = asyncio.create_task(fetch(session, "GET", server.url, trace_request_ctx="slow"))
        waiting = asyncio.create_task(entered.wait())
        await asyncio.wait([slow, waiting], return_when=asyncio.FIRST_COMPLETED)
        async with asyncio.timeout(5):
            for _ in range(3):
                assert await fetch(session, "GET", server.url) == b"hello"
        waiting.cancel()
        gate.set()
        assert await slow == b"hello"
        gate.clear()
        entered.clear()


async def test_async_listeners_of_a_release_are_waited_for(
    make_session: MakeSession, scripted: Any
) -> None:
    """`release()` and `close()` are synchronous; closing the session waits for their callbacks."""
    heard: list[str] = []

    async def finish(session: Any, context: Any, params: Any) -> None:
        await asyncio.sleep(0.01)
        heard.append(params.outcome)

    config = httptrace.TraceConfig()
    config.on_request_finish.append(finish)

    async def half(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO[:-3])
        await peer.hang()

    server = await scripted(half)
    session = make_session(trace_configs=[config])
    for way in ("release", "close"):
        response = await session.get(server.url)
        getattr(response, way)()
    assert heard == []
    await session.close()
    assert heard == ["dropped", "dropped"]


async def test_listener_that_reads_the_body(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """on_request_end may read the response; the caller reads it again."""
    bodies: list[bytes] = []

    async def end(session: Any, context: Any, params: Any) -> None:
        bodies.append(await params.response.read())

    config = httptrace.TraceConfig()
    config.on_request_end.append(end)

    async def parted(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send_pieces([HELLO[:-5], HELLO[-5:]])

    server = await scripted(parted)
    session = make_session(trace_configs=[config])
    assert await fetch(session, "GET", server.url) == b"hello"
    assert bodies == [b"hello"]
    assert recorder.names() == [
        *START,
        *FRESH,
        *SENT,
        *HEAD,
        *END,
        *BODY,
        "connection_released",
        *FINISH,
    ]


async def test_listener_that_makes_a_request(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A callback may use the session: its request is one of its own."""
    server = await scripted(HELLO)

    async def start(session: Any, context: Any, params: Any) -> None:
        if context.trace_request_ctx != "inner":
            await fetch(session, "GET", server.url + "/inner", trace_request_ctx="inner")

    config = httptrace.TraceConfig()
    config.on_request_start.append(start)
    session = make_session(trace_configs=[config])
    assert await fetch(session, "GET", server.url + "/outer") == b"hello"
    assert [request.path for request in server.requests] == ["/inner", "/outer"]
    assert len(recorder.requests) == 2


async def test_a_body_that_ends_while_its_first_piece_is_told(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """The end is told as well, however long the listeners of the head and the piece take."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        await peer.events["body"].wait()
        await peer.send(b"hello")
        await peer.events["end"].wait()

    server = await scripted(script)

    async def head(session: Any, context: Any, params: Any) -> None:
        server.events["body"].set()
        async with asyncio.timeout(5):
            while not params.response.content.total_raw_bytes:
                await asyncio.sleep(0)

    async def piece(session: Any, context: Any, params: Any) -> None:
        server.events["end"].set()
        async with asyncio.timeout(5):
            while session.connector.stats().open:
                await asyncio.sleep(0)

    config = httptrace.TraceConfig()
    config.on_request_end.append(head)
    config.on_response_chunk_received.append(piece)
    async with make_session(trace_configs=[config]).get(server.url) as response:
        assert await response.read() == b"hello"
    assert recorder.names() == [
        *[*START, *FRESH, *SENT, *HEAD, *END, *BODY, "connection_closed", *FINISH]
    ]
