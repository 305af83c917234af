"""Responses that are cut at every byte: by a reset, by the end of the stream, by silence."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace import (
    ClientError,
    ClientOSError,
    ClientPayloadError,
    ClientSession,
    ClientTimeout,
    ServerDisconnectedError,
    SocketTimeoutError,
    TotalTimeoutError,
)

from .scripts import RESPONSES, faulty

AtRest = Callable[[], None]
KINDS = pytest.mark.parametrize("kind", ["length", "chunked"])


def head_size(kind: str) -> int:
    """The bytes up to the body."""
    return RESPONSES[kind].index(b"\r\n\r\n") + 4


async def works(session: ClientSession, url: str) -> None:
    """The next request gets its own response."""
    async with session.get(f"{url}/") as response:
        assert await response.read() == b"hello"
        assert response.headers["X"] == "y"


@KINDS
@pytest.mark.parametrize("then", ["reset", "eof"])
@pytest.mark.parametrize("fresh", [False, True])
async def test_cut_at_every_byte(
    session: ClientSession,
    scripted: ScriptedFactory,
    at_rest: AtRest,
    kind: str,
    then: str,
    fresh: bool,
) -> None:
    """A truncated response raises the documented error, frees its place, and the next one works."""
    server = await scripted(faulty)
    head, end = head_size(kind), len(RESPONSES[kind])
    for count in range(end):
        if fresh is False:
            await works(session, server.url)
        with pytest.raises(ClientError) as caught:
            async with session.get(f"{server.url}/{kind}/{count}/{then}") as response:
                assert response.status == 200
                await response.read()
        at_rest()
        if count >= head and (then == "eof" or caught.type is ClientPayloadError):
            assert caught.type is ClientPayloadError, count
        else:  # with a reset, the kernel may drop what was not read yet
            assert caught.type in (ServerDisconnectedError, ClientOSError), count
    await works(session, server.url)


@KINDS
async def test_cut_without_being_read(
    session: ClientSession, scripted: ScriptedFactory, at_rest: AtRest, kind: str
) -> None:
    """If the body is not read, its truncation is not reported, and the connection is not reused."""
    server = await scripted(faulty)
    for count in range(head_size(kind), len(RESPONSES[kind])):
        async with session.get(f"{server.url}/{kind}/{count}/eof") as response:
            assert response.status == 200
        at_rest()
        await works(session, server.url)
    assert session.connector is not None


@KINDS
@pytest.mark.parametrize(
    ("timeout", "error"),
    [
        (ClientTimeout(total=0.05), TotalTimeoutError),
        (ClientTimeout(sock_read=0.05), SocketTimeoutError),
    ],
    ids=["total", "sock_read"],
)
async def test_silence_at_every_byte(
    session: ClientSession,
    scripted: ScriptedFactory,
    at_rest: AtRest,
    kind: str,
    timeout: ClientTimeout,
    error: type[Exception],
) -> None:
    """A server that stops sending leads to the timeout's error, and the connection is closed."""
    server = await scripted(faulty)
    head = head_size(kind)
    for count in range(0, len(RESPONSES[kind]), 7):
        await works(session, server.url)
        with pytest.raises(error) as caught:
            url = f"{server.url}/{kind}/{count}/hang"
            async with session.get(url, timeout=timeout) as response:
                assert count >= head
                await response.read()
        at_rest()
        assert type(caught.value) is error
        assert caught.value.phase == ("wait" if count == 0 else "receive")  # type: ignore[attr-defined]
        assert caught.value.limit == 0.05  # type: ignore[attr-defined]
        assert caught.value.elapsed >= 0.045  # type: ignore[attr-defined]
        await server.no_connections()
    await works(session, server.url)
