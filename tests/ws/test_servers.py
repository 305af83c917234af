"""WebSockets with servers of other projects: aiohttp.web and websockets."""

from __future__ import annotations

import asyncio
import random
import ssl
from typing import Any

import pytest
from tests.servers.leaks import Leaks

import httptrace
from httptrace.testing import EventRecorder
from httptrace.ws.messages import WSMsgType

from .servers import aiohttp_echo, websockets_echo

pytest.importorskip("aiohttp")
pytest.importorskip("websockets")

SERVERS = {"aiohttp": aiohttp_echo, "websockets": websockets_echo}
both = pytest.mark.parametrize("echo", SERVERS.values(), ids=SERVERS)


@both
@pytest.mark.parametrize("compress", [0, 9, 12, 15])
async def test_messages_there_and_back(
    leak_check: Leaks, recorder: EventRecorder, echo: Any, compress: int
) -> None:
    """Text and bytes of all sizes are echoed unchanged, compressed or not."""
    rng = random.Random(compress)
    async with (
        echo() as url,
        httptrace.ClientSession() as session,
        session.ws_connect(url, compress=compress) as ws,
    ):
        assert bool(ws.compress) == bool(compress) and ws.compress <= compress
        for size in (0, 1, 125, 126, 65_535, 65_536, 1_000_000):
            text, data = "aä€🌿"[size % 4] * (size // 3), rng.randbytes(size)
            await ws.send_str(text)
            assert await ws.receive_str() == text
            await ws.send_bytes(data)
            assert await ws.receive_bytes() == data
        await ws.send_json({"a": [1, None]})
        assert await ws.receive_json() == {"a": [1, None]}
        await ws.send_str("small window", compress=9)
        await ws.send_str("uncompressed", compress=0)
        assert [await ws.receive_str(), await ws.receive_str()] == ["small window", "uncompressed"]


@both
async def test_over_tls(
    leak_check: Leaks,
    recorder: EventRecorder,
    echo: Any,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """``wss://`` works as ``ws://`` does, with the certificate verified."""
    async with echo(server_ssl) as url, httptrace.ClientSession() as session:
        with pytest.raises(httptrace.ClientConnectorCertificateError):
            await session.ws_connect(url)
        async with session.ws_connect(url, ssl=client_ssl) as ws:
            assert ws.get_extra_info("ssl_object") is not None
            await ws.send_bytes(b"x" * 300_000)
            assert await ws.receive_bytes() == b"x" * 300_000
        assert ws.get_extra_info("ssl_object", "gone") == "gone"


@both
async def test_the_server_closes(leak_check: Leaks, recorder: EventRecorder, echo: Any) -> None:
    """The server's close ends the iteration, with its code and reason."""
    async with echo() as url, httptrace.ClientSession() as session:
        async with session.ws_connect(url) as ws:
            await ws.send_str("close")
            message = await ws.receive()
            assert message == (WSMsgType.CLOSE, 4001, "as you wish")
            assert ws.closed and ws.close_code == 4001 and ws.exception() is None
            assert (await ws.receive()).type is WSMsgType.CLOSED
        async with session.ws_connect(url) as ws:
            await ws.send_str("one")
            await ws.send_str("close")
            assert [message.data async for message in ws] == ["one"]
            assert ws.close_code == 4001


@both
async def test_the_client_closes(leak_check: Leaks, recorder: EventRecorder, echo: Any) -> None:
    """Our Close is answered by the server, and the connection's place is free again."""
    async with echo() as url, httptrace.ClientSession() as session:
        ws = await session.ws_connect(url)
        assert session.connector is not None and session.connector.stats().open == 1
        assert await ws.close(code=4000, message=b"done") is True
        assert ws.closed and ws.close_code in (1000, 4000)  # aiohttp answers every code with 1000
        assert session.connector.stats().open == 0
        assert await ws.close() is False


@both
async def test_pings_both_ways(leak_check: Leaks, recorder: EventRecorder, echo: Any) -> None:
    """Our ping is answered, which is an event with its time; the server's ping is answered too."""
    async with (
        echo() as url,
        httptrace.ClientSession() as session,
        session.ws_connect(url) as ws,
    ):
        await ws.ping(b"one")
        await ws.send_str("ping me")
        await ws.send_str("done")
        assert await ws.receive_str() == "done"
    (sent,) = recorder.of("websocket_ping_sent")
    (answer,) = recorder.of("websocket_pong_received")
    (asked,) = recorder.of("websocket_ping_received")
    assert sent.data == answer.data == b"one"  # type: ignore[attr-defined]
    assert 0 < answer.round_trip < 5  # type: ignore[attr-defined]
    assert asked.answered and asked.data.startswith(b"from ")  # type: ignore[attr-defined]


@both
async def test_protocols(leak_check: Leaks, recorder: EventRecorder, echo: Any) -> None:
    """The server selects one of the offered protocols; without an offer there is none."""
    async with echo() as url, httptrace.ClientSession() as session:
        async with session.ws_connect(url, protocols=["other", "echo"]) as ws:
            assert ws.protocol == "echo"
        async with session.ws_connect(url) as ws:
            assert ws.protocol is None


@both
async def test_many_messages_at_once(leak_check: Leaks, recorder: EventRecorder, echo: Any) -> None:
    """Two tasks, one sending and one receiving, transfer three thousand messages in order."""
    count = 3_000

    async with (
        echo() as url,
        httptrace.ClientSession() as session,
        session.ws_connect(url, compress=15) as ws,
    ):

        async def send() -> None:
            for number in range(count):
                await ws.send_str(str(number))

        sending = asyncio.create_task(send())
        received = [int(await ws.receive_str()) for _ in range(count)]
        await sending
    assert received == list(range(count))


@both
async def test_a_hundred_sockets(leak_check: Leaks, recorder: EventRecorder, echo: Any) -> None:
    """WebSockets of one session keep their messages apart, and leave nothing behind."""

    async def talk(session: httptrace.ClientSession, url: str, number: int) -> None:
        async with session.ws_connect(url) as ws:
            for turn in range(5):
                await ws.send_str(f"{number} {turn}")
                assert await ws.receive_str() == f"{number} {turn}"

    async with echo() as url, httptrace.ClientSession() as session:
        await asyncio.gather(*(talk(session, url, number) for number in range(100)))
