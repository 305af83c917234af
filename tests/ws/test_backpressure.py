"""Backpressure in both directions: a slow caller stops the server, and a slow server the caller."""

from __future__ import annotations

import asyncio
import zlib
from itertools import count

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks

import httptrace
from httptrace.testing import EventRecorder, ScriptedServer
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import Script
from httptrace.ws.deflate import Deflater

from .peers import (
    PING,
    TEXT,
    after_accepting,
    close_frame,
    read_close,
    read_frame,
    server_frame,
)

COUNT, SIZE = 200, 100_000


async def test_a_caller_that_does_not_receive_stops_the_server(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """Only as much is read as the queue holds; then all of it arrives."""

    async def flood(peer: Peer) -> None:
        for number in range(COUNT):
            await peer.send(server_frame(TEXT, b"%06d" % number + b"*" * SIZE))
        peer.events["sent"].set()
        await read_close(peer)
        await peer.send(close_frame())

    server = await scripted(after_accepting(flood))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        first = await ws.receive_str()
        peer = await server.connected()
        sent = -1
        while sent != peer.bytes_sent:  # until the server gets no further
            sent = peer.bytes_sent
            await asyncio.sleep(0.05)
        assert not server.events["sent"].is_set()
        assert sent < COUNT * SIZE / 2
        numbers = [int(first[:6]), *[int((await ws.receive_str())[:6]) for _ in range(COUNT - 1)]]
    assert numbers == list(range(COUNT))


async def test_a_server_that_does_not_read_stops_the_caller(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """send waits while the transport's buffer is full, and continues when the server reads."""

    async def doze(peer: Peer) -> None:
        peer.pause_reading()
        await peer.events["wake"].wait()
        peer.resume_reading()
        for _ in range(COUNT):
            assert len((await read_frame(peer))[1]) == SIZE
        await read_close(peer)
        await peer.send(close_frame())

    server = await scripted(after_accepting(doze), receive_buffer=1 << 14)
    sent = 0
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:

        async def send() -> None:
            nonlocal sent
            for _ in range(COUNT):
                await ws.send_bytes(b"*" * SIZE)
                sent += 1

        sending = asyncio.create_task(send())
        before = -1
        while before != sent or not sent:
            before = sent
            await asyncio.sleep(0.05)
        assert sent < COUNT
        server.events["wake"].set()
        await sending


async def test_a_send_that_waits_hears_of_the_end(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """If the connection breaks while send waits, send raises."""

    async def doze(peer: Peer) -> None:
        peer.pause_reading()
        await peer.events["break"].wait()
        peer.reset()

    server = await scripted(after_accepting(doze), receive_buffer=1 << 14)
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:

        async def send() -> None:
            while True:
                await ws.send_bytes(b"*" * SIZE)

        sending = asyncio.create_task(send())
        while not ws._connection.blocked:
            await asyncio.sleep(0)
        server.events["break"].set()
        done, _ = await asyncio.wait([sending], timeout=5)
        assert done and isinstance(sending.exception(), httptrace.ClientConnectionResetError)


async def test_a_flood_of_pings_from_one_who_does_not_read(
    leak_check: Leaks, scripted: ScriptedFactory
) -> None:
    """Pongs that cannot be sent do not accumulate: only the latest is sent."""

    async def flood(peer: Peer) -> None:
        peer.pause_reading()
        await peer.events["blocked"].wait()
        await peer.send(server_frame(PING, b"*" * 125) * 5000 + server_frame(PING, b"last"))
        await peer.send(server_frame(TEXT, b"done"))
        peer.resume_reading()
        first, payload = await read_frame(peer)
        pongs = []
        while first != 0x88:
            if first == 0x8A:
                pongs.append(payload)
            first, payload = await read_frame(peer)
        assert len(pongs) < 5000 and pongs[-1] == b"last"
        await peer.send(close_frame())

    server = await scripted(after_accepting(flood), receive_buffer=1 << 14)
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:

        async def send() -> None:
            for _ in range(100):
                await ws.send_bytes(b"*" * SIZE)

        sending = asyncio.create_task(send())
        while not ws._connection.blocked:
            await asyncio.sleep(0)
        server.events["blocked"].set()
        assert await ws.receive_str() == "done"
        await sending
        await ws.close()
    await server.finished()


async def poured(server: ScriptedServer) -> Peer:
    """Wait until the server can send no more."""
    peer = await server.connected()
    sent = -1
    while sent != peer.bytes_sent:
        sent = peer.bytes_sent
        await asyncio.sleep(0.02)
    return peer


def pouring(block: bytes, *fields: str) -> Script:
    """Make a script that sends the block again and again."""

    async def flood(peer: Peer) -> None:
        while True:
            await peer.send(block)

    return after_accepting(flood, *fields)


@pytest.mark.parametrize("listening", [False, True])
@pytest.mark.parametrize("size", [0, 1])
async def test_a_flood_of_empty_messages_is_bounded(
    leak_check: Leaks, scripted: ScriptedFactory, size: int, listening: bool
) -> None:
    """However small messages are, few of them are queued; none is lost or out of order."""
    payloads = [b"%d" % digit if size else b"" for digit in range(10)]
    server = await scripted(pouring(b"".join(server_frame(TEXT, p) for p in payloads) * 10_000))
    config, heard = httptrace.TraceConfig(), count()
    config.on_websocket_closed.append(lambda *_: None)
    if listening:
        config.on_websocket_message_received.append(lambda *_: next(heard))
    async with (
        httptrace.ClientSession(trace_configs=[config]) as session,
        session.ws_connect(server.url) as ws,
    ):
        peer = await poured(server)
        link = ws._connection
        assert link.trace is not None
        for number in range(25_000):
            assert len(link.queue) < 10_000 and len(link.trace.pending) < 2_000
            assert await ws.receive_str() == payloads[number % 10].decode()
        peer.reset()
    assert next(heard) == (link.messages_received if listening else 0)


async def test_a_flood_of_messages_that_grow_is_bounded(
    leak_check: Leaks, scripted: ScriptedFactory
) -> None:
    """A read may contain a hundred compressed messages of a megabyte: each is inflated in turn."""
    small = Deflater(15, takeover=False).deflate(b"*" * (1 << 20))
    block = server_frame(TEXT, small, rsv=4) * (200_000 // len(small))
    server = await scripted(pouring(block, "Sec-WebSocket-Extensions: permessage-deflate"))
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, compress=15) as ws,
    ):
        peer = await poured(server)
        for _ in range(40):
            assert len(ws._connection.queue) <= 2
            assert len(await ws.receive_str()) == 1 << 20
        peer.reset()


async def test_what_was_read_before_the_end_is_not_lost(
    leak_check: Leaks, scripted: ScriptedFactory
) -> None:
    """Messages that exceed the queue are still received after the connection has broken."""

    async def flood(peer: Peer) -> None:
        await peer.send(server_frame(TEXT) * 100_000)
        await peer.events["break"].wait()
        peer.reset()

    server = await scripted(after_accepting(flood))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        while not ws._connection.paused:
            await asyncio.sleep(0)
        at_first = len(ws._connection.queue)
        server.events["break"].set()
        with pytest.raises(httptrace.ClientConnectionResetError):
            while True:
                await ws.send_str("still there?")
                await asyncio.sleep(0)
        received = 0
        while (await ws.receive()).type is httptrace.WSMsgType.TEXT:
            received += 1
        assert at_first < 10_000 <= received
        assert ws.close_code == 1006


async def test_a_listener_that_is_slow_while_another_task_receives(
    leak_check: Leaks, scripted: ScriptedFactory
) -> None:
    """Events that wait for a callback of the sending task are bounded, and nothing hangs."""
    may_go_on, most = asyncio.Event(), 0
    config = httptrace.TraceConfig()

    @config.on_websocket_message_sent.append
    async def wait(session: object, context: object, params: object) -> None:
        await may_go_on.wait()

    @config.on_websocket_message_received.append
    async def heard(session: object, context: object, params: object) -> None:
        pass

    server = await scripted(pouring(server_frame(TEXT, b"x") * 10_000))
    async with (
        httptrace.ClientSession(trace_configs=[config]) as session,
        session.ws_connect(server.url) as ws,
    ):
        sending = asyncio.create_task(ws.send_str("slow"))
        receiving = asyncio.create_task(receive(ws, 30_000))
        peer = await poured(server)
        trace = ws._connection.trace
        assert trace is not None
        while not sending.done():
            most = max(most, len(trace.pending))
            if ws._connection.paused and ws._connection.waiter is not None:
                may_go_on.set()
            await asyncio.sleep(0)
        assert most < 2_000
        assert await receiving == 30_000
        peer.reset()


async def receive(ws: httptrace.ClientWebSocketResponse, messages: int) -> int:
    """Receive this many messages."""
    for _ in range(messages):
        await ws.receive_str()
    return messages


async def test_moments_that_nobody_hears_are_bounded(
    leak_check: Leaks, scripted: ScriptedFactory
) -> None:
    """During a flood of pings reading pauses, if the caller only listens to events."""
    recorder = EventRecorder()

    async def flood(peer: Peer) -> None:
        for _ in range(25):
            await peer.send(server_frame(PING, b"*" * 100) * 1000)
        first, _payload = await read_frame(peer)
        while first != 0x88:
            first, _payload = await read_frame(peer)
        await peer.send(close_frame())

    server = await scripted(after_accepting(flood))
    async with (
        httptrace.ClientSession(observers=[recorder]) as session,
        session.ws_connect(server.url) as ws,
    ):
        await asyncio.sleep(0.1)
        trace = ws._connection.trace
        assert trace is not None and len(trace.pending) < 20_000
        assert ws._connection.paused
    assert len(recorder.of("websocket_ping_received")) > 0
    recorder.check()


GROWN = 1 << 20
"""The size of a message that takes a thousandth of that on the wire."""


def growing(count: int) -> bytes:
    """Write this many compressed messages of a megabyte: 20 are few enough for one read."""
    maker = zlib.compressobj(9, zlib.DEFLATED, -15)
    small = maker.compress(b"*" * GROWN) + maker.flush(zlib.Z_SYNC_FLUSH)[:-4]
    return server_frame(TEXT, small, rsv=4) * count


@pytest.mark.parametrize("end", ["eof", "close", "violation"])
async def test_a_lost_connection_does_not_inflate_all_at_once(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory, end: str
) -> None:
    """The messages of one read are inflated in turn, also after the connection was lost."""
    last = {"eof": b"", "close": close_frame(4001), "violation": server_frame(3)}[end]

    async def flood(peer: Peer) -> None:
        await peer.send(growing(20) + last)
        await peer.events["break"].wait()
        peer.reset()

    deflate = "Sec-WebSocket-Extensions: permessage-deflate"
    server = await scripted(after_accepting(flood, deflate))
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, compress=15) as ws,
    ):
        connection = ws._connection
        while not connection.paused:
            await asyncio.sleep(0)
        server.events["break"].set()
        await lose(ws, session)
        received = 0
        while (message := await ws.receive()).type is httptrace.WSMsgType.TEXT:
            received += len(message.data)
            assert len(connection.queue) <= 2
        assert received == 20 * GROWN
        kinds = {"eof": "CLOSED", "close": "CLOSE", "violation": "ERROR"}
        assert message.type.name == kinds[end]
        assert ws.close_code == {"eof": 1006, "close": 4001, "violation": 1002}[end]
    assert recorder.names()[-4:] == [
        *["websocket_message_received"] * 2,
        *["websocket_closed", "request_finish"],
    ]


