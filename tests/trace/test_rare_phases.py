"""Exact events of requests that end where few do: waiting for 100 Continue, in the middle of a
head, on the second hop, in the second attempt."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import httptrace
from httptrace import ClientTimeout
from httptrace.testing import EventRecorder, Peer, refused_port, response_bytes
from httptrace.trace.declare import record_of

from .conftest import MakeSession
from .sequences import (
    ANSWERED,
    BODY,
    BODY_END,
    CHUNK,
    CLOSED,
    END,
    FAILED,
    FINISH,
    FRESH,
    HEAD,
    HOP,
    RELEASED,
    REUSED,
    SENT,
    SOCKET,
    START,
    together,
)
from .test_exchanges import HELLO, fetch

SHORT = 0.1
REFUSED = ["connection_create_start", SOCKET[0], "socket_connect_exception"]
NO_CONNECTION = [*REFUSED, "connection_create_exception"]
FIRST_BYTE = HEAD[:1]
HEAD_SENT = SENT[:1]


def is_in_last_phase(recorder: EventRecorder, attempt: int, phase: str) -> bool:
    """Whether the current request has reached this phase."""
    if not recorder.events:
        return False
    record = record_of(recorder.events[-1])
    return record.attempt == attempt and record.phase == phase


async def ended(
    session: httptrace.ClientSession,
    recorder: EventRecorder,
    url: str,
    limit: str,
    attempt: int = 1,
    **post: Any,
) -> None:
    """A request that reaches the limit, or is "cancelled", in its last phase; and its events."""
    timeout = ClientTimeout(**{} if limit == "cancelled" else {limit: SHORT})
    method = "POST" if post else "GET"
    task = asyncio.create_task(fetch(session, method, url, timeout=timeout, **post))
    if limit == "cancelled":
        async with asyncio.timeout(5):
            while not is_in_last_phase(recorder, attempt, "send" if post else "receive"):
                await asyncio.sleep(0)
        task.cancel()
    with pytest.raises(asyncio.CancelledError if limit == "cancelled" else TimeoutError):
        await task
    finish = recorder.of("request_finish")[-1]
    assert finish.outcome == ("cancelled" if limit == "cancelled" else "failed")
    exception = recorder.of("request_exception")[-1]
    assert exception.timeout == (None if limit == "cancelled" else limit)
    reason = "cancelled" if limit == "cancelled" else "timeout"
    assert recorder.of("connection_closed")[-1].reason == reason


# --- in the middle of a head ----------------------------------------------------------------------


@pytest.mark.parametrize("limit", ["total", "sock_read", "response_headers", "cancelled"])
async def test_in_the_middle_of_a_head(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, limit: str
) -> None:
    """A head of which the end does not come: there was a first byte, the phase is that of
    receiving."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Le")
        await peer.hang()

    server = await scripted(script)
    await ended(session, recorder, server.url, limit)
    assert recorder.names() == [*START, *FRESH, *SENT, *FIRST_BYTE, *CLOSED, *FAILED]
    assert recorder.of("request_exception")[0].phase == "receive"
    await server.no_connections()


