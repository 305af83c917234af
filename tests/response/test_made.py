"""Responses that programs create, subclass and change, as with aiohttp's `ClientResponse`."""

from __future__ import annotations

import asyncio
import inspect
import json
from http.cookies import SimpleCookie
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from tests.servers.aiohttp_app import AiohttpServer
from yarl import URL

import httptrace

CLIENTS = pytest.mark.parametrize(
    "lib", [aiohttp, httptrace], ids=lambda package: str(package.__name__)
)
URL_OF_ALL = URL("http://example.com/path?query#part")


def arguments(lib: ModuleType) -> dict[str, Any]:
    """All arguments of aiohttp's constructor, as recorders and mocks pass them."""
    headers = CIMultiDictProxy(CIMultiDict({"Accept": "*/*"}))
    return {
        "writer": None,
        "continue100": None,
        "timer": None,
        "request_info": lib.RequestInfo(URL_OF_ALL, "PUT", headers, URL_OF_ALL),
        "traces": [],
        "loop": mock.Mock(get_debug=lambda: False),
        "session": None,
        "stream_writer": SimpleNamespace(output_size=7),
    }


def filled(lib: ModuleType, body: bytes = b'{"a": 1}') -> Any:
    """A response that a program has created and filled."""
    response: Any = lib.ClientResponse("PUT", URL_OF_ALL, **arguments(lib))
    response.status = 201
    response.reason = "Created"
    response.version = lib.HttpVersion10
    response._headers = CIMultiDictProxy(
        CIMultiDict(
            {
                "Content-Type": "application/json; charset=latin-1",
                "Link": '<https://example.com/next>; rel="next"',
                "Content-Length": str(len(body)),
            }
        )
    )
    response._raw_headers = ((b"content-type", b"application/json"),)
    response._body = body
    return response


@CLIENTS
async def test_made_response_shows_what_it_was_given(lib: ModuleType) -> None:
    """The attributes of a response are those that the program gave or assigned."""
    response = filled(lib)
    assert (response.status, response.reason, response.ok) == (201, "Created", True)
    assert response.version == (1, 0)
    assert response.method == "PUT"
    assert response.url == URL("http://example.com/path?query")
    assert response.real_url == URL_OF_ALL
    assert response.host == "example.com"
    assert response.headers["link"].startswith("<https://example.com/next>")
    assert response.raw_headers == ((b"content-type", b"application/json"),)
    assert (response.content_type, response.charset) == ("application/json", "latin-1")
    assert response.content_length == 8
    assert response.links["next"]["url"] == URL("https://example.com/next")
    assert response.request_info.method == "PUT"
    assert response.request_info.headers["Accept"] == "*/*"
    assert response.history == ()
    assert response.connection is None
    assert response.cookies == {}
    assert response.closed
    assert response.get_encoding() == "iso8859-1"
    assert "201 Created" in repr(response)


@CLIENTS
async def test_made_response_is_read(lib: ModuleType) -> None:
    """An assigned body is returned by `read`, `text` and `json`."""
    response = filled(lib, '{"a": "é"}'.encode("latin-1"))
    assert await response.read() == b'{"a": "\xe9"}'
    assert await response.text() == '{"a": "é"}'
    assert await response.json() == {"a": "é"}
    async with response as entered:
        assert entered is response
    await response.release()
    response.close()


@CLIENTS
async def test_stream_of_ones_own(lib: ModuleType) -> None:
    """The body is read from an assigned stream."""
    response = filled(lib)
    response._body = None
    protocol = mock.Mock(_reading_paused=False)
    loop = asyncio.get_running_loop()
    response.content = lib.StreamReader(protocol, limit=2**16, loop=loop)
    response.content.feed_data(b"[1, ")
    response.content.feed_data(b"2]")
    response.content.feed_eof()
    assert await response.json() == [1, 2]
    assert await response.read() == b"[1, 2]"


@CLIENTS
async def test_release_of_a_made_response(lib: ModuleType) -> None:
    """`release` marks a response as released; its stream cannot be read afterwards."""
    response = filled(lib)
    response._body = None
    loop = asyncio.get_running_loop()
    response.content = lib.StreamReader(mock.Mock(_reading_paused=False), limit=8, loop=loop)
    assert response._released is False
    await response.release()
    assert response._released is True
    with pytest.raises(lib.ClientConnectionError):
        await response.read()


@CLIENTS
async def test_status_of_a_made_response_is_checked(lib: ModuleType) -> None:
    """`raise_for_status` raises with the request, history, status, reason and headers assigned."""
    response = filled(lib)
    response.raise_for_status()
    before = filled(lib)
    response._history = (before,)
    response.status, response.reason = 404, "Nothing here"
    with pytest.raises(lib.ClientResponseError) as caught:
        response.raise_for_status()
    error = caught.value
    assert (error.status, error.message, error.history) == (404, "Nothing here", (before,))
    assert error.request_info == response.request_info
    assert error.headers is response.headers
    assert response.history == (before,)


