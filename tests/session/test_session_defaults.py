"""What a session adds to its requests: cookies, credentials, JSON, limits and checks."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.client.conftest import MakeSession
from tests.servers.aiohttp_app import AiohttpServer
from tests.servers.fixtures import ScriptedFactory
from yarl import URL

import httptrace
from httptrace.testing import response_bytes
from httptrace.testing.peer import Peer

from .calling import OK, ok

# --- cookies --------------------------------------------------------------------------------------


async def test_cookies(make_session: MakeSession, aiohttp_server: AiohttpServer) -> None:
    """Cookies of the session, the request and the server are sent together."""
    jar = httptrace.CookieJar(unsafe=True)
    session = make_session(aiohttp_server.url, cookie_jar=jar, cookies={"session": "1"})
    async with session.get("/cookies/set", params={"server": "2"}) as response:
        assert response.cookies["server"].value == "2"
    async with session.get("/inspect", cookies={"request": "3"}) as response:
        assert (await response.json())["cookies"] == {"session": "1", "server": "2", "request": "3"}
    async with session.get("/inspect", headers={"Cookie": "header=4; server=5"}) as response:
        assert (await response.json())["cookies"] == {"session": "1", "server": "2", "header": "4"}
    session.cookie_jar.clear()
    async with session.get("/inspect") as response:
        assert (await response.json())["cookies"] == {}


async def test_no_cookies(make_session: MakeSession, aiohttp_server: AiohttpServer) -> None:
    """A DummyCookieJar stores none; the default jar stores none of an IP address."""
    for jar in (httptrace.DummyCookieJar(), None):
        session = make_session(aiohttp_server.url, cookie_jar=jar)
        await ok(session.get("/cookies/set", params={"a": "1"}))
        async with session.get("/inspect") as response:
            assert (await response.json())["cookies"] == {}


# --- credentials ----------------------------------------------------------------------------------


async def test_auth(make_session: MakeSession, aiohttp_server: AiohttpServer) -> None:
    """BasicAuth is taken from the session, the request or the URL."""
    auth = httptrace.BasicAuth("user", "secret")
    url = f"{aiohttp_server.url}/basic-auth"
    session = make_session()
    assert (await session.get(url)).status == 401
    await ok(session.get(url, auth=auth))
    await ok(session.get(url.replace("//", "//user:secret@")))
    await ok(session.get(URL(url).with_user("user").with_password("secret")))
    await ok(make_session(auth=auth).get(url))
    with pytest.raises(ValueError, match="credentials"):
        await session.get(url.replace("//", "//a:b@"), auth=auth)
    with pytest.raises(ValueError, match="AUTH"):
        await session.get(url, auth=auth, headers={"Authorization": "x"})


async def test_netrc(
    make_session: MakeSession,
    aiohttp_server: AiohttpServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """netrc is used with trust_env only, and auth= has precedence."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password secret\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    url = f"{aiohttp_server.url}/basic-auth"
    assert (await make_session().get(url)).status == 401
    trusting = make_session(trust_env=True)
    await ok(trusting.get(url))
    assert (await trusting.get(url, auth=httptrace.BasicAuth("other"))).status == 401


@pytest.mark.parametrize("preemptive", [True, False])
async def test_digest(
    make_session: MakeSession, scripted: ScriptedFactory, preemptive: bool
) -> None:
    """DigestAuthMiddleware answers a challenge, and sends the body again."""
    challenge = 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256'
    refused = response_bytes(401, b"no", ("WWW-Authenticate", challenge))

    async def judge(peer: Peer) -> None:
        while True:
            request = await peer.request()
            answered = (request.header("Authorization") or "").startswith("Digest ")
            await peer.send(OK if answered else refused)

    server = await scripted(judge)
    digest = httptrace.DigestAuthMiddleware("user", "pass", preemptive)
    session = make_session(middlewares=(digest,))
    for body in (b"small", b"x" * 100_000):
        async with session.post(server.url, data=body) as response:
            assert response.status == 200
    bodies = [len(request.body) for request in server.requests]
    large = [100_000] if preemptive else [100_000, 100_000]
    assert bodies == [5, 5, *large]
    assert len(server.connections) == 1


# --- JSON -----------------------------------------------------------------------------------------


