"""Interim responses (1xx) to CONNECT: bounded as those to other requests are."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace import ClientProxyConnectionError, ClientSession
from httptrace.net import tunnel
from httptrace.testing import Peer, response_bytes
from httptrace.testing.certificates import CertificateAuthority

PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
OK = response_bytes(200, b"hello")
LONG = b"HTTP/1.1 103 Early Hints\r\nLink: " + b"x" * 8000 + b"\r\n\r\n"


class Clock:
    """The clock of the tunnel, which a test sets."""

    def __init__(self) -> None:
        self.seconds = 0

    def __call__(self) -> int:
        return time.perf_counter_ns() + self.seconds * 1_000_000_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that tunnels read."""
    clock = Clock()
    monkeypatch.setattr(tunnel, "perf_counter_ns", clock)
    return clock


@pytest.fixture
def ask(scripted: ScriptedFactory, ca: CertificateAuthority) -> Callable[..., Any]:
    """Send a request through a tunnel that a proxy's script opens; returns the body."""

    async def through(opening: Callable[[Peer], Any]) -> bytes:
        async def script(peer: Peer) -> None:
            await peer.read_head()
            await opening(peer)
            await peer.send(ESTABLISHED)
            await peer.start_tls(ca.issue().server_context())
            await peer.request()
            await peer.send(OK)

        proxy = await scripted(script)
        async with ClientSession(proxy=proxy.url) as session:
            async with session.get("https://localhost/", ssl=ca.client_context()) as response:
                return await response.read()

    return through


async def test_many_at_once(ask: Callable[..., Any], clock: Clock) -> None:
    """32 at once are ignored."""
    assert await ask(lambda peer: peer.send(PROCESSING * 32)) == b"hello"


async def test_too_many_at_once(ask: Callable[..., Any]) -> None:
    """The 33rd at once fails the request."""
    with pytest.raises(ClientProxyConnectionError, match="33 responses of status 1xx to CONNECT"):
        await ask(lambda peer: peer.send(PROCESSING * 60))


async def test_one_now_and_then(ask: Callable[..., Any], clock: Clock) -> None:
    """A proxy may send one each second for minutes."""

    async def opening(peer: Peer) -> None:
        for _ in range(200):
            clock.seconds += 1
            await peer.send(PROCESSING)

    assert await ask(opening) == b"hello"


async def test_too_many_bytes(ask: Callable[..., Any], clock: Clock) -> None:
    """A few with too many bytes fail the request, however slowly they arrive."""

    async def opening(peer: Peer) -> None:
        for _ in range(9):
            clock.seconds += 60
            await peer.send(LONG)

    with pytest.raises(ClientProxyConnectionError, match="over 65536 bytes of 1xx responses"):
        await ask(opening)
