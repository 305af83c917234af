"""Requests that cannot be sent twice, on connections that the server has closed."""

from __future__ import annotations

import asyncio
import contextlib
import select
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace import ClientSession, TCPConnector, UnixConnector
from httptrace.interceptors import stale
from httptrace.pool.connector import BaseConnector, pool_of
from httptrace.testing import EventRecorder, Peer, response_bytes
from httptrace.testing.certificates import CertificateAuthority
from httptrace.testing.scripted import ScriptedServer

OK = response_bytes(200, b"hello")
Place = Callable[..., Awaitable[tuple[ScriptedServer, BaseConnector]]]


async def closes_in_silence(peer: Peer, close_notify: bool = True) -> None:
    """Respond and close at once: the kernel has both before the client reads."""
    await peer.request()
    with contextlib.suppress(OSError):  # the client has gone
        peer._sock.send(OK if peer._tls is None else peer._tls.encrypt(OK))
    peer.close(close_notify=close_notify)


async def pieces() -> AsyncIterator[bytes]:
    """A body that can be read once."""
    yield b"in "
    yield b"pieces"


@pytest.fixture(params=["tcp", "tls", "tls1.2", "tls without close_notify", "unix"])
def place(
    request: pytest.FixtureRequest,
    scripted: ScriptedFactory,
    ca: CertificateAuthority,
    tmp_path: Path,
) -> Place:
    """Start a server that closes without notice, and create a connector for it."""
    way: str = request.param

    async def start(**options: Any) -> tuple[ScriptedServer, BaseConnector]:
        if way == "tcp":
            return await scripted(closes_in_silence), TCPConnector(**options)
        if way == "unix":
            path = str(tmp_path / "socket")
            server = await scripted(closes_in_silence, unix_path=path)
            return server, UnixConnector(path, **options)

        async def cut(peer: Peer) -> None:
            await closes_in_silence(peer, close_notify="without" not in way)

        context = ca.issue().server_context()
        if way == "tls1.2":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        return await scripted(cut, ssl=context), TCPConnector(ssl=ca.client_context(), **options)

    return start


async def post(session: ClientSession, url: str, method: str = "POST") -> bytes:
    """Send a request that must not be sent twice."""
    data = pieces() if method == "PUT" else b"in pieces"
    async with session.request(method, url, data=data) as response:
        return await response.read()


def at_rest(session: ClientSession) -> None:
    """Assert that no request holds a place."""
    assert session.connector is not None
    pool, stats = pool_of(session.connector), session.connector.stats()
    assert (stats.open, stats.waiting) == (stats.idle, 0)
    assert not pool.state.active and not pool.unconnected
    assert pool.state.places == stats.idle


def until_readable(session: ClientSession) -> None:
    """Wait until the kernel has the server's bytes, without running the event loop."""
    assert session.connector is not None
    for connection in pool_of(session.connector).state.idle:
        waiting = select.poll()
        waiting.register(connection.get_extra_info("socket").fileno(), select.POLLIN)
        assert waiting.poll(5000)


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
async def test_fifty_in_a_row(heard: bool, place: Place, method: str) -> None:
    """None of fifty requests fails, and each is received once."""
    server, connector = await place(limit=1)
    async with ClientSession(connector=connector) as session:
        for _ in range(50):
            assert await post(session, server.url, method) == b"hello"
        at_rest(session)
        assert connector.stats().created == 50
    assert [request.body for request in server.requests] == [b"in pieces"] * 50


@pytest.mark.parametrize("limit", [1, 3])
async def test_queued(heard: bool, place: Place, limit: int) -> None:
    """Queued requests get a place although each connection is closed after one response."""
    server, connector = await place(limit=limit)
    async with ClientSession(connector=connector) as session:
        async with asyncio.timeout(20):
            methods = ["POST", "PATCH", "PUT", "GET"] * 5
            got = await asyncio.gather(*(post(session, server.url, method) for method in methods))
        assert got == [b"hello"] * 20
        at_rest(session)
    assert len(server.requests) == 20


@pytest.mark.parametrize("limits", [{"limit": 1}, {"limit_per_host": 1}])
async def test_a_queued_request_keeps_its_place(
    heard: bool, place: Place, limits: dict[str, int]
) -> None:
    """Requests that wait are served in their order, though each first gets a dead connection."""
    server, connector = await place(**limits)
    async with ClientSession(connector=connector) as session, asyncio.timeout(20):
        methods = ["POST", "PATCH", "PUT", "POST"] * 3

        async def numbered(number: int, method: str) -> bytes:
            async with session.request(method, server.url, params={"n": number}) as response:
                return await response.read()

        numbers = enumerate(methods)
        await asyncio.gather(*(numbered(number, method) for number, method in numbers))
        at_rest(session)
    asked = [int(request.target.rpartition("=")[2]) for request in server.requests]
    assert asked == list(range(12))


async def test_a_repeated_request_keeps_its_place(scripted: ScriptedFactory) -> None:
    """A queued GET whose connection was dead is sent again before those that came after it."""

    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.index == 0:
            await peer.events["all wait"].wait()
            peer._sock.send(OK)  # and the end, in one turn
            peer.close()
            return
        while True:
            await peer.send(OK)
            await peer.request()

    server = await scripted(script)
    connector = TCPConnector(limit=1)
    async with ClientSession(connector=connector) as session, asyncio.timeout(20):

        async def get(number: int) -> bytes:
            async with session.get(server.url, params={"n": number}) as response:
                return await response.read()

        tasks = [asyncio.ensure_future(get(number)) for number in range(4)]
        while connector.stats().waiting < 3:
            await asyncio.sleep(0)
        server.events["all wait"].set()
        assert await asyncio.gather(*tasks) == [b"hello"] * 4
    asked = [int(request.target.rpartition("=")[2]) for request in server.requests]
    assert asked == [0, 1, 2, 3]


