"""Exact events of ``Expect: 100-continue``: accepted, refused, and without a response."""

from __future__ import annotations

from typing import Any

import pytest

import httptrace
from httptrace.interceptors import upload
from httptrace.testing import EventRecorder, Peer, response_bytes

from .conftest import Deliver
from .sequences import (
    ANSWERED,
    BODY,
    CLOSED,
    END,
    FAILED,
    FINISH,
    FRESH,
    HEAD,
    SENT,
    START,
    UPLOADED,
    together,
)
from .test_exchanges import HELLO, fetch

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BODY_SENT = ["request_chunk_sent", "request_body_sent"]


async def test_answered(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, deliver: Deliver
) -> None:
    """The body is sent after 100 Continue."""

    async def script(peer: Peer) -> None:
        request = await peer.read_head()
        assert request.expects_continue
        assert peer.bytes_received == len(request.raw)
        await deliver(peer, CONTINUE)
        await peer.read_body(request)
        await deliver(peer, HELLO)
        await peer.until_closed()

    server = await scripted(script)
    await fetch(session, "POST", server.url, data=b"0123456789", expect100=True)
    assert server.requests[0].body == b"0123456789"
    assert together(recorder.names()) == [
        *START,
        *FRESH,
        "request_headers_sent",
        "response_informational",
        *BODY_SENT,
        *ANSWERED,
    ]
    assert recorder.of("response_informational")[0].status == 100


@pytest.mark.parametrize("status", [413, 401])
async def test_refused(
    session: httptrace.ClientSession,
    scripted: Any,
    recorder: EventRecorder,
    deliver: Deliver,
    status: int,
) -> None:
    """A final response instead: the body is not sent, and the connection is closed."""

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await deliver(peer, response_bytes(status, b"no"))
        await peer.until_closed()
        assert peer.bytes_received == len(peer.requests[0].raw)

    server = await scripted(script)
    assert await fetch(session, "POST", server.url, data=b"0123456789", expect100=True) == b"no"
    await server.no_connections()
    assert together(recorder.names()) == [
        *START, *FRESH, "request_headers_sent", *HEAD, *END, *BODY, *CLOSED, *FINISH
    ]  # fmt: skip
    assert recorder.of("connection_closed")[0].reason == "request not sent whole"
    assert recorder.timelines()[0].phases_ns["wait"] >= 0


async def test_silent(
    session: httptrace.ClientSession,
    scripted: Any,
    recorder: EventRecorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If the server does not respond, the body is sent after a while."""
    monkeypatch.setattr(upload, "_PATIENCE", 0.02)
    server = await scripted(HELLO)
    await fetch(session, "POST", server.url, data=b"0123456789", expect100=True)
    assert recorder.names() == [*START, *FRESH, *UPLOADED, *ANSWERED]
    assert server.requests[0].body == b"0123456789"


async def test_answered_late(
    session: httptrace.ClientSession,
    scripted: Any,
    recorder: EventRecorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A 100 that arrives while the body is sent is an event, and changes nothing."""
    monkeypatch.setattr(upload, "_PATIENCE", 0.02)
    server = await scripted(CONTINUE + HELLO)
    await fetch(session, "POST", server.url, data=b"0123456789", expect100=True)
    assert recorder.names() == [
        *START,
        *FRESH,
        *UPLOADED,
        "response_informational",
        *ANSWERED,
    ]


async def test_gone_instead_of_an_answer(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A server that closes instead fails the request; the body was not sent."""

    async def script(peer: Peer) -> None:
        await peer.read_head()

    server = await scripted(script)
    with pytest.raises(httptrace.ServerDisconnectedError):
        await fetch(session, "POST", server.url, data=b"0123456789", expect100=True)
    assert recorder.names() == [*START, *FRESH, "request_headers_sent", *CLOSED, *FAILED]


async def test_early_answer_to_a_body_on_its_way(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """If a server refuses in the middle of the body, the rest is not sent."""

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(response_bytes(413, b"too much"))
        await peer.until_closed()

    async def endless() -> Any:
        while True:
            yield b"x" * 1000

    server = await scripted(script)
    assert await fetch(session, "POST", server.url, data=endless()) == b"too much"
    names = recorder.names()
    kept = [name for name in names if name != "request_chunk_sent"]
    assert kept == [*START, *FRESH, SENT[0], *HEAD, *END, *BODY, *CLOSED, *FINISH]
    assert recorder.of("connection_closed")[0].reason == "request not sent whole"
    await server.no_connections()


@pytest.mark.parametrize("resendable", [True, False])
async def test_expectation_failed(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, resendable: bool
) -> None:
    """After a 417 the request is repeated once without ``Expect``, whatever its body is."""

    async def script(peer: Peer) -> None:
        request = await peer.read_head()
        if peer.index == 0:
            await peer.send(response_bytes(417, b"no"))
            await peer.until_closed()
            return
        assert not request.expects_continue
        await peer.read_body(request)
        await peer.send(HELLO)
        await peer.until_closed()

    async def pieces() -> Any:
        yield b"0123456789"

    server = await scripted(script)
    data = b"0123456789" if resendable else pieces()
    assert await fetch(session, "POST", server.url, data=data, expect100=True) == b"hello"
    first, second = server.connections
    assert first.bytes_received == len(first.requests[0].raw)
    assert second.requests[0].body == b"0123456789"
    (retry,) = recorder.of("request_retry")
    assert (retry.reason, retry.exception, retry.attempt) == ("expectation failed", None, 1)
    refused = ["request_headers_sent", *HEAD, "request_retry"]
    names = together(recorder.names())
    assert [name for name in names if name not in (*BODY, *CLOSED)] == [
        *START, *FRESH, *refused, *FRESH, *UPLOADED,
        *[name for name in ANSWERED if name not in (*BODY, *CLOSED)],
    ]  # fmt: skip


async def test_expectation_failed_twice(session: httptrace.ClientSession, scripted: Any) -> None:
    """A 417 to the request without ``Expect`` is the response."""
    server = await scripted(response_bytes(417, b"no"))
    async with session.post(server.url, data=b"body", expect100=True) as response:
        assert (response.status, await response.read()) == (417, b"no")
    assert len(server.requests) == 2


@pytest.mark.parametrize("given", [{"expect100": True}, {"headers": {"Expect": "100-continue"}}])
async def test_nothing_to_continue(
    session: httptrace.ClientSession, scripted: Any, given: dict[str, Any]
) -> None:
    """A request without content has no ``Expect`` (RFC 9110 §10.1.1)."""
    server = await scripted(HELLO)
    await fetch(session, "POST", server.url, **given)
    assert server.requests[0].header("Expect") is None
