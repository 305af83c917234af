"""Exact events of exchanges that break off: cut, let go, dropped, cancelled."""

from __future__ import annotations

import asyncio
import gc
import ssl
from typing import Any

import pytest
from tests.net.recording import Gated

import httptrace
from httptrace.testing import EventRecorder, Peer, blackhole, hang, response_bytes

from .conftest import Deliver, MakeSession
from .sequences import (
    BODY,
    CHUNK,
    CLOSED,
    DNS,
    END,
    FAILED,
    FINISH,
    FRESH,
    HEAD,
    RELEASED,
    SENT,
    SOCKET,
    START,
    together,
)
from .test_exchanges import HELLO, delivering, fetch

HALF = response_bytes(200, b"hello")[:-3]
CREATE_START = ["connection_create_start"]
CREATE_FAILED = ["connection_create_exception", *FAILED]


async def half(peer: Peer) -> None:
    """Answer with a body of which the end does not come."""
    await peer.request()
    await peer.send(HALF)
    await peer.hang()


async def silent(peer: Peer) -> None:
    """Take the request and never answer."""
    await peer.request()
    await peer.hang()


# --- the server breaks off --------------------------------------------------------------------


async def test_body_cut(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """A body that ends too early: pieces, no end of it, a closed connection, a failed request."""

    async def cut(peer: Peer) -> None:
        await peer.request()
        await deliver(peer, HALF)

    server = await scripted(cut)
    with pytest.raises(httptrace.ClientPayloadError) as caught:
        await fetch(session, "GET", server.url)
    assert together(recorder.names()) == [
        *START, *FRESH, *SENT, *HEAD, *END, *CHUNK, *CLOSED, *FINISH
    ]  # fmt: skip
    assert recorder.of("connection_closed")[0].reason == "error"
    (finish,) = recorder.of("request_finish")
    assert (finish.outcome, finish.exception) == ("failed", caught.value)


@pytest.mark.parametrize("way", ["read", "readexactly", "iter"])
async def test_body_cut_while_streaming(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, way: str
) -> None:
    """However a cut body is read, the request fails once."""

    async def cut(peer: Peer) -> None:
        await peer.request()
        await peer.send(HALF)

    server = await scripted(cut)
    with pytest.raises((httptrace.ClientPayloadError, asyncio.IncompleteReadError)):
        async with session.get(server.url) as response:
            if way == "iter":
                async for _piece in response.content.iter_any():
                    pass
            elif way == "readexactly":
                await response.content.readexactly(5)
            else:
                await response.content.read()
    assert together(recorder.names()) == [
        *START, *FRESH, *SENT, *HEAD, *END, *CHUNK, *CLOSED, *FINISH
    ]  # fmt: skip
    assert recorder.of("request_finish")[0].outcome == "failed"


async def test_no_answer(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A server that closes without an answer."""

    async def gone(peer: Peer) -> None:
        await peer.request()

    server = await scripted(gone)
    with pytest.raises(httptrace.ServerDisconnectedError) as caught:
        await fetch(session, "GET", server.url)
    assert recorder.names() == [*START, *FRESH, *SENT, *CLOSED, *FAILED]
    event = recorder.of("request_exception")[0]
    assert (event.exception, event.phase, event.timeout) == (caught.value, "wait", None)


async def test_reset(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A server that resets the connection."""

    async def reset(peer: Peer) -> None:
        await peer.request()
        peer.reset()

    server = await scripted(reset)
    with pytest.raises(httptrace.ClientOSError):
        await fetch(session, "GET", server.url)
    assert recorder.names() == [*START, *FRESH, *SENT, *CLOSED, *FAILED]


async def test_garbage(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """What is no HTTP has a first byte and nothing else."""
    server = await scripted(b"220 mail.example ESMTP\r\n\r\n")
    with pytest.raises(httptrace.ClientResponseError):
        await fetch(session, "GET", server.url)
    assert recorder.names() == [
        *START, *FRESH, *SENT, "response_first_byte", *CLOSED, *FAILED
    ]  # fmt: skip
    assert recorder.of("connection_closed")[0].reason == "malformed response"


async def test_garbage_in_the_body(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """A broken chunk ends the body with an error, after what was good of it."""
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"
    server = await scripted(delivering(deliver, answer))
    with pytest.raises(httptrace.ClientPayloadError):
        await fetch(session, "GET", server.url)
    assert together(recorder.names()) == [
        *START, *FRESH, *SENT, *HEAD, *END, *CHUNK, *CLOSED, *FINISH
    ]  # fmt: skip
    assert recorder.of("request_finish")[0].outcome == "failed"


async def test_body_that_cannot_be_decoded(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """A whole body that is not what its coding says: it is there, and the request fails."""
    answer = response_bytes(200, b"no gzip", ("Content-Encoding", "gzip"))
    server = await scripted(delivering(deliver, answer))
    with pytest.raises(httptrace.ClientPayloadError):
        await fetch(session, "GET", server.url)
    names = together(recorder.names())
    assert names[:-1] in (
        [*START, *FRESH, *SENT, *HEAD, *END, *BODY, *RELEASED],
        [*START, *FRESH, *SENT, *HEAD, *END, *CHUNK, *CLOSED],  # seen before the end came
    )
    assert names[-1:] == FINISH
    assert recorder.of("request_finish")[0].outcome == "failed"


# --- the caller lets go -------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["block", "release", "close"])
async def test_unread_response(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, way: str
) -> None:
    """A response that is let go while its body comes closes the connection: it is dropped."""
    server = await scripted(half)
    if way == "block":
        async with session.get(server.url):
            pass
    else:
        response = await session.get(server.url)
        getattr(response, way)()
    names = recorder.names()
    ended = [*CLOSED, *FINISH]
    assert names in (
        [*START, *FRESH, *SENT, *HEAD, *END, *ended],
        [*START, *FRESH, *SENT, *HEAD, *END, *CHUNK, *ended],
    )
    assert recorder.of("connection_closed")[0].reason == "unread body"
    (finish,) = recorder.of("request_finish")
    assert (finish.outcome, finish.exception) == ("dropped", None)
    await server.no_connections()


class Names(httptrace.Observer):
    """Keeps names alone: an event that is kept keeps its response."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.outcome = ""

    def on_event(self, event: Any) -> None:
        self.names.append(event.name)
        if event.name == "request_finish":
            self.outcome = event.outcome


async def test_dropped_response(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A response that nobody holds any more is dropped: its connection is closed, its end told."""
    httptrace.uninstall(recorder)
    names = Names()
    server = await scripted(half)
    session = make_session(observers=[names])
    response = await session.get(server.url)
    with pytest.warns(ResourceWarning, match="Unclosed response"):
        del response
        gc.collect()
    await server.no_connections()
    assert together(names.names) in (
        [*START, *FRESH, *SENT, *HEAD, *END, *CLOSED, *FINISH],
        [*START, *FRESH, *SENT, *HEAD, *END, *CHUNK, *CLOSED, *FINISH],
    )
    assert names.outcome == "dropped"
    assert session.connector is not None
    assert session.connector.stats().closed == {"unread body": 1}


async def test_dropped_response_tells_trace_configs(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Coroutine callbacks hear of it too: `close` waits for them."""
    httptrace.uninstall(recorder)
    heard: list[str] = []

    async def finish(session: Any, context: Any, params: Any) -> None:
        await asyncio.sleep(0.01)
        heard.append(params.outcome)

    config = httptrace.TraceConfig()
    config.on_request_finish.append(finish)
    server = await scripted(half)
    session = make_session(trace_configs=[config])
    response = await session.get(server.url)
    with pytest.warns(ResourceWarning, match="Unclosed response"):
        del response
        gc.collect()
    await server.no_connections()
    await session.close()
    assert heard == ["dropped"]


@pytest.mark.parametrize("way", ["block", "release", "close", "del"])
async def test_response_that_came_whole_and_is_not_read(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, way: str
) -> None:
    """A response that has come whole is complete, whether anybody reads it or not."""
    server = await scripted(HELLO)
    if way == "block":
        async with session.get(server.url):
            pass
    else:
        response = await session.get(server.url)
        if way == "del":
            del response
        else:
            getattr(response, way)()
    gc.collect()
    assert recorder.names() == [*START, *FRESH, *SENT, *HEAD, *END, *BODY, *RELEASED, *FINISH]
    assert recorder.of("request_finish")[0].outcome == "completed"


async def test_error_in_the_block(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """What the caller raises in the block is his own: the response is dropped, the request did
    not fail."""
    server = await scripted(half)
    with pytest.raises(ZeroDivisionError):
        async with session.get(server.url) as response:
            await response.content.readexactly(2)
            raise ZeroDivisionError
    assert recorder.names() == [
        *START, *FRESH, *SENT, *HEAD, *END, *CHUNK, *CLOSED, *FINISH
    ]  # fmt: skip
    assert recorder.of("request_finish")[0].outcome == "dropped"


async def test_read_in_part(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Reading some of a body and leaving: what was read is told, then the connection is closed."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response_bytes(200, b"", ("Content-Length", "1000"), length=False))
        await peer.send(b"0123456789")
        await peer.hang()

    server = await scripted(script)
    async with session.get(server.url) as response:
        assert await response.content.readexactly(10) == b"0123456789"
    assert together(recorder.names()) == [
        *START, *FRESH, *SENT, *HEAD, *END, *CHUNK, *CLOSED, *FINISH
    ]  # fmt: skip
    with pytest.raises(httptrace.ClientConnectionError):
        await response.read()


# --- cancelled, in every phase ------------------------------------------------------------------


async def cancelled(task: asyncio.Task[Any], recorder: EventRecorder, after: str) -> None:
    """Cancel when the event has come, and see that the task ends so."""
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
    """Cancelled while the host is looked up."""
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
    """Cancelled while an address is silent."""
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
    """Cancelled in the handshake."""
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
    """Cancelled while the body comes: the head was in, so there is no exception but the end."""
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
    """Cancelled while the server takes no more of the body: sending stops."""

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
    """Cancelled while a callback is awaited: the request ends, every span with it."""
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
    """A task that is cancelled before its first step has made no request: nothing is told."""
    task = asyncio.create_task(fetch(session, "GET", "http://127.0.0.1:9/"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert recorder.names() == []