async def test_the_events(scripted: ScriptedFactory, recorder: EventRecorder) -> None:
    """The dead connection is closed for "server close", no retry is reported, a new one is used."""
    server = await scripted(closes_in_silence)
    async with ClientSession() as session:
        await post(session, server.url)
        until_readable(session)
        recorder.clear()
        await post(session, server.url)
        names = recorder.names()
    assert "request_retry" not in names
    assert "connection_reuseconn" not in names
    assert names.index("connection_create_start") < names.index("request_headers_sent")
    assert recorder.of("connection_closed")[0].reason == "server close"


@pytest.mark.parametrize("turns", range(1, stale._TURNS + 3))
async def test_cancelled_while_it_looks(heard: bool, place: Place, turns: int) -> None:
    """A request that is cancelled while its connection is checked frees its place."""
    server, connector = await place(limit=1)
    async with ClientSession(connector=connector) as session:
        await post(session, server.url)
        until_readable(session)
        task = asyncio.ensure_future(post(session, server.url))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        at_rest(session)
        async with asyncio.timeout(5):
            assert await post(session, server.url) == b"hello"


@pytest.mark.parametrize("turns", range(1, stale._TURNS + 1))
async def test_connector_closed_while_it_looks(place: Place, turns: int) -> None:
    """A connector that is closed meanwhile fails the request and leaves nothing open."""
    server, connector = await place(limit=1)
    async with ClientSession(connector=connector) as session:
        await post(session, server.url)
        until_readable(session)
        task = asyncio.ensure_future(post(session, server.url))
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await connector.close()
            with pytest.raises(httptrace.ClientConnectionError):
                await task
        at_rest(session)


async def test_data_that_nobody_asked_for(scripted: ScriptedFactory) -> None:
    """Bytes of a response on an idle connection are not the response to the next POST."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        if peer.index == 0:
            await peer.send(response_bytes(200, b"forged"))
        await peer.until_closed()

    server = await scripted(script)
    async with ClientSession(connector=TCPConnector(limit=1)) as session:
        async with session.get(server.url) as response:
            await response.read()
        assert await post(session, server.url) == b"hello"
        assert session.connector is not None
        assert session.connector.stats().closed == {"unexpected data": 1}


async def test_a_message_of_tls(scripted: ScriptedFactory, ca: CertificateAuthority) -> None:
    """TLS messages without data, such as session tickets, do not close the connection."""

    async def script(peer: Peer) -> None:
        for _ in range(2):
            await peer.request()
            await peer.send(OK)
        await peer.until_closed()

    server_context = ca.issue().server_context()
    server_context.verify_mode = ssl.CERT_OPTIONAL
    client_context = ca.client_context()
    client_context.post_handshake_auth = True
    server = await scripted(script, ssl=server_context)
    connector = TCPConnector(ssl=client_context, limit=1)
    async with ClientSession(connector=connector) as session:
        await post(session, server.url)
        peer = server.connections[0]
        assert peer._tls is not None
        peer._tls.object.verify_client_post_handshake()
        with pytest.raises(ssl.SSLWantReadError):  # writes the message, and no data
            peer._tls.object.read(1)
        peer._sock.send(peer._tls.outgoing())
        until_readable(session)
        assert await post(session, server.url) == b"hello"
        assert connector.stats().created == 1
    assert len(server.connections) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
async def test_closed_before_it_was_sent(
    scripted: ScriptedFactory, recorder: EventRecorder, method: str
) -> None:
    """A connection that is found closed when the request is sent is replaced by another one."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(OK)

    server = await scripted(script)

    class Closing(TCPConnector):
        """Closes the first connection that it reuses, as a server would."""

        asked = 0

        async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
            connection = await super().connect(req, traces, timeout)
            self.asked += 1
            if self.asked == 2:
                pool_of(self).close_unused(connection._connection, "server close")
            return connection

    connector = Closing()
    async with ClientSession(connector=connector) as session:
        await post(session, server.url)
        recorder.clear()
        assert await post(session, server.url, method) == b"hello"
        at_rest(session)
        assert connector.stats().created == 2
    assert len(server.requests) == 2
    assert server.requests[1].body == b"in pieces"


@pytest.mark.parametrize("method", ["PROPFIND", "SEARCH", "REPORT", "QUERY", "PUT", "POST"])
async def test_sent_on_a_stale_connection(scripted: ScriptedFactory, method: str) -> None:
    """Idempotent extension methods are sent again with their body; a POST is not."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        peer.close()

    server = await scripted(script)
    async with ClientSession(connector=TCPConnector(limit=1)) as session:
        await post(session, server.url)
        request = session.request(method, server.url, data=b"body")
        if method == "POST":
            with pytest.raises(httptrace.ServerDisconnectedError):
                await request
            at_rest(session)
            return
        async with request as response:
            assert await response.read() == b"hello"
        assert [peer.requests[-1].method for peer in server.connections] == [method] * 2
        assert server.requests[-1].body == b"body"


async def test_without_retries(scripted: ScriptedFactory) -> None:
    """Without retries a POST does not use a connection that is already closed."""
    server = await scripted(closes_in_silence)
    async with ClientSession() as session:
        session._retry_connection = False  # type: ignore[attr-defined]
        for _ in range(5):
            assert await post(session, server.url) == b"hello"
