"""Exact events of redirects, error statuses and retries: several attempts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import httptrace
from httptrace.testing import EventRecorder, Peer, response_bytes

from .conftest import Deliver, MakeSession
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
    RELEASED,
    REUSED,
    SENT,
    START,
    UPLOADED,
    together,
)
from .test_exchanges import HELLO, delivering, fetch

REDIRECT = "request_redirect"


def redirect(location: str, status: int = 302, body: bytes = b"") -> bytes:
    return response_bytes(status, body, ("Location", location))


async def test_same_host(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """A redirect to the same host uses the same connection, as the second attempt."""
    server = await scripted(delivering(deliver, redirect("/there"), HELLO))
    assert await fetch(session, "GET", server.url) == b"hello"
    hop = [*HEAD, REDIRECT, *BODY_END, *RELEASED]
    assert together(recorder.names()) == [
        *START, *FRESH, *SENT, *hop, *REUSED, *SENT, *ANSWERED
    ]  # fmt: skip
    (event,) = recorder.of(REDIRECT)
    assert (event.attempt, event.response.status, event.response.headers["Location"]) == (
        1,
        302,
        "/there",
    )
    assert [e.attempt for e in recorder.of("request_headers_sent")] == [1, 2]
    assert [e.url.path for e in recorder.of("request_headers_sent")] == ["/", "/there"]
    assert recorder.of("request_finish")[0].attempt == 2


async def test_redirect_with_a_body(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """The body of a redirect is read, with its events, and not returned."""
    server = await scripted(delivering(deliver, redirect("/", 302, b"moved"), HELLO))
    assert await fetch(session, "GET", server.url) == b"hello"
    hop = [*HEAD, REDIRECT, *BODY, *RELEASED]
    assert together(recorder.names()) == [
        *START, *FRESH, *SENT, *hop, *REUSED, *SENT, *ANSWERED
    ]  # fmt: skip


async def test_another_host(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """A redirect to another host dials; both hops belong to one request."""
    other = await scripted(delivering(deliver, HELLO))
    server = await scripted(delivering(deliver, redirect(other.url + "/x")))
    assert await fetch(session, "GET", server.url) == b"hello"
    hop = [*HEAD, REDIRECT, *BODY_END, *RELEASED]
    assert together(recorder.names()) == [
        *START, *FRESH, *SENT, *hop, *FRESH, *SENT, *ANSWERED
    ]  # fmt: skip
    first, second = recorder.of("connection_acquired")
    assert first.connection_id != second.connection_id
    assert (second.attempt, second.why_not_reused, second.url.port) == (2, "first", other.port)


async def test_each_hop_keeps_its_own_headers(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Events and responses of a hop keep the headers that this hop sent."""
    other = await scripted(HELLO)
    server = await scripted(redirect(other.url + "/x", 303))
    async with session.post(
        server.url, data=b"secret", headers={"Authorization": "Basic abc", "X-Other": "1"}
    ) as response:
        await response.read()
    first, second = recorder.of("request_headers_sent")
    assert (first.method, second.method) == ("POST", "GET")
    assert first.headers["Host"] == f"{server.host}:{server.port}"
    assert first.headers["Authorization"] == "Basic abc"
    assert "Authorization" not in second.headers
    assert second.headers["X-Other"] == "1"
    assert b"Authorization" in first.head and b"Authorization" not in second.head
    assert response.history[0].request_info.method == "POST"
    assert response.history[0].request_info.url.port == server.port
    assert response.history[0].request_info.headers["Authorization"] == "Basic abc"
    assert response.request_info.url.port == other.port


async def test_redirect_with_too_much_body(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A redirect's body that is too large to be read closes its connection."""
    head = response_bytes(302, b"", ("Location", "/"), ("Content-Length", "999999"), length=False)

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head if peer.index == 0 else HELLO)
        await peer.until_closed()

    server = await scripted(script)
    assert await fetch(session, "GET", server.url) == b"hello"
    hop = [*HEAD, REDIRECT, *CLOSED]
    assert recorder.names() == [*START, *FRESH, *SENT, *hop, *FRESH, *SENT, *ANSWERED]
    assert recorder.of("connection_closed")[0].reason == "unread body"


