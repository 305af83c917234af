"""Servers that stop sending in every phase, and the timeout that ends the request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from ssl import SSLContext
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace import (
    AbstractResolver,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    ServerTimeoutError,
    SocketTimeoutError,
    TCPConnector,
    TotalTimeoutError,
    TraceConfig,
)
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import hang, responding
from httptrace.testing.unreachable import blackhole

from .scripts import HEAD, WHOLE, faulty

AtRest = Callable[[], None]
SHORT = 0.04


class NeverResolves(AbstractResolver):
    """A resolver that never returns."""

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[Any]:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    async def close(self) -> None:
        """Do nothing."""


async def stopped(
    session: ClientSession,
    url: str,
    timeout: ClientTimeout,
    error: type[Exception],
    phase: str,
    **options: Any,
) -> None:
    """The request ends with its timeout, in this phase, and the task is not cancelled."""
    with pytest.raises(error) as caught:
        async with session.post(url, timeout=timeout, **options) as response:
            await response.read()
    assert type(caught.value) is error
    assert isinstance(caught.value, TimeoutError)
    assert (caught.value.phase, caught.value.limit) == (phase, SHORT)  # type: ignore[attr-defined]
    assert caught.value.elapsed >= SHORT * 0.9  # type: ignore[attr-defined]
    assert phase in str(caught.value)
    task = asyncio.current_task()
    assert task is not None and task.cancelling() == 0


TOTAL = (ClientTimeout(total=SHORT), TotalTimeoutError)
CONNECT = (ClientTimeout(connect=SHORT), ConnectionTimeoutError)
SOCK_CONNECT = (ClientTimeout(sock_connect=SHORT), ConnectionTimeoutError)
SOCK_READ = (ClientTimeout(sock_read=SHORT), SocketTimeoutError)
HEADERS = (ClientTimeout(response_headers=SHORT), SocketTimeoutError)
DNS = (ClientTimeout(dns=SHORT), ConnectionTimeoutError)
TLS = (ClientTimeout(tls=SHORT), ConnectionTimeoutError)
POOL = (ClientTimeout(pool=SHORT), ConnectionTimeoutError)


@pytest.mark.parametrize(
    ("timeout", "error"), [TOTAL, CONNECT, POOL], ids=["total", "connect", "pool"]
)
async def test_queue(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest, timeout: Any, error: Any
) -> None:
    """Waiting for a place ends with total, connect or pool, and the request leaves the queue."""
    server = await scripted(faulty)
    async with session.get(f"{server.url}/length/{len(HEAD)}/hang"):
        await stopped(session, f"{server.url}/", timeout, error, "queue")
        assert session.connector is not None and session.connector.stats().waiting == 0
    at_rest()
    async with session.get(f"{server.url}/") as response:
        assert await response.read() == b"hello"


@pytest.mark.parametrize(
    ("timeout", "error"), [TOTAL, CONNECT, DNS], ids=["total", "connect", "dns"]
)
async def test_dns(heard: bool, timeout: Any, error: Any) -> None:
    """A look-up that does not end is ended by total, connect or dns."""
    async with ClientSession(connector=TCPConnector(limit=1, resolver=NeverResolves())) as session:
        for _ in range(2):  # the second one would wait for ever if the first kept its place
            await stopped(session, "http://example.test/", timeout, error, "dns")
        assert session.connector is not None and session.connector.stats().open == 0


@pytest.mark.parametrize(
    ("timeout", "error"), [TOTAL, CONNECT, SOCK_CONNECT], ids=["total", "connect", "sock_connect"]
)
async def test_connect(session: ClientSession, at_rest: AtRest, timeout: Any, error: Any) -> None:
    """Connecting to an address that does not respond ends with total, connect or sock_connect."""
    with blackhole() as port:
        for _ in range(2):
            await stopped(session, f"http://127.0.0.1:{port}/", timeout, error, "connect")
        at_rest()


@pytest.mark.parametrize(
    ("timeout", "error"),
    [TOTAL, CONNECT, SOCK_CONNECT, TLS],
    ids=["total", "connect", "sock_connect", "tls"],
)
async def test_tls(
    session: ClientSession,
    scripted: ScriptedFactory,
    at_rest: AtRest,
    client_ssl: SSLContext,
    timeout: Any,
    error: Any,
) -> None:
    """A handshake without a response ends with total, connect, sock_connect or tls."""
    server = await scripted(hang)
    url = server.url.replace("http:", "https:")
    for _ in range(2):
        await stopped(session, url, timeout, error, "tls", ssl=client_ssl)
    at_rest()
    await server.no_connections()


async def stuck() -> AsyncIterator[bytes]:
    """A body whose second piece never arrives."""
    yield b"first"
    await asyncio.get_running_loop().create_future()


async def test_body_that_does_not_come(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest
) -> None:
    """A request whose own body stalls ends with total."""
    server = await scripted(faulty)
    await session.get(f"{server.url}/")  # from here on no time goes into connecting
    await stopped(session, f"{server.url}/length/0/hang", *TOTAL, "send", data=stuck())
    at_rest()
    await server.no_connections()


async def test_body_that_is_not_taken(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest
) -> None:
    """If the server stops reading, total ends the request and the upload."""

    async def deaf(peer: Peer) -> None:
        await peer.request()
        await peer.send(WHOLE)
        await peer.read_head()
        peer.pause_reading()
        await peer.hang()

    server = await scripted(deaf, receive_buffer=4096)
    await session.get(server.url)
    await stopped(session, server.url, *TOTAL, "send", data=b"x" * 20_000_000)
    at_rest()


@pytest.mark.parametrize(
    ("timeout", "error"), [TOTAL, SOCK_READ, HEADERS], ids=["total", "sock_read", "headers"]
)
async def test_wait(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest, timeout: Any, error: Any
) -> None:
    """A request without a response ends with total, sock_read or response_headers."""
    server = await scripted(faulty)
    await session.get(f"{server.url}/")
    url = f"{server.url}/length/0/hang"
    await stopped(session, url, timeout, error, "wait", data=b"small")
    at_rest()
    await server.no_connections()


async def test_headers_limit_is_for_headers(
    session: ClientSession, scripted: ScriptedFactory
) -> None:
    """After the head, response_headers no longer applies."""

    async def slowly(peer: Peer) -> None:
        await peer.request()
        await peer.send(HEAD)
        await asyncio.sleep(SHORT * 2)
        await peer.send(b"hello")

    server = await scripted(slowly)
    timeout = ClientTimeout(response_headers=SHORT)
    async with session.get(server.url, timeout=timeout) as response:
        assert await response.read() == b"hello"


@pytest.mark.parametrize(("timeout", "error"), [TOTAL, SOCK_READ], ids=["total", "sock_read"])
async def test_redirect(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest, timeout: Any, error: Any
) -> None:
    """Timeouts apply across redirects, also while the redirect's body is read."""
    moved = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 9\r\n\r\n"
    server = await scripted(responding(moved))
    await stopped(session, server.url, timeout, error, "receive")
    at_rest()


