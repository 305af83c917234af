"""Exact events of WebSockets that are redirected, tunnelled, compressed, aborted or lost."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest
from tests.net.recording import Gated
from tests.proxies.scripts import connecting
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks

import httptrace
from httptrace import ClientTimeout
from httptrace.testing import EventRecorder, hang
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import response_bytes

from .peers import (
    PONG,
    TEXT,
    accept,
    after_accepting,
    close_frame,
    read_close,
    read_frame,
    server_frame,
    speaking,
)
from .test_events import BEGIN, CONNECTING, END, OPEN, REQUEST

HANDSHAKE = ["request_start", "websocket_handshake_start"]
GIVEN_UP = ["websocket_handshake_exception", "request_exception", "request_finish"]
SHORT = 0.08


async def given_up(
    recorder: EventRecorder, opening: Any, limit: str, after: str
) -> httptrace.Timeline:
    """The handshake is cancelled after that event, or reaches the limit, with these events."""
    task = asyncio.ensure_future(opening)
    if limit == "cancelled":
        async with asyncio.timeout(5):
            while not recorder.of(after):
                await asyncio.sleep(0)
        task.cancel()
    with pytest.raises(asyncio.CancelledError if limit == "cancelled" else TimeoutError):
        await task
    (event,) = recorder.of("request_exception")
    assert event.timeout == (None if limit == "cancelled" else limit)
    assert recorder.of("websocket_handshake_exception")[0].exception is event.exception
    assert recorder.of("websocket_closed") == []
    return recorder.timelines()[0]


def limits(limit: str) -> ClientTimeout:
    return ClientTimeout(**{} if limit == "cancelled" else {limit: SHORT})


@pytest.mark.parametrize("limit", ["total", "sock_read", "response_headers", "cancelled"])
async def test_no_answer_to_the_handshake(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory, limit: str
) -> None:
    """A server that does not respond: the connection is closed, the handshake fails."""
    server = await scripted(hang)
    async with httptrace.ClientSession(timeout=limits(limit)) as session:
        opening = session.ws_connect(server.url)
        timeline = await given_up(recorder, opening, limit, "request_body_sent")
        await server.no_connections()
    assert recorder.names() == [
        *[*HANDSHAKE, *CONNECTING, *REQUEST[:2], "connection_closed", *GIVEN_UP]
    ]
    assert recorder.of("request_exception")[0].phase == "wait"
    assert timeline.wait > 0


@pytest.mark.parametrize("limit", ["total", "dns", "cancelled"])
async def test_given_up_in_dns(leak_check: Leaks, recorder: EventRecorder, limit: str) -> None:
    """All open spans end with the handshake."""
    connector = httptrace.TCPConnector(resolver=Gated("127.0.0.1"))
    async with httptrace.ClientSession(connector=connector, timeout=limits(limit)) as session:
        opening = session.ws_connect("ws://test.example/")
        await given_up(recorder, opening, limit, "dns_resolvehost_start")
    assert recorder.names() == [
        *[*HANDSHAKE, "connection_create_start", "dns_cache_miss", "dns_resolvehost_start"],
        *["dns_resolvehost_exception", "connection_create_exception", *GIVEN_UP],
    ]


async def test_redirected(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """A redirect is within the handshake, which begins and ends once."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response_bytes(302, b"", ("Location", "/there")))
        await accept(peer)
        await read_close(peer)
        await peer.send(close_frame())

    server = await scripted(script)
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        assert ws.timeline.hops[0].status == 302
    hop = [*REQUEST, "request_redirect", "response_body_end", "connection_released"]
    again = ["connection_reuseconn", "connection_acquired", *REQUEST]
    assert recorder.names() == [
        *[*HANDSHAKE, *CONNECTING, *hop, *again, "request_end", "websocket_handshake_end", *END]
    ]
    assert [e.attempt for e in recorder.of("request_headers_sent")] == [1, 2]
    assert recorder.of("websocket_closed")[0].attempt == 2
    (timeline,) = recorder.timelines()
    assert [hop.status for hop in timeline.hops] == [302, 101]
    assert sum(timeline.phases_ns.values()) == timeline.total_ns


