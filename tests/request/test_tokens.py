"""Transfer-Encoding, Expect and Connection in requests: lists of tokens, each matched whole."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace import ClientSession
from httptrace.testing import Peer, response_bytes

OK = response_bytes(200, b"hello")


async def pieces() -> AsyncIterator[bytes]:
    """A body of unknown size."""
    yield b"in "
    yield b"pieces"


@pytest.mark.parametrize(
    "coding", ["xchunked", "x-chunked", "chunked, gzip", "chunked;q=1", "chunked,", "identity"]
)
@pytest.mark.parametrize("data", [pieces, b"bytes", None])
async def test_another_coding(coding: str, data: object) -> None:
    """A request whose last transfer coding is not ``chunked`` is refused, whatever its body."""
    body = data() if callable(data) else data
    async with ClientSession() as session:
        with pytest.raises(ValueError, match="Transfer-Encoding"):
            await session.post(
                "http://127.0.0.1:1/", data=body, headers={"Transfer-Encoding": coding}
            )


@pytest.mark.parametrize("coding", ["chunked", "Chunked ", "gzip, chunked"])
async def test_chunked(scripted: ScriptedFactory, coding: str) -> None:
    """A last coding named ``chunked`` is sent as it was given, and the body in chunks."""
    server = await scripted(OK)
    async with ClientSession() as session:
        headers = {"Transfer-Encoding": coding}
        async with session.post(server.url, data=pieces(), headers=headers) as response:
            assert await response.read() == b"hello"
    (request,) = server.requests
    assert request.values("Transfer-Encoding") == [coding.strip()]
    assert request.body == b"in pieces"


@pytest.mark.parametrize(
    ("expect", "waits"),
    [
        ("100-continue", True),
        ("100-Continue", True),
        ("100-continue, x", True),
        ("x, 100-continue", True),
        ("x-100-continue", False),
        ("100-continue-x", False),
    ],
)
async def test_expect(scripted: ScriptedFactory, expect: str, waits: bool) -> None:
    """The body waits for 100 if the list has that token; the field is sent as it was given."""
    early = []

    async def script(peer: Peer) -> None:
        request = await peer.read_head()
        if waits:
            # Without 100 the body comes after a second: this answer comes first.
            await peer.send(response_bytes(417, b"", ("Connection", "close")))
            early.append(request.values("Expect"))
            await peer.until_closed()
        else:
            await peer.read_body(request)
            early.append(request.values("Expect"))
            await peer.send(OK)

    async def again(peer: Peer) -> None:
        request = await peer.request()
        assert not request.values("Expect") and request.body == b"data"
        await peer.send(OK)

    server = await scripted(script, again)
    async with ClientSession() as session:
        async with session.post(server.url, data=b"data", headers={"Expect": expect}) as response:
            assert await response.read() == b"hello"
    assert early == [[expect]]
    assert len(server.connections) == (2 if waits else 1)
    assert waits == (server.requests[0].body == b"")


@pytest.mark.parametrize(
    ("connection", "kept"),
    [
        ("close-notify", True),
        ("x-close", True),
        ("keep-alive, closed", True),
        ("close", False),
        ("Close", False),
        ("x, close", False),
    ],
)
async def test_connection(scripted: ScriptedFactory, connection: str, kept: bool) -> None:
    """Only the token ``close`` closes the connection after the response."""
    server = await scripted(OK)
    async with ClientSession() as session:
        for _ in range(2):
            headers = {"Connection": connection}
            async with session.get(server.url, headers=headers) as response:
                assert await response.read() == b"hello"
    assert [request.header("Connection") for request in server.requests] == [connection] * 2
    assert len(server.connections) == (1 if kept else 2)
