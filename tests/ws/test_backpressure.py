"""Backpressure both ways: a slow caller stops the server, a slow server stops the caller."""

from __future__ import annotations

import asyncio

from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks

import httptrace
from httptrace.testing import EventRecorder
from httptrace.testing.peer import Peer

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
    """Only so much is read as the queue holds; then all of it arrives."""

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
    """send waits when the transport is full, and goes on when the server reads."""

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
    """A connection that breaks while send waits is an error for send."""

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
        while not ws._link.blocked:
            await asyncio.sleep(0)
        server.events["break"].set()
        done, _ = await asyncio.wait([sending], timeout=5)
        assert done and isinstance(sending.exception(), httptrace.ClientConnectionResetError)


async def test_a_flood_of_pings_from_one_who_does_not_read(
    leak_check: Leaks, scripted: ScriptedFactory
) -> None:
    """Pongs that cannot be sent do not pile up: the latest one stands for all."""

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
        while not ws._link.blocked:
            await asyncio.sleep(0)
        server.events["blocked"].set()
        assert await ws.receive_str() == "done"
        await sending
        await ws.close()
    await server.finished()


async def test_moments_that_nobody_hears_are_bounded(
    leak_check: Leaks, scripted: ScriptedFactory
) -> None:
    """A flood of pings to a caller who listens and does nothing else stops being read."""
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
        trace = ws._link.trace
        assert trace is not None and len(trace.pending) < 20_000
        assert ws._link.paused
    assert len(recorder.of("websocket_ping_received")) > 0
    recorder.check()
