"""How a response ends: read, released, left by ``async with``, with an error, dropped."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Awaitable, Callable
from ssl import SSLContext
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace import ClientConnectionError, ClientResponse, ClientSession
from httptrace.testing import EventRecorder, ScriptedServer, response_bytes
from httptrace.testing.peer import Peer

Script = Callable[[Peer], Awaitable[None]]


def in_part(head: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n") -> Script:
    """Script: half of a body of four bytes; the rest when the test sets `go`."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(head + b"ab")
            await peer.events["go"].wait()
            await peer.send(b"cd")

    return script


async def at_rest(server: ScriptedServer, session: ClientSession) -> None:
    """The server has seen its connections close, and none is left in the pool."""
    await server.no_connections()
    assert session.connector is not None
    stats = session.connector.stats()
    assert stats.open == 0


LETTING_GO: dict[str, Callable[[ClientResponse], Any]] = {
    "release": lambda response: response.release(),
    "close": lambda response: response.close(),
    "wait_for_close": lambda response: response.wait_for_close(),
    "connection.close": lambda response: response.connection.close(),  # type: ignore[union-attr]
    "connection.release": lambda response: response.connection.release(),  # type: ignore[union-attr]
}


@pytest.mark.parametrize("read", [False, True], ids=["unread", "half read"])
@pytest.mark.parametrize("how", LETTING_GO)
async def test_letting_go_of_a_body_on_its_way(
    session: ClientSession,
    scripted: ScriptedFactory,
    recorder: EventRecorder,
    how: str,
    read: bool,
) -> None:
    """A response that is released before its end closes its connection, and cannot be read."""
    server = await scripted(in_part())
    response = await session.get(server.url)
    if read:
        assert await response.content.readexactly(1) == b"a"
    assert not response.closed
    letting_go = LETTING_GO[how](response)
    if letting_go is not None:
        await letting_go
    assert response.closed and response.connection is None
    await at_rest(server, session)
    for reading in (response.read, response.text, response.json):
        with pytest.raises(ClientConnectionError, match="Connection closed"):
            await reading()
    with pytest.raises(ClientConnectionError, match="Connection closed") as caught:
        await response.content.read()
    assert not isinstance(caught.value, httptrace.ServerDisconnectedError)  # it was not the server
    response.release()
    response.close()
    assert recorder.names().count("request_finish") == 1
    assert recorder.of("request_finish")[0].outcome == "dropped"


@pytest.mark.parametrize("how", ["release", "close", "wait_for_close"])
async def test_letting_go_of_a_body_that_has_come(
    session: ClientSession, scripted: ScriptedFactory, recorder: EventRecorder, how: str
) -> None:
    """A response that has arrived completely frees its connection; released, it is not read."""
    server = await scripted(response_bytes(200, b"whole"))
    for _ in range(2):
        response = await session.get(server.url)
        assert response.closed and response.connection is None
        letting_go = LETTING_GO[how](response)
        if letting_go is not None:
            await letting_go
        with pytest.raises(ClientConnectionError, match="Connection closed"):
            await response.read()
    async with session.get(server.url) as response:
        assert await response.read() == b"whole"
    response.release()
    assert await response.read() == b"whole"
    async with session.get(server.url) as response:
        pass
    assert await response.text() == "whole"  # it lies there, and nobody has let it go
    assert len(server.connections) == 1
    assert [event.outcome for event in recorder.of("request_finish")] == ["completed"] * 4


async def test_both_kinds_of_with(session: ClientSession, scripted: ScriptedFactory) -> None:
    """`async with` releases at its end, for the call and for the response, and can be nested."""
    server = await scripted(in_part())
    async with session.get(server.url) as response, response as same:
        assert same is response and not response.closed
    assert response.closed
    async with await session.get(server.url) as response:
        assert not response.closed
    assert response.closed
    with pytest.raises(ClientConnectionError):
        await response.read()
    await at_rest(server, session)


