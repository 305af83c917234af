"""The properties of a response, and its body."""

from __future__ import annotations

import json
from http.cookies import SimpleCookie
from typing import Any

import pytest
from tests.client.conftest import MakeSession
from tests.servers.fixtures import ScriptedFactory
from yarl import URL

import httptrace
from httptrace import ClientResponse, ClientSession
from httptrace.testing import response_bytes
from httptrace.testing.peer import Peer

FULL = (
    b"HTTP/1.1 200 Alles gr\xc3\xbcn\r\n"
    b"A: 1\r\n"
    b"set-cookie: a=1; Path=/x; HttpOnly\r\n"
    b"B: \t x \xff\xc3\xbc \r\n"
    b"Set-Cookie: b=2; Max-Age=10\r\n"
    b'Link: </next?x#y>; rel=next; title="T", <http://o/>; rel="prev"\r\n'
    b"Content-Disposition: attachment; filename*=UTF-8''%e2%82%ac.txt; size=2\r\n"
    b"Content-Type: Text/HTML; charset=UTF-8\r\n"
    b"Content-Length: 2\r\n\r\nok"
)

# --- what it tells --------------------------------------------------------------------------------


async def test_attributes(session: ClientSession, scripted: ScriptedFactory) -> None:
    """Status line, URLs and fields are available before the body is read, and afterwards."""
    server = await scripted(FULL)
    async with session.put(f"{server.url}/p?q=ü#frag", headers={"X-A": "1"}) as response:
        pass
    url = URL(f"{server.url}/p?q=ü")
    assert (response.status, response.reason, response.ok) == (200, "Alles grün", True)
    assert (response.method, response.host) == ("PUT", "127.0.0.1")
    assert (response.url, response.real_url) == (url, url.with_fragment("frag"))
    assert response.version == httptrace.HttpVersion11
    assert response.history == ()
    info = response.request_info
    assert (info.method, info.url, info.real_url) == ("PUT", url, response.real_url)
    assert info.headers["x-a"] == "1"
    assert f"[200 {'Alles gr'}\\xfcn]" in repr(response)


async def test_headers(session: ClientSession, scripted: ScriptedFactory) -> None:
    """Fields are found whatever their case, in order; `raw_headers` has them unchanged."""
    server = await scripted(FULL)
    async with session.get(server.url) as response:
        headers = response.headers
    assert headers["a"] == headers["A"] == "1"
    assert headers["b"].encode("utf-8", "surrogateescape") == b"x \xff\xc3\xbc"
    assert len(headers.getall("SET-COOKIE")) == 2
    assert "nope" not in headers
    assert response.raw_headers[:3] == (
        (b"A", b"1"),
        (b"set-cookie", b"a=1; Path=/x; HttpOnly"),
        (b"B", b"x \xff\xc3\xbc"),
    )
    assert len(response.raw_headers) == len(headers) == 8
    with pytest.raises(TypeError):
        headers["A"] = "2"  # type: ignore[index]


async def test_what_fields_mean(session: ClientSession, scripted: ScriptedFactory) -> None:
    """Cookies, links, type, charset, length and disposition are parsed from their fields."""
    server = await scripted(FULL)
    async with session.get(f"{server.url}/here/") as response:
        pass
    assert isinstance(response.cookies, SimpleCookie)
    assert response.cookies["a"]["path"] == "/x"
    assert (response.cookies["b"].value, response.cookies["b"]["max-age"]) == ("2", "10")
    assert response.links["next"]["url"] == URL(f"{server.url}/next?x#y")
    assert response.links["next"]["title"] == "T"
    assert response.links["prev"]["url"] == URL("http://o/")
    assert (response.content_type, response.charset) == ("text/html", "UTF-8")
    assert response.content_length == 2
    disposition = response.content_disposition
    assert disposition is not None
    assert (disposition.type, disposition.filename) == ("attachment", "€.txt")
    assert disposition.parameters["size"] == "2"


async def test_nothing_to_tell(session: ClientSession, scripted: ScriptedFactory) -> None:
    """A response with only a status line has a value for every property."""
    server = await scripted(b"HTTP/1.1 204\r\n\r\n")
    async with session.get(server.url) as response:
        assert (response.status, response.reason, await response.read()) == (204, "", b"")
    assert not response.headers and response.raw_headers == ()
    assert not response.cookies and not response.links and not response.trailers
    assert (response.content_type, response.charset) == ("application/octet-stream", None)
    assert (response.content_length, response.content_disposition) == (None, None)
    assert "[204 None]" in repr(response)


