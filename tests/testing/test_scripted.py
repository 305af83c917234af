"""A scripted server sends exactly what its script says, and records what it receives."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from httptrace.testing.peer import ClientGone, Peer
from httptrace.testing.received import MalformedRequest, ReceivedRequest
from httptrace.testing.scripted import (
    ScriptedServer,
    hang,
    per_request,
    responding,
    response_bytes,
)

pytestmark = pytest.mark.usefixtures("leak_check")

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
OK = response_bytes(200, b"ok")
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@contextlib.asynccontextmanager
async def client(server: ScriptedServer) -> AsyncIterator[Streams]:
    """Connect to the server; always close the connection."""
    if server.unix_path is not None:
        reader, writer = await asyncio.open_unix_connection(server.unix_path)
    else:
        reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def exchange(streams: Streams, data: bytes = GET, size: int = len(OK)) -> bytes:
    reader, writer = streams
    writer.write(data)
    return await reader.readexactly(size)


async def read_request(data: bytes) -> ReceivedRequest:
    """Send these bytes to a server and return the request that it parsed."""
    async with ScriptedServer(OK) as server, client(server) as streams:
        await exchange(streams, data)
        return server.requests[0]


class Recorder(asyncio.Protocol):
    """Keeps each piece as the socket returned it."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.ended: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set_result(exc)


async def pieces_of(server: ScriptedServer) -> list[bytes]:
    loop = asyncio.get_running_loop()
    _, recorder = await loop.create_connection(Recorder, server.host, server.port)
    await recorder.ended
    return recorder.pieces


# What came


async def test_request_with_length() -> None:
    """A request with a Content-Length has head, body and raw bytes."""
    data = (
        b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-Two: 1\r\nx-two:2 \r\nContent-Length: 3\r\n\r\nabc"
    )
    request = await read_request(data)
    assert (request.method, request.target, request.version) == ("POST", "/a?b=c", "HTTP/1.1")
    assert request.path == "/a"
    assert request.headers[1:3] == [(b"X-Two", b"1"), (b"x-two", b"2")]
    assert request.values("X-TWO") == ["1", "2"]
    assert request.header("x-none") is None
    assert request.body == b"abc"
    assert request.raw == data


async def test_request_in_chunks() -> None:
    """A chunked body is joined, without extensions, and its trailers are kept."""
    data = (
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3;name=value\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Sum: 7\r\n\r\n"
    )
    request = await read_request(data)
    assert request.body == b"abc0123456789"
    assert request.trailers == [(b"X-Sum", b"7")]
    assert request.raw == data


async def test_request_that_comes_byte_by_byte() -> None:
    """The result does not depend on how the client splits the bytes."""
    data = b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
    async with ScriptedServer(OK) as server, client(server) as (reader, writer):
        for byte in data:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert await reader.readexactly(len(OK)) == OK
        assert server.requests[0].raw == data


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\nHost: a\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nname : value\r\n\r\n",
        b"GET / HTTP/1.1\r\nname: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\na",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        b"PUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: gzip\r\n\r\na",
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    ],
)
async def test_malformed_request(data: bytes) -> None:
    """A client that does not speak HTTP/1.1 fails the test that runs the server."""
    with pytest.raises(MalformedRequest):
        async with ScriptedServer(OK) as server, client(server) as (reader, writer):
            writer.write(data)
            with contextlib.suppress(OSError):
                await reader.read()


async def test_continue() -> None:
    """A script may read the head, send 100, and then read the body."""

    async def script(peer: Peer) -> None:
        request = await peer.read_head()
        assert request.expects_continue
        await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await peer.read_body(request) == b"abc"
        await peer.send(OK)

    async with ScriptedServer(script) as server, client(server) as (reader, writer):
        writer.write(b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"abc")
        assert await reader.read() == OK
        assert server.requests[0].body == b"abc"


async def test_receive_gives_whatever_comes() -> None:
    """`receive` returns bytes as they arrive, and nothing after the end of the stream."""
    got: list[bytes] = []

    async def script(peer: Peer) -> None:
        while data := await peer.receive():
            got.append(data)
        peer.events["ended"].set()

    async with ScriptedServer(script) as server, client(server) as (_, writer):
        writer.write(b"\x00anything")
        writer.write_eof()
        await server.events["ended"].wait()
    assert b"".join(got) == b"\x00anything"


