"""Every exception of a call has the call's timeline."""

from __future__ import annotations

import asyncio
import copy
import pickle
from typing import Any

import pytest

import httptrace
from httptrace.testing import EventRecorder, Peer, blackhole, refused_port, response_bytes

from .conftest import MakeSession
from .test_exchanges import HELLO, fetch
from .test_timeline import assert_partition

PAUSE = 0.03


async def hang(peer: Peer) -> None:
    """Read the request and never respond."""
    await peer.request()
    await peer.hang()


async def half(peer: Peer) -> None:
    """Send a part of the body and never the rest."""
    await peer.request()
    await peer.send(HELLO[:-3])
    await peer.hang()


async def cut(peer: Peer) -> None:
    """Send a part of the body and close."""
    await peer.request()
    await peer.send(HELLO[:-3])


async def disconnect(peer: Peer) -> None:
    """Close without a response."""
    await peer.request()


async def failing_middleware(request: Any, handler: Any) -> Any:
    """A middleware that raises after the response."""
    await handler(request)
    raise LookupError("middleware")


async def failing_callback(*_: Any) -> None:
    """A callback that raises."""
    raise LookupError("callback")


def failing_at(signal: str) -> httptrace.TraceConfig:
    """A TraceConfig with a callback that raises for one signal."""
    config = httptrace.TraceConfig()
    getattr(config, signal).append(failing_callback)
    return config


ENCODED = response_bytes(200, b"not gzip", ("Content-Encoding", "gzip"))
LOOP = response_bytes(302, b"", ("Location", "/"))
ELSEWHERE = response_bytes(302, b"", ("Location", "ftp://127.0.0.1/"))

FAILURES: dict[str, tuple[Any, dict[str, Any], type[BaseException]]] = {
    "disconnected": (disconnect, {}, httptrace.ServerDisconnectedError),
    "malformed": (b"nonsense\r\n\r\n", {}, httptrace.ClientResponseError),
    "total": (hang, {"timeout": PAUSE}, httptrace.TotalTimeoutError),
    "sock_read": (
        *(hang, {"timeout": httptrace.ClientTimeout(sock_read=PAUSE)}),
        httptrace.SocketTimeoutError,
    ),
    "total in the body": (half, {"timeout": PAUSE}, httptrace.TotalTimeoutError),
    "body cut": (cut, {}, httptrace.ClientPayloadError),
    "body not decoded": (ENCODED, {}, httptrace.ClientPayloadError),
    "status": (
        *(response_bytes(404, b"no"), {"raise_for_status": True}),
        httptrace.ClientResponseError,
    ),
    "redirects": (LOOP, {"max_redirects": 3}, httptrace.TooManyRedirects),
    "redirect elsewhere": (ELSEWHERE, {}, httptrace.NonHttpUrlRedirectClientError),
    "middleware": (HELLO, {"middlewares": [failing_middleware]}, LookupError),
    **{
        signal: (HELLO, {"trace_configs": [failing_at(signal)]}, LookupError)
        for signal in (
            *("on_request_start", "on_socket_connect_start", "on_request_headers_sent"),
            *("on_response_first_byte", "on_request_end", "on_response_body_end"),
            "on_request_finish",
        )
    },
}


@pytest.mark.parametrize("heard", [True, False], ids=["heard", "unheard"])
@pytest.mark.parametrize("name", FAILURES)
async def test_every_error_has_the_timeline(
    session: httptrace.ClientSession,
    scripted: Any,
    recorder: EventRecorder,
    name: str,
    heard: bool,
) -> None:
    """Every error of a request has its complete timeline, the same that `record()` has."""
    if not heard:
        httptrace.uninstall(recorder)
    script, options, expected = FAILURES[name]
    server = await scripted(script)
    with pytest.raises(expected) as caught:
        await fetch(session, "GET", server.url, **options)
    timeline: httptrace.Timeline = caught.value.timeline  # type: ignore[attr-defined]
    assert_partition(timeline)
    assert str(timeline) and timeline.to_dict()["complete"]
    if heard:
        (finish,) = recorder.of("request_finish")
        assert timeline is finish.timeline is recorder.timelines()[0]
        if finish.outcome == "failed":
            assert timeline.hops[-1].exception is caught.value


async def test_errors_without_a_connection(
    make_session: MakeSession, recorder: EventRecorder
) -> None:
    """Errors of connecting have it, also those that are OSError or TimeoutError."""
    with refused_port() as port, httptrace.record() as recording:
        with pytest.raises(httptrace.ClientConnectorError) as refused:
            await make_session().get(f"http://127.0.0.1:{port}/")
    assert refused.value.timeline is recording.timelines[0]
    assert refused.value.timeline.hops[0].addresses_failed
    timeout = httptrace.ClientTimeout(sock_connect=PAUSE)
    with blackhole() as port, pytest.raises(httptrace.ConnectionTimeoutError) as late:
        await make_session(timeout=timeout).get(f"http://127.0.0.1:{port}/")
    assert late.value.timeline is not None
    assert late.value.timeline.connect >= PAUSE / 2