@pytest.mark.parametrize("limit", ["total", "sock_read", "response_headers"])
async def test_after_early_hints(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, limit: str
) -> None:
    """A 1xx response is not the response: its timeouts continue."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        await peer.hang()

    server = await scripted(script)
    await ended(session, recorder, server.url, limit)
    assert recorder.names() == [
        *START, *FRESH, *SENT, "response_informational", *CLOSED, *FAILED
    ]  # fmt: skip


# --- waiting for 100 Continue ---------------------------------------------------------------------


@pytest.mark.parametrize("limit", ["total", "cancelled"])
async def test_waiting_for_100_continue(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, limit: str
) -> None:
    """If the caller is cancelled while 100 Continue is awaited, only the head was sent."""

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.hang()

    server = await scripted(script)
    await ended(session, recorder, server.url, limit, data=b"0123456789", expect100=True)
    assert recorder.names() == [*START, *FRESH, *HEAD_SENT, *CLOSED, *FAILED]
    assert recorder.of("request_exception")[0].phase == "send"
    await server.no_connections()
    assert server.connections[0].bytes_received == len(server.requests[0].raw)


async def test_100_continue_and_then_a_refusal(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """100 Continue, the whole body, and then an error status: a response like any other."""

    async def script(peer: Peer) -> None:
        request = await peer.read_head()
        await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await peer.read_body(request)
        await peer.send(response_bytes(422, b"no"))
        await peer.until_closed()

    server = await scripted(script)
    options: Any = {"data": b"0123456789", "expect100": True}
    assert await fetch(session, "POST", server.url, **options) == b"no"
    assert together(recorder.names()) == [
        *START,
        *FRESH,
        *HEAD_SENT,
        "response_informational",
        "request_chunk_sent",
        "request_body_sent",
        *HEAD,
        *END,
        *BODY,
        *RELEASED,
        *FINISH,
    ]


async def test_redirected_instead_of_100_continue(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A redirect instead: the body is sent to its target, and was not sent to the first URL."""

    async def script(peer: Peer) -> None:
        request = await peer.read_head()
        if peer.index == 0:
            await peer.send(response_bytes(307, b"", ("Location", "/there")))
            await peer.until_closed()
        await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await peer.read_body(request)
        await peer.send(HELLO)
        await peer.until_closed()

    server = await scripted(script)
    options: Any = {"data": b"0123456789", "expect100": True}
    assert await fetch(session, "POST", server.url, **options) == b"hello"
    first, second = server.connections
    assert first.bytes_received == len(first.requests[0].raw)
    assert second.requests[0].body == b"0123456789"
    hop = [*HEAD_SENT, *HEAD, "request_redirect", *BODY_END, *CLOSED]
    answered = [
        *[*HEAD_SENT, "response_informational", "request_chunk_sent"],
        *["request_body_sent", *HEAD, *END, *BODY, *RELEASED, *FINISH],
    ]
    assert together(recorder.names()) == [*START, *FRESH, *hop, *FRESH, *answered]


# --- on the second hop ----------------------------------------------------------------------------


async def to_there(peer: Peer) -> None:
    """Redirect to `/there`, and respond there with the beginning of a head."""
    await peer.request()
    await peer.send(response_bytes(302, b"", ("Location", "/there")))
    await peer.request()
    await peer.send(b"HTTP/1.1 200")
    await peer.hang()


@pytest.mark.parametrize("limit", ["total", "sock_read", "cancelled"])
async def test_on_the_second_hop(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, limit: str
) -> None:
    """A failure on the second hop belongs to the second attempt; the request ends once."""
    server = await scripted(to_there)
    await ended(session, recorder, server.url, limit, attempt=2)
    second = [*REUSED, *SENT, *FIRST_BYTE, *CLOSED, *FAILED]
    assert recorder.names() == [*START, *FRESH, *SENT, *HOP, *second]
    event = recorder.of("request_exception")[0]
    assert (event.attempt, event.phase, event.url.path) == (2, "receive", "/there")
    (timeline,) = recorder.timelines()
    assert [hop.status for hop in timeline.hops] == [302, None]
    assert timeline.hops[1].exception is event.exception