# What is sent


async def test_each_byte_alone() -> None:
    """Bytes that are sent slowly arrive one by one at a client in the same loop."""

    async def script(peer: Peer) -> None:
        await peer.send_slowly(OK)

    async with ScriptedServer(script) as server:
        assert await pieces_of(server) == [bytes([byte]) for byte in OK]


async def test_pieces() -> None:
    """Pieces of any size arrive as they were split."""

    async def script(peer: Peer) -> None:
        await peer.send_pieces([b"a", b"bcd", b"ef"])
        await peer.send_slowly(b"0123456", size=3)

    async with ScriptedServer(script) as server:
        assert await pieces_of(server) == [b"a", b"bcd", b"ef", b"012", b"345", b"6"]


async def test_half_close() -> None:
    """After a half close the client reads end of file and can still send."""

    async def script(peer: Peer) -> None:
        await peer.send(b"bye")
        peer.half_close()
        assert await peer.read(5) == b"later"
        peer.events["heard"].set()

    async with ScriptedServer(script) as server, client(server) as (reader, writer):
        assert await reader.read() == b"bye"
        writer.write(b"later")
        await server.events["heard"].wait()


async def test_reset() -> None:
    """A reset reaches the client as ECONNRESET, not as end of file."""

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.reset()

    async with ScriptedServer(script) as server, client(server) as streams:
        with pytest.raises(ConnectionResetError):
            await exchange(streams)


