"""Responses that try to affect another request, or have no end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from tests.client.conftest import MakeSession
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace.testing import response_bytes
from httptrace.testing.peer import ClientGone, Peer
from httptrace.testing.received import ReceivedRequest
from httptrace.testing.scripted import per_request

from .measuring import at_most
from .test_connections import Pointing

EVIL = response_bytes(200, b"evil")
HEAD = b"HTTP/1.1 200 OK\r\n"
POISON = {
    "behind a length": response_bytes(200, b"own") + EVIL,
    "behind chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nown\r\n0\r\n\r\n" + EVIL,
    "behind 204": b"HTTP/1.1 204 No Content\r\n\r\n" + EVIL,
    "in 204": b"HTTP/1.1 204 No Content\r\nContent-Length: 42\r\n\r\n" + EVIL,
    "in 304": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 42\r\n\r\n" + EVIL,
    "in chunks of 204": b"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + EVIL,
    "in a body that is too short": HEAD + b"Content-Length: 3\r\n\r\nownevil" + EVIL,
    "behind an informational one": b"HTTP/1.1 100 Continue\r\nContent-Length: 4\r\n\r\nevil" + EVIL,
    "behind two lengths": HEAD + b"Content-Length: 3\r\nContent-Length: 9\r\n\r\nown" + EVIL,
    "behind a length and chunks": HEAD
    + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    + EVIL,
    "behind a signed length": HEAD + b"Content-Length: +3\r\n\r\nown" + EVIL,
    "behind an empty length": HEAD + b"Content-Length:\r\n\r\n" + EVIL,
    "behind a bad chunk end": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n3\r\nownXX0\r\n\r\n"
    + EVIL,
    "behind a line feed": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\nown\n0\n\n" + EVIL,
    "behind a signed chunk": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n+3\r\nown\r\n0\r\n\r\n"
    + EVIL,
    "behind a folded field": HEAD
    + b"A: b\r\n Content-Length: 9\r\nContent-Length: 3\r\n\r\nown"
    + EVIL,
    "behind a bare CR": HEAD + b"A: b\rContent-Length: 9\r\nContent-Length: 3\r\n\r\nown" + EVIL,
    "behind a blank before a colon": HEAD + b"Content-Length : 3\r\n\r\nown" + EVIL,
}


def poisonous(poison: bytes, cut: int | None) -> Any:
    """Respond to the first request with these bytes, in one or two pieces; others get a path."""

    async def answer(peer: Peer, request: ReceivedRequest) -> None:
        if request.target != "/first":
            await peer.send(response_bytes(200, request.target.encode()))
        elif cut is None:
            await peer.send(poison)
        else:
            await peer.send_pieces([poison[:cut], poison[cut:]], 0.001)

    return per_request(answer)


@pytest.mark.parametrize("name", POISON)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_response_is_delivered_to_the_next_request(
    make_session: MakeSession, scripted: ScriptedFactory, name: str, method: str
) -> None:
    """Whatever comes with a response or after it, the next request gets its own.

    (RFC 9112 §6.3, §9.2.)
    """
    poison = POISON[name]
    for cut in (None, len(poison) - len(EVIL), len(poison) - 1):
        server = await scripted(poisonous(poison, cut))
        session = make_session()
        try:
            async with session.request(method, server.url + "/first") as response:
                assert b"evil" not in await response.read()
        except httptrace.ClientError:
            pass
        if cut is not None:
            await server.no_connections()  # what came late was heard, and not kept for anybody
        for path in ("/second", "/third"):
            async with session.get(server.url + path) as response:
                assert await response.text() == path
        assert len(server.connections) == 2


# --- floods ---------------------------------------------------------------------------------------

CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
FLOODS = {
    "header fields": (HEAD, b"A: b\r\n" * 1000),
    "a header field": (HEAD + b"A: ", b"b" * 6000),
    "a header's name": (HEAD, b"b" * 6000),
    "folded lines": (HEAD + b"A: b\r\n", b" b\r\n" * 1000),
    "cookies": (HEAD, b"Set-Cookie: a=b\r\n" * 300),
    "a reason": (b"HTTP/1.1 200 ", b"b" * 6000),
    "informational responses": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100),
    "blank lines": (b"", b"\r\n" * 3000),
    "trailers": (CHUNKED + b"0\r\n", b"A: b\r\n" * 1000),
    "a trailer": (CHUNKED + b"0\r\nA: ", b"b" * 6000),
    "a chunk extension": (CHUNKED + b"1;a=", b"b" * 6000),
    "zeros of a chunk's size": (CHUNKED, b"0" * 6000),
}


@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_fills_the_memory(
    session: httptrace.ClientSession, scripted: ScriptedFactory, name: str
) -> None:
    """An endless head or framing fails after a mebibyte or two, and closes the connection."""
    start, more = FLOODS[name]
    sent = 0

    async def flood(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(start)
        while sent < 1 << 26:
            await peer.send(more)
            sent += len(more)

    server = await scripted(flood)
    with at_most(8 << 20), pytest.raises(httptrace.ClientError):
        async with session.get(server.url) as response:
            await asyncio.wait_for(response.read(), 10)
    await server.no_connections()
    assert sent < 16 << 20  # with what the system's buffers hold


def cookies() -> Iterator[bytes]:
    """Responses with a hundred new cookies each, for the host and its parent domains."""
    for page in range(60):
        fields = [
            ("Set-Cookie", f"c{page}-{at}={'x' * 1000}; Domain={domain}; Path=/{page}/{at}")
            for at in range(30)
            for domain in ("", "b.test", "a.b.test")
        ]
        yield response_bytes(200, b"", *fields)


async def test_a_flood_of_cookies_fills_the_jar(
    make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A jar has a maximum number of cookies for each domain, whoever sets them."""
    responses = [*cookies(), response_bytes(200, b"ok")]
    server = await scripted(lambda peer: _each(peer, responses))
    connector = httptrace.TCPConnector(resolver=Pointing("127.0.0.1", socket.AF_INET))
    session = make_session(connector=connector)
    for _ in responses:
        async with session.get(f"http://a.b.test:{server.port}/") as response:
            await response.read()
    assert 0 < len(session.cookie_jar) <= 3 * 180


async def _each(peer: Peer, responses: list[bytes]) -> None:
    for response in responses:
        await peer.request()
        await peer.send(response)
    try:
        await peer.request()
    except ClientGone:
        pass
