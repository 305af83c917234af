"""How a WebSocket ends: closed by either side, broken, dropped, cancelled; nothing is left."""

from __future__ import annotations

import asyncio
import gc
import warnings

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks

import httptrace
from httptrace.errors import ClientConnectionResetError
from httptrace.testing import EventRecorder
from httptrace.testing.peer import Peer
from httptrace.ws.messages import WSMsgType
from httptrace.ws.timeouts import ClientWSTimeout

from .peers import (
    TEXT,
    accept,
    after_accepting,
    close_frame,
    read_close,
    server_frame,
    speaking,
    turns,
)


def closings(recorder: EventRecorder) -> list[tuple[int, str, bool, str]]:
    """Return code, who ended it, whether cleanly, and the outcome of each WebSocket."""
    return [
        (closed.code, closed.by, closed.clean, finish.outcome)  # type: ignore[attr-defined]
        for closed, finish in zip(
            recorder.of("websocket_closed"), recorder.of("request_finish"), strict=True
        )
    ]


async def silent(peer: Peer) -> None:
    """Accept, read, and send nothing more."""
    await accept(peer)
    await peer.until_closed()


async def test_close_waits_for_messages_under_way(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """Messages that arrive before the answer to our Close are discarded, however many."""

    async def talkative(peer: Peer) -> None:
        await read_close(peer)
        await peer.send(server_frame(TEXT, b"*" * 50_000) * 40)
        await peer.send(close_frame(1000))

    server = await scripted(after_accepting(talkative))
    async with httptrace.ClientSession() as session:
        ws = await session.ws_connect(server.url)
        assert await ws.close(message=b"bye") is True
        assert ws.close_code == 1000
        assert (await ws.receive()).type is WSMsgType.CLOSED
    assert closings(recorder) == [(1000, "client", True, "completed")]


async def test_a_server_that_does_not_answer_close(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """After ``ws_close`` seconds the connection is closed: 1006 and a TimeoutError."""
    server = await scripted(silent)
    async with httptrace.ClientSession() as session:
        ws = await session.ws_connect(server.url, timeout=ClientWSTimeout(ws_close=0.02))
        assert await ws.close() is True
        assert ws.close_code == 1006 and isinstance(ws.exception(), TimeoutError)
    assert closings(recorder) == [(1006, "client", False, "failed")]


async def test_a_server_that_does_not_close_the_connection(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """After the closing handshake the client waits a moment, then closes the connection."""

    async def dawdle(peer: Peer) -> None:
        await accept(peer)
        await read_close(peer)
        await peer.send(close_frame(1000))
        await peer.until_closed()

    server = await scripted(dawdle)
    async with httptrace.ClientSession() as session:
        ws = await session.ws_connect(server.url)
        async with asyncio.timeout(5):
            await ws.close()
        await server.no_connections()
    assert closings(recorder) == [(1000, "client", True, "completed")]


async def test_both_close_at_once(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """Close frames that cross are a closing handshake."""

    async def close_too(peer: Peer) -> None:
        await peer.send(close_frame(1001))
        await read_close(peer)

    server = await scripted(after_accepting(close_too))
    async with httptrace.ClientSession() as session:
        ws = await session.ws_connect(server.url)
        await ws.close(code=4000)
        assert ws.close_code == 1001
    assert closings(recorder)[0][2:] == (True, "completed")


@pytest.mark.parametrize("how", ["eof", "reset"])
async def test_a_connection_that_breaks(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory, how: str
) -> None:
    """Without a Close frame it is 1006: the caller receives the messages before, then CLOSED."""

    async def break_off(peer: Peer) -> None:
        await peer.send(server_frame(TEXT, b"last words") + b"\x81\x05cut")
        await peer.events["break"].wait()
        if how == "reset":
            peer.reset()

    server = await scripted(after_accepting(break_off))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        assert await ws.receive_str() == "last words"
        server.events["break"].set()
        assert (await ws.receive()).type is WSMsgType.CLOSED
        assert ws.closed and ws.close_code == 1006
        assert isinstance(ws.exception(), httptrace.ClientConnectionError)
        with pytest.raises(ClientConnectionResetError):
            await ws.send_str("anybody there?")
    assert closings(recorder) == [(1006, "network", False, "failed")]


async def test_a_connection_that_breaks_while_we_close(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """A server that closes the connection instead of answering is 1006 too."""

    async def leave(peer: Peer) -> None:
        await read_close(peer)

    server = await scripted(after_accepting(leave))
    async with httptrace.ClientSession() as session:
        ws = await session.ws_connect(server.url)
        await ws.close()
        assert ws.close_code == 1006
    assert closings(recorder) == [(1006, "client", False, "failed")]


async def test_without_autoclose_the_caller_answers(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """With ``autoclose=False`` the caller may still send after the server's Close, and closes."""
    told: list[object] = []

    async def leave(peer: Peer) -> None:
        await peer.send(close_frame(4001))
        told.append(await peer.read(8))
        told.append(await read_close(peer))

    server = await scripted(after_accepting(leave))
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, autoclose=False) as ws,
    ):
        assert (await ws.receive()).type is WSMsgType.CLOSE
        assert not ws.closed
        await ws.send_str("ab")
        await ws.close(code=4002)
        assert ws.close_code == 4001
    assert told[1] == (4002, b"")
    assert closings(recorder) == [(4001, "server", True, "completed")]


async def test_receiving_on_after_a_close_closes(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """Without autoclose, calling receive again after the server's Close answers it."""
    answers: list[tuple[int, bytes]] = []

    async def leave(peer: Peer) -> None:
        await peer.send(close_frame(4001))
        answers.append(await read_close(peer))

    server = await scripted(after_accepting(leave))
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, autoclose=False) as ws,
    ):
        assert (await ws.receive()).type is WSMsgType.CLOSE
        assert (await ws.receive()).type is WSMsgType.CLOSED
        assert ws.closed
    assert answers == [(1000, b"")]
    assert closings(recorder) == [(4001, "server", True, "completed")]


async def test_the_code_is_there_with_the_last_message(
    leak_check: Leaks, scripted: ScriptedFactory
) -> None:
    """Messages before the server's Close are received first; until then close_code is None."""
    server = await scripted(speaking(server_frame(TEXT, b"first") + close_frame(4001, b"why")))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        while not ws._connection.close_received:
            await asyncio.sleep(0)
        assert (ws.close_code, ws.closed) == (None, False)
        assert await ws.receive() == (WSMsgType.TEXT, "first", "")
        assert (ws.close_code, ws.closed) == (None, False)
        assert await ws.receive() == (WSMsgType.CLOSE, 4001, "why")
        assert (ws.close_code, ws.closed) == (4001, True)


async def test_closing_wakes_a_receiver(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """A task that waits for a message gets CLOSING when another one closes, then CLOSED."""
    server = await scripted(speaking())
    async with httptrace.ClientSession() as session:
        ws = await session.ws_connect(server.url)
        receiving = asyncio.create_task(ws.receive())
        await turns()
        closing, again = asyncio.create_task(ws.close()), asyncio.create_task(ws.close())
        assert (await receiving).type is WSMsgType.CLOSING
        assert (await ws.receive()).type is WSMsgType.CLOSED
        assert [await closing, await again] == [True, False]


async def test_the_connector_closes(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """Closing the session closes open WebSockets; their callers get CLOSED."""
    server = await scripted(silent)
    session = httptrace.ClientSession()
    ws = await session.ws_connect(server.url)
    receiving = asyncio.create_task(ws.receive())
    await turns()
    await session.close()
    assert (await receiving).type is WSMsgType.CLOSED
    assert ws.close_code == 1006
    await server.no_connections()
    assert closings(recorder) == [(1006, "client", False, "failed")]


async def test_a_dropped_websocket(leak_check: Leaks, scripted: ScriptedFactory) -> None:
    """A WebSocket that is dropped unclosed warns, and its connection is closed."""
    told: list[object] = []
    config = httptrace.TraceConfig()
    config.on_websocket_closed.append(lambda _s, _c, event: told.append(event.code))
    config.on_request_finish.append(lambda _s, _c, event: told.append(event.outcome))
    server = await scripted(silent)
    async with httptrace.ClientSession(trace_configs=[config]) as session:
        ws = await session.ws_connect(server.url, heartbeat=60)
        with pytest.warns(ResourceWarning, match="Unclosed"):
            del ws
            gc.collect()
        await server.no_connections()
        assert session.connector is not None and session.connector.stats().open == 0
    assert told == [1006, "dropped"]


async def test_one_that_ended_well_may_be_dropped(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """After receiving the end, the caller need not close."""
    server = await scripted(after_accepting(_leave))
    async with httptrace.ClientSession() as session:
        ws = await session.ws_connect(server.url)
        assert [message async for message in ws] == []
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            del ws
            gc.collect()
    assert closings(recorder) == [(1000, "server", True, "completed")]


async def _leave(peer: Peer) -> None:
    await peer.send(close_frame())
    await read_close(peer)


@pytest.mark.parametrize("rounds", range(14))
async def test_cancelled_in_the_handshake(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory, rounds: int
) -> None:
    """Cancelled after any number of loop iterations, opening leaves nothing behind."""
    server = await scripted(speaking())
    async with httptrace.ClientSession() as session:
        opening = asyncio.create_task(session.ws_connect(server.url))
        await turns(rounds)
        if opening.cancel():
            with pytest.raises(asyncio.CancelledError):
                await opening
        else:
            await (await opening).close()
        assert session.connector is not None and session.connector.stats().open == 0
        await server.no_connections()
    outcomes = [event.outcome for event in recorder.of("request_finish")]  # type: ignore[attr-defined]
    assert outcomes in ([], ["cancelled"], ["completed"], ["failed"])


async def test_cancelled_while_receiving(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """A cancelled task closes the WebSocket when it leaves ``async with``."""
    server = await scripted(speaking())

    async def use(session: httptrace.ClientSession) -> None:
        async with session.ws_connect(server.url) as ws:
            server.events["open"].set()
            await ws.receive()

    async with httptrace.ClientSession() as session:
        task = asyncio.create_task(use(session))
        await server.events["open"].wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert closings(recorder) == [(1000, "client", True, "completed")]


async def test_cancelled_while_closing(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """Cancelled while it waits for the server's Close, close() closes the connection at once."""
    server = await scripted(silent)
    async with httptrace.ClientSession() as session:
        ws = await session.ws_connect(server.url)
        closing = asyncio.create_task(ws.close())
        await turns()
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        await server.no_connections()
        assert ws.close_code == 1006
    assert closings(recorder) == [(1006, "client", False, "cancelled")]


async def test_limits_of_the_session_hold_for_the_handshake_alone(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """``ClientTimeout`` ends a handshake without a response, but not an open WebSocket."""

    async def slow(peer: Peer) -> None:
        await peer.request()
        await peer.until_closed()

    async def later(peer: Peer) -> None:
        await peer.events["late"].wait()
        await peer.send(server_frame(TEXT, b"late"))
        await _leave(peer)

    server = await scripted(slow, after_accepting(later))
    timeout = httptrace.ClientTimeout(total=0.2, sock_read=0.1)
    async with httptrace.ClientSession(timeout=timeout) as session:
        with pytest.raises(httptrace.SocketTimeoutError):
            await session.ws_connect(server.url)
        async with session.ws_connect(server.url) as ws:
            with pytest.raises(TimeoutError):
                await ws.receive(timeout=0.3)
            server.events["late"].set()
            assert await ws.receive_str() == "late"


async def test_the_handshakes_server_hangs_up(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """A server that closes instead of responding is the same error as for any request."""

    async def hang_up(peer: Peer) -> None:
        await peer.request()

    server = await scripted(hang_up)
    async with httptrace.ClientSession() as session:
        with pytest.raises(httptrace.ServerDisconnectedError):
            await session.ws_connect(server.url)
    assert recorder.of("websocket_closed") == []
