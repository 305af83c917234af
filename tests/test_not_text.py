"""Text that cannot be encoded or decoded: lone surrogates of a caller, bytes of a server."""

from __future__ import annotations

from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks

from httptrace import ClientSession, CookieJar, InvalidUrlClientError
from httptrace.testing.scripted import responding, response_bytes

OK = response_bytes(200, b"ok")


@pytest.mark.parametrize("sign", ["\ud800", "\udce9", "\udfff"])
async def test_in_a_url(leak_check: Leaks, scripted: ScriptedFactory, sign: str) -> None:
    """A lone surrogate is refused everywhere: yarl would silently drop it."""
    server = await scripted(responding(OK))
    async with ClientSession() as session:
        for url in (f"{server.url}/{sign}", f"{server.url}/?a={sign}", f"{server.url}/#{sign}"):
            with pytest.raises(InvalidUrlClientError, match="surrogates"):
                await session.get(url)
    assert server.connections == []


@pytest.mark.parametrize(
    "params",
    [
        *("a=\ud800", {"a": "\ud800"}, {"\ud800": "a"}, {"a": ["b", "\ud800"]}),
        *([("a", "\ud800")], (("a", "b"), ("\ud800", "c"))),
    ],
    ids=ascii,
)
async def test_in_params(leak_check: Leaks, scripted: ScriptedFactory, params: Any) -> None:
    """The same in parameters, whatever their form."""
    server = await scripted(responding(OK))
    async with ClientSession() as session:
        with pytest.raises(ValueError, match=r"params.*surrogates"):
            await session.get(server.url, params=params)
    assert server.connections == []


async def test_in_a_redirect(leak_check: Leaks, scripted: ScriptedFactory) -> None:
    """Bytes of a Location that are not UTF-8 are requested unchanged, as in browsers."""
    moved = b"HTTP/1.1 302 x\r\nLocation: /caf\xe9/\xc3\xa9?a=\xff\r\nContent-Length: 0\r\n\r\n"
    server = await scripted(responding(moved, OK))
    async with ClientSession() as session, session.get(server.url) as response:
        assert await response.read() == b"ok"
    assert server.requests[1].target == "/caf%E9/%C3%A9?a=%FF"


async def test_in_a_charset(leak_check: Leaks, scripted: ScriptedFactory) -> None:
    """A charset with an impossible name counts as none."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=ut\xff-8\r\nContent-Length: 2\r\n"
    server = await scripted(responding(head + b"\r\n\xc3\xa9"))
    async with ClientSession() as session, session.get(server.url) as response:
        assert await response.text() == "é"
        assert response.get_encoding() == "utf-8"


async def test_in_a_cookie(leak_check: Leaks, scripted: ScriptedFactory) -> None:
    """Bytes of a cookie that are not UTF-8 are sent back unchanged."""
    head = (
        b"HTTP/1.1 200 OK\r\nSet-Cookie: caf\xe9=\xff\r\nSet-Cookie: b=1\r\nContent-Length: 2\r\n"
    )
    server = await scripted(responding(head + b"\r\nok", OK))
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        async with session.get(server.url) as response:
            assert await response.read() == b"ok"
            assert sorted(response.cookies) == ["b", "caf\udce9"]
        async with session.get(server.url):
            pass
    assert dict(server.requests[1].headers)[b"Cookie"] == b"caf\xe9=\xff; b=1"
