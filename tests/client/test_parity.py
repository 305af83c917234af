"""Details of aiohttp's behaviour that programs rely on."""

from __future__ import annotations

import asyncio
import contextlib
from http.cookies import BaseCookie, Morsel, SimpleCookie
from typing import Any

import pytest
from tests.response.answers import length, sending
from tests.servers.aiohttp_app import AiohttpServer
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks
from yarl import URL

import httptrace
from httptrace.testing import response_bytes
from httptrace.testing.peer import Peer

from .conftest import MakeSession

ANY = URL()


async def ok(call: Any) -> httptrace.ClientResponse:
    """The response of a call, read."""
    async with call as response:
        await response.read()
        return response  # type: ignore[no-any-return]


async def test_a_jar_that_chooses_is_asked(
    make_session: MakeSession, aiohttp_server: AiohttpServer
) -> None:
    """The `filter_cookies` of a user's jar is called for each request, even if the jar is empty."""

    class Choosing(httptrace.CookieJar):
        def filter_cookies(self, request_url: URL = ANY) -> BaseCookie[str]:
            return SimpleCookie({"for": request_url.path.strip("/")})

    session = make_session(aiohttp_server.url, cookie_jar=Choosing())
    async with session.get("/inspect") as response:
        assert (await response.json())["cookies"] == {"for": "inspect"}


async def test_a_jar_that_listens_is_told(
    make_session: MakeSession, aiohttp_server: AiohttpServer
) -> None:
    """The `update_cookies` of a user's jar gets the cookies of each response."""
    told: list[tuple[str, str, URL]] = []

    class Listening(httptrace.CookieJar):
        def update_cookies(self, cookies: Any, response_url: URL = ANY) -> None:
            told.extend((name, cookie.value, response_url) for name, cookie in cookies)
            super().update_cookies(cookies, response_url)

    session = make_session(aiohttp_server.url, cookie_jar=Listening(unsafe=True))
    async with session.get("/cookies/set", params={"a": "1"}) as response:
        await response.read()
    assert told == [("a", "1", response.url)]
    async with session.get("/inspect") as response:
        assert (await response.json())["cookies"] == {"a": "1"}


async def test_secure_cookies_of_one_request(
    make_session: MakeSession, aiohttp_server: AiohttpServer
) -> None:
    """Secure cookies are sent to origins that the session's jar trusts, not to other http ones."""
    secure: Morsel[str] = Morsel()
    secure.set("own", "1", "1")
    secure["secure"] = True
    for trusted, sent in ((aiohttp_server.url, {"own": "1"}), ("http://other.test", {})):
        jar = httptrace.CookieJar(treat_as_secure_origin=trusted)
        session = make_session(aiohttp_server.url, cookie_jar=jar)
        async with session.get("/inspect", cookies={"own": secure}) as response:
            assert (await response.json())["cookies"] == sent


# --- the session ----------------------------------------------------------------------------------


async def test_raise_for_status_of_none(
    make_session: MakeSession, aiohttp_server: AiohttpServer
) -> None:
    """None means the same as False."""
    session = make_session(aiohttp_server.url, raise_for_status=None)
    async with session.get("/status/404") as response:
        assert response.status == 404


def test_a_session_made_before_its_loop_runs() -> None:
    """With ``loop=`` a session can be created without a running loop; its connector uses it."""
    loop = asyncio.new_event_loop()
    session = httptrace.ClientSession(loop=loop)
    loop.run_until_complete(session.close())
    loop.close()


async def test_a_connector_of_another_loop() -> None:
    """A connector of another loop is refused when the session is created, not later."""
    other = asyncio.new_event_loop()
    connector = httptrace.TCPConnector(loop=other)
    with pytest.raises(RuntimeError, match="same event loop"):
        httptrace.ClientSession(connector=connector)
    other.close()


async def test_a_subclass_with_a_request_of_its_own(
    aiohttp_server: AiohttpServer, leak_check: Leaks
) -> None:
    """Each verb calls an overridden `_request`, and through it the base class's."""
    seen: list[tuple[str, str]] = []

    class Listening(httptrace.ClientSession):
        async def _request(self, method: str, url: Any, **kwargs: Any) -> Any:
            response = await super()._request(method, url, **kwargs)
            seen.append((method, response.url.path))
            return response

    class Below(Listening):
        """Inherits it."""

    async with Below(aiohttp_server.url) as session:
        async with session.get("/status/404") as response:
            assert response.status == 404
        async with session.request("GET", "/inspect") as response:
            assert response.ok
        response = await session.post("/echo", data=b"x")
        assert await response.read() == b"x"
        task = asyncio.create_task(session.head("/status/204"))
        assert (await task).status == 204
        with pytest.raises(ValueError, match="nonsense"):
            async with session.get("/inspect"):
                raise ValueError("nonsense")
        with pytest.raises(TypeError, match="no_such"):
            await session.get("/inspect", no_such=1)
    assert seen == [
        *[("GET", "/status/404"), ("GET", "/inspect"), ("POST", "/echo")],
        *[("HEAD", "/status/204"), ("GET", "/inspect")],
    ]


