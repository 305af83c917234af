"""The sixteen signals that aiohttp has, in aiohttp's order: one program, run on both clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import httptrace
from httptrace.testing import ScriptedServer, per_request, refused_port, response_bytes

aiohttp = pytest.importorskip("aiohttp", reason="aiohttp is not installed")

SIGNALS = [
    "on_connection_create_end",
    "on_connection_create_start",
    "on_connection_queued_end",
    "on_connection_queued_start",
    "on_connection_reuseconn",
    "on_dns_cache_hit",
    "on_dns_cache_miss",
    "on_dns_resolvehost_end",
    "on_dns_resolvehost_start",
    "on_request_chunk_sent",
    "on_request_end",
    "on_request_exception",
    "on_request_headers_sent",
    "on_request_redirect",
    "on_request_start",
    "on_response_chunk_received",
]
Heard = list[str]
Program = Callable[[ModuleType, Any, str], Any]


def test_these_are_all() -> None:
    """The list above is aiohttp's, name for name; every one is ours too."""
    theirs = sorted(name for name in dir(aiohttp.TraceConfig()) if name.startswith("on_"))
    assert theirs == SIGNALS
    ours = httptrace.TraceConfig()
    assert [name for name in SIGNALS if not hasattr(ours, name)] == []


def test_classes_show_documented_names() -> None:
    """Public names of TraceConfig and Event are signals, and those that the documentation has."""
    ours, theirs = (
        {name for name in dir(config) if name[0] != "_" and not name.startswith("on_")}
        for config in (httptrace.TraceConfig(), aiohttp.TraceConfig())
    )
    assert ours - theirs == {"frozen"}
    assert [name for name in dir(httptrace.Event) if name[0] != "_"] == [
        *("attempt", "connection_id", "context_id", "edge", "fields", "group", "method", "name"),
        *("request_id", "signal", "span", "time_ns", "url"),
    ]


@pytest.mark.parametrize("signal", SIGNALS)
def test_params_have_aiohttps_fields(signal: str) -> None:
    """The params class of each signal has aiohttp's name, and all of its attributes."""
    parts = signal.removeprefix("on_").split("_")
    wanted = f"trace{''.join(parts)}params"
    (name,) = [name for name in dir(aiohttp) if name.lower() == wanted]
    theirs = getattr(aiohttp, name)
    ours = getattr(httptrace, name)
    missing = [field.name for field in theirs.__attrs_attrs__ if not hasattr(ours, field.name)]
    assert missing == []


def config_of(library: ModuleType, heard: Heard, seen: list[Any]) -> Any:
    config = library.TraceConfig()
    for signal in SIGNALS:

        async def hear(session: Any, context: Any, params: Any, name: str = signal) -> None:
            heard.append(name)
            seen.append((name, params))

        getattr(config, signal).append(hear)
    return config


async def answer(peer: Any, request: Any) -> None:
    if request.path == "/redirect":
        await peer.send(response_bytes(302, b"", ("Location", "/there")))
    elif request.path == "/gate":
        await peer.events["gate"].wait()
        await peer.send(response_bytes(200, b"through"))
    elif request.path == "/gone":
        peer.reset()
    elif request.path == "/none":
        await peer.send(response_bytes(404))
    elif request.path == "/last":
        await peer.send(response_bytes(200, b"bye", ("Connection", "close")))
    else:
        await peer.send(response_bytes(200, b"hello"))


async def get_twice(library: ModuleType, session: Any, url: str) -> None:
    for _ in range(2):
        async with session.get(url + "/") as response:
            assert await response.text() == "hello"


async def post(library: ModuleType, session: Any, url: str) -> None:
    async with session.post(url + "/", data=b"0123456789") as response:
        await response.read()


async def post_in_pieces(library: ModuleType, session: Any, url: str) -> None:
    async def pieces() -> Any:
        yield b"one"
        yield b"two"

    async with session.post(url + "/", data=pieces()) as response:
        await response.read()


async def redirect(library: ModuleType, session: Any, url: str) -> None:
    async with session.get(url + "/redirect") as response:
        await response.read()


async def too_many_redirects(library: ModuleType, session: Any, url: str) -> None:
    with pytest.raises(library.TooManyRedirects):
        async with session.get(url + "/redirect", max_redirects=1):
            pass


