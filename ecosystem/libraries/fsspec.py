"""Files over HTTP: listed, read whole and in ranges, written, missing."""

from __future__ import annotations

import asyncio
import os

from aiohttp import web

from ecosystem.serving import serve

REQUIREMENTS = ["fsspec[http]"]
WAY = "alias"

DATA = os.urandom(300_000)


async def data(request: web.Request) -> web.Response:
    """A range of the data."""
    if request.method in {"PUT", "POST"}:
        return web.Response(text=str(len(await request.read())))
    wanted = request.http_range
    headers = {"Accept-Ranges": "bytes"}
    if wanted.start is None:
        return web.Response(body=DATA, headers=headers)
    piece = DATA[wanted]
    last = wanted.start + len(piece) - 1
    headers["Content-Range"] = f"bytes {wanted.start}-{last}/{len(DATA)}"
    return web.Response(status=206, body=piece, headers=headers)


async def listing(request: web.Request) -> web.Response:
    """A page with a link to the file."""
    return web.Response(text='<a href="data">data</a>', content_type="text/html")


def use(url: str) -> None:
    """The calls, which run in a thread as the library's own loop does."""
    import fsspec

    files = fsspec.filesystem("http", skip_instance_cache=True)
    assert files.ls(f"{url}/list/", detail=False) == [f"{url}/list/data"]
    assert files.cat_file(f"{url}/data") == DATA
    assert files.cat_file(f"{url}/data", start=10, end=20) == DATA[10:20]
    with files.open(f"{url}/data", block_size=50_000) as file:
        file.seek(200_000)
        assert file.read(5) == DATA[200_000:200_005]
    with files.open(f"{url}/data", block_size=0) as stream:
        assert stream.read() == DATA
    files.pipe_file(f"{url}/data", b"new")
    assert files.exists(f"{url}/data")
    assert not files.exists(f"{url}/none")
    try:
        files.cat_file(f"{url}/none")
    except FileNotFoundError:
        return
    raise AssertionError("the error was not raised")


async def test_files() -> None:
    """From a thread, over the library's own event loop."""
    async with serve({"/data": data, "/list/": listing}) as url:
        await asyncio.to_thread(use, url)
