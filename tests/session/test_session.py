"""The requests of a session and its life cycle, with real servers."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import Any

import pytest
from tests.client.conftest import MakeSession
from tests.servers.aiohttp_app import AiohttpServer
from tests.servers.fixtures import ScriptedFactory
from tests.servers.nginx import Nginx, file_content
from yarl import URL

import httptrace
from httptrace.testing import response_bytes

from .calling import OK, ok

# --- verbs and URLs -------------------------------------------------------------------------------


async def test_verbs(session: httptrace.ClientSession, scripted: ScriptedFactory) -> None:
    """Each verb sends its method, and a body only if one is given."""
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
    """A plain request has a Host and three default headers, and nothing else."""
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
    """Relative URLs are resolved against base_url (RFC 3986 §5); absolute ones ignore it."""
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
    """params= is added after the URL's own query; text is not changed."""
    server = await scripted(OK)
    await ok(session.get(server.url + path, params=params))
    assert server.requests[0].target == target


# --- headers --------------------------------------------------------------------------------------


async def test_headers(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """The request's headers replace the session's, whatever their case; repeated ones are kept."""
    server = await scripted(OK)
    session = make_session(headers={"X-One": "1", "Accept": "text/plain"})
    await ok(session.get(server.url, headers=[("x-one", "2"), ("x-one", "3"), ("X-Two", "4")]))
    await ok(session.get(server.url))
    first, second = server.requests
    assert (first.values("X-One"), first.values("X-Two")) == (["2", "3"], ["4"])
    assert (second.values("X-One"), second.values("Accept")) == (["1"], ["text/plain"])


async def test_headers_changed_later(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """A change of session.headers applies to later requests."""
    server = await scripted(OK)
    session = make_session()
    for value in ("1", "2"):
        session.headers["X-Value"] = value
        await ok(session.get(server.url))
    del session.headers["X-Value"]
    await ok(session.get(server.url))
    assert [request.header("X-Value") for request in server.requests] == ["1", "2", None]


async def test_skip_auto_headers(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """Default headers are omitted as session and request say; given ones are sent."""
    server = await scripted(OK)
    session = make_session(skip_auto_headers=["user-agent"])
    await ok(session.get(server.url, skip_auto_headers=["ACCEPT"], headers={"User-Agent": "me"}))
    request = server.requests[0]
    assert request.header("Accept") is None
    assert request.header("User-Agent") == "me"
    assert session.skip_auto_headers == {"user-agent"}


@pytest.mark.parametrize("old", [False, True])
async def test_force_close(make_session: MakeSession, scripted: ScriptedFactory, old: bool) -> None:
    """force_close sends close; HTTP/1.0 sends keep-alive, unless force_close."""
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


# --- ways to call ---------------------------------------------------------------------------------


async def test_ways_to_call(
    session: httptrace.ClientSession, aiohttp_server: AiohttpServer
) -> None:
    """A call can be awaited, used with async with, run as a task, gathered and waited for."""
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
    """Sessions with the same connector share connections, but neither cookies nor headers."""
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
    """Sessions with TCP and Unix connectors can be used at the same time."""
    path = tmp_path / "socket"
    server = await scripted(OK, unix_path=path)
    over_unix = make_session(connector=httptrace.UnixConnector(str(path)))
    over_tcp = make_session()
    await ok(over_unix.get("http://anything.example/path"))
    await ok(over_tcp.get(aiohttp_server.url))
    assert server.requests[0].header("Host") == "anything.example"
    assert server.requests[0].target == "/path"


async def test_detach(aiohttp_server: AiohttpServer) -> None:
    """detach() releases the connector, which stays open for others."""
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
    """close() can be called twice, and closes connections; `with` raises an error."""
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
    """The properties of a session have the values of its parameters."""
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
    """nginx's bodies are complete in every framing, on reused connections."""
    for name, size in (("0", 0), ("40", 40), ("64k", 1 << 16), ("1m", 1 << 20)):
        async with session.get(f"{nginx.http}/{way}/{name}") as response:
            assert await response.read() == file_content(size)
    async with session.head(f"{nginx.http}/{way}/64k") as response:
        assert await response.read() == b""


async def test_nginx_statuses(session: httptrace.ClientSession, nginx: Nginx) -> None:
    """Responses with and without a body follow each other on one connection."""
    for status, body in ((204, b""), (304, b""), (404, b"not here"), (500, b"broken")):
        async with session.get(f"{nginx.http}/status/{status}") as response:
            assert (response.status, await response.read()) == (status, body)
    assert session.connector is not None
    assert session.connector.stats().created == 1


async def test_nginx_without_keep_alive(session: httptrace.ClientSession, nginx: Nginx) -> None:
    """With a server that closes after each response, each request has its own connection."""
    for _ in range(3):
        async with session.get(f"{nginx.no_keepalive}/files/1k") as response:
            assert await response.read() == file_content(1 << 10)
    assert session.connector is not None
    assert session.connector.stats().created == 3
