"""aiohttp's smaller names and parameters work as documented."""

from __future__ import annotations

import asyncio
import io
import ssl
import zlib
from types import SimpleNamespace
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy, istr
from tests.servers.aiohttp_app import AiohttpServer
from yarl import URL

import httptrace
from httptrace import (
    ChainMapProxy,
    ClientHandlerType,
    ClientRequest,
    ClientResponse,
    ClientSession,
    DataQueue,
    EofStream,
    ETag,
    FlowControlDataQueue,
    RequestInfo,
)

# --- small values -------------------------------------------------------------------------------


def test_header_names_ignore_case() -> None:
    """A constant of hdrs is an istr that finds its field in any case."""
    assert isinstance(httptrace.hdrs.CONTENT_TYPE, istr)
    assert CIMultiDict({"content-type": "text/plain"})[httptrace.hdrs.CONTENT_TYPE] == "text/plain"
    assert httptrace.hdrs.METH_GET == "GET"
    assert "hOsT" in httptrace.hdrs.HOST_ALL


def test_etag() -> None:
    """An entity tag has its value without quotes, and its text with them."""
    assert str(ETag("abc")) == '"abc"'
    assert str(ETag("abc", is_weak=True)) == 'W/"abc"'
    assert ETag("abc") == ETag(value="abc", is_weak=False)


def test_chain_map_proxy() -> None:
    """The first mapping that has a key gives its value; nothing can be set."""
    first, second = {"a": 1}, {"a": 2, "b": 3}
    chained = ChainMapProxy([first, second])
    assert dict(chained) == {"a": 1, "b": 3}
    assert len(chained) == 2
    assert chained.get("c", "none") == "none"
    first["c"] = 4
    assert chained["c"] == 4
    with pytest.raises(KeyError):
        chained["d"]
    with pytest.raises(TypeError):
        chained["e"] = 5  # type: ignore[index]


def test_request_info_without_fragment() -> None:
    """The real URL is the URL unless it is given."""
    headers: CIMultiDictProxy[str] = CIMultiDictProxy(CIMultiDict())
    url = URL("http://a/")
    assert RequestInfo(url, "GET", headers).real_url == url
    assert RequestInfo(url, "GET", headers, URL("http://a/#b")).real_url == URL("http://a/#b")


def test_modules_are_where_aiohttp_has_them() -> None:
    """Modules that aiohttp documents lead to our classes."""
    assert httptrace.abc.AbstractResolver is httptrace.AbstractResolver
    assert httptrace.client_exceptions.ClientError is httptrace.ClientError
    assert httptrace.payload.BytesPayload is httptrace.BytesPayload
    assert httptrace.resolver.AsyncResolver is httptrace.AsyncResolver


# --- queues -------------------------------------------------------------------------------------


async def test_data_queue_in_order() -> None:
    """Items are read in order, and before the end."""
    queue: DataQueue[str] = DataQueue(asyncio.get_running_loop())
    queue.feed_data("a")
    queue.feed_data("b")
    queue.feed_eof()
    assert queue.is_eof() and not queue.at_eof()
    assert [item async for item in queue] == ["a", "b"]
    assert queue.at_eof()
    with pytest.raises(EofStream):
        await queue.read()


async def test_data_queue_waits() -> None:
    """A reader waits for the next item; a second reader at the same time is refused."""
    queue: DataQueue[str] = DataQueue(asyncio.get_running_loop())
    reader = asyncio.create_task(queue.read())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError):
        await queue.read()
    queue.feed_data("late")
    assert await reader == "late"


async def test_data_queue_breaks_off() -> None:
    """An error is raised once the items before it have been read."""
    queue: DataQueue[str] = DataQueue(asyncio.get_running_loop())
    queue.feed_data("a")
    queue.set_exception(ValueError("broken"))
    assert await queue.read() == "a"
    with pytest.raises(ValueError, match="broken"):
        await queue.read()
    assert isinstance(queue.exception(), ValueError)


async def test_flow_control_data_queue() -> None:
    """The source is paused above twice the limit and resumed below the limit."""
    told: list[str] = []
    source = SimpleNamespace(
        pause_reading=lambda: told.append("pause"), resume_reading=lambda: told.append("resume")
    )
    loop = asyncio.get_running_loop()
    queue: FlowControlDataQueue[str] = FlowControlDataQueue(source, 10, loop=loop)
    for item in ("a", "b", "c"):
        queue.feed_data(item, 8)
    assert told == ["pause"]
    await queue.read()
    await queue.read()
    assert told == ["pause", "resume"]


