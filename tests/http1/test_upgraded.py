"""After a 101 that was asked for, the program takes the connection over."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks

import httptrace
from httptrace.pool.connector import pool_of
from httptrace.testing import EventRecorder
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import Script

from .upgrading import (
    ASKING,
    LOTS,
    OVER,
    SWITCH,
    TAKEN,
    Pieces,
    asked,
    echo,
    expire,
    nothing,
    switching,
    taken,
)

# --- taking over ----------------------------------------------------------------------------------


@pytest.mark.parametrize("secure", [False, True])
async def test_a_parser_takes_over(
    leak_check: Leaks,
    recorder: EventRecorder,
    scripted: ScriptedFactory,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
    secure: bool,
) -> None:
    """Bytes behind the head come first, then both sides send what they like."""
    script = switching(echo, b"welcome")
    server = await scripted(script, ssl=server_ssl if secure else None)
    async with asked(server, ssl=client_ssl) as (session, response):
        assert await response.read() == b""
        transport, protocol = taken(response)
        assert protocol.upgraded and protocol.is_connected()
        assert transport.get_extra_info("socket").family == socket.AF_INET
        pieces = Pieces(protocol)
        assert await pieces.read(7) == b"welcome"
        for word in (b"one", b"two"):
            transport.write(word)
            await protocol.drain()
            assert await pieces.read(3) == word.upper()
        assert session.connector.stats().open == 1 and session.connector.stats().idle == 0
    await server.no_connections()
    assert session.connector is None and response.connection is None
    assert len(server.connections) == 1
    tls = ["tls_handshake_start", "tls_handshake_end"] if secure else []
    assert recorder.names() == [*TAKEN[:4], *tls, *TAKEN[4:], *OVER]
    assert recorder.of("connection_closed")[0].reason == "client close"
    (finish,) = recorder.of("request_finish")
    assert finish.outcome == "completed" and finish.exception is None
    assert finish.timeline.hops[0].status == 101


async def test_asyncios_streams_take_over(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """The transport takes an asyncio protocol; no byte that came before is lost to it."""
    server = await scripted(switching(echo, b"welcome\n"))
    async with asked(server) as (_session, response):
        transport, _protocol = taken(response)
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        writer = asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop())
        assert transport.get_protocol() is protocol
        assert await reader.readline() == b"welcome\n"
        writer.write(b"x" * LOTS + b"\n")
        await writer.drain()
        assert await reader.readexactly(LOTS + 1) == b"X" * LOTS + b"\n"
        writer.close()
        await writer.wait_closed()
    assert recorder.names() == [*TAKEN, *OVER]
    assert recorder.of("connection_closed")[0].reason == "client close"


async def test_the_server_has_no_more_to_say(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """A protocol may keep its own side open after the server's end, as asyncio has it."""

    async def half(peer: Peer) -> None:
        peer.half_close()
        assert await peer.read(4) == b"more"
        peer.events["read"].set()

    server = await scripted(switching(half, b"welcome"))
    async with asked(server) as (_session, response):
        transport, _protocol = taken(response)
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        assert await reader.read() == b"welcome"
        transport.write(b"more")
        await server.events["read"].wait()
    assert recorder.names() == [*TAKEN, *OVER]


class Buffered(asyncio.BufferedProtocol):
    """Reads into four bytes of its own."""

    def __init__(self) -> None:
        self.buffer = bytearray(4)
        self.received = b""
        self.lost = asyncio.get_running_loop().create_future()

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.received += self.buffer[:nbytes]

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


