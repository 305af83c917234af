"""Responses come from the cache, are revalidated by their ETag, and are read as streams."""

from __future__ import annotations

from aiohttp import web

from ecosystem.serving import serve

REQUIREMENTS = ["aiohttp-client-cache"]
WAY = "alias"


async def test_the_second_response_is_cached() -> None:
    """It has the first one's body, headers, cookies and links."""
    from aiohttp_client_cache import CachedSession

    hits = 0

    async def page(request: web.Request) -> web.Response:
        nonlocal hits
        hits += 1
        response = web.json_response({"hits": hits}, headers={"Link": "</next>; rel=next"})
        response.set_cookie("seen", "yes")
        return response

    async with serve({"/": page}) as url, CachedSession() as session:
        first = await session.get(url, params={"a": "1"})
        assert not first.from_cache
        assert await first.json() == {"hits": 1}
        second = await session.get(url, params={"a": "1"})
        assert second.from_cache
        assert await second.json() == {"hits": 1}
        assert second.content_type == "application/json"
        assert str(second.links["next"]["url"]).endswith("/next")
        assert await second.content.read() == b'{"hits": 1}'
        async with session.disabled():
            assert await (await session.get(url, params={"a": "1"})).json() == {"hits": 2}


async def test_redirects_are_cached() -> None:
    """The history of a cached response has the redirect."""
    from aiohttp_client_cache import CachedSession

    async def away(request: web.Request) -> web.Response:
        raise web.HTTPFound("/there")

    async def there(request: web.Request) -> web.Response:
        return web.Response(text="there")

    async with serve({"/": away, "/there": there}) as url, CachedSession() as session:
        for cached in (False, True):
            response = await session.get(url)
            assert response.from_cache is cached
            assert await response.text() == "there"
            assert [past.status for past in response.history] == [302]


async def test_a_stale_response_is_revalidated() -> None:
    """A 304 lets the cached body be used again."""
    from aiohttp_client_cache import CachedSession

    statuses = []

    async def page(request: web.Request) -> web.Response:
        status = 304 if request.headers.get("If-None-Match") == '"1"' else 200
        statuses.append(status)
        body = b"page" if status == 200 else None
        return web.Response(status=status, body=body, headers={"ETag": '"1"'})

    async with serve({"/": page}) as url, CachedSession() as session:
        for _ in range(2):
            response = await session.get(url, refresh=True)
            assert await response.read() == b"page"
    assert statuses == [200, 304]