async def test_json(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """json= is serialized by json_serialize, to text or to bytes, and sent as JSON."""
    server = await scripted(OK)

    def compact(value: Any) -> str:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    for options in ({}, {"json_serialize": compact}, {"json_serialize_bytes": lambda _: b"\xff"}):
        await ok(make_session(**options).post(server.url, json={"ü": [1, None]}))
    bodies = [request.body for request in server.requests]
    assert bodies == [b'{"\\u00fc": [1, null]}', '{"ü":[1,null]}'.encode(), b"\xff"]
    assert {request.header("Content-Type") for request in server.requests} == {"application/json"}


async def test_json_and_data(session: httptrace.ClientSession, scripted: ScriptedFactory) -> None:
    """Two bodies are refused; json= keeps a given Content-Type."""
    server = await scripted(OK)
    with pytest.raises(ValueError, match="json"):
        await session.post(server.url, json={}, data=b"")
    await ok(session.post(server.url, json=[], headers={"Content-Type": "application/x+json"}))
    assert server.requests[0].header("Content-Type") == "application/x+json"


# --- timeouts, statuses, limits -------------------------------------------------------------------


TIMEOUTS: list[Any] = [
    0.05,
    httptrace.ClientTimeout(total=0.05),
    httptrace.ClientTimeout(sock_read=0.05),
]


@pytest.mark.parametrize("timeout", TIMEOUTS, ids=str)
@pytest.mark.parametrize("whose", ["session", "request"])
async def test_timeouts(
    make_session: MakeSession, scripted: ScriptedFactory, timeout: Any, whose: str
) -> None:
    """A timeout is a ClientTimeout or seconds, of the session or of the request."""

    async def silent(peer: Peer) -> None:
        await peer.request()
        await peer.hang()

    server = await scripted(silent)
    session = make_session(**({"timeout": timeout} if whose == "session" else {}))
    with pytest.raises(TimeoutError) as caught:
        await session.get(server.url, **({"timeout": timeout} if whose == "request" else {}))
    read = getattr(timeout, "sock_read", None)
    assert isinstance(caught.value, httptrace.ServerTimeoutError) is (read is not None)
    await server.no_connections()


async def test_no_timeout(make_session: MakeSession) -> None:
    """None and 0 mean no limit; the default is five minutes in all and 30 s to connect."""
    assert make_session().timeout == httptrace.ClientTimeout(total=300, sock_connect=30)
    assert make_session(timeout=None).timeout == httptrace.ClientTimeout()
    assert make_session(timeout=httptrace.ClientTimeout(total=0)).timeout.total == 0


async def test_raise_for_status(make_session: MakeSession, aiohttp_server: AiohttpServer) -> None:
    """The session's raise_for_status applies unless the request has its own."""
    url = f"{aiohttp_server.url}/status/404"
    session = make_session(raise_for_status=True)
    with pytest.raises(httptrace.ClientResponseError) as caught:
        await session.get(url)
    assert (caught.value.status, caught.value.message) == (404, "Not Found")
    assert caught.value.request_info.real_url == URL(url)
    with pytest.raises(httptrace.ClientResponseError):
        async with session.get(url):
            pytest.fail("not reached")
    async with session.get(url, raise_for_status=False) as response:
        assert response.status == 404
    with pytest.raises(httptrace.ClientResponseError):
        await make_session().get(url, raise_for_status=True)


async def test_raise_for_status_by_a_coroutine(
    make_session: MakeSession, aiohttp_server: AiohttpServer
) -> None:
    """A coroutine function checks each response, and may read it."""
    seen = []

    async def check(response: httptrace.ClientResponse) -> None:
        seen.append((response.status, await response.text()))
        if not response.ok:
            raise LookupError("refused")

    session = make_session(aiohttp_server.url, raise_for_status=check)
    async with session.get("/") as response:
        assert await response.text() == "hello"
    with pytest.raises(LookupError, match="refused"):
        await session.get("/status/500")
    await session.get("/status/500", raise_for_status=False)
    assert [status for status, _ in seen] == [200, 500]


async def test_limit(make_session: MakeSession, aiohttp_server: AiohttpServer) -> None:
    """No more connections are open than limit= allows; all requests get a response."""
    connector = httptrace.TCPConnector(limit=2)
    session = make_session(aiohttp_server.url, connector=connector)
    await asyncio.gather(*(ok(session.get("/")) for _ in range(20)))
    assert connector.stats().open <= 2
    assert aiohttp_server.requests == 20


async def test_read_bufsize(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """With a small read_bufsize reading from the socket pauses early."""
    sent = 0

    async def endless(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            await peer.send(b"x" * 65_536)
            sent += 65_536

    server = await scripted(endless)
    session = make_session(read_bufsize=1 << 16)
    async with session.get(server.url) as response:
        assert response.content.get_read_buffer_limits() == (1 << 16, 1 << 17)
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.05)
        assert len(response.content.read_nowait()) <= 1 << 19


async def test_auto_decompress(make_session: MakeSession, aiohttp_server: AiohttpServer) -> None:
    """auto_decompress=False, of the session or the request, does not decode bodies."""
    session = make_session(aiohttp_server.url, auto_decompress=False)
    assert not session.auto_decompress
    async with session.get("/compressed/gzip") as response:
        assert (await response.read())[:2] == b"\x1f\x8b"
    async with session.get("/compressed/gzip", auto_decompress=True) as response:
        assert (await response.text()).startswith("a line")


async def test_response_class(make_session: MakeSession, aiohttp_server: AiohttpServer) -> None:
    """response_class= is the class of the responses, which may have more methods."""

    class Response(httptrace.ClientResponse):
        async def shouted(self) -> str:
            return (await self.text()).upper()

    async with make_session(response_class=Response).get(aiohttp_server.url) as response:
        assert isinstance(response, Response)
        assert await response.shouted() == "HELLO"
