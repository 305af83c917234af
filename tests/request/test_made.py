"""Requests that programs create outside of sessions, and classes for those of a session."""

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import Any

import aiohttp
import pytest
from tests.servers.aiohttp_app import AiohttpServer
from yarl import URL

import httptrace
from httptrace import ClientRequest, ClientSession

CLIENTS = pytest.mark.parametrize(
    "lib", [aiohttp, httptrace], ids=lambda package: str(package.__name__)
)


def made(lib: ModuleType, method: str, url: str, **kwargs: Any) -> Any:
    """A request that a program creates."""
    return lib.ClientRequest(method, URL(url), loop=asyncio.get_running_loop(), **kwargs)


@CLIENTS
async def test_url_of_a_made_request(lib: ModuleType) -> None:
    """A request's ``url`` has its parameters and no fragment; ``original_url`` has both."""
    request = made(lib, "get", "http://example.com/p?x=1#part", params={"q": "a b"})
    assert request.url == URL("http://example.com/p?x=1&q=a+b")
    assert request.original_url == URL("http://example.com/p?x=1&q=a+b#part")
    assert request.method == "GET"
    assert (request.host, request.port, request.is_ssl()) == ("example.com", 80, False)
    assert request.request_info.real_url == request.original_url
    assert request.response_class is lib.ClientResponse
    assert request.session is None


@CLIENTS
async def test_headers_of_a_made_request(lib: ModuleType) -> None:
    """A request has the automatic headers, those given, its cookies and those of its body."""
    request = made(
        lib,
        "POST",
        "https://example.com:444/",
        headers={"X-Own": "1"},
        cookies={"c": "d"},
        data=b"abc",
        skip_auto_headers=["User-Agent"],
    )
    own = {name: request.headers.get(name) for name in ("X-Own", "Cookie", "Content-Length")}
    assert own == {"X-Own": "1", "Cookie": "c=d", "Content-Length": "3"}
    assert request.headers["Host"] == "example.com:444"
    assert request.headers["Accept"] == "*/*"
    assert "User-Agent" not in request.headers
    assert request.is_ssl()
    assert bytes(request.body.decode(), "ascii") == b"abc"


@CLIENTS
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_version_as_text(lib: ModuleType, version: str) -> None:
    """The version may be given as text."""
    request = made(lib, "GET", "http://example.com/", version=version)
    assert request.version == tuple(map(int, version.split(".")))


def test_no_event_loop_is_needed() -> None:
    """A request can be created without a running loop, and its body can be replaced."""
    request = ClientRequest("PUT", "http://example.com/", proxy="http://proxy.example:1")  # type: ignore[arg-type]
    assert request.proxy == URL("http://proxy.example:1")
    asyncio.run(request.update_body(b"four"))
    assert request.headers["Content-Length"] == "4"


@pytest.mark.parametrize(
    "kwargs", [{"compress": 1}, {"ssl": 7}, {"version": "2.0"}, {"headers": {"a b": "c"}}]
)
def test_wrong_arguments_are_refused(kwargs: dict[str, Any]) -> None:
    """An argument that a session would refuse is refused."""
    with pytest.raises((TypeError, ValueError)):
        ClientRequest("PUT", URL("http://example.com/"), data=b"x", **kwargs)


# --- request_class --------------------------------------------------------------------------------


@CLIENTS
async def test_constructor_of_ones_own(lib: ModuleType, aiohttp_server: AiohttpServer) -> None:
    """A request_class whose constructor has aiohttp's parameters can add headers."""

    class Signed(lib.ClientRequest):  # type: ignore[name-defined, misc]
        def __init__(self, method: str, url: URL, **kwargs: Any) -> None:
            super().__init__(method, url, **kwargs)
            self.headers["X-Signature"] = f"{method} {url.path}"

    url = f"{aiohttp_server.url}/redirect-to?url=/inspect"
    async with lib.ClientSession(request_class=Signed) as session, session.get(url) as response:
        headers = dict((await response.json())["headers"])
    assert headers["X-Signature"] == "GET /inspect"


@CLIENTS
async def test_constructor_may_pass_on_other_headers(
    lib: ModuleType, aiohttp_server: AiohttpServer
) -> None:
    """A request_class may change the headers before it passes them on."""

    class Signed(lib.ClientRequest):  # type: ignore[name-defined, misc]
        def __init__(self, method: str, url: URL, *, headers: Any, **kwargs: Any) -> None:
            super().__init__(method, url, headers={**headers, "X-Signature": "mine"}, **kwargs)

    url = f"{aiohttp_server.url}/inspect"
    async with lib.ClientSession(request_class=Signed) as session, session.get(url) as response:
        headers = dict((await response.json())["headers"])
    assert headers["X-Signature"] == "mine"


async def test_constructor_may_not_change_the_url(aiohttp_server: AiohttpServer) -> None:
    """A request_class that passes on another URL or body is refused."""

    class Elsewhere(ClientRequest):
        def __init__(self, method: str, url: URL, **kwargs: Any) -> None:
            super().__init__(method, url / "elsewhere", **kwargs)

    class Other(ClientRequest):
        def __init__(self, method: str, url: URL, **kwargs: Any) -> None:
            super().__init__(method, url, **{**kwargs, "data": b"other"})

    for kind in (Elsewhere, Other):
        async with ClientSession(request_class=kind) as session:
            with pytest.raises(TypeError, match="request_class cannot change"):
                await session.get(aiohttp_server.url)


async def test_requests_within_a_constructor(aiohttp_server: AiohttpServer) -> None:
    """A constructor may create another request for itself."""

    class Nested(ClientRequest):
        def __init__(self, method: str, url: URL, **kwargs: Any) -> None:
            super().__init__(method, url, **kwargs)
            other = ClientRequest("GET", URL("http://example.com/other"))
            self.headers["X-Other"] = str(other.url)

    url = f"{aiohttp_server.url}/inspect"
    async with ClientSession(request_class=Nested) as session, session.get(url) as response:
        headers = dict((await response.json())["headers"])
    assert headers["X-Other"] == "http://example.com/other"


@CLIENTS
async def test_patched_constructor_is_called(
    lib: ModuleType, aiohttp_server: AiohttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A constructor that a test patches into `ClientRequest` is called for each hop."""
    original = lib.ClientRequest.__init__

    def patched(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.headers["X-Patched"] = "yes"

    monkeypatch.setattr(lib.ClientRequest, "__init__", patched)
    url = f"{aiohttp_server.url}/inspect"
    async with lib.ClientSession() as session, session.get(url) as response:
        headers = dict((await response.json())["headers"])
    assert headers["X-Patched"] == "yes"


@CLIENTS
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_version_of_a_session_as_text(
    lib: ModuleType, version: str, aiohttp_server: AiohttpServer
) -> None:
    """A session accepts its version as text too, and sends it."""
    async with lib.ClientSession(version=version) as session:
        async with session.get(aiohttp_server.url) as response:
            assert response.status == 200
        assert tuple(session.version) == tuple(map(int, version.split("."))) or lib is aiohttp