async def test_sock_read_counts_silence_alone(
    session: ClientSession, scripted: ScriptedFactory
) -> None:
    """A slow response that is never silent for sock_read is read to its end."""

    async def slowly(peer: Peer) -> None:
        await peer.request()
        await peer.send_slowly(WHOLE, pause=0.007)

    server = await scripted(slowly)
    timeout = ClientTimeout(sock_read=0.25)
    async with session.get(server.url, timeout=timeout) as response:
        assert await response.read() == b"hello"


async def test_sock_read_does_not_count_the_caller(
    session: ClientSession, scripted: ScriptedFactory
) -> None:
    """A slow caller is not limited by sock_read."""

    async def two_parts(peer: Peer) -> None:
        await peer.request()
        await peer.send(HEAD + b"he")
        await peer.events["go"].wait()
        await peer.send(b"llo")

    server = await scripted(two_parts)
    timeout = ClientTimeout(sock_read=SHORT)
    async with session.get(server.url, timeout=timeout) as response:
        assert await response.content.readany() == b"he"
        await asyncio.sleep(SHORT * 3)
        server.events["go"].set()
        assert await response.content.readany() == b"llo"


async def test_total_does_not_cancel_the_caller(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest
) -> None:
    """Total expires while the caller does something else: that continues, the next read fails."""
    server = await scripted(faulty)
    for _ in range(2):
        url = f"{server.url}/length/{len(HEAD) + 2}/hang"
        async with session.get(url, timeout=ClientTimeout(total=SHORT)) as response:
            assert await response.content.readany() == b"he"
            await asyncio.sleep(SHORT * 3)
            with pytest.raises(TotalTimeoutError):
                await response.content.readany()
            at_rest()


