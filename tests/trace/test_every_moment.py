"""One request with nearly every moment there is, and what befalls it at each of them.

It waits for a place, looks a host up, connects with TLS, sends a body after 100 Continue, is
redirected to where it dials again, and reads a chunked body with trailers.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.net.recording import Fixed
from tests.servers.leaks import Leaks

import httptrace
from httptrace.testing import EventRecorder, Peer, ScriptedServer, response_bytes
from httptrace.trace.events import EVENTS

from .conftest import MakeSession

Hook = Callable[[int, str], Any]

SEQUENCE = [
    *["request_start", "connection_queued_start", "connection_queued_end"],
    *["connection_create_start", "dns_cache_miss", "dns_resolvehost_start"],
    *["dns_resolvehost_end", "socket_connect_start", "socket_connect_end"],
    *["connection_create_end", "connection_acquired", "request_headers_sent"],
    *["response_informational", "request_chunk_sent", "request_body_sent"],
    *["response_first_byte", "response_headers_received", "request_redirect", "response_body_end"],
    *["connection_released", "connection_create_start", "dns_cache_miss"],
    *["dns_resolvehost_start", "dns_resolvehost_end", "socket_connect_start"],
    *["socket_connect_end", "tls_handshake_start", "tls_handshake_end"],
    *["connection_create_end", "connection_acquired", "request_headers_sent"],
    *["response_informational", "request_chunk_sent", "request_body_sent"],
    *["response_first_byte", "response_headers_received", "request_end"],
    *["response_chunk_received", "response_body_end", "response_trailers"],
    *["connection_released", "request_finish"],
]


class Broken(Exception):
    """The exception of a listener here."""


class Scene:
    """The servers, and the request that goes from one to the other."""

    def __init__(self, session: httptrace.ClientSession, first: ScriptedServer) -> None:
        self._session = session
        self.url = f"http://first.example:{first.port}/"
        self._first = first

    async def run(self) -> bytes:
        """The request, which waits for another one that has the only place."""
        holder = asyncio.create_task(self._hold())
        await self._first.events["held"].wait()
        main = asyncio.create_task(self._main())
        connector = self._session.connector
        assert connector is not None
        while not main.done() and not connector.stats().waiting:
            await asyncio.sleep(0)
        self._first.events["go"].set()
        await asyncio.wait([holder, main])
        failed = holder.exception()
        if main.cancelled() or main.exception() is not None or failed is None:
            return main.result()
        raise failed

    async def _hold(self) -> None:
        url = f"http://127.0.0.1:{self._first.port}/hold"
        async with self._session.get(url) as response:
            await response.read()

    async def _main(self) -> bytes:
        async with self._session.post(
            self.url, data=b"0123456789", expect100=True, trace_request_ctx="main"
        ) as response:
            return await response.read()


def first_script(port: Callable[[], int]) -> Any:
    async def script(peer: Peer) -> None:
        while True:
            request = await peer.read_head()
            if request.path == "/hold":
                peer.events["held"].set()
                await peer.events["go"].wait()
                await peer.send(response_bytes(200, b"", ("Connection", "close")))
                return
            await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            await peer.read_body(request)
            location = f"https://localhost:{port()}/there"
            await peer.send(response_bytes(307, b"", ("Location", location)))

    return script


async def second_script(peer: Peer) -> None:
    while True:
        request = await peer.read_head()
        await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await peer.read_body(request)
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        await peer.send_pieces([head, b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"])


@contextlib.asynccontextmanager
async def scene(
    server_ssl: ssl.SSLContext, client_ssl: ssl.SSLContext, config: httptrace.TraceConfig
) -> AsyncIterator[Scene]:
    async with (
        ScriptedServer(second_script, ssl=server_ssl) as second,
        ScriptedServer(first_script(lambda: second.port)) as first,
        httptrace.TCPConnector(limit=1, resolver=Fixed("127.0.0.1"), ssl=client_ssl) as connector,
        httptrace.ClientSession(connector=connector, trace_configs=[config]) as session,
    ):
        yield Scene(session, first)
        stats = connector.stats()
        assert (stats.waiting, stats.open - stats.idle) == (0, 0), stats


def config_with(hook: Hook) -> httptrace.TraceConfig:
    """Call `hook` with the number and name of each event of the request."""
    config = httptrace.TraceConfig()
    numbers = iter(range(1000))

    async def heard(session: Any, context: Any, params: Any) -> None:
        if context.trace_request_ctx == "main":
            done = hook(next(numbers), params.name)
            if done is not None:
                await done

    for event in EVENTS:
        getattr(config, event.signal).append(heard)
    return config


async def test_sequence(
    server_ssl: ssl.SSLContext, client_ssl: ssl.SSLContext, recorder: EventRecorder
) -> None:
    """Without interference, these are the events."""
    names: list[str] = []
    config = config_with(lambda number, name: names.append(name))
    async with scene(server_ssl, client_ssl, config) as there:
        assert await there.run() == b"hello"
    assert names == recorder.names(recorder.requests[1]) == SEQUENCE


async def test_slow_at_every_moment(
    server_ssl: ssl.SSLContext, client_ssl: ssl.SSLContext, recorder: EventRecorder
) -> None:
    """A callback that yields to the loop at every event loses and doubles none of them."""
    names: list[str] = []

    def hook(number: int, name: str) -> Any:
        names.append(name)
        return asyncio.sleep(0.002)

    async with scene(server_ssl, client_ssl, config_with(hook)) as there:
        assert await there.run() == b"hello"
    assert names == SEQUENCE


@pytest.mark.parametrize("number", range(len(SEQUENCE)))
async def test_raising_at_every_moment(
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
    recorder: EventRecorder,
    leak_check: Leaks,
    number: int,
) -> None:
    """Wherever a callback raises, the request fails, all spans end, and nothing leaks."""

    def hook(at: int, name: str) -> None:
        if at == number:
            raise Broken(name)

    async with scene(server_ssl, client_ssl, config_with(hook)) as there:
        with pytest.raises(Broken):
            await there.run()
    finish = recorder.of("request_finish", recorder.requests[1])[0]
    assert finish.outcome in ("failed", "completed")


@pytest.mark.parametrize("number", range(len(SEQUENCE)))
async def test_cancelled_at_every_moment(
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
    recorder: EventRecorder,
    leak_check: Leaks,
    number: int,
) -> None:
    """Wherever the task is cancelled, the request ends, all spans end, and nothing leaks."""

    def hook(at: int, name: str) -> None:
        task = asyncio.current_task()
        if at == number and task is not None:
            task.cancel()

    async with scene(server_ssl, client_ssl, config_with(hook)) as there:
        try:
            assert await there.run() == b"hello"
        except asyncio.CancelledError:
            outcomes = ("cancelled", "failed", "completed")
        else:
            outcomes = ("completed",)
    finish = recorder.of("request_finish", recorder.requests[1])[0]
    assert finish.outcome in outcomes


@pytest.mark.parametrize("number", range(len(SEQUENCE)))
async def test_session_closed_at_every_moment(
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
    recorder: EventRecorder,
    leak_check: Leaks,
    make_session: MakeSession,
    number: int,
) -> None:
    """Wherever the connector is closed, the request ends and nothing leaks."""
    closing: list[Any] = []

    def hook(at: int, name: str) -> Any:
        if at == number:
            connector = there._session.connector
            assert connector is not None
            closing.append(asyncio.ensure_future(connector.close()))
            return asyncio.sleep(0)
        return None

    async with scene(server_ssl, client_ssl, config_with(hook)) as there:
        try:
            async with asyncio.timeout(5):
                await there.run()
        except httptrace.ClientError:
            pass
        await asyncio.gather(*closing)
