"""Reused connections that the server has closed, and responses that precede the request."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace import (
    ClientResponseError,
    ClientSession,
    ServerDisconnectedError,
    TCPConnector,
    UnixConnector,
)
from httptrace.testing import EventRecorder, Peer, refused_port, response_bytes
from httptrace.testing.certificates import CertificateAuthority

OK = response_bytes(200, b"hello")
BUSY = response_bytes(503, b"busy", ("Connection", "close"))


async def one_each(peer: Peer) -> None:
    """Respond to one request, and close without notice."""
    await peer.request()
    await peer.send(OK)
    peer.close()


async def pieces() -> Any:
    """A body that cannot be sent twice."""
    yield b"in "
    yield b"pieces"


def seen(session: ClientSession) -> None:
    """No request holds a place of the pool."""
    assert session.connector is not None
    stats = session.connector.stats()
    assert (stats.open - stats.idle, stats.waiting) == (0, 0)


WAYS = ["tcp", "tls", "unix"]


async def started(
    scripted: ScriptedFactory, ca: CertificateAuthority, tmp_path: Path, way: str, script: Any
) -> tuple[Any, str, Any]:
    """A server, its URL, and a connector for it."""
    if way == "unix":
        path = str(tmp_path / "socket")
        return await scripted(script, unix_path=path), "http://localhost/", UnixConnector(path)
    if way == "tls":
        server = await scripted(script, ssl=ca.issue().server_context())
        return server, server.url, TCPConnector(ssl=ca.client_context())
    server = await scripted(script)
    return server, server.url, TCPConnector()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
async def test_requests_that_cannot_be_repeated(
    scripted: ScriptedFactory, ca: CertificateAuthority, tmp_path: Path, way: str, method: str
) -> None:
    """No request fails with a server that closes each connection without notice."""
    server, url, connector = await started(scripted, ca, tmp_path, way, one_each)
    async with ClientSession(connector=connector) as session:
        for _ in range(20):
            data = pieces() if method == "PUT" else b"data"
            async with session.request(method, url, data=data) as response:
                assert await response.read() == b"hello"
            await arrived(session)
        seen(session)
    bodies = [request.body for request in server.requests]
    assert bodies == [b"in pieces" if method == "PUT" else b"data"] * 20


async def arrived(session: ClientSession) -> None:
    """Wait until the kernel has the end of the stream, without running the event loop."""
    from httptrace.pool.connector import pool_of

    assert session.connector is not None
    for connection in list(pool_of(session.connector).state.idle):
        for _ in range(1000):
            if connection.is_readable():
                break
            threading.Event().wait(0.001)


@pytest.mark.parametrize("method", ["PROPFIND", "SEARCH", "REPORT", "QUERY", "GET"])
async def test_repeatable_methods(scripted: ScriptedFactory, method: str) -> None:
    """Idempotent methods are sent again if the reused connection was closed."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        if peer.index == 0:
            peer.reset()
        else:
            await peer.send(OK)

    server = await scripted(script)
    async with ClientSession() as session:
        await (await session.get(server.url)).read()
        async with session.request(method, server.url) as response:
            assert await response.read() == b"hello"


