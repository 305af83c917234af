"""The server's Close while messages wait to be received: when it is answered, and how."""

from __future__ import annotations

import asyncio

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks

import httptrace
from httptrace import ClientConnectionResetError, WSMsgType
from httptrace.testing import EventRecorder
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import Script
from httptrace.ws import connection as connection_module

from .peers import PING, TEXT, after_accepting, close_frame, read_close, read_frame, server_frame
from .test_events import END, OPEN

GOODBYE = server_frame(TEXT, b"1") + server_frame(TEXT, b"2") + close_frame(4001, b"why")
RECEIVED, SENT = "websocket_message_received", "websocket_message_sent"


def leaving(frames: list[tuple[int, bytes]]) -> Script:
    """Make a script that sends two messages and a Close, then keeps what the client sends."""

    async def leave(peer: Peer) -> None:
        await peer.send(GOODBYE)
        while not frames or frames[-1][0] != 0x88:
            frames.append(await read_frame(peer))

    return after_accepting(leave)


async def close_arrived(ws: httptrace.ClientWebSocketResponse) -> None:
    """Wait until the server's Close has arrived."""
    async with asyncio.timeout(5):
        while not ws._connection.close_received:
            await asyncio.sleep(0)


def open_connections(session: httptrace.ClientSession) -> int:
    """Count the connections in the session's pool."""
    assert session.connector is not None
    return session.connector.stats().open


async def no_connections(session: httptrace.ClientSession) -> None:
    """Wait until the session's pool is empty."""
    async with asyncio.timeout(5):
        while open_connections(session):
            await asyncio.sleep(0)