async def test_empty_payload() -> None:
    """The empty stream is always at its end, and stores nothing."""
    empty = httptrace.EMPTY_PAYLOAD
    empty.unread_data(b"nothing")
    empty.set_exception(ValueError())
    assert empty.at_eof() and empty.exception() is None
    assert await empty.read() == await empty.readline() == await empty.readany() == b""
    assert [chunk async for chunk in empty.iter_chunked(10)] == []
    with pytest.raises(asyncio.IncompleteReadError):
        await empty.readexactly(1)


# --- bodies -------------------------------------------------------------------------------------


async def test_streamer(aiohttp_server: AiohttpServer) -> None:
    """A coroutine that is decorated with streamer writes the body; the decorator is deprecated."""
    with pytest.deprecated_call():

        @httptrace.streamer
        async def send(writer: Any, *parts: bytes) -> None:
            for part in parts:
                await writer.write(part)

    async with ClientSession() as session:
        async with session.post(
            f"{aiohttp_server.url}/echo", data=send(b"one", b"two")
        ) as response:
            assert await response.read() == b"onetwo"


async def test_set_zlib_backend(aiohttp_server: AiohttpServer) -> None:
    """A library with zlib's interface can replace zlib for encoding and decoding."""
    used: list[str] = []

    def noting(name: str) -> Any:
        def make(*args: Any, **kwargs: Any) -> Any:
            used.append(name)
            return getattr(zlib, name)(*args, **kwargs)

        return make

    backend = SimpleNamespace(
        compressobj=noting("compressobj"), decompressobj=noting("decompressobj"), error=zlib.error
    )
    with pytest.raises(TypeError, match="is not a zlib: it has no compressobj"):
        httptrace.set_zlib_backend(object())
    httptrace.set_zlib_backend(backend)
    try:
        async with ClientSession() as session:
            async with session.get(f"{aiohttp_server.url}/compressed/gzip") as response:
                await response.read()
            data = b"text " * 1000
            url = f"{aiohttp_server.url}/echo"
            async with session.post(url, data=data, compress="gzip") as response:
                assert await response.read() == data
    finally:
        httptrace.set_zlib_backend(zlib)
    assert "decompressobj" in used and "compressobj" in used


# --- what middlewares see -----------------------------------------------------------------------


