"""Objects of moto's S3: put, read, uploaded in parts, listed, deleted."""

from __future__ import annotations

import tempfile
from pathlib import Path

REQUIREMENTS = ["aiohttp-s3-client", "moto[server,s3]"]
WAY = "alias"


async def test_objects() -> None:
    """Bytes, files, several parts and ranges in parallel."""
    import aiohttp
    from aiohttp_s3_client import S3Client
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}/bucket"
    data = b"x" * (6 * 2**20)
    with tempfile.TemporaryDirectory() as folder:
        path, copy = Path(folder) / "file", Path(folder) / "copy"
        path.write_bytes(data)
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            client = S3Client(
                url=url,
                session=session,
                access_key_id="key",
                secret_access_key="secret",
                region="us-east-1",
            )
            await session.put(url)
            async with client.put("a", data) as response:
                assert response.status == 200
            async with client.get("a") as response:
                assert await response.read() == data
            async with await client.put_file("b", str(path)) as response:
                assert response.status == 200
            await client.put_file_multipart("c", str(path), part_size=5 * 2**20)
            await client.get_file_parallel("a", str(copy), workers_count=2, range_step=2**20)
            assert copy.read_bytes() == data
            keys = [item.key async for page, _ in client.list_objects_v2() for item in page]
            assert keys == ["a", "b", "c"]
            async with client.delete("a") as response:
                assert response.status == 204
    server.stop()
