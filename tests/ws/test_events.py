"""The events of a WebSocket, in exact sequence, and their listeners."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks

import httptrace
from httptrace.testing import EventRecorder
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import response_bytes

from .peers import (
    CONTINUATION,
    PING,
    TEXT,
    accept,
    after_accepting,
    close_frame,
    read_close,
    read_frame,
    server_frame,
    speaking,
)

CONNECTING = [
    "connection_create_start",
    "socket_connect_start",
    "socket_connect_end",
    "connection_create_end",
    "connection_acquired",
]
REQUEST = [
    "request_headers_sent",
    "request_body_sent",
    "response_first_byte",
    "response_headers_received",
]
BEGIN = ["request_start", "websocket_handshake_start", *CONNECTING, *REQUEST]
OPEN = [*BEGIN, "request_end", "websocket_handshake_end"]
END = ["websocket_closed", "connection_closed", "request_finish"]


async def test_a_conversation(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """Handshake, messages, pings and the end, each once and in order, with their data."""

    async def talk(peer: Peer) -> None:
        await read_frame(peer)
        await peer.send(server_frame(PING, b"p"))
        assert await read_frame(peer) == (0x8A, b"p")
        await peer.send(server_frame(TEXT, b"he", fin=False) + server_frame(CONTINUATION, b"y"))
        await peer.send(close_frame(1001, b"over"))
        await read_close(peer)

    server = await scripted(after_accepting(talk, "Sec-WebSocket-Protocol: chat"))
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, protocols=["chat"]) as ws,
    ):
        await ws.send_str("hi")
        assert [message.data async for message in ws] == ["hey"]
    assert recorder.names() == [
        *OPEN,
        "websocket_message_sent",
        "websocket_ping_received",
        "websocket_message_received",
        *END,
    ]
    told = {event.name: event for event in recorder.events}
    data: dict[str, dict[str, Any]] = {
        "websocket_handshake_start": {"protocols": ("chat",)},
        "websocket_handshake_end": {"protocol": "chat", "compress": 0},
        "websocket_message_sent": {"kind": "text", "size": 2, "wire_size": 2, "data": b"hi"},
        "websocket_ping_received": {"data": b"p", "answered": True},
        "websocket_message_received": {"kind": "text", "size": 3, "frames": 2, "data": "hey"},
        "websocket_closed": {
            "code": 1001,
            "reason": "over",
            "by": "server",
            "clean": True,
            "messages_sent": 1,
            "messages_received": 1,
        },
        "connection_closed": {"reason": "websocket closed"},
        "request_finish": {"outcome": "completed", "exception": None},
    }
    for name, fields in data.items():
        assert {field: getattr(told[name], field) for field in fields} == fields, name
    assert {event.connection_id for event in recorder.events[9:]} == {
        told["websocket_closed"].connection_id
    }


async def test_spans(recorder: EventRecorder, scripted: ScriptedFactory) -> None:
    """The handshake is a span within the request, and connecting is within it."""
    server = await scripted(speaking())
    async with httptrace.ClientSession() as session, session.ws_connect(server.url):
        pass
    spans = {span.kind: span for span in recorder.spans()}
    assert spans["websocket_handshake"].parent is spans["request"]
    assert spans["connection"].parent is spans["websocket_handshake"]
    assert spans["websocket_handshake"].outcome == "end"


@pytest.mark.parametrize("status", [403, 101])
async def test_a_refused_handshake(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory, status: int
) -> None:
    """A failed handshake has exceptions of handshake and request, and no open WebSocket."""

    async def refuse(peer: Peer) -> None:
        request = await peer.request()
        if status == 403:
            await peer.send(response_bytes(403))
        else:
            request.headers = []
            await peer.send(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n"
            )
        await peer.until_closed()

    server = await scripted(refuse)
    async with httptrace.ClientSession() as session:
        with pytest.raises(httptrace.WSServerHandshakeError):
            await session.ws_connect(server.url)
        names = recorder.names(recorder.requests[0])
    assert names[: len(BEGIN)] == BEGIN
    rest = names[len(BEGIN) :]
    assert [name for name in rest if name.startswith(("websocket", "request"))] == [
        "websocket_handshake_exception",
        *(["websocket_closed"] if status == 101 else []),
        "request_exception",
        "request_finish",
    ]


async def test_a_connection_that_is_refused(
    leak_check: Leaks, recorder: EventRecorder, unused_port: int
) -> None:
    """A failure before the request is sent fails the handshake."""
    async with httptrace.ClientSession() as session:
        with pytest.raises(httptrace.ClientConnectorError):
            await session.ws_connect(f"ws://127.0.0.1:{unused_port}/")
    assert recorder.names() == [
        "request_start",
        "websocket_handshake_start",
        "connection_create_start",
        "socket_connect_start",
        "socket_connect_exception",
        "connection_create_exception",
        "websocket_handshake_exception",
        "request_exception",
        "request_finish",
    ]


@pytest.fixture
def unused_port() -> int:
    """A port that nobody listens on."""
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


async def test_trace_configs(leak_check: Leaks, scripted: ScriptedFactory) -> None:
    """Callbacks of a TraceConfig get each event, with the request's own context."""
    heard: list[tuple[str, object]] = []
    config = httptrace.TraceConfig()

    def hear(session: object, context: Any, params: Any) -> None:
        heard.append((params.name, context.trace_request_ctx))

    for name in ("handshake_start", "handshake_end", "message_sent", "message_received", "closed"):
        getattr(config, f"on_websocket_{name}").append(hear)
    server = await scripted(speaking(server_frame(TEXT, b"hello")))
    async with (
        httptrace.ClientSession(trace_configs=[config]) as session,
        session.ws_connect(server.url, trace_request_ctx="mine") as ws,
    ):
        await ws.send_str("hi")
        await ws.receive()
    assert {context for _name, context in heard} == {"mine"}
    names = [name for name, _context in heard]
    assert names[:2] == ["websocket_handshake_start", "websocket_handshake_end"]
    assert sorted(names[2:4]) == ["websocket_message_received", "websocket_message_sent"]
    assert names[4:] == ["websocket_closed"]