async def test_second_hop_refused(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A redirect to a closed port: the second attempt never had a connection."""
    with refused_port() as port:
        answer = response_bytes(302, b"", ("Location", f"http://127.0.0.1:{port}/"))
        server = await scripted(answer)
        with pytest.raises(httptrace.ClientConnectorError):
            await fetch(session, "GET", server.url)
    assert recorder.names() == [*START, *FRESH, *SENT, *HOP, *NO_CONNECTION, *FAILED]
    event = recorder.of("request_exception")[0]
    assert (event.attempt, event.phase, event.connection_id) == (2, "connect", None)
    assert recorder.of("request_finish")[0].timeline.hops[0].status == 302


async def test_body_of_the_second_hop_cut(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A body that is truncated after a redirect: the first hop is unchanged."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response_bytes(302, b"", ("Location", "/there")))
        await peer.request()
        await peer.send(HELLO[:-2])

    server = await scripted(script)
    with pytest.raises(httptrace.ClientPayloadError):
        await fetch(session, "GET", server.url)
    assert together(recorder.names()) == [
        *START, *FRESH, *SENT, *HOP, *REUSED, *SENT, *HEAD, *END, *CHUNK, *CLOSED, *FINISH
    ]  # fmt: skip
    assert {e.attempt for e in recorder.of("response_chunk_received")} == {2}


# --- in the second attempt ------------------------------------------------------------------------


async def test_server_gone_when_retried(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A stale connection to a server that is gone: one retry, refused, one end."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO)
        await peer.request()
        server._stop_listening()  # who comes from here on is refused
        peer.reset()

    server = await scripted(script)
    await fetch(session, "GET", server.url)
    recorder.clear()
    with pytest.raises(httptrace.ClientConnectorError):
        await fetch(session, "GET", server.url)
    assert recorder.names() == [
        *START, *REUSED, *SENT, *CLOSED, "request_retry", *NO_CONNECTION, *FAILED
    ]  # fmt: skip
    (timeline,) = recorder.timelines()
    assert [hop.retry_reason for hop in timeline.hops] == ["stale connection", None]
    assert [hop.reused for hop in timeline.hops] == [True, False]


async def test_a_body_is_sent_again(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """PUT with a body in memory is retried on a new connection, with the body again."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO)
        await peer.request()
        if peer.index == 0:
            peer.reset()
        else:
            await peer.send(HELLO)

    server = await scripted(script)
    await fetch(session, "GET", server.url)
    recorder.clear()
    assert await fetch(session, "PUT", server.url, data=b"0123456789") == b"hello"
    uploaded = [*HEAD_SENT, "request_chunk_sent", "request_body_sent"]
    assert recorder.names() == [
        *START, *REUSED, *uploaded, *CLOSED, "request_retry", *FRESH, *uploaded, *ANSWERED
    ]  # fmt: skip
    assert [e.attempt for e in recorder.of("request_chunk_sent")] == [1, 2]
    assert [e.size for e in recorder.of("request_body_sent")] == [10, 10]


# --- uploads --------------------------------------------------------------------------------------


async def test_time_blocked_is_told(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """The time for which the server took no more of a body is told when it is sent; a body that
    goes out at once was not blocked."""

    async def stuck(peer: Peer) -> None:
        request = await peer.read_head()
        peer.pause_reading()
        await peer.events["go"].wait()
        await asyncio.sleep(SHORT)
        peer.resume_reading()
        await peer.read_body(request)
        await peer.send(HELLO)
        await peer.request()
        await peer.send(HELLO)
        await peer.until_closed()

    server = await scripted(stuck, receive_buffer=4096)
    session = make_session()
    task = asyncio.create_task(fetch(session, "POST", server.url, data=b"x" * (8 << 20)))
    async with asyncio.timeout(5):
        while not recorder.events or not record_of(recorder.events[0]).blocked_since_ns:
            await asyncio.sleep(0)
    server.events["go"].set()
    await task
    await fetch(session, "POST", server.url, data=b"x")
    first, second = recorder.requests
    assert together(recorder.names(first)) == [
        *START, *FRESH, *HEAD_SENT, "request_chunk_sent", "request_body_sent", *ANSWERED
    ]  # fmt: skip
    told = [(event.size, event.blocked_ns) for event in recorder.of("request_body_sent")]
    assert told[0][0] == 8 << 20 and told[0][1] >= SHORT * 0.9e9
    assert told[1] == (1, 0)
    sent = sum(len(event.chunk) for event in recorder.of("request_chunk_sent", first))
    assert sent == 8 << 20
    assert recorder.timelines()[0].phases_ns["send"] >= told[0][1]
    assert recorder.names(second)[:3] == [*START, *REUSED]