async def test_a_buffered_protocol_takes_over(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """Also one that has its own buffer, which may be smaller than what has come."""

    async def send_more(peer: Peer) -> None:
        await peer.send(b" and more")

    server = await scripted(switching(send_more, b"welcome"))
    async with asked(server) as (_session, response):
        protocol = Buffered()
        taken(response)[0].set_protocol(protocol)
        assert await protocol.lost is None
        assert protocol.received == b"welcome and more"


async def test_bytes_that_come_before_a_protocol_has_its_turn(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """They stay behind those that came with the head."""
    server = await scripted(switching(nothing, b"first, "))
    async with asked(server) as (_session, response):
        transport, upgraded = taken(response)
        protocol = Buffered()
        transport.set_protocol(protocol)
        upgraded.data_received(b"then")  # the loop may do so before it calls what waits
        await protocol.lost
        assert protocol.received == b"first, then"


async def test_a_head_in_pieces(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """However head and bytes are cut, none is lost."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send_pieces([bytes([byte]) for byte in SWITCH + b"welcome"])
        await echo(peer)

    server = await scripted(script)
    async with asked(server) as (_session, response):
        assert await Pieces(taken(response)[1]).read(7) == b"welcome"
    assert recorder.names() == [*TAKEN, *OVER]


async def test_one_parser_after_the_other(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """What a parser leaves when it ends, and what comes then, is the next one's."""

    class Word:
        def __init__(self, size: int) -> None:
            self.size, self.word = size, b""

        def feed_data(self, data: bytes) -> tuple[bool, bytes]:
            self.word, rest = data[: self.size], data[self.size :]
            return True, rest

    server = await scripted(switching(echo, b"onetwothree"))
    async with asked(server) as (_session, response):
        transport, protocol = taken(response)
        one, two = Word(3), Word(3)
        for parser in (one, two):
            protocol.set_parser(parser, None)
        assert (one.word, two.word) == (b"one", b"two")
        transport.write(b" and four")
        assert await Pieces(protocol).read(14) == b"three AND FOUR"


async def test_the_body_is_sent_before(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """A server may switch before it has read the body; the program begins after the body."""

    async def body() -> AsyncIterator[bytes]:
        for _ in range(8):
            yield b"b" * (LOTS // 8)

    async def script(peer: Peer) -> None:
        request = await peer.read_head()
        await peer.send(SWITCH)
        assert len(await peer.read_body(request)) == LOTS
        await echo(peer)

    server = await scripted(script)
    async with asked(server, data=body()) as (_session, response):
        transport, protocol = taken(response)
        assert recorder.of("request_body_sent")[0].size == LOTS
        transport.write(b"now")
        assert await Pieces(protocol).read(3) == b"NOW"
    assert recorder.names()[-3:] == ["request_body_sent", *OVER]


async def test_a_body_that_cannot_be_sent(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """Until the program gets the connection, the limits hold."""

    async def script(peer: Peer) -> None:
        await peer.read_head()
        peer.pause_reading()
        await peer.send(SWITCH)
        await peer.events["over"].wait()

    async def body() -> AsyncIterator[bytes]:
        yield b"b" * LOTS

    server = await scripted(script, receive_buffer=1 << 14)
    limits = httptrace.ClientTimeout(total=60)
    async with httptrace.ClientSession(timeout=limits) as session:
        request = session.post(server.url, headers=ASKING, data=body())
        task = asyncio.ensure_future(request)
        calls = pool_of(session.connector)._calls  # type: ignore[arg-type]
        async with asyncio.timeout(5):
            while not any(call.exchange.upgraded for call in calls()):
                await asyncio.sleep(0)
        expire(session)
        with pytest.raises(httptrace.TotalTimeoutError):
            await task
    server.events["over"].set()
    assert recorder.names()[-3:] == ["connection_closed", "request_exception", "request_finish"]
    assert recorder.of("connection_closed")[0].reason == "timeout"


async def test_it_counts_against_the_limits(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """Another request waits until the connection is closed, and gets a new one."""
    server = await scripted(switching(echo), b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    connector = httptrace.TCPConnector(limit=1)
    async with httptrace.ClientSession(connector=connector) as session:
        response = await session.get(server.url, headers=ASKING)
        waiting = asyncio.ensure_future(session.get(server.url))
        async with asyncio.timeout(5):
            while not connector.stats().waiting:
                await asyncio.sleep(0)
        response.close()
        assert (await waiting).status == 200
        assert connector.stats().closed == {"client close": 1}
    assert len(server.connections) == 2


async def test_time_limits_end_with_the_switch(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """Neither `total` nor `sock_read` holds for what a program does on the connection."""
    server = await scripted(switching(echo))
    limits = httptrace.ClientTimeout(total=60, sock_read=60)
    async with asked(server, timeout=limits) as (session, response):
        expire(session)
        transport, protocol = taken(response)
        transport.write(b"late")
        assert await Pieces(protocol).read(4) == b"LATE"
    assert recorder.names() == [*TAKEN, *OVER]


# --- flow control ---------------------------------------------------------------------------------


async def test_nothing_piles_up_before(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """Until somebody takes over, reading stops; then all that was sent comes."""

    async def send_lots(peer: Peer) -> None:
        peer.events["sending"].set()
        await peer.send(b"x" * LOTS)
        peer.events["sent"].set()
        await peer.hang()

    server = await scripted(switching(send_lots, b"welcome"))
    async with asked(server) as (_session, response):
        await server.events["sending"].wait()
        transport, protocol = taken(response)
        async with asyncio.timeout(5):
            while transport.is_reading():
                await asyncio.sleep(0)
        assert not server.events["sent"].is_set()
        assert len(protocol._early) < 1 << 20
        pieces = Pieces(protocol)
        assert len(await pieces.read(LOTS + 7)) == LOTS + 7
        await server.events["sent"].wait()


@pytest.mark.parametrize("what", ["protocol", "transport"])
async def test_a_program_pauses(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory, what: str
) -> None:
    """Paused by either, nothing comes; not even what has arrived before."""
    server = await scripted(switching(echo, b"welcome"))
    async with asked(server) as (_session, response):
        transport, protocol = taken(response)
        pausing = protocol if what == "protocol" else transport
        pausing.pause_reading()
        assert not transport.is_reading()
        pieces = Pieces(protocol)
        assert len(pieces.queue) == 0
        pausing.resume_reading()
        assert transport.is_reading()
        assert await pieces.read(7) == b"welcome"


async def test_writing_waits_for_the_server(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """`drain` waits while the write buffer is full, and raises once the connection is closed."""

    async def slow(peer: Peer) -> None:
        peer.pause_reading()
        await peer.events["read"].wait()
        peer.resume_reading()
        await peer.read(LOTS)

    server = await scripted(switching(slow), receive_buffer=1 << 14)
    async with asked(server) as (_session, response):
        transport, protocol = taken(response)
        transport.write(b"x" * LOTS)
        assert protocol.writing_paused
        waiting = asyncio.ensure_future(protocol.drain())
        await asyncio.sleep(0)
        assert not waiting.done()
        server.events["read"].set()
        await waiting
        await server.finished()
        async with asyncio.timeout(5):
            while protocol.connected:
                await asyncio.sleep(0)
        with pytest.raises(httptrace.ClientConnectionResetError, match="Connection lost"):
            await protocol.drain()


# --- servers that must not switch -----------------------------------------------------------------


def switching_with(answer: bytes) -> Script:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer)
        await peer.hang()

    return script


@pytest.mark.parametrize(
    ("headers", "answer", "text"),
    [
        ({}, SWITCH, r"without being asked \(101\)"),
        ({"Connection": "Upgrade"}, SWITCH, r"without being asked \(101\)"),
        ({"Upgrade": "h2c, ws"}, SWITCH, "'tcp', which the request did not offer"),
        (ASKING, b"HTTP/1.1 101 Sure\r\n\r\n", "needs the fields 'Connection: upgrade'"),
        (ASKING, b"HTTP/1.1 101 Sure\r\nUpgrade: tcp\r\n\r\n", "needs the fields"),
        (ASKING, SWITCH[:-2] + b"Content-Length: 3\r\n\r\nabc", "response with a body"),
    ],
)
async def test_a_wrong_101(
    leak_check: Leaks,
    recorder: EventRecorder,
    scripted: ScriptedFactory,
    headers: dict[str, str],
    answer: bytes,
    text: str,
) -> None:
    """A 101 that was not asked for, or does not say to what, is an error of the server."""
    server = await scripted(switching_with(answer))
    async with httptrace.ClientSession() as session:
        with pytest.raises(httptrace.ClientResponseError, match=text):
            await session.get(server.url, headers=headers)
        await server.no_connections()
    assert recorder.of("connection_closed")[0].reason == "malformed response"


async def test_names_of_protocols_have_no_case(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """A server may choose one of several, and write it its own way (RFC 9110 §7.8)."""
    server = await scripted(switching(echo))
    headers = {"connection": "keep-alive, upgrade", "upgrade": "h2c, TCP"}
    async with httptrace.ClientSession() as session:
        async with session.get(server.url, headers=headers) as response:
            assert response.status == 101 and response.connection is not None
