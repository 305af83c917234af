"""Exact events of successful requests: new and reused connections, bodies, responses."""

from __future__ import annotations

import gc
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

import httptrace
from httptrace.testing import (
    EventRecorder,
    Peer,
    ReceivedRequest,
    per_request,
    responding,
    response_bytes,
)

from .conftest import Deliver, MakeSession
from .sequences import (
    ANSWERED,
    BODY,
    BODY_END,
    CLOSED,
    END,
    FINISH,
    FRESH,
    HEAD,
    RELEASED,
    REUSED,
    SENT,
    START,
    UPLOADED,
    together,
)

HELLO = response_bytes(200, b"hello")


def delivering(deliver: Deliver, *answers: bytes) -> Any:
    """A script that sends these responses in turn, as `deliver` does."""

    async def answer(peer: Peer, request: ReceivedRequest) -> None:
        await deliver(peer, answers[min(len(peer.requests), len(answers)) - 1])

    return per_request(answer)


async def fetch(session: httptrace.ClientSession, method: str, url: str, **options: Any) -> bytes:
    async with session.request(method, url, **options) as response:
        return await response.read()


async def test_fresh_and_reused(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """The first request dials, the second one reuses the connection; nothing else differs."""
    server = await scripted(delivering(deliver, HELLO))
    for _ in range(2):
        assert await fetch(session, "GET", server.url) == b"hello"
    first, second = recorder.requests
    assert together(recorder.names(first)) == [*START, *FRESH, *SENT, *ANSWERED]
    assert together(recorder.names(second)) == [*START, *REUSED, *SENT, *ANSWERED]


async def test_data_of_a_fresh_and_a_reused_connection(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """The events have the connection, why it was opened, and how often it was used."""
    server = await scripted(HELLO)
    for _ in range(2):
        await fetch(session, "GET", server.url)
    address = f"{server.host}:{server.port}"
    for name in ("socket_connect_start", "socket_connect_end"):
        assert [event.address for event in recorder.of(name)] == [address]
    new, used = recorder.of("connection_acquired")
    assert (new.reused, new.why_not_reused) == (False, "first")
    assert (used.reused, used.why_not_reused) == (True, None)
    assert new.connection_id == used.connection_id is not None
    (reuse,) = recorder.of("connection_reuseconn")
    assert reuse.requests_served == 1
    assert 0 <= reuse.idle <= reuse.age
    assert [event.outcome for event in recorder.of("request_finish")] == ["completed"] * 2
    assert {event.attempt for event in recorder.events} == {1}


@pytest.mark.parametrize(
    "answer",
    [response_bytes(204, length=False), response_bytes(304, length=False), response_bytes(200)],
    ids=["204", "304", "empty"],
)
async def test_no_body(
    session: httptrace.ClientSession,
    scripted: Any,
    recorder: EventRecorder,
    deliver: Deliver,
    answer: bytes,
) -> None:
    """A response without a body has an end of it and no piece."""
    server = await scripted(delivering(deliver, answer))
    assert await fetch(session, "GET", server.url) == b""
    ended = [*HEAD, *END, *BODY_END, *RELEASED, *FINISH]
    assert recorder.names() == [*START, *FRESH, *SENT, *ended]
    assert recorder.of("response_body_end")[0].size == 0


async def test_head(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """The response to HEAD has no body whatever its length says, and the connection is kept."""
    answer = response_bytes(200, b"", ("Content-Length", "5"), length=False)
    server = await scripted(responding(answer, HELLO))
    assert await fetch(session, "HEAD", server.url) == b""
    assert await fetch(session, "GET", server.url) == b"hello"
    first, second = recorder.requests
    ended = [*HEAD, *END, *BODY_END, *RELEASED, *FINISH]
    assert recorder.names(first) == [*START, *FRESH, *SENT, *ended]
    assert recorder.names(second) == [*START, *REUSED, *SENT, *ANSWERED]


async def test_chunked_with_trailers(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """Trailers follow the end of the body; chunk events have only the body."""
    answer = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nhe\r\n3\r\nllo\r\n0\r\nDigest: abc\r\n\r\n"
    )
    server = await scripted(delivering(deliver, answer))
    assert await fetch(session, "GET", server.url) == b"hello"
    ended = [*HEAD, *END, *BODY, "response_trailers", *RELEASED, *FINISH]
    assert together(recorder.names()) == [*START, *FRESH, *SENT, *ended]
    chunks = [event.chunk for event in recorder.of("response_chunk_received")]
    assert b"".join(chunks) == b"hello"
    assert recorder.of("response_trailers")[0].headers == {"Digest": "abc"}


async def test_informational(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """Each 1xx response is an event with its fields; the first byte is the final head's."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    server = await scripted(delivering(deliver, hints + hints + HELLO))
    assert await fetch(session, "GET", server.url) == b"hello"
    head = ["response_informational", "response_informational", *HEAD]
    ended = [*head, *END, *BODY, *RELEASED, *FINISH]
    assert together(recorder.names()) == [*START, *FRESH, *SENT, *ended]
    event = recorder.of("response_informational")[0]
    assert event.status == 103
    assert event.headers["Link"] == "</style.css>; rel=preload"


async def test_close_delimited(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """A body that ends with the connection: it is closed, not released."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await deliver(peer, response_bytes(200, b"hello", length=False))

    server = await scripted(script)
    assert await fetch(session, "GET", server.url) == b"hello"
    ended = [*HEAD, *END, *BODY, *CLOSED, *FINISH]
    assert together(recorder.names()) == [*START, *FRESH, *SENT, *ended]
    assert recorder.of("connection_closed")[0].reason == "server close"


async def test_server_asks_to_close(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """With ``Connection: close`` the connection is closed after the response."""
    server = await scripted(
        delivering(deliver, response_bytes(200, b"hello", ("Connection", "close")))
    )
    await fetch(session, "GET", server.url)
    ended = [*HEAD, *END, *BODY, *CLOSED, *FINISH]
    assert together(recorder.names()) == [*START, *FRESH, *SENT, *ended]
    assert recorder.of("connection_closed")[0].reason == "server close"


async def test_force_close(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """With force_close each connection is closed, and the event says why none is reused."""
    server = await scripted(HELLO)
    session = make_session(connector=httptrace.TCPConnector(force_close=True))
    for _ in range(2):
        await fetch(session, "GET", server.url)
    ended = [*HEAD, *END, *BODY, *CLOSED, *FINISH]
    for request_id in recorder.requests:
        assert recorder.names(request_id) == [*START, *FRESH, *SENT, *ended]
    assert [e.reason for e in recorder.of("connection_closed")] == ["force_close"] * 2
    assert [e.why_not_reused for e in recorder.of("connection_acquired")] == ["force_close"] * 2


async def test_small_body_sent(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """A body in memory is sent with the head, and has one chunk event."""
    server = await scripted(delivering(deliver, HELLO))
    await fetch(session, "POST", server.url, data=b"0123456789")
    assert together(recorder.names()) == [*START, *FRESH, *UPLOADED, *ANSWERED]
    assert recorder.of("request_chunk_sent")[0].chunk == b"0123456789"
    assert recorder.of("request_body_sent")[0].size == 10


async def test_streamed_body_sent(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """A generated body has an event for each piece, without its framing."""

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(3):
            yield b"piece %d" % number

    server = await scripted(delivering(deliver, HELLO))
    await fetch(session, "POST", server.url, data=pieces())
    assert together(recorder.names()) == [*START, *FRESH, *UPLOADED, *ANSWERED]
    sent = [event.chunk for event in recorder.of("request_chunk_sent")]
    assert sent == [b"piece 0", b"piece 1", b"piece 2"]
    assert recorder.of("request_body_sent")[0].size == len(b"".join(sent))
    assert server.requests[0].body == b"".join(sent)


async def test_encoded_body(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """Pieces are events before decoding; the end has both sizes."""
    packed = zlib.compress(b"hello" * 100)
    server = await scripted(
        delivering(deliver, response_bytes(200, packed, ("Content-Encoding", "deflate")))
    )
    assert await fetch(session, "GET", server.url) == b"hello" * 100
    assert together(recorder.names()) == [*START, *FRESH, *SENT, *ANSWERED]
    assert b"".join(e.chunk for e in recorder.of("response_chunk_received")) == packed
    end = recorder.of("response_body_end")[0]
    assert (end.size, end.decoded_size) == (len(packed), 500)


async def test_response_with_status_400(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """An error status is a response like any other without raise_for_status."""
    server = await scripted(response_bytes(404, b"none"))
    await fetch(session, "GET", server.url)
    assert recorder.names() == [*START, *FRESH, *SENT, *ANSWERED]
    head = recorder.of("response_headers_received")[0]
    assert (head.status, head.reason, head.version) == (404, "Not Found", "1.1")
    assert recorder.of("request_end")[0].response.status == 404


async def test_awaited_and_read_later(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """``await session.get()`` without ``async with`` has the same events."""
    server = await scripted(delivering(deliver, HELLO))
    response = await session.get(server.url)
    assert await response.text() == "hello"
    assert together(recorder.names()) == [*START, *FRESH, *SENT, *ANSWERED]


async def test_read_as_a_stream(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """Reading piece by piece ends the request with the last one, inside the block."""
    server = await scripted(delivering(deliver, HELLO))
    async with session.get(server.url) as response:
        assert b"".join([piece async for piece in response.content.iter_any()]) == b"hello"
        assert together(recorder.names()) == [*START, *FRESH, *SENT, *ANSWERED]


async def test_nothing_is_told_twice_by_leaving(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Reading, releasing, closing and leaving the block end the request once."""
    server = await scripted(HELLO)
    async with session.get(server.url) as response:
        await response.read()
        response.release()
        response.close()
        await response.read()
    await response.wait_for_close()
    del response
    gc.collect()
    assert recorder.names() == [*START, *FRESH, *SENT, *ANSWERED]
