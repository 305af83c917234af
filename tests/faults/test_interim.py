"""Interim responses (1xx) are only events; the final head is the response."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.http1.feeding import Fed, Told
from tests.servers.fixtures import ScriptedFactory

from httptrace import ClientSession, ClientTimeout, TCPConnector
from httptrace.testing import Peer, response_bytes
from httptrace.testing.certificates import CertificateAuthority

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"
OK = response_bytes(200, b"hello")


async def pieces(count: int) -> Any:
    """A body that takes longer than the server may be silent."""
    for _ in range(count):
        yield b"x" * 1000
        await asyncio.sleep(0.03)


@pytest.mark.parametrize("interim", [CONTINUE, PROCESSING])
@pytest.mark.parametrize("tls", [False, True])
async def test_an_upload_that_goes_on_after_it(
    scripted: ScriptedFactory, ca: CertificateAuthority, interim: bytes, tls: bool
) -> None:
    """`sock_read` does not end an upload that progresses, even after an interim response."""

    async def script(peer: Peer) -> None:
        request = await peer.read_head()
        await peer.send(interim)
        await peer.read_body(request)
        await peer.send(OK)

    server = await scripted(script, ssl=ca.issue().server_context() if tls else None)
    timeout = ClientTimeout(sock_read=0.2)
    connector = TCPConnector(ssl=ca.client_context()) if tls else None
    async with ClientSession(timeout=timeout, connector=connector) as session:
        data = pieces(15)
        async with session.post(server.url, data=data, expect100=interim == CONTINUE) as response:
            assert await response.read() == b"hello"
        timeline = response.timeline
        assert timeline.send > 0.3
        assert timeline.receive < 0.2


async def test_the_wait_after_it_is_the_servers(scripted: ScriptedFactory) -> None:
    """The time between an interim response and the final head is `wait`, not `receive`."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(PROCESSING)
        await asyncio.sleep(0.1)
        await peer.send(OK)

    server = await scripted(script)
    async with ClientSession() as session, session.get(server.url) as response:
        await response.read()
    assert response.timeline.wait >= 0.09
    assert response.timeline.receive < 0.09


async def test_a_limit_between_says_that_it_waits(scripted: ScriptedFactory) -> None:
    """A timeout in between has the phase `wait`."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(PROCESSING)
        await peer.hang()

    server = await scripted(script)
    async with ClientSession(timeout=ClientTimeout(total=0.1)) as session:
        with pytest.raises(TimeoutError) as caught:
            await session.get(server.url)
    assert caught.value.phase == "wait"  # type: ignore[attr-defined]


def test_one_now_and_then_for_a_long_operation() -> None:
    """A 102 every 20 seconds keeps an operation of an hour alive."""
    fed = Fed()
    for turn in range(180):
        fed.exchange.send_ns -= 20_000_000_000  # it was sent 20 seconds earlier
        fed.feed(PROCESSING if turn % 2 else PROCESSING[:7], b"" if turn % 2 else PROCESSING[7:])
        assert fed.exchange.error is None
        assert not fed.exchange.first_byte_ns
    fed.feed(OK)
    assert fed.result.body == b"hello" and fed.idle


def test_a_flood_is_bounded() -> None:
    """More than 32 at once, and one more with each second, fail the request."""
    fed = Fed()
    for _ in range(32):
        fed.feed(PROCESSING)
    assert fed.exchange.error is None
    fed.exchange.send_ns -= 1_500_000_000
    fed.feed(PROCESSING)
    assert fed.exchange.error is None
    fed.feed(PROCESSING)
    assert "34 informational responses in 1 s" in str(fed.exchange.error)


def test_their_bytes_are_bounded() -> None:
    """All interim responses together have no more bytes than one head may have."""
    fed = Fed()
    field = b"X: " + b"x" * 8000 + b"\r\n"
    head = b"HTTP/1.1 103 Early Hints\r\n" + field * 100 + b"\r\n"
    fed.feed(head)
    assert fed.exchange.error is None
    fed.feed(head)
    assert fed.exchange.error is not None


@pytest.mark.parametrize("cut", range(1, len(PROCESSING) + len(OK)))
def test_cut_anywhere(cut: int) -> None:
    """However the bytes are split, the first byte is reported once, after the interim response."""
    told = Told()
    fed = Fed(trace=told)
    data = PROCESSING + OK
    fed.feed(data[:cut], data[cut:])
    assert fed.result.body == b"hello" and fed.idle
    names = [moment[0] for moment in told.moments]
    assert names[:3] == [
        "TraceResponseInformationalParams",
        "TraceResponseFirstByteParams",
        "TraceResponseHeadersReceivedParams",
    ]
    assert names.count("TraceResponseFirstByteParams") == 1
