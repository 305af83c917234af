"""The spelling of header names in responses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import aiohttp
import pytest

import httptrace
from httptrace import hdrs
from httptrace.headers.names import _MOST, SPELLED

CLIENTS = pytest.mark.parametrize(
    "lib", [aiohttp, httptrace], ids=lambda package: str(package.__name__)
)
_NOT_SENT = {
    *("Connection", "Content-Encoding", "Content-Length", "Transfer-Encoding", "Upgrade"),
    "Sec-WebSocket-Key1",  # aiohttp refuses it
}
NAMES = sorted(
    {one for key, one in vars(hdrs).items() if key.isupper() and isinstance(one, str)}
    - _NOT_SENT
    - set(hdrs.METH_ALL)
    - {hdrs.METH_ANY}
)
OWN = ["x-own", "X-OWN-TOO", "x-Mixed-case"]


@pytest.fixture(params=[str.lower, str.upper, str.title], ids=["lower", "upper", "title"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """Sends all names that aiohttp knows in one case, and some that it does not know."""
    names = [request.param(name) for name in NAMES] + OWN + ["content-length"]
    fields = "".join(f"{name}: 0\r\n" for name in names)
    answer = f"HTTP/1.1 200 OK\r\n{fields}\r\n".encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    listening.close()


@CLIENTS
async def test_known_names_are_spelled_as_in_hdrs(lib: ModuleType, server: str) -> None:
    """Names in `hdrs` are spelled as there, whatever the server sends; others are unchanged."""
    async with lib.ClientSession(max_headers=200) as session, session.get(server) as response:
        headers = dict(response.headers)
    assert set(headers) == {*NAMES, *OWN, "Content-Length"}


@CLIENTS
async def test_raw_names_are_as_sent(lib: ModuleType, server: str) -> None:
    """`raw_headers` has the names as the server sent them."""
    async with lib.ClientSession(max_headers=200) as session, session.get(server) as response:
        raw = [name for name, _ in response.raw_headers]
    assert raw[-1] == b"content-length"
    assert raw[-4:-1] == [name.encode() for name in OWN]


async def test_names_in_events_are_spelled_alike(server: str) -> None:
    """Events show the same headers as the response."""
    seen: list[Any] = []

    async def on_end(session: Any, context: Any, params: Any) -> None:
        seen.append(dict(params.response.headers))

    config = httptrace.TraceConfig()
    config.on_request_end.append(on_end)
    async with httptrace.ClientSession(trace_configs=[config], max_headers=200) as session:
        async with session.get(server) as response:
            assert seen == [dict(response.headers)]
    assert "Content-Length" in seen[0]


def test_spellings_are_bounded() -> None:
    """A server that always sends new names does not fill the memory."""
    for number in range(2 * _MOST):
        name = f"x-name-{number}"
        assert SPELLED[name] == name
    assert len(SPELLED) <= _MOST
    assert SPELLED["sErVeR"] == "Server"
