"""Lists, logs and progress of a Docker API on a Unix socket; a container is attached to."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aiohttp import web

REQUIREMENTS = ["aiodocker"]
WAY = "alias"


def frame(stream: int, data: bytes) -> bytes:
    """A piece of output as Docker sends it."""
    return struct.pack(">BxxxL", stream, len(data)) + data


async def containers(request: web.Request) -> web.Response:
    """One container."""
    return web.json_response([{"Id": "c1", "Names": ["/one"]}])


async def logs(request: web.Request) -> web.Response:
    """Two pieces of output."""
    return web.Response(body=frame(1, b"out\n") + frame(2, b"err\n"))


async def details(request: web.Request) -> web.Response:
    """What is known of the container."""
    return web.json_response({"Id": "c1", "Config": {"Tty": False}})


async def pull(request: web.Request) -> web.StreamResponse:
    """Progress as lines of JSON."""
    response = web.StreamResponse()
    await response.prepare(request)
    for status in ("Pulling", "Done"):
        await response.write(b'{"status": "%s"}\n' % status.encode())
    return response


async def attach(request: web.Request) -> web.StreamResponse:
    """Switches to a protocol of its own, and echoes what comes in as output."""
    assert request.transport is not None
    transport = request.transport
    transport.write(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
    transport.write(frame(1, b"welcome"))
    echo = Echo(transport)
    transport.set_protocol(echo)
    await echo.ended
    return web.Response()


class Echo(asyncio.Protocol):
    """Answers each piece with a frame."""

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.ended = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.transport.write(frame(1, data.upper()))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


@contextlib.asynccontextmanager
async def docker() -> AsyncIterator[Any]:
    """The library, connected to a Docker API on a Unix socket."""
    import aiodocker

    app = web.Application()
    app.router.add_get("/v1.43/containers/json", containers)
    app.router.add_get("/v1.43/containers/c1/json", details)
    app.router.add_get("/v1.43/containers/c1/logs", logs)
    app.router.add_post("/v1.43/containers/c1/attach", attach)
    app.router.add_post("/v1.43/images/create", pull)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "docker.sock"
        await web.UnixSite(runner, str(path)).start()
        client = aiodocker.Docker(url=f"unix://{path}", api_version="v1.43")
        try:
            yield client
        finally:
            await client.close()
            await runner.cleanup()


async def test_containers_are_listed() -> None:
    """A request and its JSON."""
    async with docker() as client:
        (container,) = await client.containers.list()
        assert container.id == "c1"


async def test_logs_and_progress_are_read() -> None:
    """Bodies that are read frame by frame and line by line."""
    async with docker() as client:
        container = client.containers.container("c1")
        assert await container.log(stdout=True, stderr=True) == ["out\n", "err\n"]
        steps = [s async for s in client.images.pull("image", stream=True)]
        assert [step["status"] for step in steps] == ["Pulling", "Done"]


async def test_a_container_is_attached() -> None:
    """After the answer 101 the connection carries what goes in and out."""
    async with docker() as client:
        container = client.containers.container("c1")
        async with container.attach(stdin=True, stdout=True) as stream:
            message = await stream.read_out()
            assert message.data == b"welcome", message
            await stream.write_in(b"hello")
            message = await stream.read_out()
            assert message.data == b"HELLO", message
