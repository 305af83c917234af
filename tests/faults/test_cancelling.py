"""Cancelling any scenario at any await leaves nothing behind, and the next request works."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from ssl import SSLContext
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace import AbstractResolver, ClientSession, ClientTimeout, TCPConnector
from httptrace.pool.connector import pool_of
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import per_request

from .scenarios import LATE, answer, walk_it, walked
from .walking import turns, walk


async def expecting(peer: Peer) -> None:
    """Script: reads heads only, sends 100 if it is expected, and then responds as `answer`."""
    while True:
        request = await peer.read_head()
        if request.expects_continue:
            await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await peer.read_body(request)
        await answer(peer, request)


class Local(AbstractResolver):
    """A resolver that takes a few loop iterations and knows one host."""

    def __init__(self) -> None:
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[Any]:
        self.asked += 1
        await turns(3)
        found = {"hostname": host, "host": "127.0.0.1", "port": port}
        return [{**found, "family": 2, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        """Do nothing."""


@LATE
async def test_get(heard: bool, scripted: ScriptedFactory, late: bool) -> None:
    """A GET, from connecting to the last byte."""
    server = await scripted(per_request(answer))

    async def scenario(session: ClientSession) -> None:
        async with session.get(f"{server.url}/a") as response:
            assert await response.read() == b"/a"

    await walk_it(server, scenario, late=late, least=2)


@LATE
async def test_get_without_a_block(heard: bool, scripted: ScriptedFactory, late: bool) -> None:
    """A GET whose response is awaited, read and released."""
    server = await scripted(per_request(answer))

    async def scenario(session: ClientSession) -> None:
        response = await session.get(f"{server.url}/a")
        try:
            assert await response.read() == b"/a"
        finally:
            response.release()

    await walk_it(server, scenario, late=late, least=2)


@LATE
async def test_with_limits(heard: bool, scripted: ScriptedFactory, late: bool) -> None:
    """A GET with every timeout set, none of which expires."""
    server = await scripted(per_request(answer))
    timeout = ClientTimeout(
        total=9, connect=9, sock_connect=9, sock_read=9, pool=9, dns=9, tls=9, response_headers=9
    )

    async def scenario(session: ClientSession) -> None:
        async with session.get(f"{server.url}/a", timeout=timeout) as response:
            assert await response.read() == b"/a"

    await walk_it(server, scenario, late=late, least=2)


@LATE
async def test_dns_and_tls(
    heard: bool,
    scripted: ScriptedFactory,
    server_ssl: SSLContext,
    client_ssl: SSLContext,
    late: bool,
) -> None:
    """A GET with a look-up and a handshake."""
    server = await scripted(per_request(answer), ssl=server_ssl)
    url = server.url.replace("127.0.0.1", "localhost")

    async def scenario(session: ClientSession) -> None:
        async with session.get(f"{url}/a") as response:
            assert await response.read() == b"/a"

    options = {"ssl": client_ssl, "resolver": Local(), "use_dns_cache": False}
    await walk_it(server, scenario, late=late, least=3, **options)


@LATE
@pytest.mark.parametrize("end", ["read", "close"])
async def test_queued(heard: bool, scripted: ScriptedFactory, late: bool, end: str) -> None:
    """A GET that waits for the place of another one, with and without its connection."""
    server = await scripted(per_request(answer))

    async def hold(session: ClientSession) -> None:
        async with session.get(f"{server.url}/held") as response:
            if end == "read":
                await response.read()

    async def scenario(session: ClientSession) -> None:
        holder = asyncio.create_task(hold(session))
        await turns(2)
        try:
            async with session.get(f"{server.url}/a") as response:
                assert await response.read() == b"/a"
        finally:
            await asyncio.shield(holder)

    await walk_it(server, scenario, late=late, least=3)


@LATE
async def test_redirect(heard: bool, scripted: ScriptedFactory, late: bool) -> None:
    """A redirect with the rest of its body."""
    server = await scripted(per_request(answer))

    async def scenario(session: ClientSession) -> None:
        async with session.get(f"{server.url}/moved") as response:
            assert await response.read() == b"/there"

    await walk_it(server, scenario, late=late, least=3)


async def pieces() -> AsyncIterator[bytes]:
    """A slow body."""
    for piece in (b"one", b"two"):
        await turns(2)
        yield piece


@LATE
@pytest.mark.parametrize("expect100", [False, True])
async def test_upload(heard: bool, scripted: ScriptedFactory, late: bool, expect100: bool) -> None:
    """A POST of a stream, with and without 100 Continue."""
    server = await scripted(expecting)

    async def scenario(session: ClientSession) -> None:
        sent = session.post(f"{server.url}/up", data=pieces(), expect100=expect100)
        async with sent as response:
            assert await response.read() == b"/up"

    await walk_it(server, scenario, late=late, least=2)


@LATE
async def test_download(heard: bool, scripted: ScriptedFactory, late: bool) -> None:
    """A body that is read in pieces as they arrive."""
    server = await scripted(per_request(answer))

    async def scenario(session: ClientSession) -> None:
        async with session.get(f"{server.url}/chunks") as response:
            assert b"".join([piece async for piece in response.content.iter_any()]) == b"/chunks"

    await walk_it(server, scenario, late=late, least=5)


@LATE
async def test_stale_connection(heard: bool, scripted: ScriptedFactory, late: bool) -> None:
    """A GET that is retried because its connection was closed."""
    server = await scripted(per_request(answer))

    async def scenario(session: ClientSession) -> None:
        async with session.get(f"{server.url}/stale") as response:
            assert await response.read() == b"/stale"

    await walk_it(server, scenario, late=late, least=2)


@LATE
async def test_shared_look_up(heard: bool, scripted: ScriptedFactory, late: bool) -> None:
    """Of two requests that share a look-up one is cancelled, and the other one continues."""
    server = await scripted(per_request(answer))
    url = server.url.replace("127.0.0.1", "example.test")
    resolver = Local()
    connector = TCPConnector(resolver=resolver, ttl_dns_cache=0)
    async with ClientSession(connector=connector) as session:

        async def other() -> None:
            async with session.get(f"{url}/other") as response:
                assert await response.read() == b"/other"

        async def scenario(session: ClientSession) -> None:
            first = asyncio.create_task(other())
            try:
                async with session.get(f"{url}/mine") as response:
                    assert await response.read() == b"/mine"
            finally:
                await asyncio.shield(first)

        pool = pool_of(connector)
        for connection in list(pool.state.idle):
            pool.close_unused(connection, "not for this test")
        work, check = walked(session, server.url, scenario)
        await walk(work, check, late=late)
        assert not pool.dialer.names.cache._under_way  # type: ignore[union-attr]


@LATE
async def test_closing(heard: bool, scripted: ScriptedFactory, late: bool) -> None:
    """Closing the session can be cancelled and repeated."""
    server = await scripted(per_request(answer))
    sessions: list[ClientSession] = []

    async def work() -> None:
        session = ClientSession()
        sessions.append(session)
        async with session.get(f"{server.url}/a") as response:
            await response.read()
        await session.close()

    async def check() -> None:
        for session in sessions:
            await session.close()
            assert session.closed
        sessions.clear()
        await server.no_connections()

    await walk(work, check, late=late)


async def test_cancelled_before_it_begins(heard: bool, scripted: ScriptedFactory) -> None:
    """A task that is cancelled before its first step sends nothing."""
    server = await scripted(per_request(answer))
    async with ClientSession() as session:
        task = asyncio.ensure_future(session.get(f"{server.url}/a"))
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert server.connections == []


async def test_many_at_random(heard: bool, scripted: ScriptedFactory) -> None:
    """Hundreds that are cancelled at different times, on two places: each gets its response."""
    server = await scripted(per_request(answer))
    async with ClientSession(connector=TCPConnector(limit=2)) as session:

        async def one(number: int) -> None:
            async with session.get(f"{server.url}/{number}") as response:
                assert await response.read() == b"/%d" % number

        running = [asyncio.create_task(one(number)) for number in range(300)]
        for number, task in enumerate(running):
            if number % 3:
                await turns(number % 7)
                task.cancel()
        outcomes = await asyncio.gather(*running, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} <= {type(None), asyncio.CancelledError}
        assert sum(outcome is None for outcome in outcomes) >= 100
        assert session.connector is not None
        stats = session.connector.stats()
        assert stats.waiting == 0 and stats.open == stats.idle <= 2