@pytest.mark.parametrize("script", [hang, half])
async def test_cancelled(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, script: Any
) -> None:
    """A CancelledError has it, also as the cause of the TimeoutError of `asyncio.timeout`."""
    server = await scripted(script)
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(PAUSE):
            await fetch(session, "GET", server.url)
    cancelled: Any = caught.value.__cause__
    assert isinstance(cancelled, asyncio.CancelledError)
    assert cancelled.timeline is recorder.timelines()[0]
    assert_partition(cancelled.timeline)


async def test_reading_what_was_released(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Reading a released response raises an error with the timeline of its request."""
    server = await scripted(half)
    response = await session.get(server.url)
    response.release()
    with pytest.raises(httptrace.ClientConnectionError) as caught:
        await response.read()
    assert caught.value.timeline is response.timeline is recorder.timelines()[0]


async def test_errors_of_a_response(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """`raise_for_status()` and `json()` raise errors with the timeline of the response."""
    server = await scripted(response_bytes(404, b"no", ("Content-Type", "text/plain")))
    async with session.get(server.url) as response:
        await response.read()
    with pytest.raises(httptrace.ClientResponseError) as status:
        response.raise_for_status()
    with pytest.raises(httptrace.ContentTypeError) as content_type:
        await response.json()
    assert status.value.timeline is content_type.value.timeline is response.timeline
    assert response.timeline is recorder.timelines()[0]


async def test_handshake(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """The error of a WebSocket's handshake has the timeline of its request."""
    server = await scripted(response_bytes(403, b"no"))
    with pytest.raises(httptrace.WSServerHandshakeError) as caught:
        await session.ws_connect(server.url)
    assert caught.value.timeline is recorder.timelines()[0]


async def test_no_request_no_timeline(
    session: httptrace.ClientSession, recorder: EventRecorder
) -> None:
    """An error of parameters is raised before there is a request: its timeline is None."""
    with pytest.raises(httptrace.InvalidURL) as caught:
        await session.get("http://")
    assert caught.value.timeline is None
    assert recorder.events == []
    assert httptrace.ClientError().timeline is None


async def test_an_error_with_a_timeline_of_its_own(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """An attribute of that name that a middleware's exception has is left alone, and a class that
    forbids attributes too."""

    class Own(Exception):
        timeline = "of something else"

    class Closed(Exception):
        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(name)

    server = await scripted(HELLO)
    for error in (Own(), Closed()):

        async def middleware(request: Any, handler: Any, error: Exception = error) -> Any:
            raise error

        with pytest.raises(type(error)):
            await fetch(session, "GET", server.url, middlewares=[middleware])
    assert Own().timeline == "of something else"


async def test_of_a_request_within_another(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """An error of a middleware's own request has the timeline of the call that raises it."""
    server = await scripted(disconnect)
    other = await scripted(HELLO)
    inner: list[Any] = []

    async def middleware(request: Any, handler: Any) -> Any:
        try:
            await session.get(server.url)
        except httptrace.ClientError as exc:
            inner.append(exc.timeline)
            raise

    with pytest.raises(httptrace.ServerDisconnectedError) as caught:
        await session.get(other.url, middlewares=[middleware])
    assert [inner[0], caught.value.timeline] == recorder.timelines()
    assert caught.value.timeline is recorder.timelines()[1]


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
async def test_copies(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder, copied: Any
) -> None:
    """Errors are copied and pickled with their timeline; it has the error's text."""
    server = await scripted(disconnect)
    with pytest.raises(httptrace.ServerDisconnectedError) as caught:
        await session.get(server.url)
    error = copied(caught.value)
    assert error.timeline.to_dict() == caught.value.timeline.to_dict()  # type: ignore[union-attr]
    assert str(error.timeline) == str(caught.value.timeline)
    assert error.timeline.hops[0].error == "ServerDisconnectedError: Server disconnected"


async def test_pickling_errors_of_others(
    session: httptrace.ClientSession, scripted: Any, recorder: EventRecorder
) -> None:
    """The timeline does not prevent pickling of a program's exception."""
    server = await scripted(HELLO)
    with pytest.raises(LookupError) as caught:
        await fetch(session, "GET", server.url, middlewares=[failing_middleware])
    error = pickle.loads(pickle.dumps(caught.value))
    assert error.timeline.hops[0].error == "LookupError: middleware"
    assert error.timeline.hops[0].exception is None
