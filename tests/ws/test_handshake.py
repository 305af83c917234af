"""The opening handshake (RFC 6455 §4): request, response, and invalid responses."""

from __future__ import annotations

from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks
from yarl import URL

import httptrace
from httptrace.errors import WSServerHandshakeError
from httptrace.testing import EventRecorder
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import response_bytes
from httptrace.ws.handshake import accept_of

from .peers import TEXT, answer, close_frame, read_close, server_frame, speaking


def test_the_example_of_the_rfc() -> None:
    """The key of RFC 6455 §1.3 gives the accept value in the RFC."""
    assert accept_of("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


async def test_the_request(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """Upgrade, version, a key of 16 bytes, protocols, origin, extensions, and the caller's own."""
    server = await scripted(
        speaking(
            fields=("Sec-WebSocket-Protocol: b", "Sec-WebSocket-Extensions: permessage-deflate")
        )
    )
    async with (
        httptrace.ClientSession(headers={"X-Session": "s"}, cookies={"c": "1"}) as session,
        session.ws_connect(
            URL(server.url).with_scheme("ws") / "chat",
            protocols=("a", "b"),
            origin="https://example.com",
            params={"q": "1"},
            headers={"X-Own": "o", "Upgrade": "h2c", "connection": "close"},
            auth=httptrace.BasicAuth("u", "p"),
            compress=12,
        ) as ws,
    ):
        assert (ws.protocol, ws.compress, ws.client_notakeover) == ("b", 12, False)
    request = server.requests[0]
    assert (request.method, request.target) == ("GET", "/chat?q=1")
    assert request.values("Upgrade") == ["websocket"]
    assert request.values("Connection") == ["Upgrade"]
    assert request.values("Sec-WebSocket-Version") == ["13"]
    assert request.values("Sec-WebSocket-Protocol") == ["a, b"]
    assert request.values("Origin") == ["https://example.com"]
    assert request.values("Sec-WebSocket-Extensions") == [
        "permessage-deflate; client_max_window_bits=12"
    ]
    assert len(request.header("Sec-WebSocket-Key") or "") == 24
    assert request.header("X-Own") == "o" and request.header("X-Session") == "s"
    assert request.header("Authorization") == "Basic dTpw" and request.header("Cookie") == "c=1"
    assert request.values("Content-Length") == []


async def test_the_key_is_new_each_time(scripted: ScriptedFactory) -> None:
    """No two handshakes have the same key."""
    server = await scripted(speaking())
    async with httptrace.ClientSession() as session:
        for _ in range(2):
            async with session.ws_connect(server.url):
                pass
    first, second = (request.header("Sec-WebSocket-Key") for request in server.requests)
    assert first != second


REFUSALS: list[tuple[str, Any, str]] = [
    ("status 200", lambda r: response_bytes(200, b"hello"), "Invalid response status"),
    ("status 403", lambda r: response_bytes(403, b"no"), "Invalid response status"),
    ("status 302 to nowhere", lambda r: response_bytes(302), "Invalid response status"),
    (
        "no Upgrade",
        lambda r: answer(r).replace(b"Upgrade: websocket\r\n", b""),
        "Invalid upgrade header",
    ),
    (
        "another protocol",
        lambda r: answer(r).replace(b": websocket", b": h2c"),
        "Invalid upgrade header",
    ),
    (
        "no Connection",
        lambda r: answer(r).replace(b"Connection: Upgrade\r\n", b""),
        "Invalid connection header",
    ),
    (
        "a wrong accept",
        lambda r: answer(r).replace(b"Sec-WebSocket-Accept: ", b"Sec-WebSocket-Accept: x"),
        "Invalid challenge response",
    ),
    (
        "no accept",
        lambda r: answer(r).replace(b"Sec-WebSocket-Accept: ", b"X-Accept: "),
        "Invalid challenge response",
    ),
    (
        "a protocol not asked for",
        lambda r: answer(r, "Sec-WebSocket-Protocol: other"),
        "'other' was not offered",
    ),
    (
        "an extension not asked for",
        lambda r: answer(r, "Sec-WebSocket-Extensions: permessage-deflate"),
        "'permessage-deflate' was not offered",
    ),
]


@pytest.mark.parametrize(
    ("made", "message"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS]
)
async def test_a_server_that_does_not_agree(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory, made: Any, message: str
) -> None:
    """Each response that violates RFC 6455 is an error with status and headers."""

    async def script(peer: Peer) -> None:
        await peer.send(made(await peer.request()))
        await peer.until_closed()

    server = await scripted(script)
    async with httptrace.ClientSession() as session:
        with pytest.raises(WSServerHandshakeError, match=message) as caught:
            await session.ws_connect(server.url, protocols=["mine"])
        assert caught.value.headers is not None and caught.value.status in (101, 200, 302, 403)
        assert session.connector is not None and session.connector.stats().open <= 1
    names = recorder.names(recorder.requests[0])
    assert "websocket_handshake_exception" in names and names[-1] == "request_finish"


@pytest.mark.parametrize("interim", [b"", b"HTTP/1.1 103 Early Hints\nLink: </a>\n\n"])
async def test_lines_that_bend_the_rules(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory, interim: bytes
) -> None:
    """LF alone and folded lines are accepted (RFC 9112 §2.2, §5.2), and no byte is lost after them.

    The head and a message come in one piece, cut in two at each place around the end of the head,
    and byte by byte.
    """

    async def script(peer: Peer) -> None:
        head = answer(await peer.request(), "X: a\r\n b").replace(b"\r\n", b"\n")
        data = interim + head + server_frame(TEXT, b"\n\r\nhello")
        at = len(data) - 20 + peer.index
        if at < len(data):
            await peer.send_pieces([data[:at], data[at:]])
        else:
            await peer.send_pieces([data[at : at + 1] for at in range(len(data))])
        await peer.send(close_frame())
        await read_close(peer)

    server = await scripted(script)
    async with httptrace.ClientSession() as session:
        for _ in range(21):
            async with session.ws_connect(server.url) as ws:
                assert await ws.receive_str() == "\n\r\nhello"
                assert ws._response.headers["X"] == "a b"


@pytest.mark.parametrize(
    "value",
    [
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=08",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; server_max_window_bits=x",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; unknown",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate, permessage-deflate",
        "x-webkit-deflate-frame",
    ],
)
async def test_extensions_that_are_not_understood(scripted: ScriptedFactory, value: str) -> None:
    """A response to permessage-deflate that RFC 7692 does not allow fails the handshake."""
    server = await scripted(speaking(fields=(f"Sec-WebSocket-Extensions: {value}",)))
    async with httptrace.ClientSession() as session:
        with pytest.raises(WSServerHandshakeError):
            await session.ws_connect(server.url, compress=15)


@pytest.mark.parametrize(
    ("value", "compress", "notakeover"),
    [
        ("permessage-deflate", 15, False),
        ("permessage-deflate; server_max_window_bits=8", 15, False),
        ('permessage-deflate; client_max_window_bits="10"', 10, False),
        ("permessage-deflate; client_max_window_bits=8", 0, False),
        ("permessage-deflate; client_no_context_takeover", 15, True),
        ("Permessage-Deflate ; server_no_context_takeover", 15, False),
    ],
)
async def test_extensions_that_are(
    scripted: ScriptedFactory, value: str, compress: int, notakeover: bool
) -> None:
    """The window and the context takeover are those that the server selects."""
    server = await scripted(speaking(fields=(f"Sec-WebSocket-Extensions: {value}",)))
    async with (
        httptrace.ClientSession() as session,
        session.ws_connect(server.url, compress=15) as ws,
    ):
        assert (ws.compress, ws.client_notakeover) == (compress, notakeover)
        await ws.send_str("hello")


async def test_frames_that_come_with_the_answer(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """However the response and the frames after it are split, no byte of them is lost."""
    extra = server_frame(TEXT, b"first") + server_frame(TEXT, b"second") + close_frame()

    def cut(at: int) -> Any:
        async def script(peer: Peer) -> None:
            data = answer(await peer.request()) + extra
            await peer.send_pieces([data[:at], data[at:]] if at else [data])
            await read_close(peer)

        return script

    size = 129 + len(extra)
    places = [0, *range(9, size, 7), *range(size - len(extra) - 3, size - len(extra) + 4)]
    server = await scripted(*map(cut, places))
    async with httptrace.ClientSession() as session:
        for at in places:
            async with session.ws_connect(server.url) as ws:
                assert [message.data async for message in ws] == ["first", "second"], at


async def test_an_answer_byte_by_byte(leak_check: Leaks, scripted: ScriptedFactory) -> None:
    """A handshake that arrives in single bytes is accepted."""

    async def script(peer: Peer) -> None:
        data = answer(await peer.request()) + server_frame(TEXT, b"hello")
        await peer.send_slowly(data)
        await read_close(peer)
        await peer.send(close_frame())

    server = await scripted(script)
    async with httptrace.ClientSession() as session, session.ws_connect(server.url) as ws:
        assert await ws.receive_str() == "hello"


@pytest.mark.parametrize("raises", [True, False])
async def test_a_refusal_has_its_own_error(scripted: ScriptedFactory, raises: bool) -> None:
    """A refused handshake is a WSServerHandshakeError, with ``raise_for_status`` too."""
    server = await scripted(response_bytes(503))
    async with httptrace.ClientSession(raise_for_status=raises) as session:
        with pytest.raises(WSServerHandshakeError) as caught:
            async with session.ws_connect(server.url):
                pass
    assert caught.value.status == 503


async def test_a_switch_that_nobody_asked_for(scripted: ScriptedFactory) -> None:
    """A 101 to an ordinary request opens nothing, and its connection is not reused."""

    async def script(peer: Peer) -> None:
        await peer.send(answer(await peer.request()) + server_frame(TEXT, b"surprise"))
        await peer.until_closed()

    server = await scripted(script)
    async with httptrace.ClientSession() as session:
        try:
            response = await session.get(server.url)
        except httptrace.ClientError:
            pass
        else:
            assert response.status == 101
            await response.read()
        await server.no_connections()