async def test_attributes_of_the_request(aiohttp_server: AiohttpServer) -> None:
    """A middleware sees each documented attribute of the request."""
    seen: dict[str, Any] = {}
    names = (
        *("body", "chunked", "compress", "headers", "method", "original_url", "proxy"),
        *("proxy_headers", "response_class", "server_hostname", "session", "ssl", "url", "version"),
    )

    async def look(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        seen.update({name: getattr(request, name) for name in names}, is_ssl=request.is_ssl())
        return await handler(request)

    url = f"{aiohttp_server.url}/echo"
    async with ClientSession(middlewares=[look]) as session:
        async with session.post(f"{url}#part", data=b"x" * 100, compress="gzip") as response:
            await response.read()
        assert seen["session"] is session
    assert seen["url"] == URL(url)
    assert seen["original_url"] == URL(f"{url}#part")
    assert seen["method"] == "POST"
    assert (seen["compress"], seen["chunked"]) == ("gzip", True)
    assert seen["version"] == httptrace.HttpVersion11
    assert seen["response_class"] is ClientResponse
    assert seen["headers"]["Host"] == URL(url).authority
    assert (seen["proxy"], seen["proxy_headers"], seen["server_hostname"]) == (None, None, None)
    assert (seen["ssl"], seen["is_ssl"]) == (True, False)


async def test_own_request_class(aiohttp_server: AiohttpServer) -> None:
    """A user's request class is created for every hop, also without middlewares."""
    hops: list[str] = []

    class Marked(ClientRequest):
        def __init__(self, call: Any) -> None:
            super().__init__(call)
            hops.append(self.url.path)
            self.headers["X-Mark"] = "made"

    async with ClientSession(request_class=Marked) as session:
        url = f"{aiohttp_server.url}/redirect-to?url=/inspect"
        async with session.get(url) as response:
            headers = dict((await response.json())["headers"])
    assert headers["X-Mark"] == "made"
    assert hops == ["/redirect-to", "/inspect"]


async def test_middlewares_of_a_request_replace_those_of_the_session(
    aiohttp_server: AiohttpServer,
) -> None:
    """The middlewares of a request replace the session's."""
    ran: list[str] = []

    def named(name: str) -> Any:
        async def middleware(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
            ran.append(name)
            return await handler(request)

        return middleware

    async with ClientSession(middlewares=[named("session")]) as session:
        for options in ({}, {"middlewares": [named("request")]}, {"middlewares": ()}):
            async with session.get(aiohttp_server.url, **options) as response:
                assert response.ok
    assert ran == ["session", "request"]


async def test_a_middleware_that_takes_too_long(aiohttp_server: AiohttpServer) -> None:
    """The total timeout applies while a middleware waits."""

    async def waits(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        await asyncio.Event().wait()
        raise AssertionError("never reached")

    async with ClientSession(middlewares=[waits], timeout=0.05) as session:
        with pytest.raises(asyncio.TimeoutError):
            await session.get(aiohttp_server.url)


# --- older ways ---------------------------------------------------------------------------------


async def test_requoting_can_be_switched_off_later(aiohttp_server: AiohttpServer) -> None:
    """requote_redirect_url can be set on an existing session."""
    async with ClientSession() as session:
        assert session.requote_redirect_url
        session.requote_redirect_url = False
        assert not session.requote_redirect_url


async def test_verify_ssl_as_aiohttp_has_it(
    aiohttp_tls_server: AiohttpServer, client_ssl: ssl.SSLContext
) -> None:
    """verify_ssl=True is the default and warns of nothing; False disables verification."""
    async with httptrace.TCPConnector(verify_ssl=True, ssl=client_ssl) as connector:
        async with ClientSession(connector=connector) as session:
            async with session.get(aiohttp_tls_server.url) as response:
                assert response.ok
    async with ClientSession() as session:
        async with session.get(aiohttp_tls_server.url, verify_ssl=False) as response:
            assert response.ok


@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated")
async def test_credentials_of_aiohttp_are_understood(aiohttp_server: AiohttpServer) -> None:
    """aiohttp's BasicAuth is accepted by a session and a request; anything else is refused."""
    aiohttp = pytest.importorskip("aiohttp")
    auth = aiohttp.BasicAuth("user", "secret")
    url = f"{aiohttp_server.url}/basic-auth"
    async with ClientSession(auth=auth) as session:
        assert session.auth == httptrace.BasicAuth("user", "secret")
        async with session.get(url) as response:
            assert response.ok
    async with ClientSession() as session:
        async with session.get(url, auth=auth) as response:
            assert response.ok
        with pytest.raises(TypeError, match="auth must be BasicAuth or None, not tuple"):
            await session.get(url, auth=("user", "secret"))  # type: ignore[arg-type]


async def test_bodies_of_aiohttp_are_understood(aiohttp_server: AiohttpServer) -> None:
    """aiohttp's forms and payloads are sent as by its own session."""
    aiohttp = pytest.importorskip("aiohttp")
    form = aiohttp.FormData({"name": "value"})
    form.add_field("file", io.BytesIO(b"content"), filename="a.txt")
    async with ClientSession() as session:
        async with session.post(f"{aiohttp_server.url}/form", data=form) as response:
            fields = await response.json()
        plain = aiohttp.FormData({"a": "1"})
        async with session.post(f"{aiohttp_server.url}/form", data=plain) as response:
            assert await response.json() == [["a", "1"]]
        payload = aiohttp.JsonPayload({"a": 1})
        async with session.post(f"{aiohttp_server.url}/echo", data=payload) as response:
            assert response.content_type == "application/json"
            assert await response.json() == {"a": 1}
        with aiohttp.MultipartWriter("mixed") as parts:
            parts.append("part")
        async with session.post(f"{aiohttp_server.url}/echo", data=parts) as response:
            assert b"part" in await response.read()
    assert fields == [["name", "value"], ["file", "a.txt", "application/octet-stream", "content"]]


async def test_timeouts_of_aiohttp_are_understood(aiohttp_server: AiohttpServer) -> None:
    """aiohttp's ClientTimeout is accepted by our session."""
    aiohttp = pytest.importorskip("aiohttp")
    timeout = aiohttp.ClientTimeout(total=7, sock_read=3)
    async with ClientSession(timeout=timeout) as session:
        assert session.timeout == httptrace.ClientTimeout(total=7, sock_read=3)
        async with session.get(aiohttp_server.url, timeout=timeout) as response:
            assert response.ok
