"""Timeouts also apply while no connection is awaited: between attempts, and in listeners."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace import (
    ClientRequest,
    ClientSession,
    ClientTimeout,
    Observer,
    ServerDisconnectedError,
    SocketTimeoutError,
    TotalTimeoutError,
    TraceConfig,
)
from httptrace.testing import Peer, response_bytes

OK = response_bytes(200, b"hello")
MOVED = response_bytes(302, b"", ("Location", "/hang"))


async def script(peer: Peer) -> None:
    """Respond; ``/moved`` leads to ``/hang``, which never responds, and ``/stale`` closes first."""
    while True:
        request = await peer.request()
        if request.path == "/moved":
            await peer.send(MOVED)
        elif request.path == "/late":  # the response and the limit come in one turn of the loop
            await peer.send(MOVED)
            time.sleep(0.15)
        elif request.path == "/stale" and peer.index == 0:
            return
        elif request.path in ("/hang", "/stale"):
            await peer.until_closed()
        else:
            await peer.send(OK)


async def warm(session: ClientSession, url: str) -> None:
    """Leave an idle connection, so that the next request need not wait for one."""
    async with session.get(f"{url}/") as response:
        assert await response.read() == b"hello"


def slow(signal: str, *, seconds: float) -> tuple[TraceConfig, asyncio.Event]:
    """Listeners of one event that are slow once the returned event is set."""
    config, armed = TraceConfig(), asyncio.Event()

    async def listen(*_args: object) -> None:
        if armed.is_set():
            await asyncio.sleep(seconds)

    getattr(config, signal).append(listen)
    return config, armed


@pytest.mark.parametrize(
    ("path", "signal"), [("/moved", "on_request_redirect"), ("/stale", "on_request_retry")]
)
async def test_after_a_slow_listener(scripted: ScriptedFactory, path: str, signal: str) -> None:
    """A listener that is slower than sock_read between two attempts does not end the request, and
    does not take the limit from the attempt that follows."""
    server = await scripted(script)
    config, armed = slow(signal, seconds=0.1)
    timeout = ClientTimeout(sock_read=0.05)
    async with ClientSession(trace_configs=[config], timeout=timeout) as session:
        await warm(session, server.url)
        armed.set()
        with pytest.raises(SocketTimeoutError) as caught:
            async with asyncio.timeout(5):
                await session.get(f"{server.url}{path}")
    assert caught.value.phase == "wait"
    assert len(server.requests) == 3


@pytest.mark.parametrize("observers", [[], [Observer()]], ids=["alone", "heard"])
async def test_at_the_moment_of_a_redirect(
    scripted: ScriptedFactory, observers: list[Observer]
) -> None:
    """A timeout that expires just after a redirect ends the request."""
    server = await scripted(script)
    timeout = ClientTimeout(total=0.1)
    async with ClientSession(observers=observers, timeout=timeout) as session:
        await warm(session, server.url)
        with pytest.raises(TotalTimeoutError):
            async with asyncio.timeout(5):
                await session.get(f"{server.url}/late")


@pytest.mark.parametrize("signal", ["on_connection_reuseconn", "on_request_end"])
async def test_a_slow_listener_of_a_reused_connection(
    scripted: ScriptedFactory, signal: str
) -> None:
    """The total timeout applies while a listener runs, also on a new connection."""
    server = await scripted(script)
    config, armed = slow(signal, seconds=5)
    timeout = ClientTimeout(total=0.1)
    async with ClientSession(trace_configs=[config], timeout=timeout) as session:
        await warm(session, server.url)
        armed.set()
        with pytest.raises(TotalTimeoutError):
            async with asyncio.timeout(3):
                await session.get(server.url)


async def test_a_slow_check_of_the_status(scripted: ScriptedFactory) -> None:
    """The total timeout applies while the session's raise_for_status runs."""
    server = await scripted(script)
    armed = asyncio.Event()

    async def check(_response: Any) -> None:
        if armed.is_set():
            await asyncio.sleep(5)

    timeout = ClientTimeout(total=0.1)
    async with ClientSession(raise_for_status=check, timeout=timeout) as session:
        await warm(session, server.url)
        armed.set()
        with pytest.raises(TotalTimeoutError):
            async with asyncio.timeout(3):
                await session.get(server.url)


