"""What the page about compatibility says, held against the installed aiohttp; and programs that
run on both clients."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import aiohttp
import pytest
from scripts import generate_compat as compat
from tests.servers.aiohttp_app import AiohttpServer
from yarl import URL

import httptrace

PAGE = Path(__file__).parent.parent / "docs" / "compat.md"


# --- the page -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", compat.names())
def test_every_name_is_there(name: str) -> None:
    """Every client-side name of aiohttp can be imported from httptrace and is in the table."""
    assert getattr(httptrace, name) is not None
    assert name in httptrace.__all__
    assert f"\n| `{name}` | " in PAGE.read_text()


def test_every_name_is_one_of_both() -> None:
    """A name of aiohttp's is in the table, or named as one for servers."""
    assert {*compat.names(), *compat.SERVER_SIDE} == set(aiohttp.__all__)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_difference_is_explained() -> None:
    """Each parameter, default and public member is as in aiohttp, or the page tells why not."""
    assert compat.unexplained() == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_no_explanation_is_outdated() -> None:
    """What the page explains does differ, and its names exist."""
    assert compat.outdated() == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_page_is_up_to_date() -> None:
    """``docs/compat.md`` is what ``scripts/generate_compat.py`` writes."""
    assert PAGE.read_text() == compat.page(), "run python scripts/generate_compat.py"


def test_requests_take_every_parameter() -> None:
    """Each parameter of aiohttp's requests and WebSockets is taken by ours."""
    assert [one for one in compat.request_parameters() if compat.explained(one) is None] == []


# --- programs that run on both clients ----------------------------------------------------------

Program = Callable[[Any, str], Awaitable[Any]]


async def verbs(client: Any, url: str) -> Any:
    """Every verb, and what the server saw of it."""
    async with client.ClientSession() as session:
        found = []
        for verb in ("get", "post", "put", "patch", "delete", "options"):
            async with getattr(session, verb)(f"{url}/inspect", params={"a": "b c"}) as response:
                seen = await response.json()
                found.append((response.status, response.method, seen["method"], seen["target"]))
        async with session.head(f"{url}/redirect/1") as response:
            found.append((response.status, response.headers["Location"]))
        return found


async def bodies(client: Any, url: str) -> Any:
    """Bodies of many kinds come back as they were sent, with the same type."""

    async def pieces() -> Any:
        yield b"one "
        yield b"two"

    kinds = [b"bytes", "text", {"key": "välue"}, io.BytesIO(b"file"), client.StringPayload("p")]
    found = []
    async with client.ClientSession() as session:
        for data in [*kinds, pieces()]:
            async with session.post(f"{url}/echo", data=data) as response:
                found.append((response.content_type, await response.read()))
        async with session.post(f"{url}/echo", json=[1, None]) as response:
            found.append((response.content_type, await response.json()))
    return found


async def forms(client: Any, url: str) -> Any:
    """Fields and files of a form."""
    form = client.FormData()
    form.add_field("name", "välue")
    form.add_field("file", b"content", filename="a.txt", content_type="text/plain")
    async with client.ClientSession() as session:
        async with session.post(f"{url}/form", data=form) as response:
            multipart = await response.json()
        async with session.post(f"{url}/form", data={"a": "1", "b": "2"}) as response:
            return multipart, await response.json()


async def redirects(client: Any, url: str) -> Any:
    """Redirects, their history, and too many of them."""
    async with client.ClientSession() as session:
        async with session.get(f"{url}/redirect/3") as response:
            paths = [each.url.path for each in response.history]
            arrived = (response.url.path, await response.text(), paths)
        try:
            await session.get(f"{url}/redirect/5", max_redirects=3)
        except client.TooManyRedirects as error:
            return arrived, len(error.history), error.request_info.url.path


async def cookies(client: Any, url: str) -> Any:
    """Cookies that a server sets come back to it."""
    jar = client.CookieJar(unsafe=True)
    async with client.ClientSession(cookie_jar=jar, cookies={"own": "1"}) as session:
        async with session.get(f"{url}/cookies/set?a=2") as response:
            set_now = {name: morsel.value for name, morsel in response.cookies.items()}
        async with session.get(f"{url}/inspect") as response:
            sent = (await response.json())["cookies"]
        return set_now, sent, sorted(jar.filter_cookies(URL(url)))


