"""How ``on_request_start`` may change the headers, and how not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from multidict import CIMultiDict

import httptrace
from httptrace.testing import EventRecorder, response_bytes
from httptrace.trace.declare import record_of

from .conftest import MakeSession
from .sequences import BODY, CLOSED, END, FAILED, FINISH, FRESH, HEAD, SENT, START
from .test_exchanges import HELLO, fetch

Change = Callable[[CIMultiDict[str]], object]


def changing(change: Change, signal: str = "on_request_start") -> httptrace.TraceConfig:
    """A config that changes the headers in this way at that event."""
    config = httptrace.TraceConfig()
    getattr(config, signal).append(lambda _session, _context, params: change(params.headers))
    return config


def setting(name: str, value: str) -> httptrace.TraceConfig:
    return changing(lambda headers: headers.__setitem__(name, value))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Host", "other.example"),
        ("Authorization", "Bearer t"),
        ("Cookie", "a=1"),
        ("Accept-Encoding", "identity"),
        ("Content-Type", "text/x-mine"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ],
)
async def test_what_is_set_is_sent(
    make_session: MakeSession, scripted: Any, name: str, value: str
) -> None:
    """A header that is set is sent once, and replaces the previous one."""
    server = await scripted(HELLO)
    session = make_session(
        trace_configs=[setting(name, value)],
        headers={"Authorization": "Basic eDp5"},
        cookies={"b": "2"},
    )
    assert await fetch(session, "POST", server.url, data=b"0123456789") == b"hello"
    assert server.requests[0].values(name) == [value]
    assert server.requests[0].body == b"0123456789"


async def test_the_request_info_has_what_was_sent(make_session: MakeSession, scripted: Any) -> None:
    """The response has the headers as they were changed."""
    server = await scripted(HELLO)
    session = make_session(trace_configs=[setting("X-Trace", "7")])
    async with session.get(server.url) as response:
        assert response.request_info.headers["X-Trace"] == "7"


async def test_asking_to_close(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """If a listener sets Connection: close, the connection is not reused."""
    server = await scripted(HELLO)
    session = make_session(trace_configs=[setting("Connection", "close")])
    for _ in range(2):
        await fetch(session, "GET", server.url)
    assert len(server.connections) == 2
    for request_id in recorder.requests:
        names = [*START, *FRESH, *SENT, *HEAD, *END, *BODY, *CLOSED, *FINISH]
        assert recorder.names(request_id) == names
    assert [event.reason for event in recorder.of("connection_closed")] == ["client close"] * 2


@pytest.mark.parametrize("value", ["close", "Close", "x-hop, close"])
async def test_a_session_that_asks_to_close(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, value: str
) -> None:
    """A request that asks for the connection to be closed is the last one on it, although the
    server keeps it open (RFC 9112 §9.6)."""
    server = await scripted(HELLO)
    session = make_session(headers={"Connection": value})
    for _ in range(3):
        await fetch(session, "GET", server.url)
    assert len(server.connections) == 3
    assert session.connector is not None
    assert session.connector.stats().closed == {"client close": 3}
    assert await fetch(session, "GET", server.url, headers={"Connection": "keep-alive"})
    assert session.connector.stats().idle == 1


async def test_two_listeners(make_session: MakeSession, scripted: Any) -> None:
    """The second listener sees the changes of the first one, and can override them."""
    seen: list[str] = []

    def second(headers: CIMultiDict[str]) -> None:
        seen.append(headers["X-Trace"])
        headers["X-Trace"] += ", second"

    server = await scripted(HELLO)
    configs = [setting("X-Trace", "first"), changing(second)]
    await fetch(make_session(trace_configs=configs), "GET", server.url)
    assert seen == ["first"]
    assert server.requests[0].values("X-Trace") == ["first, second"]


async def test_another_origin_gets_no_credentials(make_session: MakeSession, scripted: Any) -> None:
    """A redirect to another origin has a listener's headers, but not its credentials."""
    other = await scripted(HELLO)
    server = await scripted(response_bytes(302, b"", ("Location", other.url)))

    def change(headers: CIMultiDict[str]) -> None:
        headers.update({"Authorization": "Bearer t", "Cookie": "a=1", "X-Trace": "7"})

    await fetch(make_session(trace_configs=[changing(change)]), "GET", server.url)
    first, second = server.requests[0], other.requests[0]
    for name in ("Authorization", "Cookie"):
        assert (first.header(name) is None, second.header(name)) == (False, None)
    assert (first.header("X-Trace"), second.header("X-Trace")) == ("7", "7")


