"""A client of Matrix logs in, syncs, and uploads and downloads a file with its progress."""

from __future__ import annotations

import io
from typing import Any

from aiohttp import web

from ecosystem.serving import answering, serve

REQUIREMENTS = ["matrix-nio"]
WAY = "alias"


async def upload(request: web.Request) -> web.Response:
    """Where the content is kept."""
    assert len(await request.read()) == 200_000
    return web.json_response({"content_uri": "mxc://local/file"})


async def download(request: web.Request) -> web.Response:
    """The content."""
    return web.Response(body=b"x" * 1000, content_type="image/png")


async def test_a_client_of_matrix() -> None:
    """The trace of the sent pieces tells how far an upload has come; its `connect` is asked."""
    from nio import (
        AsyncClient,
        DownloadResponse,
        LoginResponse,
        SyncResponse,
        TransferMonitor,
        UploadResponse,
    )
    from nio.client import async_client as module

    login = {"user_id": "@me:local", "access_token": "token", "device_id": "d"}
    handlers: dict[str, Any] = {
        "/_matrix/client/v3/login": answering(login),
        "/_matrix/client/v3/sync": answering({"next_batch": "1", "rooms": {}}),
        "/_matrix/media/v3/upload": upload,
        "/_matrix/media/v3/download/{rest:.*}": download,
        "/_matrix/client/v1/media/download/{rest:.*}": download,
    }
    asked = []
    wrapper = module.connect_wrapper

    async def connect_wrapper(*args: Any, **kwargs: Any) -> Any:
        connection = await wrapper(*args, **kwargs)
        asked.append(connection.transport.get_write_buffer_limits()[1])
        return connection

    module.connect_wrapper = connect_wrapper
    async with serve(handlers) as url:
        client = AsyncClient(url, "@me:local")
        try:
            assert isinstance(await client.login("word"), LoginResponse)
            assert isinstance(await client.sync(), SyncResponse)
            monitor = TransferMonitor(200_000)
            content = io.BytesIO(b"x" * 200_000)
            answer, _keys = await client.upload(
                content, content_type="image/png", filesize=200_000, monitor=monitor
            )
            assert isinstance(answer, UploadResponse), answer
            assert monitor.transferred == 200_000
            got = await client.download("mxc://local/file")
            assert isinstance(got, DownloadResponse), got
            assert got.body == b"x" * 1000
        finally:
            await client.close()
    assert set(asked) == {16 * 1024}, asked
