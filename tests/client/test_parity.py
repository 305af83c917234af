"""What programs that were written for aiohttp's client count on, in the corners."""

from __future__ import annotations

from http.cookies import BaseCookie, Morsel, SimpleCookie
from typing import Any

from tests.servers.aiohttp_app import AiohttpServer
from yarl import URL

import httptrace

from .conftest import MakeSession

ANY = URL()


async def test_a_jar_that_chooses_is_asked(
    make_session: MakeSession, aiohttp_server: AiohttpServer
) -> None:
    """The `filter_cookies` of a user's jar is asked for each request, though it keeps nothing."""

    class Choosing(httptrace.CookieJar):
        def filter_cookies(self, request_url: URL = ANY) -> BaseCookie[str]:
            return SimpleCookie({"for": request_url.path.strip("/")})

    session = make_session(aiohttp_server.url, cookie_jar=Choosing())
    async with session.get("/inspect") as response:
        assert (await response.json())["cookies"] == {"for": "inspect"}


async def test_a_jar_that_listens_is_told(
    make_session: MakeSession, aiohttp_server: AiohttpServer
) -> None:
    """The `update_cookies` of a user's jar is given the cookies of each response."""
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
    """They go to the origins that the session's jar trusts, and to no other one in plain text."""
    secure: Morsel[str] = Morsel()
    secure.set("own", "1", "1")
    secure["secure"] = True
    for trusted, sent in ((aiohttp_server.url, {"own": "1"}), ("http://other.test", {})):
        jar = httptrace.CookieJar(treat_as_secure_origin=trusted)
        session = make_session(aiohttp_server.url, cookie_jar=jar)
        async with session.get("/inspect", cookies={"own": secure}) as response:
            assert (await response.json())["cookies"] == sent