async def test_by_a_tunnel(
    leak_check: Leaks,
    recorder: EventRecorder,
    scripted: ScriptedFactory,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """Tunnel and TLS are within the handshake."""
    server = await scripted(speaking(), ssl=server_ssl)
    proxy = await scripted(connecting())
    url = server.url.replace("https", "wss")
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(url, proxy=proxy.url, ssl=client_ssl),
    ):
        pass
    dial = [
        *[*CONNECTING[:3], "proxy_connect_start", "proxy_connect_end"],
        *["tls_handshake_start", "tls_handshake_end", *CONNECTING[3:]],
    ]
    assert recorder.names() == [
        *[*HANDSHAKE, *dial, *REQUEST, "request_end", "websocket_handshake_end", *END]
    ]


async def test_lost(leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory) -> None:
    """A connection that breaks: the WebSocket ends by the network, the request has failed."""

    async def broken(peer: Peer) -> None:
        await peer.send(server_frame(TEXT, b"he", fin=False))
        await read_frame(peer)
        peer.reset()

    server = await scripted(after_accepting(broken))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        await ws.send_str("hi")
        await ws.receive()
    assert recorder.names() == [*OPEN, "websocket_message_sent", *END]
    (closed,) = recorder.of("websocket_closed")
    assert (closed.code, closed.by, closed.clean) == (1006, "network", False)
    assert (closed.messages_sent, closed.messages_received) == (1, 0)
    (finish,) = recorder.of("request_finish")
    assert finish.outcome == "failed" and finish.exception is not None


async def test_cancelled_while_open(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """Cancelled while a message is awaited: the block closes the WebSocket, and it ends once."""
    server = await scripted(speaking())
    async with httptrace.ClientSession() as session:

        async def wait() -> None:
            async with session.ws_connect(server.url) as ws:
                await ws.receive()

        task = asyncio.create_task(wait())
        async with asyncio.timeout(5):
            while not recorder.of("websocket_handshake_end"):
                await asyncio.sleep(0)
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert recorder.names() == [*OPEN, *END]
    (closed,) = recorder.of("websocket_closed")
    assert (closed.by, closed.clean) == ("client", True)


async def test_compressed(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """Compressed messages have both sizes; the handshake has the window."""

    async def echo(peer: Peer) -> None:
        first, payload = await read_frame(peer)
        await peer.send(server_frame(TEXT, payload, rsv=first >> 4 & 0x7))
        await read_close(peer)
        await peer.send(close_frame())

    field = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover"
    server = await scripted(after_accepting(echo, field))
    text = "hello " * 100
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, compress=15) as ws,
    ):
        await ws.send_str(text)
        assert await ws.receive_str() == text
    assert recorder.names() == [
        *[*OPEN, "websocket_message_sent", "websocket_message_received", *END]
    ]
    assert recorder.of("websocket_handshake_end")[0].compress == 15
    (sent,), (came,) = (
        recorder.of("websocket_message_sent"),
        recorder.of("websocket_message_received"),
    )
    assert (sent.size, sent.data) == (600, text.encode())
    assert (came.size, came.data, came.frames) == (600, text, 1)
    assert 0 < sent.wire_size == came.wire_size < 100


async def test_ping_and_pong(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """A ping of the client and its pong, with the round-trip time."""

    async def answer(peer: Peer) -> None:
        _first, payload = await read_frame(peer)
        await asyncio.sleep(0.02)
        await peer.send(server_frame(PONG, payload) + server_frame(PONG, b"unasked"))
        await peer.send(server_frame(TEXT, b"on"))
        await read_close(peer)
        await peer.send(close_frame())

    server = await scripted(after_accepting(answer))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        await ws.ping(b"p")
        assert await ws.receive_str() == "on"
    assert recorder.names() == [
        *[*OPEN, "websocket_ping_sent", "websocket_pong_received", "websocket_pong_received"],
        *["websocket_message_received", *END],
    ]
    (ping,) = recorder.of("websocket_ping_sent")
    assert (ping.data, ping.heartbeat) == (b"p", False)
    answered, unasked = recorder.of("websocket_pong_received")
    assert answered.data == b"p" and 0.015 < answered.round_trip < 1
    assert (unasked.data, unasked.round_trip) == (b"unasked", None)


async def test_raised_in_the_handshake(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """A refusal with a body: the response is in the events, the body was not waited for."""
    server = await scripted(response_bytes(403, b"no"))
    async with httptrace.ClientSession() as session:
        with pytest.raises(httptrace.WSServerHandshakeError) as caught:
            await session.ws_connect(server.url)
    names = recorder.names(recorder.requests[0])
    assert names[: len(BEGIN)] == BEGIN
    assert names[-3:] == GIVEN_UP
    (failed,) = recorder.of("websocket_handshake_exception")
    assert failed.exception is caught.value
    assert recorder.of("response_headers_received")[0].status == 403
