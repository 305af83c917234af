"""Servers that violate the protocol: the documented error, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace import (
    ClientError,
    ClientPayloadError,
    ClientResponseError,
    ClientSession,
    ServerDisconnectedError,
)
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import response_bytes

from .scripts import CHUNKED, HEAD
from .walking import turns

AtRest = Callable[[], None]
OK = response_bytes(200, b"ok")
START = b"HTTP/1.1 200 OK\r\n"
CHUNKS = START + b"Transfer-Encoding: chunked\r\n\r\n"

BAD_HEADS: dict[str, bytes] = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "TLS": b"\x15\x03\x01\x00\x02\x02\x50",
    "zeros": bytes(100),
    "HTML": b"<html>hello</html>",
    "another version": b"HTTP/9.9 200 OK\r\n\r\n",
    "no status": b"HTTP/1.1 abc OK\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "no colon": START + b"no colon\r\n\r\n",
    "a space in a name": START + b"A b: c\r\n\r\n",
    "NUL in a value": START + b"A: b\0c\r\n\r\n",
    "CR in a value": START + b"A: b\rc\r\n\r\n",
    "two lengths": START + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "two lengths in one": START + b"Content-Length: 5, 6\r\n\r\nhello!",
    "a negative length": START + b"Content-Length: -5\r\n\r\nhello",
    "a length with a sign": START + b"Content-Length: +5\r\n\r\nhello",
    "a length that is none": START + b"Content-Length: five\r\n\r\nhello",
    "a length of 2**64 and more": START + b"Content-Length: 99999999999999999999\r\n\r\n",
    "a length and chunks": START + b"Content-Length: 5\r\n" + CHUNKS[len(START) :] + b"0\r\n\r\n",
    "chunks and a length": CHUNKS[:-2] + b"Content-Length: 5\r\n\r\n0\r\n\r\n",
    "a long reason": b"HTTP/1.1 200 " + b"K" * 9000 + b"\r\nContent-Length: 0\r\n\r\n",
    "a long value": START + b"X: " + b"v" * 9000 + b"\r\nContent-Length: 0\r\n\r\n",
    "a long name": START + b"X" * 9000 + b": v\r\nContent-Length: 0\r\n\r\n",
    "129 fields": START + b"X: y\r\n" * 129 + b"\r\n",
    "100 with a body": b"HTTP/1.1 100 x\r\nContent-Length: 2\r\n\r\nno" + OK,
}
BAD_BODIES: dict[str, bytes] = {
    "no size": CHUNKS + b"x\r\nhello\r\n0\r\n\r\n",
    "an empty size": CHUNKS + b"\r\nhello\r\n0\r\n\r\n",
    "a size with a sign": CHUNKS + b"+5\r\nhello\r\n0\r\n\r\n",
    "a size that is too small": CHUNKS + b"4\r\nhello\r\n0\r\n\r\n",
    "a size that is too large": CHUNKS + b"6\r\nhello\r\n0\r\n\r\n",
    "a size of 2**64 and more": CHUNKS + b"fffffffffffffffff\r\nhello",
    "a line feed alone": CHUNKS + b"5\nhello\r\n0\r\n\r\n",
    "a long extension": CHUNKS + b"5;a=" + b"b" * 400_000 + b"\r\nhello\r\n0\r\n\r\n",
    "a trailer that is none": CHUNKS + b"0\r\nno colon\r\n\r\n",
    "a long trailer": CHUNKS + b"0\r\nX: " + b"v" * 9000 + b"\r\n\r\n",
    "129 trailers": CHUNKS + b"0\r\n" + b"X: y\r\n" * 129 + b"\r\n",
    "no gzip": START + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
    "no zstd": START + b"Content-Encoding: zstd\r\nContent-Length: 5\r\n\r\nhello",
}


def answering(data: bytes) -> Callable[[Peer], object]:
    """Script: sends this for ``/bad``, whole on a new connection, in two pieces on one
    that was used, and OK for all else.
    """

    async def script(peer: Peer) -> None:
        while True:
            request = await peer.request()
            if request.path != "/bad":
                await peer.send(OK)
                continue
            half = len(data) // 2 if peer.requests[1:] else len(data)
            await peer.send_pieces(piece for piece in (data[:half], data[half:]) if piece)

    return script


async def works(session: ClientSession, url: str) -> None:
    """The next request gets a response."""
    async with session.get(url) as response:
        assert (response.status, await response.read()) == (200, b"ok")


@pytest.mark.parametrize("name", BAD_HEADS)
async def test_heads(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest, name: str
) -> None:
    """A malformed head is a ClientResponseError with status 400, on a new or reused connection."""
    server = await scripted(answering(BAD_HEADS[name]))
    for used in (False, True):
        if used:
            await works(session, server.url)
        with pytest.raises(ClientResponseError) as caught:
            await session.get(f"{server.url}/bad")
        assert caught.type is ClientResponseError
        assert caught.value.status == 400 and caught.value.message
        assert str(caught.value.request_info.real_url) == f"{server.url}/bad"
        at_rest()
        await server.no_connections()
    await works(session, server.url)


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_bodies(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest, name: str
) -> None:
    """A body with malformed framing or coding raises ClientPayloadError when it is read."""
    server = await scripted(answering(BAD_BODIES[name]))
    for used in (False, True):
        if used:
            await works(session, server.url)
        with pytest.raises(ClientPayloadError) as caught:
            async with session.get(f"{server.url}/bad") as response:
                assert response.status == 200
                await response.read()
        assert caught.type is ClientPayloadError and str(caught.value)
        at_rest()
    await works(session, server.url)


ENDLESS: dict[str, tuple[bytes, bytes, type[ClientError]]] = {
    "lines": (b"", b"\r\n" * 500, ClientResponseError),
    "reason": (b"HTTP/1.1 200 ", b"K" * 1000, ClientResponseError),
    "fields": (START, b"X: y\r\n" * 100, ClientResponseError),
    "value": (START + b"X: ", b"v" * 1000, ClientResponseError),
    "name": (START, b"X" * 1000, ClientResponseError),
    "informational": (b"", b"HTTP/1.1 103 x\r\nX: y\r\n\r\n" * 5, ClientResponseError),
    "size": (CHUNKS, b"0" * 1000, ClientPayloadError),
    "extension": (CHUNKS + b"5;", b"a" * 1000, ClientPayloadError),
    "trailers": (CHUNKS + b"0\r\n", b"X: y\r\n" * 100, ClientPayloadError),
    "trailer": (CHUNKS + b"0\r\nX: ", b"v" * 1000, ClientPayloadError),
}


@pytest.mark.parametrize("name", ENDLESS)
async def test_endless(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest, name: str
) -> None:
    """A response without an end fails after a little more than a megabyte."""
    start, again, error = ENDLESS[name]

    async def script(peer: Peer) -> None:
        request = await peer.request()
        if request.path != "/bad":
            await peer.send(OK)
            await peer.until_closed()
        await peer.send(start)
        while True:  # until the client leaves
            await peer.send(again)
            await turns(1)
            assert peer.bytes_sent < 6_000_000, "it listens for ever"

    server = await scripted(script)
    with pytest.raises(error) as caught:
        async with session.get(f"{server.url}/bad") as response:
            await response.read()
    assert caught.type is error
    at_rest()
    await works(session, server.url)


async def test_garbage_after_each_byte(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest
) -> None:
    """A response with zeros from any byte on raises an error or is unchanged, and never hangs."""
    cut = 0

    async def script(peer: Peer) -> None:
        while True:
            request = await peer.request()
            if request.path == "/bad":
                await peer.send_pieces([data[:cut] + bytes(40), bytes(40)])
                peer.half_close()
                await peer.until_closed()
                return
            await peer.send(OK)

    server = await scripted(script)
    for data in (HEAD + b"hello", CHUNKED):
        body = data.index(b"\r\n\r\n") + 4
        for cut in range(0, len(data), 3):
            await works(session, server.url)
            try:
                async with session.get(f"{server.url}/bad") as response:
                    assert cut >= body
                    read = await response.read()
                    assert read == data[body:cut].ljust(5, b"\0") and data is not CHUNKED
            except (ClientResponseError, ServerDisconnectedError):
                assert cut < body
            except ClientPayloadError:
                assert cut >= body and data is CHUNKED
            at_rest()
    await works(session, server.url)