async def lose(ws: httptrace.ClientWebSocketResponse, session: httptrace.ClientSession) -> None:
    """Send until the connection is known to be lost: its place in the pool is free at once."""
    with pytest.raises(httptrace.ClientConnectionResetError):
        while True:
            await ws.send_str("still there?")
            await asyncio.sleep(0)
    assert session.connector is not None and session.connector.stats().open == 0


@pytest.mark.parametrize("by", ["websocket", "session"])
async def test_closing_while_much_waits_to_be_inflated(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory, by: str
) -> None:
    """Messages that were not inflated are discarded by `close`."""

    async def flood(peer: Peer) -> None:
        await peer.send(growing(20))
        await peer.events["break"].wait()
        peer.reset()

    deflate = "Sec-WebSocket-Extensions: permessage-deflate"
    server = await scripted(after_accepting(flood, deflate))
    session = httptrace.ClientSession()
    ws = await session.ws_connect(server.url, compress=15)
    while not ws._connection.paused:
        await asyncio.sleep(0)
    if by == "session":
        await session.close()
    else:
        server.events["break"].set()
        await lose(ws, session)
    assert await ws.close() is True
    assert ws.close_code == 1006
    assert (await ws.receive()).type is httptrace.WSMsgType.CLOSED
    await session.close()
    server.events["break"].set()
    assert recorder.names().count("websocket_closed") == 1
    assert recorder.names()[-1] == "request_finish"