async def streams(client: Any, url: str) -> Any:
    """A body in lines, in pieces and piped into another request."""
    async with client.ClientSession() as session:
        async with session.get(f"{url}/compressed/gzip") as response:
            lines = [line async for line in response.content]
        async with session.get(f"{url}/large/100000") as response:
            sizes = {len(piece) async for piece in response.content.iter_chunked(10000)}
            exact = sum(sizes) > 0 and response.content.at_eof()
        async with session.get(f"{url}/stream/5") as response:
            async with session.post(f"{url}/echo", data=response.content) as echo:
                piped = await echo.read()
        return len(lines), lines[0], exact, len(piped)


async def failures(client: Any, url: str) -> Any:
    """Errors have aiohttp's classes and attributes."""
    found: list[Any] = []
    async with client.ClientSession(raise_for_status=True) as session:
        try:
            await session.get(f"{url}/status/404")
        except client.ClientResponseError as error:
            found.append((error.status, error.message, error.request_info.method))
        try:
            await session.get("http://127.0.0.1:1/")
        except client.ClientConnectorError as error:
            found.append((error.host, error.port, error.os_error.errno))
        for wrong in ("no-url", "ftp://host/"):
            try:
                await session.get(wrong)
            except (client.InvalidURL, client.NonHttpUrlClientError) as error:
                found.append((type(error).__name__, isinstance(error, ValueError)))
        try:
            await session.get(f"{url}/gate", timeout=client.ClientTimeout(total=0.05))
        except TimeoutError as error:
            found.append(isinstance(error, client.ServerTimeoutError))
    return found


async def credentials(client: Any, url: str) -> Any:
    """Basic credentials from the session, the request and the URL."""
    auth = client.BasicAuth("user", "secret")
    with_user = str(URL(url).with_user("user").with_password("secret"))
    async with client.ClientSession(auth=auth) as session:
        async with session.get(f"{url}/basic-auth") as response:
            by_session = response.status
    async with client.ClientSession() as session:
        async with session.get(f"{url}/basic-auth", auth=auth) as response:
            by_request = response.status
        async with session.get(f"{with_user}/basic-auth") as response:
            by_url = (response.status, response.url.user)
        headers = {client.hdrs.AUTHORIZATION: client.encode_basic_auth("user", "wrong")}
        async with session.get(f"{url}/basic-auth", headers=headers) as response:
            return by_session, by_request, by_url, response.status


async def traces(client: Any, url: str) -> Any:
    """Signals of aiohttp's that come for a request, with their parameters."""
    told: list[Any] = []

    def note(name: str) -> Any:
        async def callback(session: Any, context: Any, params: Any) -> None:
            told.append((name, context.trace_request_ctx, getattr(params, "method", None)))

        return callback

    config = client.TraceConfig()
    for name in ("start", "redirect", "headers_sent", "chunk_sent", "end", "exception"):
        getattr(config, f"on_request_{name}").append(note(name))
    async with client.ClientSession(trace_configs=[config]) as session:
        async with session.get(f"{url}/redirect/1", trace_request_ctx="mine") as response:
            await response.read()
        async with session.post(f"{url}/echo", data=b"body") as response:
            await response.read()
    return told


async def middlewares(client: Any, url: str) -> Any:
    """A middleware that changes a request and sends it once more."""
    statuses: list[int] = []

    async def again(request: Any, handler: Any) -> Any:
        request.headers["X-Mark"] = "here"
        response = await handler(request)
        statuses.append(response.status)
        return await handler(request) if len(statuses) == 1 else response

    async with client.ClientSession(middlewares=(again,)) as session:
        async with session.get(f"{url}/inspect") as response:
            headers = dict((await response.json())["headers"])
        return headers["X-Mark"], statuses


PROGRAMS: list[Program] = [
    *(verbs, bodies, forms, redirects, cookies, streams, failures, credentials, traces),
    middlewares,
]


@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated")
@pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated")
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
async def test_same_program(program: Program, aiohttp_server: AiohttpServer) -> None:
    """A program does the same whichever client it has imported."""
    clients: tuple[ModuleType, ModuleType] = (aiohttp, httptrace)
    theirs, ours = [await program(client, aiohttp_server.url) for client in clients]
    assert ours == theirs
