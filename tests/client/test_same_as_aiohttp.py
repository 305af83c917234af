"""Small programs, each run with aiohttp and with httptrace."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.servers.aiohttp_app import _HANDLERS

import httptrace

from .conftest import Serve
from .programs import PROGRAMS, Program

TEXTS: dict[str, tuple[str, bytes]] = {
    "utf-8": ("text/plain; charset=utf-8", "grüße".encode()),
    "latin-1": ("text/plain; charset=latin-1", "grüße".encode("latin-1")),
    "utf-16": ("text/plain; charset=UTF-16", "grüße".encode("utf-16")),
    "nonsense": ("text/plain; charset=x-nonsense", b"abc"),
    "none": ("", b"abc"),
    "json": ("application/json", '{"a": "ü"}'.encode()),
    "hal": ("application/hal+json; charset=utf-8", b'{"a": 1}'),
    "broken": ("application/json", b'{"a": \xff}'),
    "empty": ("application/json", b""),
}


async def _text(request: web.Request) -> web.Response:
    content_type, body = TEXTS[request.match_info["name"]]
    return web.Response(body=body, headers={"Content-Type": content_type} if content_type else {})


async def _attributes(request: web.Request) -> web.Response:
    response = web.Response(status=207, reason="Some More", text="abc")
    response.headers["X-Case"] = "Kept"
    response.headers["Content-Disposition"] = "attachment; filename*=utf-8''%c3%bc.txt; a=b"
    response.headers.add("Link", '</next>; rel="next"; title="on", <other>; rel=prev')
    response.set_cookie("a", "1", path="/x")
    response.set_cookie("b", "2")
    return response


async def _lines(request: web.Request) -> web.Response:
    return web.Response(text="the first line\nthe second\n\nmore, and no end")


async def _second_time(request: web.Request) -> web.Response:
    if "X-Again" not in request.headers:
        return web.Response(status=503)
    return web.Response(text=f"{(await request.read()).decode()} again")


async def _path(request: web.Request) -> web.Response:
    return web.Response(text=request.path)


async def _version(request: web.Request) -> web.Response:
    return web.Response(text=str(tuple(request.version)))


async def _multipart(request: web.Request) -> web.Response:
    with aiohttp.MultipartWriter("form-data", boundary="b") as writer:
        writer.append("one").set_content_disposition("form-data", name="a")
        part = writer.append(b"two")
        part.set_content_disposition("form-data", name="b", filename="ü.bin")
    return web.Response(body=writer)


async def _nowhere(request: web.Request) -> web.Response:
    return web.Response(status=302, text="nowhere")


async def _slow(request: web.Request) -> web.Response:
    await asyncio.sleep(30)
    return web.Response()


async def _hang_up(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _raw(request: web.Request, data: bytes) -> web.Response:
    assert request.transport is not None
    request.transport.write(data)
    request.transport.close()
    return web.Response()


async def _cut(request: web.Request) -> web.Response:
    return await _raw(request, b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")


async def _cut_chunked(request: web.Request) -> web.Response:
    return await _raw(request, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc")


async def _not_gzip(request: web.Request) -> web.Response:
    return web.Response(body=b"no gzip", headers={"Content-Encoding": "gzip"})


async def _large_header(request: web.Request) -> web.Response:
    return await _raw(request, b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000 + b"\r\n\r\n")


async def _upgrade(request: web.Request) -> web.Response:
    """Switch protocols; welcome, answer twice, and hang up."""
    await request.read()
    transport: Any = request.transport
    head = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    reader = asyncio.StreamReader()
    transport.set_protocol(asyncio.StreamReaderProtocol(reader))
    transport.write(head + b"welcome")
    for _ in range(2):
        transport.write((await reader.readexactly(3)).upper())
    transport.close()
    return web.Response()


HANDLERS = {
    "/upgrade": _upgrade,
    "/text/{name}": _text,
    "/attributes": _attributes,
    "/lines": _lines,
    "/second-time": _second_time,
    "/nested/echo-path": _path,
    "/echo-path": _path,
    "/version": _version,
    "/multipart": _multipart,
    "/redirect-nowhere": _nowhere,
    "/slow": _slow,
    "/hang-up": _hang_up,
    "/cut": _cut,
    "/cut-chunked": _cut_chunked,
    "/not-gzip": _not_gzip,
    "/large-header": _large_header,
}


# Where httptrace does something else, on purpose: what it does, and why.
DIFFERENT: dict[str, str] = {
    "params_text": "text is not encoded, as aiohttp's documentation has it: a=b%20c stays so",
    "history": "the fragment is kept over redirects (RFC 9110 §10.2.2)",
}


async def outcome(program: Program, lib: Any, base: str) -> tuple[str, Any]:
    """What the program returned, or the names of the classes of its exception."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            return "returned", await program(lib, base)
        except Exception as error:
            return "raised", [kind.__name__ for kind in type(error).__mro__]


@pytest.mark.parametrize("name", PROGRAMS)
async def test_same(serve: Serve, name: str) -> None:
    """A program for aiohttp's client does the same on httptrace."""
    base = await serve(_HANDLERS | HANDLERS)
    how, theirs = await outcome(PROGRAMS[name], aiohttp, base)
    ours = await outcome(PROGRAMS[name], httptrace, base)
    if name in DIFFERENT:
        assert ours != (how, theirs), f"the list says: {DIFFERENT[name]}"
    elif how == "raised" and ours[0] == "raised":
        assert theirs[0] in ours[1]
    else:
        assert ours == (how, theirs)