async def test_a_subclass_with_a_verb_of_its_own(
    aiohttp_server: AiohttpServer, leak_check: Leaks
) -> None:
    """An overridden verb may call the base class's, which calls `_request`."""
    seen: list[str] = []

    class Short(httptrace.ClientSession):
        async def _request(self, method: str, url: Any, **kwargs: Any) -> Any:
            seen.append(url)
            return await super()._request(method, url, **kwargs)

        def get(self, url: Any, **kwargs: Any) -> Any:
            return super().get(f"/status/{url}", **kwargs)

    async with Short(aiohttp_server.url) as session:
        async with session.get("418") as response:
            assert response.status == 418
    assert seen == ["/status/418"]


# --- bodies ---------------------------------------------------------------------------------------


class Watched(httptrace.BytesPayload):
    """A user's payload that records when it is closed."""

    def __init__(self, value: bytes) -> None:
        super().__init__(value)
        self.closed = asyncio.Event()

    async def close(self) -> None:
        self.closed.set()


async def test_own_close_of_a_payload_is_called(
    make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """The payload is closed however the request ends, even a payload of bytes."""

    async def drop(peer: Peer) -> None:
        await peer.request()
        peer.close()

    loop = response_bytes(307, b"", ("Location", "/"))
    for answer, ending in (
        (response_bytes(200), contextlib.nullcontext()),
        (loop, pytest.raises(httptrace.TooManyRedirects)),
        (drop, pytest.raises(httptrace.ServerDisconnectedError)),
    ):
        server, payload = await scripted(answer), Watched(b"body")
        with ending:
            await ok(make_session().post(server.url, data=payload, max_redirects=1))
        await asyncio.wait_for(payload.closed.wait(), 5)


async def test_own_close_of_a_payload_after_cancelling(
    make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """The payload is closed if the caller is cancelled."""
    asked = asyncio.Event()

    async def silent(peer: Peer) -> None:
        await peer.request()
        asked.set()
        await peer.until_closed()

    server, payload = await scripted(silent), Watched(b"body")
    task = asyncio.ensure_future(make_session().post(server.url, data=payload))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(payload.closed.wait(), 5)


async def test_attempts_of_what_was_never_sent(
    make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A tracker counts what was sent: a response of a middleware is no attempt, a retry is one."""
    server = await scripted(response_bytes(200, b"ok"))
    cached = await ok(make_session().get(server.url))
    sent_twice = False

    async def from_memory(request: Any, handler: Any) -> httptrace.ClientResponse:
        return cached

    async def twice(request: Any, handler: Any) -> httptrace.ClientResponse:
        nonlocal sent_twice
        (await handler(request)).release()
        sent_twice = True
        return await handler(request)  # type: ignore[no-any-return]

    async def refuses(*_: Any) -> None:
        raise RuntimeError("not today")

    config = httptrace.TraceConfig()
    config.on_request_start.append(refuses)
    for options, attempts in (
        ({"middlewares": [from_memory]}, 0),
        ({"trace_configs": [config]}, 0),
        ({}, 1),
        ({"middlewares": [twice]}, 2),
    ):
        tracker = httptrace.UploadTracker()
        with contextlib.suppress(RuntimeError):
            await ok(make_session().post(server.url, data=b"x", upload_tracker=tracker, **options))
        assert tracker.attempts == attempts
        assert (tracker.upload_complete.exception() is None) == bool(attempts)
    assert sent_twice


async def test_upload_complete_is_one_future(
    make_session: MakeSession, aiohttp_server: AiohttpServer
) -> None:
    """The deprecated ``response.upload_complete`` always returns the same future."""
    async with make_session(aiohttp_server.url).post("/echo", data=b"x") as response:
        with pytest.warns(DeprecationWarning):
            first = response.upload_complete
        with pytest.warns(DeprecationWarning):
            assert response.upload_complete is first


async def test_nothing_is_read_after_the_total(
    make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A slow reader gets the timeout when it is due, even if there is more to read."""
    server = await scripted(sending(length(1000) + b"line\n" * 50))
    timeout = httptrace.ClientTimeout(total=0.1)
    reads = ("read(1)", "readany()", "readexactly(1)", "readline()", "readchunk()", "read()")
    for read in reads:
        async with make_session().get(server.url, timeout=timeout) as response:
            content = response.content
            assert await content.readline() == b"line\n"
            while content.exception() is None:
                await asyncio.sleep(0.01)
            with pytest.raises(httptrace.TotalTimeoutError):
                await eval(f"content.{read}", {"content": content})
            with pytest.raises(httptrace.TotalTimeoutError):
                content.read_nowait()
