"""What a session sends, and how it lives: over real sockets, to real servers."""

from __future__ import annotations

import asyncio
import gc
import json
from pathlib import Path
from typing import Any

import pytest
from tests.servers.aiohttp_app import AiohttpServer
from tests.servers.fixtures import ScriptedFactory
from tests.servers.nginx import Nginx, file_content
from yarl import URL

import httptrace
from httptrace.testing import response_bytes
from httptrace.testing.peer import Peer

from .conftest import MakeSession

OK = response_bytes(200, b"ok")


async def ok(call: Any) -> httptrace.ClientResponse:
    """The response of a call, read."""
    async with call as response:
        await response.read()
        assert response.ok
        return response  # type: ignore[no-any-return]


# --- verbs and URLs -------------------------------------------------------------------------------


async def test_verbs(session: httptrace.ClientSession, scripted: ScriptedFactory) -> None:
    """Each verb sends its method; bodies only where there are any."""
    server = await scripted(response_bytes(200))
    for verb in ("get", "options", "head", "post", "put", "patch", "delete"):
        await ok(getattr(session, verb)(server.url))
    await ok(session.request("purge", server.url))
    methods = [request.method for request in server.requests]
    assert methods == "GET OPTIONS HEAD POST PUT PATCH DELETE PURGE".split()
    lengths = [request.header("Content-Length") for request in server.requests]
    assert lengths == [None, None, None, "0", "0", "0", "0", "0"]


