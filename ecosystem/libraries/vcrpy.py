"""Requests are recorded to a cassette and played back without a server."""

from __future__ import annotations

import tempfile
from pathlib import Path

from aiohttp import web

from ecosystem.serving import serve

REQUIREMENTS = ["vcrpy"]
WAY = "alias"


async def echo(request: web.Request) -> web.Response:
    """What was posted, and a cookie."""
    response = web.Response(text=(await request.text()).upper(), headers={"X-Kind": "echo"})
    response.set_cookie("seen", "yes")
    return response


async def away(request: web.Request) -> web.Response:
    """Redirects."""
    raise web.HTTPFound("/echo")


async def calls(url: str) -> None:
    """The requests that are recorded, then played back."""
    import aiohttp

    async with aiohttp.ClientSession() as session:
        async with session.post(f"{url}/echo", data="text", params={"a": "1"}) as response:
            assert response.status == 200
            assert await response.text() == "TEXT"
            assert response.headers["X-Kind"] == "echo"
        assert [cookie.key for cookie in session.cookie_jar] == ["seen"]
        async with session.get(f"{url}/away", headers={"X-A": "b"}) as response:
            assert str(response.url) == f"{url}/echo"
            assert [past.status for past in response.history] == [302]
        async with session.post(f"{url}/echo", data=b"line\nline\n") as response:
            assert [line async for line in response.content] == [b"LINE\n", b"LINE\n"]


async def test_what_is_not_recorded_is_refused() -> None:
    """No request reaches the network that the cassette does not have."""
    import aiohttp
    import vcr
    from vcr.errors import CannotOverwriteExistingCassetteException

    hits = []

    async def page(request: web.Request) -> web.Response:
        hits.append(request)
        return web.Response()

    with tempfile.TemporaryDirectory() as folder:
        async with serve({"/": page}) as url, aiohttp.ClientSession() as session:
            with vcr.use_cassette(Path(folder) / "none.yaml", record_mode="none"):
                try:
                    await session.get(url)
                except CannotOverwriteExistingCassetteException:
                    pass
                else:
                    raise AssertionError("the request was sent")
    assert not hits


async def test_a_cassette_is_recorded_and_played_back() -> None:
    """The second time there is no server."""
    import vcr

    with tempfile.TemporaryDirectory() as folder:
        cassette = Path(folder) / "cassette.yaml"
        async with serve({"/echo": echo, "/away": away}) as url:
            url = url.replace("127.0.0.1", "localhost")  # cookies of an address are not kept
            with vcr.use_cassette(cassette, record_mode="once"):
                await calls(url)
        with vcr.use_cassette(cassette, record_mode="none") as played:
            await calls(url)
            assert played.play_count == 4
