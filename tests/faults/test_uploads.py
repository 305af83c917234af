"""Bodies that are being sent while the server responds, refuses, sends 100, or closes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace import (
    ClientConnectionError,
    ClientError,
    ClientOSError,
    ClientPayloadError,
    ClientResponseError,
    ClientSession,
    ServerDisconnectedError,
)
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import response_bytes

from .walking import turns

AtRest = Callable[[], None]
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
OK = response_bytes(200, b"ok")
REFUSED = response_bytes(413, b"too much")


class Body:
    """An endless body that counts how much was read of it, and records whether it was closed."""

    def __init__(self, piece: bytes = b"x" * 1000, most: int = 1 << 30) -> None:
        self.piece = piece
        self.most = most
        self.taken = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while self.taken < self.most:
                self.taken += 1
                yield self.piece
                await asyncio.sleep(0)
        finally:
            self.closed = True


async def works(session: ClientSession, url: str) -> None:
    """The next request gets a response."""
    async with session.get(url) as response:
        assert await response.read() == b"ok"


async def next_ones(peer: Peer) -> None:
    """Respond to any request."""
    while True:
        await peer.request()
        await peer.send(OK)


# --- answers that come before the body is sent ----------------------------------------------------


@pytest.mark.parametrize("status", [200, 413])
async def test_early_answer(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest, status: int
) -> None:
    """A response in the middle of the body is the response; the connection is not reused."""

    async def early(peer: Peer) -> None:
        await peer.read_head()
        await peer.read(5000)
        await peer.send(response_bytes(status, b"enough"))
        await peer.until_closed()

    server = await scripted(early, next_ones)
    body = Body()
    async with session.post(server.url, data=body) as response:
        assert response.status == status
        assert await response.read() == b"enough"
    at_rest()
    await turns(5)
    taken = body.taken
    await works(session, server.url)
    assert len(server.connections) == 2
    assert body.taken == taken, "it is still being sent"


async def test_early_answer_without_reading(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest
) -> None:
    """A refusal is received even if the server no longer reads the body."""

    async def deaf(peer: Peer) -> None:
        await peer.read_head()
        peer.pause_reading()
        await peer.send(REFUSED)
        await peer.hang()

    server = await scripted(deaf, next_ones, receive_buffer=4096)
    async with session.post(server.url, data=Body(b"x" * 100_000)) as response:
        assert response.status == 413
        assert await response.read() == b"too much"
    at_rest()
    await works(session, server.url)


async def test_answer_and_close(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest
) -> None:
    """If a server refuses and closes while the body is sent, either one is reported."""

    async def slam(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(REFUSED)
        peer.half_close()
        await peer.until_closed()

    server = await scripted(slam, next_ones)
    for data in (Body(), b"x" * 3_000_000):
        try:
            async with session.post(server.url, data=data) as response:
                assert response.status == 413
                assert await response.read() == b"too much"
        except ClientError as exc:
            pytest.fail(f"the refusal was there, and then {exc!r}")
        at_rest()
        break
    await works(session, server.url)


@pytest.mark.parametrize("how", ["reset", "close"])
@pytest.mark.parametrize("data", [b"x" * 3_000_000, None], ids=["bytes", "stream"])
async def test_server_goes(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest, how: str, data: Any
) -> None:
    """A server that closes in the middle of the body fails the request; its body is closed."""

    async def leave(peer: Peer) -> None:
        await peer.read_head()
        getattr(peer, how)()

    server = await scripted(leave, next_ones)
    body = Body()
    with pytest.raises((ServerDisconnectedError, ClientOSError)):
        await session.post(server.url, data=data or body)
    at_rest()
    await turns(3)
    assert data or body.closed
    await works(session, server.url)


# --- bodies that fail -----------------------------------------------------------------------------


class Broken(Exception):
    """The exception of a body."""


async def broken() -> AsyncIterator[bytes]:
    """A body that raises in the middle."""
    yield b"some"
    raise Broken("no more")


async def test_body_that_raises(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest
) -> None:
    """A body that raises fails the request as in aiohttp, with the reason; nothing hangs."""

    async def listening(peer: Peer) -> None:
        await peer.read_head()
        await peer.until_closed()

    server = await scripted(listening, next_ones)
    with pytest.raises(ClientConnectionError) as caught:
        await session.post(server.url, data=broken())
    assert isinstance(caught.value.__cause__, Broken)
    at_rest()
    await works(session, server.url)


@pytest.mark.parametrize("size", [3, 5000])
async def test_body_of_the_wrong_length(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest, size: int
) -> None:
    """A stream that does not match its Content-Length fails the request."""

    async def listening(peer: Peer) -> None:
        await peer.read_head()
        await peer.until_closed()
        assert len(peer.requests) == 1

    server = await scripted(listening, next_ones)
    with pytest.raises(ClientError):
        headers = {"Content-Length": str(size)}
        await session.post(server.url, data=Body(b"x" * 1000, most=4), headers=headers)
    at_rest()
    await works(session, server.url)


# --- 100 Continue ---------------------------------------------------------------------------------


async def test_continue(session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest) -> None:
    """The body is sent after the 100, not before, and the connection is reused."""

    async def asking(peer: Peer) -> None:
        request = await peer.read_head()
        assert request.expects_continue
        await turns(10)
        assert peer.bytes_received == len(request.raw)
        await peer.send_slowly(CONTINUE)
        assert await peer.read_body(request) == b"body"
        await peer.send(OK)
        await next_ones(peer)

    server = await scripted(asking)
    async with session.post(server.url, data=b"body", expect100=True) as response:
        assert await response.read() == b"ok"
    at_rest()
    await works(session, server.url)
    assert len(server.connections) == 1


@pytest.mark.parametrize("status", [200, 303, 413])
async def test_continue_refused(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest, status: int
) -> None:
    """A final response instead of the 100 is the response; the body is never sent."""

    async def refusing(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(response_bytes(status, b"no"))
        seen = peer.bytes_received
        await peer.until_closed()
        assert peer.bytes_received == seen

    server = await scripted(refusing, next_ones)
    body = Body()
    sent = session.post(server.url, data=body, expect100=True, allow_redirects=False)
    async with sent as response:
        assert response.status == status
        assert await response.read() == b"no"
    assert body.taken == 0
    at_rest()
    await works(session, server.url)
    assert len(server.connections) == 2


async def test_continue_with_silence(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest
) -> None:
    """A server without support for 100 gets the body after a while (RFC 9110 §10.1.1)."""
    server = await scripted(next_ones)
    began = time.monotonic()
    async with session.post(server.url, data=b"body", expect100=True) as response:
        assert await response.read() == b"ok"
    assert time.monotonic() - began < 5
    assert server.requests[0].body == b"body"
    at_rest()


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_server_goes_instead_of_100(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest, how: str
) -> None:
    """A server that closes instead of sending 100 fails the request at once."""

    async def leave(peer: Peer) -> None:
        await peer.read_head()
        getattr(peer, how)()

    server = await scripted(leave, next_ones)
    with pytest.raises((ServerDisconnectedError, ClientOSError)):
        await session.post(server.url, data=b"body", expect100=True)
    at_rest()
    await works(session, server.url)


async def test_continue_twice_and_hints(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest
) -> None:
    """Other 1xx beside the 100 are ignored."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"

    async def chatty(peer: Peer) -> None:
        request = await peer.read_head()
        await peer.send(hints + CONTINUE + CONTINUE + hints)
        await peer.read_body(request)
        await peer.send(CONTINUE + OK)
        await next_ones(peer)

    server = await scripted(chatty)
    async with session.post(server.url, data=b"body", expect100=True) as response:
        assert await response.read() == b"ok"
    at_rest()
    await works(session, server.url)
    assert len(server.connections) == 1


async def test_endless_informational(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest
) -> None:
    """A server that sends nothing but 1xx fails the request as malformed."""

    async def chatty(peer: Peer) -> None:
        await peer.request()
        while True:
            await peer.send(CONTINUE)
            await turns(1)

    server = await scripted(chatty, next_ones)
    with pytest.raises(ClientResponseError, match="informational"):
        await session.get(server.url)
    at_rest()
    await works(session, server.url)


async def test_response_cut_while_uploading(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest
) -> None:
    """An early response that is incomplete fails its reader, and the upload ends."""

    async def cut(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        peer.half_close()
        await peer.until_closed()

    server = await scripted(cut, next_ones)
    body = Body()
    with pytest.raises(ClientPayloadError):
        async with session.post(server.url, data=body) as response:
            await response.read()
    at_rest()
    await turns(5)
    assert body.closed
    await works(session, server.url)