async def test_a_post_that_was_sent_is_not_repeated(scripted: ScriptedFactory) -> None:
    """A POST that the server has read without responding fails."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        peer.reset()

    server = await scripted(script)
    async with ClientSession() as session:
        await (await session.get(server.url)).read()
        with pytest.raises(OSError):
            await session.post(server.url, data=b"x")
    assert len(server.connections) == 1


# --- before the request ---


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("body", ["none", "whole", "large", "streamed"])
async def test_an_answer_on_accept(
    scripted: ScriptedFactory, ca: CertificateAuthority, tls: bool, waits: bool, body: str
) -> None:
    """An overloaded server that responds as soon as it accepts: that is the response, each time.

    `waits`: the request is sent when the server has responded and closed the connection.
    """

    async def script(peer: Peer) -> None:
        await peer.send(BUSY)
        peer.close()
        server.events[f"answered {peer.index}"].set()

    class Waiting(TCPConnector):
        """Gives each connection when the server has answered on it."""

        async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
            connection = await super().connect(req, traces, timeout)
            async with asyncio.timeout(5):
                await server.events[f"answered {len(server.connections) - 1}"].wait()
            return connection

    server = await scripted(script, ssl=ca.issue().server_context() if tls else None)
    connector_class = Waiting if waits else TCPConnector
    connector = connector_class(ssl=ca.client_context()) if tls else connector_class()
    bodies = {"none": None, "whole": b"data", "large": b"x" * (1 << 20)}
    async with ClientSession(connector=connector) as session:
        for _ in range(5):
            data = bodies.get(body) or (pieces() if body == "streamed" else None)
            async with session.post(server.url, data=data) as response:
                assert (response.status, await response.read()) == (503, b"busy")
            seen(session)


async def test_early_bytes_are_the_first_answer(
    scripted: ScriptedFactory, recorder: EventRecorder
) -> None:
    """Bytes before the request, also after a CRLF, are its response; the connection is closed."""

    async def script(peer: Peer) -> None:
        await peer.send(b"\r\n" + OK)
        await peer.request()
        await peer.until_closed()

    server = await scripted(script)

    class Waiting(TCPConnector):
        """Gives the connection when the early bytes have been read."""

        async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
            connection = await super().connect(req, traces, timeout)
            if not connection._connection.requests_served:
                async with asyncio.timeout(5):
                    while not connection._connection.early:
                        await asyncio.sleep(0)
            return connection

    async with ClientSession(connector=Waiting()) as session:
        for created in (1, 2):
            async with session.get(server.url) as response:
                assert await response.read() == b"hello"
            stats = session.connector.stats()  # type: ignore[union-attr]
            assert (stats.created, stats.closed) == (created, {"unexpected data": created})


async def test_early_and_gone(scripted: ScriptedFactory) -> None:
    """An early response counts even if the server has closed before the request was sent."""

    async def script(peer: Peer) -> None:
        await peer.send(BUSY)
        peer.close()

    server = await scripted(script)

    class Late(TCPConnector):
        """Gives the connection when its transport is gone."""

        async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
            connection = await super().connect(req, traces, timeout)
            async with asyncio.timeout(5):
                while not connection._connection.lost:
                    await asyncio.sleep(0)
            return connection

    async with ClientSession(connector=Late()) as session:
        async with session.post(server.url, data=b"data") as response:
            assert (response.status, await response.read()) == (503, b"busy")
        seen(session)
        stats = session.connector.stats()  # type: ignore[union-attr]
        assert (stats.created, stats.open, sum(stats.closed.values())) == (1, 0, 1)


async def test_unasked_bytes_on_an_idle_connection(scripted: ScriptedFactory) -> None:
    """Unexpected bytes, also a bare CRLF, close a connection that has served a request."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        if peer.index == 0:
            await peer.events["go"].wait()
            await peer.send(b"\r\n")
        await peer.until_closed()

    server = await scripted(script)
    async with ClientSession() as session:
        await (await session.get(server.url)).read()
        server.events["go"].set()
        async with asyncio.timeout(5):
            while session.connector.stats().open:  # type: ignore[union-attr]
                await asyncio.sleep(0)
        assert session.connector.stats().closed == {"unexpected data": 1}  # type: ignore[union-attr]
        assert await (await session.get(server.url)).read() == b"hello"


# --- who asks whom ---


async def test_plain_http_to_a_tls_port(
    scripted: ScriptedFactory, ca: CertificateAuthority
) -> None:
    """If a server responds to plain HTTP with a TLS alert, the error says so."""
    server = await scripted(OK, ssl=ca.issue().server_context())
    async with ClientSession() as session:
        url = f"http://127.0.0.1:{server.port}/"
        with pytest.raises((ClientResponseError, ServerDisconnectedError)) as caught:
            await session.get(url)
    if isinstance(caught.value, ClientResponseError):
        assert "speaks TLS on this port: use https://" in str(caught.value)


async def test_an_alert_says_so(scripted: ScriptedFactory) -> None:
    """The bytes of an alert are recognized."""
    server = await scripted(b"\x15\x03\x01\x00\x02\x02\x46")
    async with ClientSession() as session:
        with pytest.raises(ClientResponseError, match="speaks TLS on this port: use https://"):
            await session.get(server.url)