async def test_whole_response_outlives_total(
    session: ClientSession, scripted: ScriptedFactory
) -> None:
    """A body that was received in time can be read at any later time."""
    server = await scripted(faulty)
    async with session.get(f"{server.url}/", timeout=ClientTimeout(total=SHORT)) as response:
        await asyncio.sleep(SHORT * 3)
        assert await response.read() == b"hello"


async def test_in_a_task_that_is_being_cancelled(
    session: ClientSession, scripted: ScriptedFactory
) -> None:
    """Timeouts apply to a request that a cancelled task makes while it cleans up."""
    server = await scripted(hang)

    async def work() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            with blackhole() as port, pytest.raises(TotalTimeoutError):
                await session.get(f"http://127.0.0.1:{port}/", timeout=ClientTimeout(total=SHORT))
            with pytest.raises(TotalTimeoutError):
                await session.get(server.url, timeout=ClientTimeout(total=SHORT))

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelled_while_a_limit_fires(session: ClientSession) -> None:
    """If a task is cancelled when a timeout expires, the cancellation is not lost."""
    with blackhole() as port:
        timeout = ClientTimeout(total=SHORT)
        task = asyncio.ensure_future(session.get(f"http://127.0.0.1:{port}/", timeout=timeout))
        loop = asyncio.get_running_loop()
        started = asyncio.Event()
        loop.call_later(SHORT, lambda: (task.cancel(), started.set()))
        await started.wait()
        with pytest.raises((asyncio.CancelledError, TotalTimeoutError)):
            await task


@pytest.mark.parametrize("moment", ["on_request_start", "on_connection_create_start"])
async def test_listener_that_does_not_return(
    looked_at: None, scripted: ScriptedFactory, moment: str
) -> None:
    """Total ends a request whose listener hangs."""

    async def stuck(session: object, context: object, params: object) -> None:
        await asyncio.get_running_loop().create_future()

    config = TraceConfig()
    getattr(config, moment).append(stuck)
    server = await scripted(faulty)
    connector = TCPConnector(limit=1)
    async with ClientSession(connector=connector, trace_configs=[config]) as session:
        for _ in range(2):
            with pytest.raises(TotalTimeoutError):
                await session.get(server.url, timeout=ClientTimeout(total=SHORT))
        stats = connector.stats()
        assert stats.open == stats.waiting == 0


async def test_middleware_that_does_not_return(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest
) -> None:
    """Total ends a request whose middleware hangs, before or after the response."""
    server = await scripted(faulty)
    forever = asyncio.get_running_loop().create_future()

    async def before(request: Any, handler: Any) -> Any:
        await forever

    async def after(request: Any, handler: Any) -> Any:
        response = await handler(request)
        await forever
        return response

    for middleware in (before, after):
        with pytest.raises(TotalTimeoutError):
            url = f"{server.url}/length/{len(WHOLE) - 1}/hang"
            timeout = ClientTimeout(total=SHORT)
            await session.get(url, timeout=timeout, middlewares=[middleware])
        at_rest()
        assert not forever.done() or forever.cancelled()
        forever = asyncio.get_running_loop().create_future()


async def test_timeout_errors_are_aiohttps() -> None:
    """The errors can be caught as aiohttp documents."""
    for error in (ConnectionTimeoutError, SocketTimeoutError):
        assert issubclass(error, ServerTimeoutError)
        assert issubclass(error, httptrace.ClientError)
        assert issubclass(error, asyncio.TimeoutError)
    assert issubclass(TotalTimeoutError, asyncio.TimeoutError)