async def test_a_consumer_that_replies_to_each_message(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """Each message can be replied to after the server's Close has arrived; then it is answered."""
    frames: list[tuple[int, bytes]] = []
    server = await scripted(leaving(frames))
    seen = []
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        await close_arrived(ws)
        async for message in ws:
            seen.append((message.data, ws.closed, ws.close_code))
            await ws.send_str(f"re {message.data}")
        assert (ws.closed, ws.close_code, ws.exception()) == (True, 4001, None)
        with pytest.raises(ClientConnectionResetError):
            await ws.send_str("too late")
    assert seen == [("1", False, None), ("2", False, None)]
    assert frames == [(0x81, b"re 1"), (0x81, b"re 2"), (0x88, b"\x0f\xa1")]
    assert recorder.names() == [*OPEN, RECEIVED, RECEIVED, SENT, SENT, *END]
    (closed,) = recorder.of("websocket_closed")
    assert (closed.code, closed.reason, closed.by, closed.clean) == (4001, "why", "server", True)


async def test_another_task_may_send_until_close_is_received(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """Messages, pings and pongs can be sent while no task receives, and not after that."""
    frames: list[tuple[int, bytes]] = []
    server = await scripted(leaving(frames))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        await close_arrived(ws)
        await asyncio.gather(ws.send_str("a"), ws.ping(b"b"), ws.pong(b"c"))
        assert [(await ws.receive()).type.name for _ in range(3)] == ["TEXT", "TEXT", "CLOSE"]
        for sending in (ws.send_bytes(b"x"), ws.ping(), ws.pong()):
            with pytest.raises(ClientConnectionResetError):
                await sending
        assert await ws.close() is False
    assert frames == [(0x81, b"a"), (0x89, b"b"), (0x8A, b"c"), (0x88, b"\x0f\xa1")]
    assert recorder.names() == [*OPEN, RECEIVED, RECEIVED, SENT, "websocket_ping_sent", *END]


async def test_a_close_that_a_waiting_receive_gets(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """A task that waits in receive answers the Close as soon as it arrives."""

    async def leave(peer: Peer) -> None:
        await peer.send(server_frame(TEXT, b"hello"))
        assert await read_frame(peer) == (0x81, b"go on")
        await peer.send(close_frame(4001))
        assert await read_close(peer) == (4001, b"")

    server = await scripted(after_accepting(leave))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        assert await ws.receive_str() == "hello"
        receiving = asyncio.create_task(ws.receive())
        await ws.send_str("go on")
        assert await receiving == (WSMsgType.CLOSE, 4001, "")
    await server.finished()
    assert recorder.names() == [*OPEN, RECEIVED, SENT, *END]


@pytest.mark.parametrize("autoclose", [True, False])
async def test_close_answers_while_messages_wait(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory, autoclose: bool
) -> None:
    """close() answers the server's Close with its own code and discards waiting messages."""
    frames: list[tuple[int, bytes]] = []
    server = await scripted(leaving(frames))
    async with httptrace.ClientSession() as session:
        ws = await session.ws_connect(server.url, autoclose=autoclose)
        await close_arrived(ws)
        assert await ws.close(code=3000, message=b"fine") is True
        assert (ws.closed, ws.close_code) == (True, 4001)
        assert (await ws.receive()).type is WSMsgType.CLOSED
    assert frames == [(0x88, b"\x0b\xb8fine")]
    assert recorder.names() == [*OPEN, RECEIVED, RECEIVED, *END]
    (closed,) = recorder.of("websocket_closed")
    assert (closed.code, closed.reason, closed.by, closed.clean) == (4001, "why", "server", True)


@pytest.mark.parametrize("autoclose", [True, False])
async def test_a_close_that_nobody_receives(
    leak_check: Leaks,
    recorder: EventRecorder,
    scripted: ScriptedFactory,
    monkeypatch: pytest.MonkeyPatch,
    autoclose: bool,
) -> None:
    """After a time it is answered anyway, and frees its place in the pool."""
    monkeypatch.setattr(connection_module, "_ANSWER_WITHIN", 0.02)
    frames: list[tuple[int, bytes]] = []
    server = await scripted(leaving(frames), leaving([]))
    connector = httptrace.TCPConnector(limit=1)
    async with httptrace.ClientSession(connector=connector) as session:
        ws = await session.ws_connect(server.url, autoclose=autoclose)
        async with session.ws_connect(server.url):  # waits for the first one's place
            assert frames == [(0x88, b"\x0f\xa1")]
        with pytest.raises(ClientConnectionResetError):
            await ws.send_str("too late")
        received = [await ws.receive() for _ in range(4)]
        assert [message.type.name for message in received] == ["TEXT", "TEXT", "CLOSE", "CLOSED"]
        assert ws.close_code == 4001 and ws.closed
    assert recorder.names(recorder.requests[0]) == [*OPEN, RECEIVED, RECEIVED, *END]
    assert recorder.of("websocket_closed")[0].clean


async def test_the_heartbeat_after_a_close(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """No ping follows the server's Close: an unanswered one would lose messages."""
    frames: list[tuple[int, bytes]] = []
    server = await scripted(leaving(frames))
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, heartbeat=0.02) as ws,
    ):
        await close_arrived(ws)
        await asyncio.sleep(0.1)  # five times the heartbeat
        assert [message.data async for message in ws] == ["1", "2"]
        assert (ws.close_code, ws.exception()) == (4001, None)
    assert frames[-1] == (0x88, b"\x0f\xa1")
    assert len(frames) == 1 + len(recorder.of("websocket_ping_sent"))


@pytest.mark.parametrize("reset", [False, True])
async def test_a_server_that_does_not_wait_for_the_answer(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory, reset: bool
) -> None:
    """A lost connection is noticed at once, sending raises, and all messages are received."""

    async def leave(peer: Peer) -> None:
        await peer.send(GOODBYE)
        await peer.events["leave"].wait()
        if reset:
            peer.reset()

    server = await scripted(after_accepting(leave))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        await close_arrived(ws)
        server.events["leave"].set()
        await no_connections(session)
        with pytest.raises(ClientConnectionResetError):
            await ws.send_str("too late")
        assert (ws.closed, ws.close_code) == (False, None)
        assert [message.data async for message in ws] == ["1", "2"]
        assert (ws.closed, ws.close_code, ws.exception()) == (True, 4001, None)
    assert recorder.names() == [*OPEN, RECEIVED, RECEIVED, *END]
    (closed,) = recorder.of("websocket_closed")
    assert (closed.by, closed.clean) == ("server", False)


async def test_the_end_is_noticed_though_reading_was_paused(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """A full queue pauses reading until the server's Close; then only the end can follow."""
    messages = server_frame(TEXT, b"*" * 60_000) * 4

    async def leave(peer: Peer) -> None:
        await peer.send(messages)
        await peer.send(close_frame(1001))

    server = await scripted(after_accepting(leave))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        received = 0
        while open_connections(session):
            if ws._connection.paused and not ws._connection.close_received:
                received += len(await ws.receive_str())
            await asyncio.sleep(0)
        received += sum([len(message.data) async for message in ws])
        assert received == 240_000 and ws.close_code == 1001


async def test_the_session_closes_while_messages_wait(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """The connection is closed without an answer; the messages can still be received."""

    async def leave(peer: Peer) -> None:
        await peer.send(GOODBYE)
        await peer.until_closed()

    server = await scripted(after_accepting(leave))
    async with httptrace.ClientSession() as session:
        ws = await session.ws_connect(server.url)
        await close_arrived(ws)
        await session.close()
        assert [message.data async for message in ws] == ["1", "2"]
        assert (ws.closed, ws.close_code, ws.exception()) == (True, 4001, None)
    await server.no_connections()


async def test_cancelled_while_the_answer_is_awaited(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """If a receive is cancelled after it answered, the next one returns CLOSE: one answer."""
    frames: list[tuple[int, bytes]] = []

    async def leave(peer: Peer) -> None:
        await peer.send(close_frame(4001) + server_frame(PING, b"ignored"))
        frames.append(await read_frame(peer))
        receiving.cancel()
        await peer.until_closed()

    server = await scripted(after_accepting(leave))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        receiving = asyncio.create_task(ws.receive())
        with pytest.raises(asyncio.CancelledError):
            await receiving
        server.connections[0].close()
        assert await ws.receive() == (WSMsgType.CLOSE, 4001, "")
    assert frames == [(0x88, b"\x0f\xa1")]
    assert recorder.names() == [*OPEN, *END]
