"""Exact events of requests that are cancelled, in every phase."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest
from tests.net.recording import Gated

import httptrace
from httptrace.testing import EventRecorder, Peer, blackhole, hang

from .breaking import half
from .conftest import MakeSession
from .sequences import (
    CHUNK,
    CLOSED,
    DNS,
    END,
    FAILED,
    FINISH,
    FRESH,
    HEAD,
    SENT,
    SOCKET,
    START,
    together,
)
from .test_exchanges import fetch

CREATE_START = ["connection_create_start"]
CREATE_FAILED = ["connection_create_exception", *FAILED]


async def silent(peer: Peer) -> None:
    """Read the request and never respond."""
    await peer.request()
    await peer.hang()


async def cancelled(task: asyncio.Task[Any], recorder: EventRecorder, after: str) -> None:
    """Cancel when the event occurs, and check that the task is cancelled."""
    async with asyncio.timeout(5):
        while not recorder.of(after):
            await asyncio.sleep(0)
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (finish,) = recorder.of("request_finish")
    assert finish.outcome == "cancelled"
    assert isinstance(finish.exception, asyncio.CancelledError)
    for event in recorder.of("request_exception"):
        assert isinstance(event.exception, asyncio.CancelledError)
        assert event.timeout is None


def phase(recorder: EventRecorder) -> str:
    return recorder.of("request_exception")[0].phase  # type: ignore[no-any-return]


async def test_cancelled_in_dns(make_session: MakeSession, recorder: EventRecorder) -> None:
    """Cancelled during the look-up."""
    session = make_session(connector=httptrace.TCPConnector(resolver=Gated("127.0.0.1")))
    task = asyncio.create_task(fetch(session, "GET", "http://test.example/"))
    await cancelled(task, recorder, "dns_resolvehost_start")
    assert recorder.names() == [
        *START, *CREATE_START, *DNS[:2], "dns_resolvehost_exception", *CREATE_FAILED
    ]  # fmt: skip
    assert phase(recorder) == "dns"


async def test_cancelled_in_connecting(
    session: httptrace.ClientSession, recorder: EventRecorder
) -> None:
    """Cancelled while an address does not respond."""
    with blackhole() as port:
        task = asyncio.create_task(fetch(session, "GET", f"http://127.0.0.1:{port}/"))
        await cancelled(task, recorder, "socket_connect_start")
    assert recorder.names() == [
        *START, *CREATE_START, SOCKET[0], "socket_connect_exception", *CREATE_FAILED
    ]  # fmt: skip
    assert phase(recorder) == "connect"


async def test_cancelled_in_tls(
    make_session: MakeSession,
    scripted: Any,
    recorder: EventRecorder,
    client_ssl: ssl.SSLContext,
) -> None:
    """Cancelled during the handshake."""
    server = await scripted(hang)
    session = make_session(connector=httptrace.TCPConnector(ssl=client_ssl))
    task = asyncio.create_task(fetch(session, "GET", f"https://127.0.0.1:{server.port}/"))
    await cancelled(task, recorder, "tls_handshake_start")
    assert recorder.names() == [
        *START,
        *CREATE_START,
        *SOCKET,
        "tls_handshake_start",
        "tls_handshake_exception",
        *CREATE_FAILED,
    ]
    assert phase(recorder) == "tls"
    await server.no_connections()


async def test_cancelled_waiting_for_the_answer(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Cancelled before the first byte."""
    server = await scripted(silent)
    task = asyncio.create_task(fetch(session, "GET", server.url))
    await server.received()
    await cancelled(task, recorder, "request_body_sent")
    assert recorder.names() == [*START, *FRESH, *SENT, *CLOSED, *FAILED]
    assert phase(recorder) == "wait"
    assert recorder.of("connection_closed")[0].reason == "cancelled"
    await server.no_connections()


async def test_cancelled_in_the_body(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Cancelled during the body: `request_end` was delivered, so there is no exception event."""
    server = await scripted(half)
    task = asyncio.create_task(fetch(session, "GET", server.url))
    await cancelled(task, recorder, "request_end")
    names = recorder.names()
    if CHUNK[0] in names:
        names.remove(CHUNK[0])
    assert names == [*START, *FRESH, *SENT, *HEAD, *END, *CLOSED, *FINISH]
    assert recorder.of("connection_closed")[0].reason == "cancelled"
    await server.no_connections()


async def test_cancelled_while_sending(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Cancelled while the server does not read the body: sending stops."""

    async def stuck(peer: Peer) -> None:
        await peer.read_head()
        peer.pause_reading()
        await peer.hang()

    async def endless() -> Any:
        while True:
            yield b"x" * 65536

    server = await scripted(stuck, receive_buffer=4096)
    task = asyncio.create_task(fetch(session, "POST", server.url, data=endless()))
    await cancelled(task, recorder, "request_chunk_sent")
    names = together(recorder.names())
    assert names == [
        *START, *FRESH, "request_headers_sent", "request_chunk_sent", *CLOSED, *FAILED
    ]  # fmt: skip
    assert phase(recorder) == "send"


async def test_cancelled_in_a_listener(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Cancelled while a callback is awaited: the request and every span end."""
    server = await scripted(silent)
    config = httptrace.TraceConfig()

    async def forever(*_: Any) -> None:
        await asyncio.Event().wait()

    config.on_connection_create_end.append(forever)
    session = make_session(trace_configs=[config])
    task = asyncio.create_task(fetch(session, "GET", server.url))
    await cancelled(task, recorder, "connection_create_end")
    assert recorder.names() == [*START, *FRESH[:-1], *CLOSED, *FAILED]
    await server.no_connections()


async def test_cancelled_before_it_began(
    session: httptrace.ClientSession, recorder: EventRecorder
) -> None:
    """A task that is cancelled before its first step makes no request and no events."""
    task = asyncio.create_task(fetch(session, "GET", "http://127.0.0.1:9/"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert recorder.names() == []