async def test_headers_may_be_changed_at_the_start(scripted: ScriptedFactory) -> None:
    """``on_request_start`` may add a header to the handshake's request."""
    config = httptrace.TraceConfig()

    async def add(session: object, context: Any, params: Any) -> None:
        params.headers["X-Added"] = "1"

    config.on_request_start.append(add)
    server = await scripted(speaking())
    async with (
        httptrace.ClientSession(trace_configs=[config]) as session,
        session.ws_connect(server.url),
    ):
        pass
    assert server.requests[0].header("X-Added") == "1"


async def test_a_listener_that_raises(leak_check: Leaks, scripted: ScriptedFactory) -> None:
    """An exception of a callback is raised by the call that delivered it; no message is lost."""
    config = httptrace.TraceConfig()

    async def fail(session: object, context: object, params: object) -> None:
        raise LookupError("listener")

    async def echo(peer: Peer) -> None:
        await peer.send(server_frame(TEXT, (await read_frame(peer))[1]))
        await read_close(peer)
        await peer.send(close_frame())

    config.on_websocket_message_received.append(fail)
    server = await scripted(after_accepting(echo))
    async with (
        httptrace.ClientSession(trace_configs=[config]) as session,
        session.ws_connect(server.url) as ws,
    ):
        await ws.send_str("hello")
        with pytest.raises(LookupError):
            await ws.receive()
        assert await ws.receive_str() == "hello"


async def test_observers_of_the_one_websocket(scripted: ScriptedFactory) -> None:
    """``observers=`` of ws_connect see only this WebSocket."""
    recorder = EventRecorder()
    server = await scripted(speaking())
    async with httptrace.ClientSession() as session:
        async with session.ws_connect(server.url, observers=[recorder]):
            pass
        async with session.ws_connect(server.url):
            pass
    assert len(recorder.requests) == 1
    recorder.check()


async def test_the_timeline(scripted: ScriptedFactory) -> None:
    """The time of the WebSocket is its request's `receive`."""
    server = await scripted(speaking())
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        with pytest.raises(TimeoutError):
            await ws.receive(timeout=0.05)
        await ws.close()
        timeline = ws.timeline
    assert timeline.complete and timeline.receive >= 0.05
    assert sum(timeline.phases_ns.values()) == timeline.total_ns
    assert "101" in str(timeline)


async def test_bytes_and_waiting_of_the_timeline(scripted: ScriptedFactory) -> None:
    """Frames are bytes of the request, and waiting for a message is waiting for the network."""
    got: list[int] = []

    async def talk(peer: Peer) -> None:
        before = peer.bytes_received
        await read_frame(peer)
        await asyncio.sleep(0.1)  # the server thinks
        await peer.send(server_frame(TEXT, b"*" * 500) + server_frame(PING, b"p"))
        await read_frame(peer)
        await peer.send(close_frame((await read_close(peer))[0]))
        got.extend((before, peer.bytes_received, peer.bytes_sent))

    server = await scripted(after_accepting(talk))
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        (hop,) = ws.timeline.hops
        head = hop.bytes_sent
        await ws.send_str("*" * 1000)
        assert len(await ws.receive_str()) == 500
    (hop,) = ws.timeline.hops
    assert got == [head, hop.bytes_sent, hop.bytes_received]
    assert hop.bytes_sent == head + 1008 + 7 + 8
    assert hop.network_wait_ns >= 90_000_000 > hop.consumer_ns


async def test_messages_that_came_with_the_answer(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """Messages that arrive together with the 101 have their events after the handshake."""

    async def script(peer: Peer) -> None:
        await accept(peer, extra=server_frame(TEXT, b"a") + close_frame())
        await read_close(peer)

    server = await scripted(script)
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        assert [message.data async for message in ws] == ["a"]
    assert recorder.names() == [*OPEN, "websocket_message_received", *END]
