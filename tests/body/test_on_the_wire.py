"""Bodies of all kinds between httptrace and aiohttp's server."""

from __future__ import annotations

import hashlib
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace import ClientSession, FormData
from httptrace.testing.scripted import response_bytes

CONTENT = bytes(range(256)) * 2000


async def _echo(request: web.Request) -> web.Response:
    body = await request.read()
    digest = hashlib.sha256(body).hexdigest()
    return web.json_response({"headers": dict(request.headers), "digest": digest})


async def _fields(request: web.Request) -> web.Response:
    fields = [
        (name, value)
        if isinstance(value, str)
        else (name, value.filename, value.content_type, len(value.file.read()))
        for name, value in (await request.post()).items()
    ]
    return web.json_response(fields)


async def _again(request: web.Request) -> web.Response:
    await request.read()
    raise web.HTTPTemporaryRedirect("/echo")


async def _parts(request: web.Request) -> web.Response:
    writer = aiohttp.MultipartWriter("mixed")
    writer.append("one")
    writer.append(CONTENT, {"Content-Encoding": "gzip"})  # type: ignore[arg-type]
    inner = aiohttp.MultipartWriter("mixed")
    inner.append_json({"a": 1})
    writer.append(inner)
    return web.Response(body=writer)


async def _content(request: web.Request) -> web.Response:
    return web.Response(body=CONTENT)


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/echo", _echo)
    app.router.add_post("/fields", _fields)
    app.router.add_post("/again", _again)
    app.router.add_get("/parts", _parts)
    app.router.add_get("/content", _content)
    async with TestServer(app) as server:
        yield server


async def generator() -> AsyncIterator[bytes]:
    for start in range(0, len(CONTENT), 10_000):
        yield CONTENT[start : start + 10_000]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "content.bin"
    path.write_bytes(CONTENT)
    return path


BODIES: dict[str, Callable[[Path], Any]] = {
    "bytes": lambda path: CONTENT,
    "bytearray": lambda path: bytearray(CONTENT),
    "memoryview": lambda path: memoryview(CONTENT),
    "text": lambda path: CONTENT.decode("latin-1"),
    "BytesIO": lambda path: io.BytesIO(CONTENT),
    "file": lambda path: path.open("rb"),
    "unbuffered file": lambda path: path.open("rb", buffering=0),
    "generator": lambda path: generator(),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("compress", [None, "gzip", "deflate"])
@pytest.mark.parametrize("place", ["echo", "again"])
async def test_data(
    server: TestServer, path: Path, name: str, compress: str | None, place: str
) -> None:
    """Each kind of data= is received completely, compressed or not, also after a redirect."""
    data = BODIES[name](path)
    content = data.encode() if isinstance(data, str) else CONTENT
    async with httptrace.ClientSession() as session:
        posting = session.post(server.make_url(f"/{place}"), data=data, compress=compress)
        if name == "generator" and place == "again":
            with pytest.raises(httptrace.ClientError, match="cannot be sent twice"):
                await posting
            return
        async with posting as response:
            told = await response.json()
    assert told["digest"] == hashlib.sha256(content).hexdigest()
    length = None if compress or name == "generator" else str(len(content))
    assert told["headers"].get("Content-Length") == length
    assert told["headers"].get("Content-Encoding") == compress


async def test_forms(server: TestServer, path: Path) -> None:
    """A form with text and a file can be sent twice."""
    form = httptrace.FormData({"text": "h\xe9", "bytes": b"\x00"})
    form.add_field("io", io.BytesIO(CONTENT), filename="x.png", content_type="image/png")
    async with httptrace.ClientSession() as session:
        for _ in range(2):
            async with session.post(server.make_url("/fields"), data=form) as response:
                assert await response.json() == [
                    ["text", "h\xe9"],
                    ["bytes", "bytes", "application/octet-stream", 1],
                    ["io", "x.png", "image/png", len(CONTENT)],
                ]
        with path.open("rb") as file:
            data = {"file": file}
            async with session.post(server.make_url("/fields"), data=data) as response:
                assert (await response.json())[0][1] == "content.bin"


async def test_parts_of_a_response(server: TestServer) -> None:
    """The parts of a multipart response are read one by one, and its connection is reused."""
    async with httptrace.ClientSession() as session:
        for _ in range(2):
            async with session.get(server.make_url("/parts")) as response:
                reader = httptrace.MultipartReader.from_response(response)
                one, two, inner = [part async for part in _read(reader)]
            assert (one, two, inner) == (b"one", CONTENT, b'{"a": 1}')


async def _read(reader: Any) -> AsyncIterator[bytes]:
    async for part in reader:
        if isinstance(part, httptrace.MultipartReader):
            async for content in _read(part):
                yield content
        else:
            yield await part.read(decode=True)


async def test_a_response_is_piped(server: TestServer) -> None:
    """The content of a response can be the body of another request."""
    async with httptrace.ClientSession() as session:
        async with session.get(server.make_url("/content")) as source:
            url = server.make_url("/echo")
            async with session.post(url, data=source.content) as response:
                told = await response.json()
    assert told["digest"] == hashlib.sha256(CONTENT).hexdigest()


async def test_parts_are_passed_on(server: TestServer) -> None:
    """A part of a response can be the body of another request, decoded."""
    async with httptrace.ClientSession() as session:
        async with session.get(server.make_url("/parts")) as source:
            reader = httptrace.MultipartReader.from_response(source)
            await reader.next()
            part = await reader.next()
            async with session.post(server.make_url("/echo"), data=part) as response:
                told = await response.json()
    assert told["digest"] == hashlib.sha256(CONTENT).hexdigest()


async def test_text_files_have_a_length(scripted: ScriptedFactory, tmp_path: Path) -> None:
    """A UTF-8 text file is sent with its Content-Length and unchanged line ends."""
    server = await scripted(response_bytes(200, b"ok"))
    path = tmp_path / "a.txt"
    path.write_bytes(b"h\xc3\xa9\r\n")
    async with ClientSession() as session:
        with path.open(encoding="utf-8") as file:
            await (await session.put(server.url, data=file)).read()
        with path.open(encoding="utf-8") as file:
            form = FormData({"x": file})
            await (await session.post(server.url, data=form)).read()
    whole, part = server.requests
    assert (whole.header("Content-Length"), whole.body) == ("5", b"h\xc3\xa9\r\n")
    assert whole.header("Transfer-Encoding") is part.header("Transfer-Encoding") is None
    assert b'filename="a.txt"\r\n' in part.body and b"\r\n\r\nh\xc3\xa9\r\n\r\n--" in part.body


async def test_file_names_of_responses_have_no_path(scripted: ScriptedFactory) -> None:
    """The file name of a response has no path."""
    field = ("Content-Disposition", 'attachment; filename="../../etc/passwd"')
    server = await scripted(response_bytes(200, b"", field))
    async with ClientSession() as session, session.get(server.url) as response:
        disposition = response.content_disposition
        assert disposition is not None
        assert (disposition.type, disposition.filename) == ("attachment", "passwd")
        assert response.headers["Content-Disposition"] == field[1]