async def test_the_request_as_it_is_sent(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """A plain request has a Host and three defaults, and nothing else."""
    server = await scripted(OK)
    await ok(session.get(f"{server.url}/path?query#fragment"))
    request = server.requests[0]
    assert (request.target, request.version) == ("/path?query", "HTTP/1.1")
    assert [name for name, _ in request.headers] == [
        b"Host",
        b"Accept",
        b"Accept-Encoding",
        b"User-Agent",
    ]


BASES = [
    ("/", "path", "/path"),
    ("/", "/path", "/path"),
    ("/a/", "path", "/a/path"),
    ("/a/", "/path", "/path"),
    ("/a/b/", "../path?x=1", "/a/path?x=1"),
    ("/a/", "", "/a/"),
    ("/a/", "?x=1", "/a/?x=1"),
]


@pytest.mark.parametrize(("base", "url", "target"), BASES)
async def test_base_url(
    make_session: MakeSession, scripted: ScriptedFactory, base: str, url: str, target: str
) -> None:
    """Relative URLs are resolved against base_url (RFC 3986 §5); absolute ones stand alone."""
    server, other = await scripted(OK), await scripted(OK)
    session = make_session(server.url + base)
    await ok(session.get(url))
    await ok(session.get(URL(url)))
    await ok(session.get(other.url + "/x"))
    assert [request.target for request in server.requests] == [target, target]
    assert other.requests[0].target == "/x"


PARAMS: list[tuple[str, Any, str]] = [
    ("/", {"a": "1", "b": "x y&"}, "/?a=1&b=x+y%26"),
    ("/", [("a", "1"), ("a", "2")], "/?a=1&a=2"),
    ("/", {"a": ["1", "2"]}, "/?a=1&a=2"),
    ("/", {"i": 1, "f": 1.5}, "/?i=1&f=1.5"),
    ("/", "a=b%20c&d=e+f", "/?a=b%20c&d=e+f"),
    ("/", "q=ü ß", "/?q=%C3%BC+%C3%9F"),
    ("/", "?q=1#x", "/?q=1%23x"),
    ("/?x=1", {"x": "2", "y": "3"}, "/?x=1&x=2&y=3"),
    ("/?x=%26", "y=%26", "/?x=%26&y=%26"),
    ("/?x=%2F", "y=%2F", "/?x=/&y=/"),  # the same: RFC 3986 §3.4 allows "/" there
    ("/?x=1#f", {"y": "2"}, "/?x=1&y=2"),
    ("/?x=1", {}, "/?x=1"),
    ("/?x=1", "", "/?x=1"),
]


@pytest.mark.parametrize(("path", "params", "target"), PARAMS)
async def test_params(
    session: httptrace.ClientSession,
    scripted: ScriptedFactory,
    path: str,
    params: Any,
    target: str,
) -> None:
    """params= is added behind the URL's own query; text goes as it stands."""
    server = await scripted(OK)
    await ok(session.get(server.url + path, params=params))
    assert server.requests[0].target == target


# --- headers --------------------------------------------------------------------------------------


async def test_headers(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """The request's headers replace the session's, whatever their case; doubled ones stay."""
    server = await scripted(OK)
    session = make_session(headers={"X-One": "1", "Accept": "text/plain"})
    await ok(session.get(server.url, headers=[("x-one", "2"), ("x-one", "3"), ("X-Two", "4")]))
    await ok(session.get(server.url))
    first, second = server.requests
    assert (first.values("X-One"), first.values("X-Two")) == (["2", "3"], ["4"])
    assert (second.values("X-One"), second.values("Accept")) == (["1"], ["text/plain"])


async def test_headers_changed_later(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """A change of session.headers holds from the next request on."""
    server = await scripted(OK)
    session = make_session()
    for value in ("1", "2"):
        session.headers["X-Value"] = value
        await ok(session.get(server.url))
    del session.headers["X-Value"]
    await ok(session.get(server.url))
    assert [request.header("X-Value") for request in server.requests] == ["1", "2", None]


async def test_skip_auto_headers(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """Defaults are left out as session and request say; what is given stays."""
    server = await scripted(OK)
    session = make_session(skip_auto_headers=["user-agent"])
    await ok(session.get(server.url, skip_auto_headers=["ACCEPT"], headers={"User-Agent": "me"}))
    request = server.requests[0]
    assert request.header("Accept") is None
    assert request.header("User-Agent") == "me"
    assert session.skip_auto_headers == {"user-agent"}


@pytest.mark.parametrize("old", [False, True])
async def test_force_close(make_session: MakeSession, scripted: ScriptedFactory, old: bool) -> None:
    """force_close asks the server to close; HTTP/1.0 asks it not to, unless force_close."""
    server = await scripted(OK)
    version = httptrace.HttpVersion10 if old else httptrace.HttpVersion11
    for force_close in (True, False):
        connector = httptrace.TCPConnector(force_close=force_close)
        session = make_session(connector=connector, version=version)
        await ok(session.get(server.url))
        await ok(session.get(server.url))
    wanted = [request.header("Connection") for request in server.requests]
    assert wanted == ["close", "close", *(["keep-alive"] * 2 if old else [None] * 2)]
    assert {request.version for request in server.requests} == {f"HTTP/1.{0 if old else 1}"}
    assert len(server.connections) == 3


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
    """A DummyCookieJar keeps none; an IP address gives none to the default jar."""
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
    """netrc is looked at with trust_env alone, and gives way to auth=."""
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
    """DigestAuthMiddleware answers a challenge, and repeats the body with its answer."""
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
    """json= is serialized as the session says, to text or to bytes, and named as JSON."""
    server = await scripted(OK)

    def compact(value: Any) -> str:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    for options in ({}, {"json_serialize": compact}, {"json_serialize_bytes": lambda _: b"\xff"}):
        await ok(make_session(**options).post(server.url, json={"ü": [1, None]}))
    bodies = [request.body for request in server.requests]
    assert bodies == [b'{"\\u00fc": [1, null]}', '{"ü":[1,null]}'.encode(), b"\xff"]
    assert {request.header("Content-Type") for request in server.requests} == {"application/json"}


async def test_json_and_data(session: httptrace.ClientSession, scripted: ScriptedFactory) -> None:
    """Two bodies are refused; json= keeps a Content-Type that was given."""
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
    """None and 0 switch limits off; the default is five minutes in all and 30 s to connect."""
    assert make_session().timeout == httptrace.ClientTimeout(total=300, sock_connect=30)
    assert make_session(timeout=None).timeout == httptrace.ClientTimeout()
    assert make_session(timeout=httptrace.ClientTimeout(total=0)).timeout.total == 0


async def test_raise_for_status(make_session: MakeSession, aiohttp_server: AiohttpServer) -> None:
    """The flag of the session holds unless the request has its own."""
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
    """A coroutine judges each response, and may read it."""
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
    """No more connections are open than limit= allows; all requests are answered."""
    connector = httptrace.TCPConnector(limit=2)
    session = make_session(aiohttp_server.url, connector=connector)
    await asyncio.gather(*(ok(session.get("/")) for _ in range(20)))
    assert connector.stats().open <= 2
    assert aiohttp_server.requests == 20


async def test_read_bufsize(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """A small read_bufsize stops the socket from being read early."""
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
    """auto_decompress=False, of the session or the request, gives the bytes as they came."""
    session = make_session(aiohttp_server.url, auto_decompress=False)
    assert not session.auto_decompress
    async with session.get("/compressed/gzip") as response:
        assert (await response.read())[:2] == b"\x1f\x8b"
    async with session.get("/compressed/gzip", auto_decompress=True) as response:
        assert (await response.text()).startswith("a line")


async def test_response_class(make_session: MakeSession, aiohttp_server: AiohttpServer) -> None:
    """response_class= makes the responses, which may have more to offer."""

    class Response(httptrace.ClientResponse):
        async def shouted(self) -> str:
            return (await self.text()).upper()

    async with make_session(response_class=Response).get(aiohttp_server.url) as response:
        assert isinstance(response, Response)
        assert await response.shouted() == "HELLO"


# --- middlewares ----------------------------------------------------------------------------------


async def test_middlewares(make_session: MakeSession, aiohttp_server: AiohttpServer) -> None:
    """Middlewares run in order, once for each hop; the request's replace the session's."""
    order: list[str] = []

    def named(name: str) -> Any:
        async def middleware(request: httptrace.ClientRequest, handler: Any) -> Any:
            order.append(f"{name}>{request.url.path}")
            response = await handler(request)
            order.append(f"{name}<{response.status}")
            return response

        return middleware

    session = make_session(aiohttp_server.url, middlewares=(named("a"), named("b")))
    await ok(session.get("/redirect/1"))
    first = ["a>/redirect/1", "b>/redirect/1", "b<302", "a<302"]
    assert order == [*first, "a>/redirect/0", "b>/redirect/0", "b<200", "a<200"]
    order.clear()
    await ok(session.get("/", middlewares=(named("c"),)))
    await ok(session.get("/", middlewares=()))
    assert order == ["c>/", "c<200"]


async def test_a_middleware_repeats(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """A middleware may send the request again, body and all, with other headers."""

    async def insist(request: httptrace.ClientRequest, handler: Any) -> Any:
        for attempt in range(3):
            request.headers["X-Attempt"] = str(attempt)
            response = await handler(request)
            if response.status != 503:
                break
        return response

    busy = response_bytes(503, b"busy")
    from httptrace.testing.scripted import responding

    server = await scripted(responding(busy, busy, OK))
    session = make_session(middlewares=(insist,))
    for body in (b"body", b"x" * 100_000):
        async with session.post(server.url, data=body) as response:
            assert await response.read() == b"ok"
    assert [request.header("X-Attempt") for request in server.requests] == ["0", "1", "2", "0"]
    assert [len(request.body) for request in server.requests] == [4, 4, 4, 100_000]


async def test_a_middleware_answers(
    make_session: MakeSession, aiohttp_server: AiohttpServer
) -> None:
    """A middleware may raise, and may give a response that it had before."""
    async with make_session().get(aiohttp_server.url) as kept:
        await kept.read()

    async def cache(request: Any, handler: Any) -> Any:
        if request.url.path == "/forbidden":
            raise PermissionError(request.url.path)
        return kept

    session = make_session(aiohttp_server.url, middlewares=(cache,))
    async with session.get("/cached") as response:
        assert await response.text() == "hello"
    with pytest.raises(PermissionError):
        await session.get("/forbidden")
    assert aiohttp_server.requests == 1


async def test_what_a_middleware_sees(
    make_session: MakeSession, aiohttp_server: AiohttpServer
) -> None:
    """A ClientRequest has aiohttp's documented attributes."""
    seen: dict[str, Any] = {}

    async def look(request: httptrace.ClientRequest, handler: Any) -> Any:
        for name in ("method", "url", "original_url", "host", "port", "session", "version", "ssl"):
            seen[name] = getattr(request, name)
        seen["is_ssl"] = request.is_ssl()
        seen["key"] = request.connection_key.port
        seen["info"] = request.request_info.method
        return await handler(request)

    session = make_session(middlewares=(look,))
    await ok(session.put(f"{aiohttp_server.url}/echo#f", data=b"x"))
    assert seen == {
        "method": "PUT",
        "url": URL(f"{aiohttp_server.url}/echo"),
        "original_url": URL(f"{aiohttp_server.url}/echo#f"),
        "host": "127.0.0.1",
        "port": aiohttp_server.port,
        "session": session,
        "version": httptrace.HttpVersion11,
        "ssl": True,
        "is_ssl": False,
        "key": aiohttp_server.port,
        "info": "PUT",
    }


# --- ways to call ---------------------------------------------------------------------------------


async def test_ways_to_call(
    session: httptrace.ClientSession, aiohttp_server: AiohttpServer
) -> None:
    """A call can be awaited, used with async with, made a task, gathered and waited for."""
    url = aiohttp_server.url
    response = await session.get(url)
    assert await response.text() == "hello"
    response.release()
    async with await session.get(url) as response:
        assert await response.text() == "hello"
    tasks = [asyncio.create_task(session.get(url)), asyncio.ensure_future(session.get(url))]
    async with asyncio.TaskGroup() as group:
        tasks.append(group.create_task(session.get(url)))
    gathered = await asyncio.gather(*tasks, session.get(url))
    waited = await asyncio.wait_for(session.get(url), 10)
    assert [await each.text() for each in (*gathered, waited)] == ["hello"] * 5
    call = session.get(url)
    assert asyncio.iscoroutine(call)
    call.close()


async def test_a_call_that_is_not_awaited(session: httptrace.ClientSession) -> None:
    """A call that is dropped without being awaited warns, as a coroutine does."""
    with pytest.warns(RuntimeWarning, match="never awaited"):
        session.get("http://127.0.0.1:1/")
        gc.collect()


async def test_module_request(aiohttp_server: AiohttpServer) -> None:
    """httptrace.request() needs no session, with async with and awaited."""
    url = f"{aiohttp_server.url}/echo"
    async with httptrace.request("POST", url, data=b"abc") as response:
        assert await response.read() == b"abc"
    response = await httptrace.request("POST", url, json=[1])
    assert await response.json() == [1]
    with pytest.raises(httptrace.ClientConnectorError):
        async with httptrace.request("GET", "http://127.0.0.1:1/"):
            pytest.fail("not reached")


async def test_module_request_over_a_connector(aiohttp_server: AiohttpServer) -> None:
    """A connector that is given to request() is used and stays open."""
    async with httptrace.TCPConnector() as connector:
        for _ in range(3):
            async with httptrace.request("GET", aiohttp_server.url, connector=connector) as r:
                await r.read()
        assert connector.stats().created == 1
        assert not connector.closed


# --- its connector and its end --------------------------------------------------------------------


async def test_two_sessions_share_a_connector(aiohttp_server: AiohttpServer) -> None:
    """Sessions over one connector share connections, but neither cookies nor headers."""
    async with httptrace.TCPConnector() as connector:
        for number in range(3):
            session = httptrace.ClientSession(
                aiohttp_server.url,
                connector=connector,
                connector_owner=False,
                cookies={f"c{number}": "1"},
                cookie_jar=httptrace.CookieJar(unsafe=True),
            )
            async with session, session.get("/inspect") as response:
                assert (await response.json())["cookies"] == {f"c{number}": "1"}
            assert session.closed
            assert not connector.closed
        assert connector.stats().created == 1


async def test_a_session_over_two_connectors(
    make_session: MakeSession,
    aiohttp_server: AiohttpServer,
    scripted: ScriptedFactory,
    tmp_path: Path,
) -> None:
    """TCP and Unix connectors serve sessions of the same kind side by side."""
    path = tmp_path / "socket"
    server = await scripted(OK, unix_path=path)
    over_unix = make_session(connector=httptrace.UnixConnector(str(path)))
    over_tcp = make_session()
    await ok(over_unix.get("http://anything.example/path"))
    await ok(over_tcp.get(aiohttp_server.url))
    assert server.requests[0].header("Host") == "anything.example"
    assert server.requests[0].target == "/path"


async def test_detach(aiohttp_server: AiohttpServer) -> None:
    """detach() lets go of the connector, which stays open for others."""
    connector = httptrace.TCPConnector()
    session = httptrace.ClientSession(connector=connector)
    await ok(session.get(aiohttp_server.url))
    session.detach()
    assert session.closed
    assert session.connector is None
    assert not connector.closed
    with pytest.raises(RuntimeError, match="closed"):
        await session.get(aiohttp_server.url)
    async with httptrace.ClientSession(connector=connector) as other:
        await ok(other.get(aiohttp_server.url))
    assert connector.closed


async def test_close(aiohttp_server: AiohttpServer) -> None:
    """close() can be called twice, and ends connections; with is not enough."""
    session = httptrace.ClientSession()
    await ok(session.get(aiohttp_server.url))
    await session.close()
    await session.close()
    assert session.closed
    with pytest.raises(RuntimeError, match="closed"):
        await session.get(aiohttp_server.url)
    wrong: Any = session
    with pytest.raises(TypeError, match="async with"):
        with wrong:
            pytest.fail("not reached")


async def test_settings_can_be_read(make_session: MakeSession) -> None:
    """A session shows what it was made with."""
    auth = httptrace.BasicAuth("a", "b")
    session = make_session(
        auth=auth,
        headers={"X-A": "1"},
        raise_for_status=True,
        trust_env=True,
        requote_redirect_url=False,
        connector_owner=False,
        json_serialize=str,
        skip_auto_headers=["accept"],
    )
    assert (session.auth, session.headers) == (auth, {"X-A": "1"})
    assert (session.raise_for_status, session.trust_env) == (True, True)
    assert (session.requote_redirect_url, session.connector_owner) == (False, False)
    assert (session.json_serialize, session.skip_auto_headers) == (str, {"accept"})
    assert session.version == httptrace.HttpVersion11
    assert session.auto_decompress
    assert session.trace_configs == []
    assert session.connector is not None
    await session.connector.close()


# --- real servers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["files", "chunked", "until-close", "proxied"])
async def test_nginx(session: httptrace.ClientSession, nginx: Nginx, way: str) -> None:
    """nginx's bodies come whole, however they are delimited, on kept connections."""
    for name, size in (("0", 0), ("40", 40), ("64k", 1 << 16), ("1m", 1 << 20)):
        async with session.get(f"{nginx.http}/{way}/{name}") as response:
            assert await response.read() == file_content(size)
    async with session.head(f"{nginx.http}/{way}/64k") as response:
        assert await response.read() == b""


async def test_nginx_statuses(session: httptrace.ClientSession, nginx: Nginx) -> None:
    """Statuses with and without a body follow each other on one connection."""
    for status, body in ((204, b""), (304, b""), (404, b"not here"), (500, b"broken")):
        async with session.get(f"{nginx.http}/status/{status}") as response:
            assert (response.status, await response.read()) == (status, body)
    assert session.connector is not None
    assert session.connector.stats().created == 1


async def test_nginx_without_keep_alive(session: httptrace.ClientSession, nginx: Nginx) -> None:
    """A server that closes after each response is served with a connection for each."""
    for _ in range(3):
        async with session.get(f"{nginx.no_keepalive}/files/1k") as response:
            assert await response.read() == file_content(1 << 10)
    assert session.connector is not None
    assert session.connector.stats().created == 3