async def test_a_call_that_was_not_awaited(scripted: ScriptedFactory) -> None:
    """Reading attributes of the response on a call raises an error that says to await it."""
    server = await scripted(OK)
    async with ClientSession() as session:
        call = session.get(server.url)
        with pytest.raises(AttributeError, match="'status': await the request first, or use it"):
            _ = call.status  # type: ignore[attr-defined]
        assert not hasattr(call, "json") and not hasattr(call, "something")
        assert (await call).status == 200


def test_a_second_event_loop() -> None:
    """Using a session in another loop raises an error, also if there is an idle connection."""
    from httptrace.testing import ScriptedServer

    loop, other = asyncio.new_event_loop(), asyncio.new_event_loop()

    async def begin() -> tuple[Any, ClientSession]:
        async def script(peer: Peer) -> None:
            for _ in range(2):
                await peer.request()
                await peer.send(OK)

        server = await ScriptedServer(script).__aenter__()
        session = ClientSession()
        await (await session.get(server.url)).read()
        return server, session

    async def use(session: ClientSession, url: str) -> bytes:
        return await (await session.get(url)).read()

    async def end(server: Any, session: ClientSession) -> None:
        await session.close()
        await server.__aexit__(None, None, None)

    server, session = loop.run_until_complete(begin())
    with pytest.raises(RuntimeError, match="their own event loop"):
        other.run_until_complete(use(session, server.url))
    assert loop.run_until_complete(use(session, server.url)) == b"hello"
    assert session.connector is not None and session.connector.stats().created == 1
    loop.run_until_complete(end(server, session))
    loop.close(), other.close()


async def test_zone_ids_stay_here() -> None:
    """The zone id of an IPv6 address is not in Host, but is dialled (RFC 6874 §4)."""
    from yarl import URL

    from httptrace.request.target import target_of

    with refused_port() as port:
        target = target_of(URL(f"http://[fe80::1%25lo]:{port}/"))
    assert target.authority == f"[fe80::1]:{port}"
    assert target.key.host.endswith("lo")


@pytest.mark.parametrize("coding", ["xchunked", "gzip, xchunked", "chunked;q=1"])
async def test_codings_are_matched_whole(scripted: ScriptedFactory, coding: str) -> None:
    """A transfer coding whose name ends in "chunked" is not chunked: no hang, no wrong body."""
    head = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n".encode()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head + b"5\r\nhello\r\n0\r\n\r\n")
        peer.close()

    server = await scripted(script)
    async with ClientSession() as session, asyncio.timeout(5):
        try:
            async with session.get(server.url) as response:
                assert await response.read() == b"5\r\nhello\r\n0\r\n\r\n"
        except ClientResponseError:
            pass


@pytest.mark.parametrize(
    "headers", [{"Transfer-Encoding": "xchunked"}, {"Transfer-Encoding": "chunked, x"}]
)
async def test_request_codings(headers: dict[str, str]) -> None:
    """A request whose Transfer-Encoding does not end in ``chunked`` is refused."""
    async with ClientSession() as session:
        with pytest.raises(ValueError, match="Transfer-Encoding"):
            await session.post("http://127.0.0.1:1/", data=pieces(), headers=headers)


async def test_lost_at_the_beginning_of_an_upload(
    scripted: ScriptedFactory, recorder: EventRecorder
) -> None:
    """A reset as an upload begins has the same reason in the event and in the counters."""

    async def script(peer: Peer) -> None:
        peer.reset()

    server = await scripted(script)
    async with ClientSession() as session:
        with pytest.raises((OSError, ServerDisconnectedError)):
            await session.post(server.url, data=b"x" * (1 << 20))
        stats = session.connector.stats()  # type: ignore[union-attr]
        told = "connection_closed" if stats.created else "connection_create_exception"
        assert recorder.names()[-3:] == [told, "request_exception", "request_finish"]
        assert (stats.created + stats.failed, sum(stats.closed.values())) == (1, stats.created)
