"""Heartbeat: a silent server gets a ping, and the WebSocket ends if it stays silent."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks

import httptrace
from httptrace.errors import ServerTimeoutError
from httptrace.testing import EventRecorder
from httptrace.testing.peer import Peer
from httptrace.ws.messages import WSMsgType

from .peers import (
    PONG,
    TEXT,
    accept,
    after_accepting,
    close_frame,
    read_close,
    read_frame,
    server_frame,
)


async def test_a_server_that_stays_silent(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """After the ping and half of the heartbeat's time the caller gets ERROR, and 1006."""

    async def silent(peer: Peer) -> None:
        await accept(peer)
        await peer.until_closed()

    server = await scripted(silent)
    loop = asyncio.get_running_loop()
    async with httptrace.ClientSession() as session:
        began = loop.time()
        async with session.ws_connect(server.url, heartbeat=0.06) as ws:
            message = await ws.receive()
            assert loop.time() - began >= 0.085
            assert message.type is WSMsgType.ERROR and isinstance(message.data, ServerTimeoutError)
            assert ws.closed and ws.close_code == 1006 and ws.exception() is message.data
        await server.no_connections()
    names = recorder.names(recorder.requests[0])
    assert names[-4:] == [
        "websocket_ping_sent",
        "websocket_closed",
        "connection_closed",
        "request_finish",
    ]
    assert recorder.of("websocket_ping_sent")[0].heartbeat  # type: ignore[attr-defined]
    assert recorder.of("websocket_closed")[0].by == "client"  # type: ignore[attr-defined]


async def test_a_server_that_answers(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """Pongs keep it open, and each has a round-trip time."""

    async def answer(peer: Peer) -> None:
        for _ in range(2):
            first, payload = await read_frame(peer)
            assert first == 0x89
            await peer.send(server_frame(PONG, payload))
        await peer.send(server_frame(TEXT, b"enough"))
        first, payload = await read_frame(peer)
        while first == 0x89:
            first, payload = await read_frame(peer)
        await peer.send(close_frame())

    server = await scripted(after_accepting(answer))
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, heartbeat=0.2) as ws,
    ):
        assert await ws.receive_str() == "enough"
    trips = [event.round_trip for event in recorder.of("websocket_pong_received")]  # type: ignore[attr-defined]
    assert len(trips) == 2 and all(0 < trip < 5 for trip in trips)


async def test_other_data_counts_as_an_answer(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """A server that sends often enough gets no pings."""

    async def talk(peer: Peer) -> None:
        for _ in range(20):
            await peer.send(server_frame(TEXT, b"x"))
            await asyncio.sleep(0.01)
        await read_close(peer)
        await peer.send(close_frame())

    server = await scripted(after_accepting(talk))
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, heartbeat=0.3) as ws,
    ):
        for _ in range(20):
            await ws.receive_str()
    assert recorder.of("websocket_ping_sent") == []


async def test_a_caller_that_does_not_receive_is_no_silent_server(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """While backpressure pauses reading, a missing pong does not end the WebSocket."""

    async def flood(peer: Peer) -> None:
        await peer.send(server_frame(TEXT, b"*" * 100_000) * 100)
        first, _payload = await read_frame(peer)
        while first != 0x88:
            first, _payload = await read_frame(peer)
        await peer.send(close_frame())

    server = await scripted(after_accepting(flood))
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, heartbeat=0.2) as ws,
    ):
        await asyncio.sleep(0.5)
        assert ws.exception() is None
        for _ in range(100):
            assert len(await ws.receive_str()) == 100_000


async def test_a_loop_that_was_late_itself(leak_check: Leaks, scripted: ScriptedFactory) -> None:
    """A pong that arrived while the loop was blocked counts, although its time is over."""

    async def answer(peer: Peer) -> None:
        first, payload = await read_frame(peer)
        await peer.send(server_frame(PONG, payload))
        time.sleep(0.2)  # the loop is ours as well
        while first == 0x89:
            first, payload = await read_frame(peer)
        await peer.send(close_frame())

    server = await scripted(after_accepting(answer))
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, heartbeat=0.1) as ws,
    ):
        await asyncio.sleep(0.12)
        assert ws.exception() is None


@pytest.mark.parametrize("heartbeat", [None, 0])
async def test_no_heartbeat(scripted: ScriptedFactory, heartbeat: float | None) -> None:
    """None and 0 mean no heartbeat."""

    async def quiet(peer: Peer) -> None:
        first, _payload = await read_frame(peer)
        assert first == 0x88
        await peer.send(close_frame())

    server = await scripted(after_accepting(quiet))
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, heartbeat=heartbeat) as ws,
    ):
        with pytest.raises(TimeoutError):
            await ws.receive(timeout=0.05)