@CLIENTS
async def test_wrong_type_of_a_made_response(lib: ModuleType) -> None:
    """`json` of a response with another media type raises ContentTypeError."""
    response = filled(lib)
    response._headers = CIMultiDictProxy(CIMultiDict({"Content-Type": "text/html"}))
    with pytest.raises(lib.ContentTypeError):
        await response.json()
    assert await response.json(content_type=None) == {"a": 1}


@CLIENTS
async def test_cookies_of_a_made_response(lib: ModuleType) -> None:
    """Cookies can be loaded into a response, and assigned to it."""
    response = filled(lib)
    response.cookies.load("a=1; Path=/")
    assert response.cookies["a"].value == "1"
    other = filled(lib)
    other.cookies = SimpleCookie("b=2")
    assert other.cookies["b"].value == "2"


@CLIENTS
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_deprecated_sizes_of_a_made_response(lib: ModuleType) -> None:
    """`output_size` is the stream writer's, and the upload is complete."""
    made = arguments(lib) | {"loop": asyncio.get_running_loop()}
    response: Any = lib.ClientResponse("GET", URL("http://a/"), **made)
    assert response.output_size == 7
    await response.upload_complete


async def test_few_arguments_are_enough() -> None:
    """A method and a URL are enough for a response; without a body it is empty."""
    response = httptrace.ClientResponse("GET", "http://example.com/")
    assert await response.read() == b""
    assert response.headers == {}
    assert response.timeline.total == 0
    assert response.request_info.url == response.url


def test_parameters_are_aiohttps() -> None:
    """The constructor has aiohttp's parameters: programs look for ``stream_writer``."""
    theirs = inspect.signature(aiohttp.ClientResponse.__init__).parameters
    ours = inspect.signature(httptrace.ClientResponse.__init__).parameters
    assert list(ours) == list(theirs)
    assert [one.kind for one in ours.values()] == [one.kind for one in theirs.values()]


async def test_session_decides_the_encoding() -> None:
    """A session's ``_resolve_charset`` names the encoding of a body without a charset."""
    session = SimpleNamespace(_resolve_charset=lambda response, body: "utf-16")
    response = httptrace.ClientResponse("GET", "http://a/", session=session)
    response._body = "é".encode("utf-16")
    assert await response.text() == "é"


# --- responses of the engine ----------------------------------------------------------------------


async def test_real_responses_can_be_changed(aiohttp_server: AiohttpServer) -> None:
    """A response of a server has the values that programs assign."""
    session = httptrace.ClientSession()
    response: Any
    async with session, session.get(aiohttp_server.url) as response:
        assert await response.read()
        response.status, response.reason, response.method = 599, "Mine", "HEAD"
        response._headers = CIMultiDictProxy(CIMultiDict({"Content-Type": "application/json"}))
        response._raw_headers = ((b"a", b"b"),)
        response._body = b"[]"
        response._history = (response,)
        response.content = stream = httptrace.StreamReader(
            mock.Mock(_reading_paused=False), limit=8, loop=mock.Mock()
        )
        response.created_at = 7
    assert (response.status, response.reason, response.method) == (599, "Mine", "HEAD")
    assert response.raw_headers == ((b"a", b"b"),)
    assert await response.json() == []
    assert response.history == (response,)
    assert response.content is stream
    assert response.created_at == 7


@CLIENTS
async def test_constructor_of_ones_own(lib: ModuleType, aiohttp_server: AiohttpServer) -> None:
    """A response_class with aiohttp's constructor parameters makes the session's responses."""

    class Response(lib.ClientResponse):  # type: ignore[name-defined, misc]
        def __init__(self, method: str, url: URL, *, session: Any, **kwargs: Any) -> None:
            super().__init__(method, url, session=session, **kwargs)
            self.made_of = (method, url, session, sorted(kwargs))

        async def json(self, **kwargs: Any) -> Any:
            return {"own": json.loads(await self.text())}

    url = URL(aiohttp_server.url) / "json"
    async with (
        lib.ClientSession(response_class=Response) as session,
        session.get(url) as response,
    ):
        assert type(response) is Response
        assert response.status == 200
        assert response.made_of[:3] == ("GET", url, session)
        names = set(inspect.signature(aiohttp.ClientResponse.__init__).parameters)
        assert set(response.made_of[3]) == names - {"self", "method", "url", "session"}
        assert set(await response.json()) == {"own"}


async def test_patched_constructor_is_called(
    aiohttp_server: AiohttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A constructor that a test patches into `ClientResponse` is called."""
    original = httptrace.ClientResponse.__init__
    seen: list[Any] = []

    def patched(self: Any, method: str, url: URL, **kwargs: Any) -> None:
        original(self, method, url, **kwargs)
        seen.append(url)

    monkeypatch.setattr(httptrace.ClientResponse, "__init__", patched)
    async with httptrace.ClientSession() as session:
        async with session.get(aiohttp_server.url) as response:
            assert response.ok
    assert seen == [URL(aiohttp_server.url)]