async def test_reason_in_latin_1(session: ClientSession, scripted: ScriptedFactory) -> None:
    """A reason phrase that is not UTF-8 is decoded as Latin-1."""
    server = await scripted(FULL.replace(b"\xc3\xbcn", b"\xfcn"))
    async with session.get(server.url) as response:
        assert response.reason == "Alles grün"


@pytest.mark.parametrize("ending", ["close", "keep-alive"])
async def test_http_1_0(session: ClientSession, scripted: ScriptedFactory, ending: str) -> None:
    """A body of HTTP/1.0 lasts until the server closes, unless it has a length and keep-alive."""
    kept = ending == "keep-alive"
    answer = response_bytes(200, b"old", ("Connection", ending), version="HTTP/1.0", length=kept)

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer)
        if kept:
            await peer.request()
            await peer.send(answer)

    server = await scripted(script)
    for _ in range(2):
        async with session.get(server.url) as response:
            assert response.version == httptrace.HttpVersion10
            assert await response.text() == "old"
    assert len(server.connections) == (1 if kept else 2)


NO_BODY = [
    ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Encoding: gzip\r\n\r\n"),
    ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
    ("GET", b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 9\r\n\r\n'),
]


@pytest.mark.parametrize(("method", "answer"), NO_BODY)
async def test_no_body(
    session: ClientSession, scripted: ScriptedFactory, method: str, answer: bytes
) -> None:
    """HEAD, 204 and 304 have an empty body that has ended, and their connection is kept."""
    server = await scripted(answer)
    for _ in range(2):
        async with session.request(method, server.url) as response:
            assert response.closed and response.connection is None
            assert response.content.at_eof()
            assert await response.content.read() == b""
            assert await response.read() == b"" == await response.content.readany()
            assert await response.json(content_type=None) is None
            assert [line async for line in response.content] == []
            response.raise_for_status()
    assert len(server.connections) == 1


async def test_trailers(session: ClientSession, scripted: ScriptedFactory) -> None:
    """Trailer fields are available when the body has been read; headers do not change."""
    start = b"HTTP/1.1 200 OK\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(start)
            await peer.events["go"].wait()
            await peer.send(b"0\r\nX: 1\r\nx: 2\r\n\r\n")

    server = await scripted(script)
    for _ in range(2):
        async with session.get(server.url) as response:
            assert await response.content.readany() == b"ab"
            if not server.events["go"].is_set():
                assert not response.trailers
            server.events["go"].set()
            assert await response.read() == b""
            assert response.trailers.getall("X") == ["1", "2"]
            assert list(response.headers) == ["Trailer", "Transfer-Encoding"]


# --- its body -------------------------------------------------------------------------------------


def typed(content_type: str, body: bytes) -> bytes:
    """A response of this type; none for ''."""
    return response_bytes(200, body, *[("Content-Type", content_type)] if content_type else [])


ENCODINGS: list[tuple[str, bytes, str]] = [
    ("text/plain; charset=utf-8", "ü€".encode(), "ü€"),
    ("text/plain; charset=Latin-1", b"\xfc", "ü"),
    ('text/plain; charset="windows-1252"', b"\x80", "€"),
    ("text/plain; charset=utf-16", "ü€".encode("utf-16"), "ü€"),
    ("text/plain; charset=x-nonsense", "ü".encode(), "ü"),
    ("text/plain", "ü".encode(), "ü"),
    ("", "ü".encode(), "ü"),
    ("application/json", "ü".encode(), "ü"),
]


@pytest.mark.parametrize(("content_type", "body", "text"), ENCODINGS)
async def test_text(
    session: ClientSession,
    scripted: ScriptedFactory,
    content_type: str,
    body: bytes,
    text: str,
) -> None:
    """Text is decoded in its charset; in UTF-8 if there is none or it is unknown."""
    server = await scripted(typed(content_type, body))
    async with session.get(server.url) as response:
        assert await response.text() == text
        assert body.decode(response.get_encoding()) == text


async def test_text_in_an_encoding_of_ones_own(
    session: ClientSession, scripted: ScriptedFactory
) -> None:
    """The caller's encoding and error handler have precedence over the server's."""
    server = await scripted(typed("text/plain; charset=ascii", b"\xfc"))
    async with session.get(server.url) as response:
        with pytest.raises(UnicodeDecodeError):
            await response.text()
        assert await response.text("latin-1") == "ü"
        assert await response.text(errors="replace") == "�"
        with pytest.raises(LookupError):
            await response.text("x-nonsense")
        assert await response.read() == b"\xfc"


async def test_fallback_charset_resolver(
    make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """Without a known charset, the session's resolver gets response and body."""
    asked: list[tuple[int, bytes]] = []

    def resolve(response: ClientResponse, body: bytes) -> str:
        asked.append((response.status, body))
        return "latin-1"

    session = make_session(fallback_charset_resolver=resolve)
    for content_type, text in [
        ("text/plain", "Ã¼"),
        ("", "Ã¼"),
        ("text/plain; charset=x-nonsense", "Ã¼"),
        ("text/plain; charset=utf-8", "ü"),
        ("application/json", "ü"),
    ]:
        server = await scripted(typed(content_type, "ü".encode()))
        async with session.get(server.url) as response:
            assert await response.text() == text
    assert asked == [(200, "ü".encode())] * 3


async def test_encoding_of_an_unread_body(
    session: ClientSession, scripted: ScriptedFactory
) -> None:
    """get_encoding() without a charset requires that the body was read."""
    server = await scripted(typed("text/plain", b"x"))
    async with session.get(server.url) as response:
        with pytest.raises(RuntimeError, match="not yet read"):
            response.get_encoding()
        await response.read()
        assert response.get_encoding() == "utf-8"


JSON_TYPES: list[tuple[str, dict[str, Any], bool]] = [
    ("application/json", {}, True),
    ("Application/JSON; charset=utf-8", {}, True),
    ("application/problem+json", {}, True),
    ("application/jsonp", {}, False),
    ("text/json", {}, False),
    ("text/html", {}, False),
    ("", {}, False),
    ("text/html", {"content_type": None}, True),
    ("text/html", {"content_type": ""}, True),
    ("", {"content_type": None}, True),
    ("Text/HTML; charset=utf-8", {"content_type": "text/html"}, True),
    ("text/html; charset=utf-8", {"content_type": "text/html; charset=utf-8"}, True),
    ("text/plain", {"content_type": "text/html"}, False),
    ("application/json", {"content_type": "text/html"}, False),
]


@pytest.mark.parametrize(("content_type", "options", "accepted"), JSON_TYPES)
async def test_json_types(
    session: ClientSession,
    scripted: ScriptedFactory,
    content_type: str,
    options: dict[str, Any],
    accepted: bool,
) -> None:
    """JSON must have a JSON type, unless the caller expects another type or any."""
    server = await scripted(typed(content_type, b' {"a": 1}\n'))
    async with session.get(server.url) as response:
        if accepted:
            assert await response.json(**options) == {"a": 1}
            return
        with pytest.raises(httptrace.ContentTypeError) as caught:
            await response.json(**options)
        assert await response.text() == ' {"a": 1}\n'
    error = caught.value
    assert error.message == (
        f"Attempt to decode JSON with unexpected mimetype: {content_type.lower()}"
    )
    assert (error.status, error.request_info.method) == (200, "GET")
    assert error.headers is not None and error.headers["Content-Length"] == "10"


async def test_json(session: ClientSession, scripted: ScriptedFactory) -> None:
    """JSON can be parsed again, with other functions and encodings; an empty body is None."""
    server = await scripted(typed("application/json", '\n {"u": [1]} '.encode("utf-16-le")))
    async with session.get(server.url) as response:
        assert await response.json(encoding="utf-16-le") == {"u": [1]}
        assert await response.json(encoding="utf-16-le", loads=str) == '{"u": [1]}'
        with pytest.raises(json.JSONDecodeError):
            await response.json()
    server = await scripted(typed("application/json", b" \r\n\t"))
    async with session.get(server.url) as response:
        assert await response.json(loads=str) is None


async def test_read_again(session: ClientSession, scripted: ScriptedFactory) -> None:
    """The body that was read is kept; read() after content returns the rest."""
    server = await scripted(typed("text/plain", b"first\nsecond"))
    async with session.get(server.url) as response:
        first = await response.read()
        assert await response.read() is first
    assert await response.read() is first
    assert await response.text() == "first\nsecond"
    async with session.get(server.url) as response:
        assert await response.content.readline() == b"first\n"
        assert await response.text() == "second"
        assert await response.read() == b"second"