async def test_too_many_redirects(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """The redirect that is one too many is an event and not followed; the request fails."""
    server = await scripted(redirect("/"))
    with pytest.raises(httptrace.TooManyRedirects, match="the limit of max_redirects=2 is reached"):
        await fetch(session, "GET", server.url, max_redirects=2)
    hop = [*HEAD, REDIRECT, *BODY_END, *RELEASED]
    last = hop
    assert recorder.names() == [
        *START, *FRESH, *SENT, *hop, *REUSED, *SENT, *last, *FAILED
    ]  # fmt: skip


@pytest.mark.parametrize("option", [True, None], ids=["flag", "coroutine"])
async def test_raise_for_status(
    session: httptrace.ClientSession,
    scripted: Any,
    recorder: EventRecorder,
    deliver: Deliver,
    option: bool | None,
) -> None:
    """A status that raises ends the request with an exception, and closes an unread response."""

    async def refuse(response: httptrace.ClientResponse) -> None:
        raise ZeroDivisionError(response.status)

    server = await scripted(delivering(deliver, response_bytes(503, length=True)))
    expected = httptrace.ClientResponseError if option else ZeroDivisionError
    with pytest.raises(expected):
        await fetch(session, "GET", server.url, raise_for_status=option or refuse)
    assert recorder.names() == [*START, *FRESH, *SENT, *HEAD, *BODY_END, *RELEASED, *FAILED]
    assert isinstance(recorder.of("request_exception")[0].exception, expected)
    assert recorder.of("request_finish")[0].outcome == "failed"


async def test_raise_for_status_with_a_body_on_its_way(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A response that raises before its body has arrived closes its connection."""
    head = response_bytes(503, b"", ("Content-Length", "5"), length=False)
    server = await scripted(head)
    with pytest.raises(httptrace.ClientResponseError):
        await fetch(session, "GET", server.url, raise_for_status=True)
    assert recorder.names() == [*START, *FRESH, *SENT, *HEAD, *CLOSED, *FAILED]


@pytest.mark.parametrize("status", [200, 503])
async def test_raise_for_status_that_reads(
    session: httptrace.ClientSession,
    scripted: Any,
    recorder: EventRecorder,
    deliver: Deliver,
    status: int,
) -> None:
    """A check may read the body before it decides: the request ends after it."""

    async def judge(response: httptrace.ClientResponse) -> None:
        text = await response.text()
        if response.status >= 400:
            raise ValueError(text)

    server = await scripted(delivering(deliver, response_bytes(status, b"hello")))
    if status == 200:
        assert await fetch(session, "GET", server.url, raise_for_status=judge) == b"hello"
        ended = [*HEAD, *END, *BODY, *RELEASED, *FINISH]
    else:
        with pytest.raises(ValueError, match="hello"):
            await fetch(session, "GET", server.url, raise_for_status=judge)
        ended = [*HEAD, *BODY, *RELEASED, *FAILED]
    names = together(recorder.names())
    begun = [*START, *FRESH, *SENT]
    assert names[: len(begun)] == begun
    assert sorted(names) == sorted([*begun, *ended])
    assert names[-1] == "request_finish"


async def test_middleware_that_reads_and_sends_again(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """A middleware may read a response and send the request again: one request, two hops."""

    async def again(request: Any, handler: Any) -> httptrace.ClientResponse:
        response = await handler(request)
        if response.status == 503:
            assert await response.text() == "busy"
            response = await handler(request)
        return response  # type: ignore[no-any-return]

    server = await scripted(delivering(deliver, response_bytes(503, b"busy"), HELLO))
    session = make_session(middlewares=[again])
    assert await fetch(session, "GET", server.url) == b"hello"
    hop = [*HEAD, *BODY, *RELEASED]
    assert together(recorder.names()) == [
        *START, *FRESH, *SENT, *hop, *REUSED, *SENT, *ANSWERED
    ]  # fmt: skip
    assert [e.attempt for e in recorder.of("request_headers_sent")] == [1, 2]


async def test_middleware_that_reads(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """A middleware that reads the body leaves it to be read again by the caller."""

    async def read(request: Any, handler: Any) -> httptrace.ClientResponse:
        response = await handler(request)
        assert await response.text() == "hello"
        return response  # type: ignore[no-any-return]

    server = await scripted(delivering(deliver, HELLO))
    session = make_session(middlewares=[read])
    assert await fetch(session, "GET", server.url) == b"hello"
    names = together(recorder.names())
    assert sorted(names) == sorted([*START, *FRESH, *SENT, *ANSWERED])
    assert names[-1] == "request_finish"


async def test_middleware_that_answers_itself(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A middleware that raises fails the request before anything is sent."""

    async def refuse(request: Any, handler: Any) -> httptrace.ClientResponse:
        raise PermissionError("not today")

    session = make_session(middlewares=[refuse])
    with pytest.raises(PermissionError):
        await fetch(session, "GET", "http://127.0.0.1:9/")
    assert recorder.names() == [*START, *FAILED]


# --- dead connections ----------------------------------------------------------------------------


async def stale(peer: Peer) -> None:
    """The first connection responds once, and is closed when the second request has arrived."""
    if peer.index:
        while True:
            await peer.request()
            await peer.send(HELLO)
    await peer.request()
    await peer.send(HELLO)
    await peer.request()
    peer.reset()


async def test_stale_connection_is_retried(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A reused connection that is closed before a response: one retry on a new one, with event."""
    server = await scripted(stale)
    await fetch(session, "GET", server.url)
    recorder.clear()
    assert await fetch(session, "GET", server.url) == b"hello"
    assert recorder.names() == [
        *START, *REUSED, *SENT, *CLOSED, "request_retry", *FRESH, *SENT, *ANSWERED
    ]  # fmt: skip
    (retry,) = recorder.of("request_retry")
    assert (retry.reason, retry.delay, retry.attempt) == ("stale connection", 0.0, 1)
    assert isinstance(retry.exception, httptrace.ClientOSError)
    assert recorder.of("connection_closed")[0].reason == "error"
    first, second = recorder.of("connection_acquired")
    assert (first.attempt, first.reused) == (1, True)
    assert (second.attempt, second.reused) == (2, False)
    (timeline,) = recorder.timelines()
    assert [hop.retry_reason for hop in timeline.hops] == ["stale connection", None]


async def test_stale_connection_is_not_retried_for_post(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A request that may have been processed is not repeated (RFC 9110 §9.2.2)."""
    server = await scripted(stale)
    await fetch(session, "GET", server.url)
    recorder.clear()
    with pytest.raises(httptrace.ClientOSError):
        await fetch(session, "POST", server.url, data=b"x")
    assert recorder.names() == [*START, *REUSED, *UPLOADED, *CLOSED, *FAILED]


async def test_stale_connection_is_not_retried_on_demand(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """aiohttp's test tools disable the retry with ``_retry_connection``."""
    server = await scripted(stale)
    session._retry_connection = False
    await fetch(session, "GET", server.url)
    recorder.clear()
    with pytest.raises(httptrace.ClientOSError):
        await fetch(session, "GET", server.url)
    assert recorder.names() == [*START, *REUSED, *SENT, *CLOSED, *FAILED]


async def test_retried_once_only(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """The new connection of a retry is not retried."""

    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.index == 0:
            await peer.send(HELLO)
            await peer.request()
        peer.reset()

    server = await scripted(script)
    await fetch(session, "GET", server.url)
    recorder.clear()
    with pytest.raises(httptrace.ClientOSError):
        await fetch(session, "GET", server.url)
    assert recorder.names() == [
        *START, *REUSED, *SENT, *CLOSED, "request_retry", *FRESH, *SENT, *CLOSED, *FAILED
    ]  # fmt: skip


async def test_not_retried_once_an_answer_began(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """After a byte of a response the request is not repeated."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO)
        await peer.request()
        await peer.send(b"HTTP/1.1 200")

    server = await scripted(script)
    await fetch(session, "GET", server.url)
    recorder.clear()
    with pytest.raises(httptrace.ServerDisconnectedError):
        await fetch(session, "GET", server.url)
    assert recorder.names() == [
        *START, *REUSED, *SENT, "response_first_byte", *CLOSED, *FAILED
    ]  # fmt: skip
    await asyncio.sleep(0)


async def test_chunks_of_a_redirect_come_before_the_next_hop(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """A redirect with a chunked body: it is not waited for, unless it has arrived."""
    answer = (
        b"HTTP/1.1 302 Found\r\nLocation: /\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nmoved\r\n0\r\n\r\n"
    )
    server = await scripted(delivering(deliver, answer, HELLO), delivering(deliver, HELLO))
    assert await fetch(session, "GET", server.url) == b"hello"
    names = together(recorder.names())
    assert names[: names.index(REDIRECT) + 1] == [*START, *FRESH, *SENT, *HEAD, REDIRECT]
    rest = names[names.index(REDIRECT) + 1 :]
    if CHUNK[0] in rest[:1]:
        assert rest == [*BODY, *RELEASED, *REUSED, *SENT, *ANSWERED]
    else:
        assert rest == [*CLOSED, *FRESH, *SENT, *ANSWERED]
