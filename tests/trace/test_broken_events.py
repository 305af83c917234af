"""Exact events of responses that are truncated, reset or malformed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import httptrace
from httptrace.testing import EventRecorder, Peer, response_bytes

from .breaking import HALF
from .conftest import Deliver
from .sequences import (
    BODY,
    CHUNK,
    CLOSED,
    END,
    FAILED,
    FINISH,
    FRESH,
    HEAD,
    RELEASED,
    SENT,
    START,
    together,
)
from .test_exchanges import delivering, fetch


async def test_body_cut(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """A truncated body: pieces, no end of the body, a closed connection, a failed request."""

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
    """However a truncated body is read, the request fails once."""

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
    """A server that closes without a response."""

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
    """A response that is not HTTP has a first byte and nothing else."""
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
    """A malformed chunk ends the body with an error, after the valid bytes before it."""
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
    """A complete body that cannot be decoded: it was received, and the request fails."""
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
