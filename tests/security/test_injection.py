"""What must not get into a request; `tests/test_bad_input.py` has methods, URLs and headers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.client.conftest import MakeSession
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace.testing import response_bytes
from httptrace.testing.scripted import responding

OK = response_bytes(200, b"ok")
CONTROLS = [chr(code) for code in (*range(9), *range(10, 32), 127)]
"""All but the tab, which may stand in a value (RFC 9110 §5.5)."""

Make = Callable[[httptrace.ClientSession, str, str], Any]
WAYS: dict[str, Make] = {
    "Host": lambda s, url, bad: s.get(url, headers={"Host": f"a{bad}b"}),
    "Cookie": lambda s, url, bad: s.get(url, headers={"Cookie": f"a=b{bad}c"}),
    "body's type": lambda s, url, bad: s.post(url, data=b"x", headers={"Content-Type": bad}),
    "name of a cookie": lambda s, url, bad: s.get(url, cookies={f"a{bad}": "v"}),
    "value of a cookie": lambda s, url, bad: s.get(url, cookies={"a": f"b{bad}c"}),
    "proxy_headers": lambda s, url, bad: s.get(url, proxy=url, proxy_headers={"X": f"a{bad}"}),
    "name in proxy_headers": lambda s, url, bad: s.get(
        url, proxy=url, proxy_headers={f"X{bad}": "a"}
    ),
    "WebSocket method": lambda s, url, bad: s.ws_connect(url, method=f"GE{bad}T"),
    "WebSocket protocol": lambda s, url, bad: s.ws_connect(url, protocols=[f"a{bad}b"]),
    "WebSocket origin": lambda s, url, bad: s.ws_connect(url, origin=f"a{bad}b"),
    "WebSocket header": lambda s, url, bad: s.ws_connect(url, headers={"X": f"a{bad}b"}),
    "WebSocket header's name": lambda s, url, bad: s.ws_connect(url, headers={f"X{bad}": "b"}),
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_request_is_split_by_a_control_character(
    session: httptrace.ClientSession, scripted: ScriptedFactory, way: str
) -> None:
    """No control character gets into a head: the call fails, and nothing is sent."""
    server = await scripted(OK)
    for bad in CONTROLS:
        with pytest.raises(ValueError):
            await asyncio.wait_for(WAYS[way](session, server.url, bad), 5)
    assert server.requests == []


async def test_a_request_is_split_by_a_middleware_or_a_listener(
    make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """Headers that listeners and middlewares set are checked as well."""
    server = await scripted(OK)
    bad = {"X": "a\r\nContent-Length: 5"}

    async def middleware(request: Any, handler: Any) -> Any:
        request.headers.update(bad)
        return await handler(request)

    async def listener(session: Any, context: Any, params: Any) -> None:
        params.headers.update(bad)

    config = httptrace.TraceConfig()
    config.on_request_start.append(listener)
    for options in ({"middlewares": (middleware,)}, {"trace_configs": [config]}):
        with pytest.raises(ValueError, match="header injection"):
            await make_session(**options).get(server.url)
    assert server.requests == []


ENCODED = "/a%0d%0aX-Injected:%20b?c=%0D%0Ad%00"


@pytest.mark.parametrize("requote", [True, False])
@pytest.mark.parametrize("location", [ENCODED, "/gr\xfc\xdfe", "/a\tb", "/a b"])
async def test_a_request_is_split_by_a_location(
    make_session: MakeSession, scripted: ScriptedFactory, location: str, requote: bool
) -> None:
    """Encoded characters in a Location stay encoded; invalid ones fail the call."""
    moved = response_bytes(302, b"", ("Location", location))
    server = await scripted(responding(moved, OK))
    session = make_session(requote_redirect_url=requote)
    try:
        async with session.get(server.url) as response:
            await response.read()
    except httptrace.InvalidUrlRedirectClientError:
        assert len(server.requests) == 1
        return
    line, *fields = server.requests[1].raw.split(b"\r\n")
    assert line.count(b" ") == 2 and line.startswith(b"GET /") and line.endswith(b" HTTP/1.1")
    assert not any(byte < 32 or byte == 127 for byte in line)
    assert not any(field.lower().startswith(b"x-injected") for field in fields)


@pytest.mark.parametrize("bad", ["a; admin=1", "a, b", 'a"b', "a\\b", "a b", "gr\xfc\xdfe"])
async def test_a_cookie_brings_another_one(
    session: httptrace.ClientSession, scripted: ScriptedFactory, bad: str
) -> None:
    """Whatever the value of a cookie is, a server that parses cookies sees one cookie."""
    from http.cookies import SimpleCookie

    server = await scripted(OK)
    async with session.get(server.url, cookies={"session": bad}) as response:
        await response.read()
    header = server.requests[0].header("Cookie") or ""
    parsed = SimpleCookie(header)
    assert list(parsed) == ["session"]
    assert "admin" not in header.split('"')[0]