async def test_the_connection_closes_when_the_script_returns() -> None:
    """When the script ends, the connection is closed."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)

    async with ScriptedServer(script) as server, client(server) as (reader, writer):
        writer.write(GET)
        assert await reader.read() == OK
        assert server.connections[0].ended == "closed"


async def test_client_that_does_not_read_stops_the_sender() -> None:
    """`send` waits while the client does not read, and ends when the client closes."""

    async def script(peer: Peer) -> None:
        peer.events["sending"].set()
        await peer.send(bytes(64 * 2**20))

    async with ScriptedServer(script) as server:
        with socket.create_connection((server.host, server.port)):
            await server.events["sending"].wait()
            assert server.open_connections == 1
        await server.no_connections()
        assert server.connections[0].bytes_sent == 0


async def test_server_that_does_not_read_stops_the_client() -> None:
    """While a script is paused, the client has bytes that it cannot send."""

    async def script(peer: Peer) -> None:
        peer.pause_reading()
        await peer.events["read now"].wait()
        peer.resume_reading()
        await peer.read(8 * 2**20)
        peer.events["all read"].set()

    async with (
        ScriptedServer(script, receive_buffer=4096) as server,
        client(server) as (_, writer),
    ):
        writer.write(bytes(8 * 2**20))
        draining = asyncio.create_task(writer.drain())
        await server.connected()
        assert not (await asyncio.wait([draining], timeout=0.05))[0]
        server.events["read now"].set()
        await draining
        await server.events["all read"].wait()


# How the client leaves


async def test_client_closes() -> None:
    """`until_closed` reports that the client closed the connection normally."""
    endings: list[str] = []

    async def script(peer: Peer) -> None:
        endings.append(await peer.until_closed())

    async with ScriptedServer(script) as server:
        async with client(server):
            await server.connected()
        await server.finished()
    assert endings == ["eof"]


async def test_client_resets() -> None:
    """`until_closed` reports that the client reset the connection."""
    async with ScriptedServer(hang) as server:
        with socket.create_connection((server.host, server.port)) as sock:
            peer = await server.connected()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert await peer.until_closed() == "reset"


async def test_client_that_leaves_is_no_failure() -> None:
    """A script that waits for a request ends without an error when the client closes."""
    seen: list[ClientGone] = []

    async def script(peer: Peer) -> None:
        try:
            await peer.request()
        except ClientGone as error:
            seen.append(error)
            raise

    async with ScriptedServer(script) as server:
        async with client(server) as (_, writer):
            writer.write(b"GET / HT")
        await server.finished()
    assert seen[0].received == b"GET / HT"


async def test_no_connections_names_what_is_open() -> None:
    """`no_connections` fails after its timeout and names the connections that are left."""
    async with ScriptedServer(OK) as server, client(server) as streams:
        await exchange(streams)
        with pytest.raises(AssertionError, match="<Peer 0 open, 1 requests>"):
            await server.no_connections(timeout=0.01)


# Many connections


async def test_scripts_in_a_row() -> None:
    """Each connection runs the next script; the last one serves all further connections."""
    async with ScriptedServer(b"first!", b"second") as server:
        for expected in (b"first!", b"second", b"second"):
            async with client(server) as streams:
                assert await exchange(streams, size=6) == expected
        assert [request.connection for request in server.requests] == [0, 1, 2]


async def test_responses_in_a_row() -> None:
    """Requests on one connection get one response after the other, then the last one again."""
    async with ScriptedServer(responding(b"1", b"2")) as server, client(server) as streams:
        assert [await exchange(streams, size=1) for _ in range(3)] == [b"1", b"2", b"2"]
        assert len(server.connections) == 1
        assert len(server.connections[0].requests) == 3


async def test_a_handler_for_each_request() -> None:
    """A handler gets the request and its connection."""

    async def handler(peer: Peer, request: ReceivedRequest) -> None:
        await peer.send(request.target.encode())

    async with ScriptedServer(per_request(handler)) as server, client(server) as streams:
        assert await exchange(streams, b"GET /one HTTP/1.1\r\n\r\n", 4) == b"/one"
        assert (await server.received()).target == "/one"


# Failing scripts and stopping


async def test_failing_script_fails_the_block() -> None:
    """An exception of a script is raised at the end, and its client does not hang."""

    async def script(peer: Peer) -> None:
        await peer.request()
        raise ZeroDivisionError("in the script")

    with pytest.raises(ZeroDivisionError, match="in the script") as caught:
        async with ScriptedServer(script) as server, client(server) as streams:
            await exchange(streams)
    assert isinstance(caught.value.__context__, ConnectionResetError)


async def test_several_failing_scripts() -> None:
    """Two exceptions are raised as a group."""

    async def script(peer: Peer) -> None:
        raise ValueError(str(peer.index))

    with pytest.raises(ExceptionGroup) as caught:
        async with ScriptedServer(script) as server:
            for _ in range(2):
                await pieces_of(server)
    assert [str(error) for error in caught.value.exceptions] == ["0", "1"]


async def test_stopping_ends_all() -> None:
    """At the end of the block hanging scripts are cancelled and their connections closed."""
    async with contextlib.AsyncExitStack() as stack:
        async with ScriptedServer(hang) as server:
            clients = [await stack.enter_async_context(client(server)) for _ in range(3)]
            await server.connected(3)
        assert [await reader.read() for reader, _ in clients] == [b"", b"", b""]


async def test_connection_at_the_last_moment() -> None:
    """A connection that is accepted while the server stops is closed too."""
    async with ScriptedServer(hang) as server:
        sock = socket.create_connection((server.host, server.port))
        await asyncio.sleep(0)
    with sock:
        sock.settimeout(5)
        with contextlib.suppress(ConnectionResetError):  # Accepted or not, it is ended.
            assert sock.recv(1) == b""


# Addresses


async def test_unix_socket(tmp_path: Path) -> None:
    """A Unix socket works too, and is removed afterwards."""
    path = tmp_path / "socket"
    async with ScriptedServer(OK, unix_path=path) as server, client(server) as streams:
        assert server.url == "http://localhost"
        assert await exchange(streams) == OK
    assert not path.exists()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
async def test_hosts(host: str) -> None:
    """It listens on any loopback address, and its URL has the right form."""
    async with ScriptedServer(OK, host=host) as server, client(server) as streams:
        assert await exchange(streams) == OK
        bracketed = f"[{host}]" if ":" in host else host
        assert server.url == f"http://{bracketed}:{server.port}"


@pytest.mark.parametrize("make", [ScriptedServer, responding])
def test_nothing_to_do(make: object) -> None:
    """A server without a script is refused."""
    with pytest.raises(ValueError, match="at least one"):
        make()  # type: ignore[operator]


def test_response_bytes() -> None:
    """Responses are written as RFC 9112 defines them."""
    assert response_bytes(204, b"", ("X-A", "b"), length=False) == (
        b"HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n"
    )
    assert response_bytes(299, b"abc", version="HTTP/1.0") == (
        b"HTTP/1.0 299 \r\nContent-Length: 3\r\n\r\nabc"
    )