@pytest.mark.parametrize(
    "signal", ["on_connection_create_start", "on_connection_acquired", "on_request_headers_sent"]
)
async def test_later_is_too_late(make_session: MakeSession, scripted: Any, signal: str) -> None:
    """Only the start of a request may change it: later changes are not sent."""
    config = httptrace.TraceConfig()

    def change(session: Any, context: Any, params: Any) -> None:
        record_of(params).request_headers["X-Late"] = "1"

    getattr(config, signal).append(change)
    server = await scripted(HELLO)
    await fetch(make_session(trace_configs=[config]), "GET", server.url)
    assert server.requests[0].header("X-Late") is None


# --- the body's own headers -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "data"),
    [
        ("Content-Length", "3", b"0123456789"),
        ("Content-Length", "30", b"0123456789"),
        ("Content-Length", "3", None),
        ("Content-Length", "3, 3", b"abc"),
        ("Transfer-Encoding", "chunked", b"0123456789"),
        ("Transfer-Encoding", "chunked", None),
        ("Transfer-Encoding", "gzip", b"0123456789"),
    ],
)
async def test_a_header_that_lies_about_the_body(
    make_session: MakeSession,
    scripted: Any,
    recorder: EventRecorder,
    name: str,
    value: str,
    data: bytes | None,
) -> None:
    """What would let the server read another request than was meant fails it unsent
    (RFC 9112 §6.3)."""
    server = await scripted(HELLO)
    session = make_session(trace_configs=[setting(name, value)])
    with pytest.raises(ValueError, match=name):
        await fetch(session, "POST" if data else "GET", server.url, data=data)
    assert recorder.names() == [*START, *FAILED]
    assert server.connections == []


async def test_the_length_cannot_be_taken_away(make_session: MakeSession, scripted: Any) -> None:
    """A missing Content-Length is added again: the body would be read as the next request."""
    server = await scripted(HELLO)
    session = make_session(trace_configs=[changing(lambda h: h.popall("Content-Length"))])
    assert await fetch(session, "POST", server.url, data=b"0123456789") == b"hello"
    assert server.requests[0].body == b"0123456789"
    assert len(server.requests) == 1


async def test_chunks_stay_chunks(make_session: MakeSession, scripted: Any) -> None:
    """Transfer-Encoding: chunked is sent with a chunked body, whatever a listener changes."""

    def change(headers: CIMultiDict[str]) -> None:
        del headers["Transfer-Encoding"]
        headers["Content-Length"] = "3"

    async def pieces() -> Any:
        yield b"01234"
        yield b"56789"

    server = await scripted(HELLO)
    session = make_session(trace_configs=[changing(change)])
    assert await fetch(session, "POST", server.url, data=pieces()) == b"hello"
    request = server.requests[0]
    assert (request.body, request.header("Content-Length")) == (b"0123456789", None)
    assert request.header("Transfer-Encoding") == "chunked"


@pytest.mark.parametrize(("name", "value"), [("Content-Length", "3"), ("Transfer-Encoding", "br")])
async def test_middlewares_neither(
    make_session: MakeSession, scripted: Any, name: str, value: str
) -> None:
    """The same holds for middlewares."""

    async def middleware(request: Any, handler: Any) -> Any:
        request.headers[name] = value
        return await handler(request)

    server = await scripted(HELLO)
    session = make_session(middlewares=[middleware])
    with pytest.raises(ValueError, match=name):
        await fetch(session, "POST", server.url, data=b"0123456789")
    assert server.connections == []
