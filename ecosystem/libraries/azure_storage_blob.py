"""A blob is uploaded, read in pieces and deleted; a missing one is Azure's error."""

from __future__ import annotations

from aiohttp import web

from ecosystem.serving import serve

REQUIREMENTS = ["azure-storage-blob"]
WAY = "alias"

KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Storage:
    """Keeps blobs."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    async def handle(self, request: web.Request) -> web.Response:
        """One operation; the client must have signed it."""
        assert request.headers["Authorization"].startswith("SharedKey account:")
        return await getattr(self, request.method.lower())(request)

    async def put(self, request: web.Request) -> web.Response:
        """Keep one."""
        self.blobs[request.path] = await request.read()
        headers = {"ETag": '"1"', "Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT"}
        return web.Response(status=201, headers=headers)

    async def get(self, request: web.Request) -> web.Response:
        """Give the piece that was asked for."""
        blob = self.blobs.get(request.path)
        if blob is None:
            headers = {"x-ms-error-code": "BlobNotFound"}
            return web.Response(status=404, headers=headers, content_type="application/xml")
        asked = request.headers.get("x-ms-range", "bytes=0-").removeprefix("bytes=")
        first, last = asked.split("-")
        piece = blob[int(first) : int(last or len(blob)) + 1]
        headers = {
            "Content-Range": f"bytes {first}-{int(first) + len(piece) - 1}/{len(blob)}",
            "ETag": '"1"',
            "Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT",
            "x-ms-blob-type": "BlockBlob",
        }
        return web.Response(status=206, body=piece, headers=headers)

    async def delete(self, request: web.Request) -> web.Response:
        """Forget one."""
        del self.blobs[request.path]
        return web.Response(status=202)


async def test_a_blob_is_kept() -> None:
    """Uploaded, downloaded whole and in pieces, deleted, missed."""
    from azure.core.exceptions import ResourceNotFoundError
    from azure.storage.blob.aio import BlobServiceClient

    credential = {"account_name": "account", "account_key": KEY}
    async with serve({"/{path:.*}": Storage().handle}) as url:
        client = BlobServiceClient(f"{url}/account", credential, max_chunk_get_size=50_000)
        async with client:
            blob = client.get_blob_client("container", "a blob")
            await blob.upload_blob(b"x" * 200_000)
            assert len(await (await blob.download_blob()).readall()) == 200_000
            pieces = [len(piece) async for piece in (await blob.download_blob(0, 1000)).chunks()]
            assert sum(pieces) == 1000
            await blob.delete_blob()
            try:
                await blob.download_blob()
            except ResourceNotFoundError:
                return
    raise AssertionError("the error was not raised")