async def test_closed_and_connection(
    session: ClientSession,
    scripted: ScriptedFactory,
    server_ssl: SSLContext,
    client_ssl: SSLContext,
) -> None:
    """While the body arrives, `connection` shows the peer, and with TLS the cipher."""
    server = await scripted(in_part(), ssl=server_ssl)
    async with session.get(server.url, ssl=client_ssl) as response:
        connection = response.connection
        assert connection is not None and not connection.closed and not response.closed
        assert connection.loop is asyncio.get_running_loop()
        transport = connection.transport
        assert transport is not None
        assert transport.get_extra_info("peername") == ("127.0.0.1", server.port)
        assert transport.get_extra_info("ssl_object").getpeercert()["subject"]
        server.events["go"].set()
        assert await response.read() == b"abcd"
        assert response.closed and response.connection is None
        assert connection.closed and connection.transport is None
    connection.close()  # does nothing any more
    async with session.get(server.url, ssl=client_ssl) as response:
        assert await response.read() == b"abcd"
    assert len(server.connections) == 1


@pytest.mark.parametrize("within", ["call", "response", "nothing"])
async def test_raise_for_status(
    session: ClientSession, scripted: ScriptedFactory, within: str
) -> None:
    """From 400 on it raises; within `async with` the body can be read, outside it cannot."""
    server = await scripted(in_part(b"HTTP/1.1 404 Nope\r\nContent-Length: 4\r\n\r\n"))
    call = session.get(server.url)
    response = await call.__aenter__() if within == "call" else await call
    if within == "response":
        await response.__aenter__()
    with pytest.raises(httptrace.ClientResponseError) as caught:
        response.raise_for_status()
    error = caught.value
    assert (error.status, error.message, error.history) == (404, "Nope", ())
    assert error.headers is response.headers and error.request_info.method == "GET"
    assert not response.ok
    if within == "nothing":
        assert response.closed
        await at_rest(server, session)
        return
    server.events["go"].set()
    assert await response.read() == b"abcd"
    await response.__aexit__(None, None, None)
    assert len(server.connections) == server.open_connections == 1


@pytest.mark.parametrize("status", [200, 204, 304, 399])
async def test_nothing_to_raise(
    session: ClientSession, scripted: ScriptedFactory, status: int
) -> None:
    """Below 400 raise_for_status() does nothing."""
    server = await scripted(response_bytes(status))
    async with session.get(server.url) as response:
        response.raise_for_status()
        assert response.ok


async def test_wait_for_close(session: ClientSession, scripted: ScriptedFactory) -> None:
    """wait_for_close() waits until the request's body is sent, even if a response is arriving."""

    async def script(peer: Peer) -> None:
        request = await peer.read_head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nearly")
        await peer.read_body(request)
        await peer.until_closed()

    async def body() -> Any:
        yield b"one"
        await server.events["go on"].wait()
        yield b"two"

    server = await scripted(script)
    response = await session.post(server.url, data=body())
    assert await response.content.readexactly(5) == b"early"
    closing = asyncio.create_task(response.wait_for_close())
    await asyncio.sleep(0)
    assert not closing.done()
    server.events["go on"].set()
    await closing
    assert response.closed
    await server.finished()
    assert server.requests[0].body == b"onetwo"


# --- forgotten ------------------------------------------------------------------------------------


async def test_forgotten_for_its_content(
    session: ClientSession, scripted: ScriptedFactory, recorder: EventRecorder
) -> None:
    """A reference to the content keeps the response: it is read completely without a warning."""
    httptrace.uninstall(recorder)  # it would hold the response too
    server = await scripted(in_part())
    content = (await session.get(server.url)).content
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gc.collect()
        server.events["go"].set()
        assert await content.read() == b"abcd"
    assert server.open_connections == 1


async def test_forgotten_when_it_has_come(
    session: ClientSession, scripted: ScriptedFactory, recorder: EventRecorder
) -> None:
    """A response that is complete or released may be dropped without a warning."""
    httptrace.uninstall(recorder)
    server = await scripted(in_part())
    server.events["go"].set()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        response = await session.get(server.url)
        await response.read()
        del response
        gc.collect()
        response = await session.get(server.url)
        response.release()
        del response
        gc.collect()
    assert session.connector is not None
    assert session.connector.stats().idle == session.connector.stats().open
