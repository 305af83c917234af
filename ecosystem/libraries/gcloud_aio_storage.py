"""Objects of Google's storage: uploaded, read whole and as a stream, listed, missing."""

from __future__ import annotations

from aiohttp import web

from ecosystem.serving import serve

REQUIREMENTS = ["gcloud-aio-storage"]
WAY = "alias"


async def upload(request: web.Request) -> web.Response:
    """What was uploaded."""
    body = await request.read()
    return web.json_response({"name": request.query["name"], "size": str(len(body))})


async def media(request: web.Request) -> web.Response:
    """The content of an object."""
    if request.match_info["name"] == "none":
        return web.json_response({"error": {"code": 404}}, status=404)
    return web.Response(body=b"x" * 1000)


async def listing(request: web.Request) -> web.Response:
    """One object."""
    return web.json_response({"items": [{"name": "a"}]})


async def test_objects() -> None:
    """By the session that it is given; errors are raised by the library itself."""
    import aiohttp
    from gcloud.aio.storage import Storage

    handlers = {
        "/upload/storage/v1/b/bucket/o": upload,
        "/storage/v1/b/bucket/o": listing,
        "/storage/v1/b/bucket/o/{name}": media,
    }
    async with serve(handlers) as url, aiohttp.ClientSession() as session:
        storage = Storage(session=session, api_root=url)
        sent = await storage.upload("bucket", "a", b"x" * 1000, force_resumable_upload=False)
        assert sent["name"] == "a"
        assert await storage.download("bucket", "a") == b"x" * 1000
        stream = await storage.download_stream("bucket", "a")
        assert len(await stream.read()) == 1000
        assert (await storage.list_objects("bucket"))["items"] == [{"name": "a"}]
        try:
            await storage.download("bucket", "none")
        except aiohttp.ClientResponseError as error:
            assert error.status == 404
            return
    raise AssertionError("the error was not raised")
