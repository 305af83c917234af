"""Docker's API on a Unix socket and over TCP; attach and exec stream in both directions."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import tempfile
from collections.abc import AsyncIterator
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


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
"""What comes in, and what goes out."""


def switch(request: web.Request, welcome: bytes) -> Streams:
    """Switch to Docker's raw stream; the welcome goes out in one piece with the head."""
    transport: Any = request.transport
    assert request.headers["Upgrade"] == "tcp"
    head = b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    transport.write(head + b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n" + welcome)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def attach(request: web.Request) -> web.Response:
    """A shell: each line comes back in capitals, until the client has closed its side."""
    reader, writer = switch(request, frame(1, b"welcome"))
    while line := await reader.readline():
        writer.write(frame(1, line.upper()))
    request.app["ended"].set()
    writer.close()
    return web.Response()


async def exec_create(request: web.Request) -> web.Response:
    """A command that is to run."""
    asked = await request.json()
    request.app["tty"] = asked["Tty"]
    return web.json_response({"Id": "e1"}, status=201)


async def exec_start(request: web.Request) -> web.Response:
    """A command: it reads a line, writes to both of its outputs, and ends."""
    assert await request.json() == {"Detach": False, "Tty": request.app["tty"]}
    reader, writer = switch(request, b"")
    line = await reader.readline()
    if request.app["tty"]:
        writer.write(b"tty:" + line)
    else:
        for stream in (1, 2):
            whole = frame(stream, line * 100_000)
            writer.write(whole[:5])
            await writer.drain()
            writer.write(whole[5:])
    writer.close()
    return web.Response()


async def exec_inspect(request: web.Request) -> web.Response:
    """How the command ended."""
    process = {"tty": request.app["tty"]}
    return web.json_response({"Running": False, "ExitCode": 3, "ProcessConfig": process})


async def websocket(request: web.Request) -> web.WebSocketResponse:
    """The container's streams as a WebSocket."""
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    async for message in ws:
        await ws.send_bytes(message.data.upper())
    return ws


ROUTES = [
    web.get("/v1.43/containers/json", containers),
    web.get("/v1.43/containers/c1/json", details),
    web.get("/v1.43/containers/c1/logs", logs),
    web.post("/v1.43/containers/c1/attach", attach),
    web.get("/v1.43/containers/c1/attach/ws", websocket),
    web.post("/v1.43/containers/c1/exec", exec_create),
    web.post("/v1.43/exec/e1/start", exec_start),
    web.get("/v1.43/exec/e1/json", exec_inspect),
    web.post("/v1.43/images/create", pull),
]


@contextlib.asynccontextmanager
async def docker(*, tcp: bool = False) -> AsyncIterator[tuple[Any, web.Application]]:
    """The library, connected to a Docker API on a Unix socket or over TCP."""
    import aiodocker

    app = web.Application()
    app.router.add_routes(ROUTES)
    app["ended"] = asyncio.Event()
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    with tempfile.TemporaryDirectory() as folder:
        url = f"unix://{folder}/docker.sock"
        if tcp:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"tcp://127.0.0.1:{runner.addresses[0][1]}"
        else:
            await web.UnixSite(runner, f"{folder}/docker.sock").start()
        client = aiodocker.Docker(url=url, api_version="v1.43")
        try:
            yield client, app
        finally:
            await client.close()
            await runner.cleanup()


async def test_containers_are_listed() -> None:
    """A request and its JSON."""
    for tcp in (False, True):
        async with docker(tcp=tcp) as (client, _app):
            (container,) = await client.containers.list()
            assert container.id == "c1"


async def test_logs_and_progress_are_read() -> None:
    """Bodies that are read frame by frame and line by line."""
    async with docker() as (client, _app):
        container = client.containers.container("c1")
        assert await container.log(stdout=True, stderr=True) == ["out\n", "err\n"]
        steps = [s async for s in client.images.pull("image", stream=True)]
        assert [step["status"] for step in steps] == ["Pulling", "Done"]


async def test_a_container_is_attached() -> None:
    """After the answer 101 the connection carries what goes in and out."""
    for tcp in (False, True):
        async with docker(tcp=tcp) as (client, app):
            container = client.containers.container("c1")
            async with container.attach(stdin=True, stdout=True) as stream:
                message = await stream.read_out()
                assert message.data == b"welcome", message
                for word in (b"hello\n", b"x" * 50_000 + b"\n"):
                    await stream.write_in(word)
                    message = await stream.read_out()
                    assert message.data == word.upper(), message
            await app["ended"].wait()
            assert (await client.containers.list())[0].id == "c1"


async def test_a_command_is_executed() -> None:
    """It gets its input, both outputs come back, and the end of the stream is told."""
    async with docker() as (client, _app):
        container = client.containers.container("c1")
        command = await container.exec("cat", stdin=True)
        outputs = {1: b"", 2: b""}
        async with command.start(detach=False) as stream:
            await stream.write_in(b"line\n")
            while message := await stream.read_out():
                outputs[message.stream] += message.data
        assert outputs == {1: b"line\n" * 100_000, 2: b"line\n" * 100_000}
        assert (await command.inspect())["ExitCode"] == 3


async def test_a_command_has_a_terminal() -> None:
    """Its output is not framed."""
    async with docker() as (client, _app):
        command = await client.containers.container("c1").exec("sh", stdin=True, tty=True)
        async with command.start(detach=False) as stream:
            await stream.write_in(b"line\n")
            output = b""
            while message := await stream.read_out():
                output += message.data
        assert output == b"tty:line\n"


async def test_a_container_is_attached_by_a_websocket() -> None:
    """A WebSocket on Docker's socket."""
    async with docker() as (client, _app):
        ws = await client.containers.container("c1").websocket()
        await ws.send_bytes(b"hello")
        assert await ws.receive_bytes() == b"HELLO"
        await ws.close()