async def before(request: ClientRequest, handler: Any) -> Any:
    """A middleware that ignores cancellation before it sends the request."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(5)
    return await handler(request)


async def after(request: ClientRequest, handler: Any) -> Any:
    """A middleware that ignores cancellation once it has the response."""
    response = await handler(request)
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(5)
    return response


async def sleep(_request: ClientRequest, _handler: Any) -> Any:
    """A slow middleware."""
    await asyncio.sleep(5)


async def other(_request: ClientRequest, _handler: Any) -> Any:
    """A middleware that raises another error instead."""
    try:
        await asyncio.sleep(5)
    except asyncio.CancelledError:
        raise LookupError from None


@pytest.mark.parametrize(
    ("middleware", "error"),
    [(before, TotalTimeoutError), (after, TotalTimeoutError), (other, LookupError)],
)
async def test_a_limit_that_is_caught(
    scripted: ScriptedFactory, middleware: Any, error: type[Exception]
) -> None:
    """Whoever catches the cancellation for a limit leaves the task as it was: the next limit in it
    is told as one."""
    server = await scripted(script)
    async with ClientSession(timeout=ClientTimeout(total=0.05)) as session:
        with pytest.raises(error):
            async with session.get(server.url, middlewares=[middleware]) as response:
                await response.read()
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        with pytest.raises(TotalTimeoutError):
            await session.get(server.url, middlewares=[sleep])


async def in_a_task(request: ClientRequest, handler: Any) -> Any:
    """A middleware that sends the request in another task, as `wait_for` of Python 3.11."""
    response = await asyncio.create_task(handler(request))
    await asyncio.sleep(5)
    return response


@pytest.mark.parametrize("path", ["/", "/hang"])
async def test_a_middleware_with_a_task(scripted: ScriptedFactory, path: str) -> None:
    """The total timeout applies in the middleware's task, and afterwards in its caller's."""
    server = await scripted(script)
    async with ClientSession(timeout=ClientTimeout(total=0.05)) as session:
        with pytest.raises(TotalTimeoutError):
            async with asyncio.timeout(3) as patience:
                await session.get(f"{server.url}{path}", middlewares=[in_a_task])
    assert not patience.expired()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_limit_after_a_cancellation(scripted: ScriptedFactory) -> None:
    """In a task that goes on after it was cancelled, such as one that says goodbye to a server, a
    limit is told as one; a cancellation that comes meanwhile is not taken for it."""
    server = await scripted(script)
    told = asyncio.Event()

    async def work(session: ClientSession) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(5)
        with pytest.raises(TotalTimeoutError):
            await session.get(server.url, middlewares=[sleep])
        told.set()
        await session.get(server.url, middlewares=[sleep], timeout=ClientTimeout(total=5))

    async with ClientSession(timeout=ClientTimeout(total=0.05)) as session:
        task = asyncio.create_task(work(session))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task, asyncio.create_task(told.wait())], return_when="FIRST_COMPLETED")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert told.is_set()


@pytest.mark.parametrize("signal", ["on_connection_reuseconn", "on_request_body_sent"])
async def test_a_listener_whose_own_connection_fails(
    scripted: ScriptedFactory, signal: str
) -> None:
    """An error of a listener fails the request, also if it looks like a closed connection."""
    server = await scripted(script)
    config, armed, retries = TraceConfig(), asyncio.Event(), []

    async def listen(*_args: object) -> None:
        if armed.is_set():
            raise ServerDisconnectedError("the listener's own")

    getattr(config, signal).append(listen)
    config.on_request_retry.append(lambda *args: retries.append(args))
    async with ClientSession(trace_configs=[config]) as session:
        await warm(session, server.url)
        armed.set()
        with pytest.raises(ServerDisconnectedError, match="the listener's own"):
            await session.get(server.url)
        assert retries == []
