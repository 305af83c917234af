"""Cancelling at every await of proxies, WebSockets, uploads and every way to read."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Awaitable, Callable
from itertools import pairwise
from ssl import SSLContext
from typing import Any

import pytest
from tests.proxies.scripts import connecting, socks5
from tests.servers.fixtures import ScriptedFactory
from tests.ws import peers

from httptrace import (
    ClientResponse,
    ClientSession,
    FormData,
    MultipartWriter,
    TCPConnector,
    WSMsgType,
)
from httptrace.testing import EventRecorder
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import ScriptedServer, per_request, response_bytes

from .scenarios import LATE, answer, walk_it
from .walking import turns, walk

# --- proxies --------------------------------------------------------------------------------------


@LATE
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
async def test_tunnel(
    recorder: EventRecorder,
    scripted: ScriptedFactory,
    server_ssl: SSLContext,
    client_ssl: SSLContext,
    late: bool,
    secure: bool,
) -> None:
    """A GET through a tunnel, with and without TLS to the proxy."""
    server = await scripted(per_request(answer), ssl=server_ssl)
    proxy = await scripted(connecting(), ssl=server_ssl if secure else None)

    async def scenario(session: ClientSession) -> None:
        async with session.get(f"{server.url}/a", proxy=proxy.url) as response:
            assert await response.read() == b"/a"

    await walk_it(server, scenario, late=late, least=4, ssl=client_ssl)
    await proxy.no_connections()


@LATE
async def test_socks(recorder: EventRecorder, scripted: ScriptedFactory, late: bool) -> None:
    """A GET through a SOCKS proxy."""
    server, proxy = await scripted(per_request(answer)), await scripted(socks5)
    by = f"socks5h://127.0.0.1:{proxy.port}"

    async def scenario(session: ClientSession) -> None:
        async with session.get(f"{server.url}/a", proxy=by) as response:
            assert await response.read() == b"/a"

    await walk_it(server, scenario, late=late, least=4)
    await proxy.no_connections()


# --- WebSockets -----------------------------------------------------------------------------------


async def either(peer: Peer) -> None:
    """Script: a WebSocket if it is requested, otherwise as `answer`."""
    while True:
        request = await peer.request()
        if request.header("Upgrade") is None:
            await answer(peer, request)
            continue
        data = peers.answer(request)
        await peer.send_pieces([data[:30], data[30:]])
        first, payload = await peers.read_frame(peer)
        while first & 0x0F != peers.CLOSE:
            await peer.send_pieces([peers.server_frame(peers.PING), peers.server_frame(1, b"b")])
            first, payload = await peers.read_frame(peer)
        await turns(3)
        await peer.send(peers.close_frame(int.from_bytes(payload[:2], "big") or None))
        return


@LATE
@pytest.mark.parametrize("block", [False, True], ids=["by hand", "async with"])
async def test_websocket(
    recorder: EventRecorder, scripted: ScriptedFactory, late: bool, block: bool
) -> None:
    """A handshake, a message in each direction, and the close."""
    server = await scripted(either)

    async def talk(ws: Any) -> None:
        await ws.send_str("a")
        assert (await ws.receive()).data == "b"
        assert await ws.close()
        assert (await ws.receive()).type is WSMsgType.CLOSED

    async def scenario(session: ClientSession) -> None:
        if block:
            async with session.ws_connect(f"{server.url}/ws") as ws:
                await talk(ws)
            return
        ws = await session.ws_connect(f"{server.url}/ws")
        try:
            await talk(ws)
        finally:
            await ws.close()

    await walk_it(server, scenario, late=late, least=4)


# --- uploads and middlewares ----------------------------------------------------------------------


class Reading:
    """A stream whose pieces take a few loop iterations."""

    def __init__(self) -> None:
        self.pieces = [b"one", b"two"]

    async def read(self, size: int = -1) -> bytes:
        await turns(2)
        return self.pieces.pop(0) if self.pieces else b""


def multipart() -> MultipartWriter:
    writer = MultipartWriter("mixed")
    writer.append("text")
    writer.append(io.BytesIO(b"bytes"))
    inner = MultipartWriter("related")
    inner.append_json({"a": 1})
    writer.append(inner)
    return writer


def form() -> FormData:
    made = FormData()
    made.add_field("file", io.BytesIO(b"x" * 100_000), filename="x.bin")
    made.add_field("field", "value")
    return made


@LATE
@pytest.mark.parametrize("body", [multipart, form])
async def test_multipart_upload(
    recorder: EventRecorder, scripted: ScriptedFactory, late: bool, body: Callable[[], Any]
) -> None:
    """Parts and files, which are read in a thread."""
    server = await scripted(per_request(answer))

    async def scenario(session: ClientSession) -> None:
        async with session.post(f"{server.url}/up", data=body()) as response:
            assert await response.read() == b"/up"

    await walk_it(server, scenario, late=late, least=2)


@LATE
async def test_middlewares(recorder: EventRecorder, scripted: ScriptedFactory, late: bool) -> None:
    """Middlewares that wait before and after the request, and send it again."""
    server = await scripted(per_request(answer))

    async def waiting(request: Any, handler: Any) -> ClientResponse:
        await turns(1)
        response: ClientResponse = await handler(request)
        await turns(1)
        return response

    async def twice(request: Any, handler: Any) -> ClientResponse:
        first = await handler(request)
        await first.read()
        again: ClientResponse = await handler(request)
        return again

    async def scenario(session: ClientSession) -> None:
        url = f"{server.url}/a"
        async with session.get(url, middlewares=(waiting, twice, waiting)) as response:
            assert await response.read() == b"/a"

    await walk_it(server, scenario, late=late, least=8)


# --- ways to read ---------------------------------------------------------------------------------

LINES = b"data: one\n\ndata: two\n\n"
PARTS = b"--:\r\n\r\none\r\n--:\r\nA: b\r\n\r\ntwo\r\n--:--\r\n"
BODIES: dict[str, tuple[bytes, tuple[str, str]]] = {
    "lines": (LINES, ("Content-Type", "text/event-stream")),
    "json": (json.dumps([1, 2]).encode(), ("Content-Type", "application/json")),
    "gzip": (gzip.compress(LINES), ("Content-Encoding", "gzip")),
    "parts": (PARTS, ("Content-Type", "multipart/mixed; boundary=:")),
}


async def in_pieces(peer: Peer) -> None:
    """Script: the body that the path names, a few bytes at a time; otherwise as `answer`."""
    while True:
        request = await peer.request()
        if request.path[1:] not in BODIES:
            await answer(peer, request)
            continue
        body, field = BODIES[request.path[1:]]
        data = response_bytes(200, body, field)
        start = len(data) - len(body)
        cuts = [0, start, *range(start + 5, len(data), 9), len(data)]
        await peer.send_pieces(data[a:b] for a, b in pairwise(cuts))


async def by_read(response: ClientResponse) -> bytes:
    read = b""
    while piece := await response.content.read(4):
        read += piece
    return read


async def by_exactly(response: ClientResponse) -> bytes:
    return await response.content.readexactly(20) + await response.content.read()


async def by_line(response: ClientResponse) -> bytes:
    return b"".join([line async for line in response.content])


async def by_any(response: ClientResponse) -> bytes:
    return b"".join([piece async for piece in response.content.iter_any()])


async def by_size(response: ClientResponse) -> bytes:
    return b"".join([piece async for piece in response.content.iter_chunked(7)])


async def by_chunk(response: ClientResponse) -> bytes:
    return b"".join([piece async for piece, _ in response.content.iter_chunks()])


async def as_text(response: ClientResponse) -> bytes:
    return (await response.text()).encode()


async def as_json(response: ClientResponse) -> bytes:
    return json.dumps(await response.json()).encode()


async def as_parts(response: ClientResponse) -> bytes:
    from httptrace import MultipartReader

    found = [await part.read() async for part in MultipartReader.from_response(response)]  # type: ignore[union-attr]
    return PARTS if found == [b"one", b"two"] else b""


@LATE
@pytest.mark.parametrize(
    ("body", "read"),
    [
        *(("lines", by) for by in (by_read, by_exactly, by_line, by_any, by_size, by_chunk)),
        *(("lines", as_text), ("gzip", by_line), ("json", as_json), ("parts", as_parts)),
    ],
)
async def test_reading(
    recorder: EventRecorder,
    scripted: ScriptedFactory,
    late: bool,
    body: str,
    read: Callable[[ClientResponse], Awaitable[bytes]],
) -> None:
    """Every way to read a body, cancelled wherever it waits."""
    server = await scripted(in_pieces)
    expected = LINES if body == "gzip" else BODIES[body][0]

    async def scenario(session: ClientSession) -> None:
        async with session.get(f"{server.url}/{body}") as response:
            assert await read(response) == expected

    await walk_it(server, scenario, late=late, least=2)


# --- closing --------------------------------------------------------------------------------------


@LATE
@pytest.mark.parametrize("what", ["session", "connector"])
async def test_closing(
    recorder: EventRecorder,
    scripted: ScriptedFactory,
    server_ssl: SSLContext,
    client_ssl: SSLContext,
    late: bool,
    what: str,
) -> None:
    """Closing with an idle and a busy TLS connection, and closing again."""
    server: ScriptedServer = await scripted(per_request(answer), ssl=server_ssl)
    made: list[ClientSession] = []

    async def work() -> None:
        connector = TCPConnector(ssl=client_ssl)
        session = ClientSession(connector=connector)
        made.append(session)
        async with session.get(f"{server.url}/a") as response:
            await response.read()
            async with session.get(f"{server.url}/b"):
                await (session if what == "session" else connector).close()

    async def check() -> None:
        for session in made:
            await session.close()
            assert session.closed
        made.clear()
        await server.no_connections()

    assert await walk(work, check, late=late) >= 3
