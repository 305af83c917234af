"""The fixtures work: leaks, the aiohttp application."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest

from httptrace.testing.scripted import response_bytes

from .aiohttp_app import LARGE_TEXT, AiohttpServer
from .fixtures import ScriptedFactory
from .leaks import Leaks


async def test_a_leaked_task_is_found() -> None:
    """A task that still runs fails the leak check."""
    leaks = Leaks()
    task = asyncio.create_task(asyncio.Event().wait(), name="forgotten")
    with pytest.raises(AssertionError, match="forgotten"):
        await leaks.assert_none()
    task.cancel()
    await leaks.assert_none()


async def test_a_leaked_socket_is_found() -> None:
    """A socket that is still open fails the leak check."""
    leaks = Leaks()
    with socket.create_server(("127.0.0.1", 0)), pytest.raises(AssertionError, match="tcp: "):
        await leaks.assert_none()
    await leaks.assert_none()


async def test_a_clean_client_passes(
    leak_check: Leaks, scripted: ScriptedFactory, aiohttp_server: AiohttpServer
) -> None:
    """A client that closes everything passes the leak check on every loop."""
    server = await scripted(response_bytes(200, b"ok"))
    async with aiohttp.ClientSession() as session:
        for url in (server.url, f"{aiohttp_server.url}/"):
            async with session.get(url) as response:
                assert response.status == 200
    await server.no_connections()


async def test_executor_threads_are_no_leak(leak_check: Leaks) -> None:
    """Work in the loop's executor leaves no socket that counts as a leak."""
    await asyncio.get_running_loop().getaddrinfo("localhost", 80)


async def test_aiohttp_endpoints(aiohttp_server: AiohttpServer) -> None:
    """The simple endpoints of the application respond as described."""
    async with aiohttp.ClientSession(aiohttp_server.url) as session:
        assert await (await session.get("/")).text() == "hello"
        assert await (await session.post("/echo", data=b"abc")).read() == b"abc"
        assert (await session.get("/status/418")).status == 418
        assert len((await session.get("/redirect/3")).history) == 3
        assert len(await (await session.get("/stream/5")).read()) == 5 * 1024
        assert len(await (await session.get("/large/100000")).read()) == 100_000
        assert await (await session.get("/compressed/gzip")).text() == LARGE_TEXT
        assert (await session.get("/basic-auth")).status == 401
        form = await session.post("/form", data={"a": "b"})
        assert await form.json() == [["a", "b"]]
        told = await (await session.get("/inspect?x=1")).json()
        assert told["target"] == "/inspect?x=1"
    assert aiohttp_server.requests == 13


async def test_aiohttp_gate(aiohttp_server: AiohttpServer) -> None:
    """A request to /gate waits until the test sets the event."""
    async with aiohttp.ClientSession(aiohttp_server.url) as session:
        asking = asyncio.create_task(session.get("/gate"))
        await aiohttp_server.entered.wait()
        assert not asking.done()
        aiohttp_server.gate.set()
        assert await (await asking).text() == "through"