async def disconnected(library: ModuleType, session: Any, url: str) -> None:
    # not GET: aiohttp sends it again even if its connection was a new one
    with pytest.raises(library.ClientError):
        async with session.post(url + "/gone"):
            pass


async def refused(library: ModuleType, session: Any, url: str) -> None:
    with refused_port() as port, pytest.raises(library.ClientConnectorError):
        async with session.get(f"http://127.0.0.1:{port}/"):
            pass


async def raised_for_status(library: ModuleType, session: Any, url: str) -> None:
    with pytest.raises(library.ClientResponseError):
        async with session.get(url + "/none", raise_for_status=True):
            pass


async def by_name_twice(library: ModuleType, session: Any, url: str) -> None:
    port = url.rpartition(":")[2]
    for _ in range(2):
        async with session.get(f"http://localhost:{port}/last") as response:
            await response.read()


async def timed_out(library: ModuleType, session: Any, url: str) -> None:
    with pytest.raises(asyncio.TimeoutError):
        timeout = library.ClientTimeout(total=0.1)
        async with session.get(url + "/gate", timeout=timeout):
            pass


async def unread(library: ModuleType, session: Any, url: str) -> None:
    async with session.get(url + "/"):
        pass


PROGRAMS: list[Program] = [
    get_twice,
    post,
    post_in_pieces,
    redirect,
    too_many_redirects,
    disconnected,
    refused,
    raised_for_status,
    by_name_twice,
    timed_out,
]


async def run(library: ModuleType, program: Program, **options: Any) -> tuple[Heard, list[Any]]:
    heard: Heard = []
    seen: list[Any] = []
    async with ScriptedServer(per_request(answer)) as server:
        async with library.ClientSession(
            trace_configs=[config_of(library, heard, seen)],
            connector=library.TCPConnector(**options),
        ) as session:
            await program(library, session, server.url)
    return heard, seen


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
async def test_same_order(program: Program) -> None:
    """The same program gets the same signals in the same order."""
    theirs, _ = await run(aiohttp, program, family=2)
    ours, _ = await run(httptrace, program, family=2)
    assert ours == theirs


@pytest.mark.parametrize("program", [get_twice, post_in_pieces, redirect])
async def test_same_params(program: Program) -> None:
    """The params have the same values under aiohttp's names."""
    _, theirs = await run(aiohttp, program)
    _, ours = await run(httptrace, program)
    for (name, our), (_name, their) in zip(ours, theirs, strict=True):
        for field in type(their).__attrs_attrs__:
            mine, other = getattr(our, field.name), getattr(their, field.name)
            if field.name == "url":
                assert type(mine) is type(other) and mine.path == other.path, name
            elif field.name in ("method", "chunk", "host"):
                assert mine == other, name
            elif field.name == "headers":
                assert set(mine) >= set(other), name  # at the start ours are complete already
            elif field.name == "response":
                assert mine.status == other.status, name


async def queued(library: ModuleType, session: Any, url: str) -> None:
    first = asyncio.create_task(post(library, session, url))
    await asyncio.gather(first, post(library, session, url))


async def test_same_order_of_a_queue() -> None:
    """A request that waits for another one's connection: each request has the same signals."""

    async def signals(library: ModuleType) -> list[Heard]:
        heard: dict[int, Heard] = {}
        config = library.TraceConfig()
        for signal in SIGNALS:

            async def hear(session: Any, context: Any, params: Any, name: str = signal) -> None:
                heard.setdefault(id(context), []).append(name)
                context.kept = heard  # its id must stay its own

            getattr(config, signal).append(hear)
        contexts: list[Any] = []
        original = config.trace_config_ctx

        def kept(*args: Any, **kwargs: Any) -> Any:
            contexts.append(original(*args, **kwargs))
            return contexts[-1]

        config.trace_config_ctx = kept
        async with ScriptedServer(per_request(answer)) as server:
            connector = library.TCPConnector(limit=1)
            async with library.ClientSession(
                trace_configs=[config], connector=connector
            ) as session:
                await queued(library, session, server.url)
        return [heard[id(context)] for context in contexts]

    theirs, ours = await signals(aiohttp), await signals(httptrace)
    assert ours == theirs
    assert "on_connection_queued_start" in ours[1]
