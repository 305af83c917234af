"""Requests of every kind, for tests of what must hold for them all.

A scene makes its requests and takes their errors; it says what the connector has counted then.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

from tests.net.recording import Fixed
from tests.proxies.scripts import connecting, socks5
from tests.ws.peers import TEXT, server_frame, speaking

import httptrace
from httptrace.testing import Peer, ScriptedServer, refused_port, response_bytes

HELLO = response_bytes(200, b"hello")


class Place:
    """The place of a scene: a session, its connector, and servers that end with the scene."""

    def __init__(
        self,
        stack: contextlib.AsyncExitStack,
        session: httptrace.ClientSession,
        server_ssl: ssl.SSLContext,
        client_ssl: ssl.SSLContext,
    ) -> None:
        self._stack = stack
        self.session = session
        self.server_ssl = server_ssl
        self.client_ssl = client_ssl

    async def serve(self, *scripts: Any, **options: Any) -> ScriptedServer:
        return await self._stack.enter_async_context(ScriptedServer(*scripts, **options))

    async def fetch(self, url: str, method: str = "GET", **options: Any) -> bytes:
        async with self.session.request(method, url, **options) as response:
            return await response.read()

    async def fails(self, url: str, **options: Any) -> None:
        """A request that ends with an error of its own."""
        with contextlib.suppress(httptrace.ClientError, TimeoutError):
            await self.fetch(url, **options)
            raise AssertionError("it was to fail")


class Counts(NamedTuple):
    """The expected `stats()` after a scene."""

    created: int = 1
    reused: int = 0
    idle: int = 1
    failed: int = 0
    closed: tuple[str, ...] = ()
    queued: tuple[str, ...] = ()


class Scene(NamedTuple):
    """The function of a scene, its expected counts, and the connector's parameters."""

    play: Callable[[Place], Awaitable[None]]
    counts: Counts
    options: dict[str, Any]

    def __repr__(self) -> str:
        return self.play.__name__


SCENES: list[Scene] = []


def scene(counts: Counts, **options: Any) -> Callable[[Any], Any]:
    """Register a scene."""

    def add(play: Callable[[Place], Awaitable[None]]) -> Callable[[Place], Awaitable[None]]:
        SCENES.append(Scene(play, counts, options))
        return play

    return add


class Resolver(Fixed):
    """Every name resolves to this machine, except one that is unknown."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> Any:
        if host.startswith("nowhere"):
            raise socket.gaierror(socket.EAI_NONAME, "not known")
        return await super().resolve(host, port, family)


@contextlib.asynccontextmanager
async def staged(
    chosen: Scene,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
    configs: tuple[httptrace.TraceConfig, ...] = (),
) -> AsyncIterator[Place]:
    """The place of a scene, with a session that has these listeners."""
    connector = httptrace.TCPConnector(resolver=Resolver("127.0.0.1"), **chosen.options)
    async with (
        contextlib.AsyncExitStack() as stack,
        httptrace.ClientSession(connector=connector, trace_configs=configs) as session,
    ):
        yield Place(stack, session, server_ssl, client_ssl)


def at(server: ScriptedServer, host: str = "here.example") -> str:
    return f"http://{host}:{server.port}/"


async def hanging(peer: Peer) -> None:
    await peer.request()
    await peer.hang()


# --- that go well -------------------------------------------------------------------------------


@scene(Counts(reused=1))
async def used_again(place: Place) -> None:
    server = await place.serve(HELLO)
    for _ in range(2):
        await place.fetch(at(server))


@scene(Counts(created=2, idle=0, closed=("force_close", "force_close")), force_close=True)
async def known_address(place: Place) -> None:
    server = await place.serve(HELLO)
    for _ in range(2):
        await place.fetch(at(server))


@scene(Counts(idle=0, closed=("server close",)))
async def server_closes(place: Place) -> None:
    server = await place.serve(response_bytes(200, b"hello", ("Connection", "close")))
    await place.fetch(at(server))


@scene(Counts(reused=1))
async def redirected_here(place: Place) -> None:
    async def script(peer: Peer) -> None:
        for answer in (response_bytes(302, b"", ("Location", "/there")), HELLO):
            await peer.request()
            await peer.send(answer)
        await peer.until_closed()

    server = await place.serve(script)
    await place.fetch(at(server))


@scene(Counts(created=2, idle=2))
async def redirected_elsewhere(place: Place) -> None:
    other = await place.serve(HELLO)
    server = await place.serve(response_bytes(302, b"", ("Location", at(other))))
    await place.fetch(at(server))


@scene(Counts())
async def refused_status(place: Place) -> None:
    server = await place.serve(response_bytes(404))
    await place.fails(at(server), raise_for_status=True)


@scene(Counts())
async def uploaded(place: Place) -> None:
    async def pieces() -> Any:
        for _ in range(3):
            yield b"piece"

    server = await place.serve(HELLO)
    await place.fetch(at(server), "POST", data=pieces())


@scene(Counts(idle=0, closed=("request not sent whole",)))
async def refused_body(place: Place) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(response_bytes(413, b"no"))
        await peer.until_closed()

    server = await place.serve(script)
    await place.fetch(at(server), "POST", data=b"0123456789", expect100=True)


@scene(Counts(created=2, reused=1, closed=("error",)))
async def stale(place: Place) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO)
        await peer.request()
        peer.reset()

    server = await place.serve(script)
    for _ in range(2):
        await place.fetch(at(server))


# --- that wait ------------------------------------------------------------------------------------


async def gated(peer: Peer) -> None:
    while True:
        await peer.request()
        await peer.events["gate"].wait()
        await peer.send(HELLO)


async def both(place: Place, first: ScriptedServer, second: ScriptedServer, **options: Any) -> None:
    """One request that waits for the gate, and one that waits for the first one's place."""
    tasks = [asyncio.create_task(place.fetch(at(first)))]
    while not first.requests and not tasks[0].done():
        await asyncio.sleep(0)
    tasks.append(asyncio.create_task(place.fetch(at(second), **options)))
    connector: Any = place.session.connector
    while not connector.stats().waiting and not any(task.done() for task in tasks):
        await asyncio.sleep(0)
    if options and not tasks[0].done():
        await asyncio.wait(tasks[1:])
    first.events["gate"].set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, TimeoutError):
            raise result


@scene(Counts(reused=1, queued=("limit",)), limit=1)
async def queued(place: Place) -> None:
    server = await place.serve(gated)
    await both(place, server, server)


@scene(Counts(created=2, closed=("evicted",), queued=("limit",)), limit=1)
async def queued_for_another_place(place: Place) -> None:
    await both(place, await place.serve(gated), await place.serve(HELLO))


@scene(Counts(queued=("limit_per_host",)), limit_per_host=1)
async def queued_for_too_long(place: Place) -> None:
    server = await place.serve(gated)
    await both(place, server, server, timeout=httptrace.ClientTimeout(pool=0.02))


# --- that fail ------------------------------------------------------------------------------------


@scene(Counts(created=0, idle=0, failed=1))
async def unknown_host(place: Place) -> None:
    await place.fails("http://nowhere.example/")


@scene(Counts(created=0, idle=0, failed=1))
async def refused_connection(place: Place) -> None:
    with refused_port() as port:
        await place.fails(f"http://here.example:{port}/")


@scene(Counts(created=0, idle=0, failed=1))
async def refused_certificate(place: Place) -> None:
    server = await place.serve(HELLO, ssl=place.server_ssl)
    await place.fails(f"https://localhost:{server.port}/")


@scene(Counts(idle=0, closed=("error",)))
async def cut(place: Place) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO[:-2])

    server = await place.serve(script)
    await place.fails(at(server))


@scene(Counts(idle=0, closed=("malformed response",)))
async def garbage(place: Place) -> None:
    server = await place.serve(b"220 mail.example ESMTP\r\n\r\n")
    await place.fails(at(server))


@scene(Counts(idle=0, closed=("timeout",)))
async def no_answer_in_time(place: Place) -> None:
    server = await place.serve(hanging)
    await place.fails(at(server), timeout=httptrace.ClientTimeout(total=0.02))


@scene(Counts(idle=0, closed=("unread body",)))
async def unread(place: Place) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO[:-2])
        await peer.hang()

    server = await place.serve(script)
    async with place.session.get(at(server)):
        pass


# --- by way of proxies, and WebSockets ------------------------------------------------------------


@scene(Counts(reused=1))
async def tunnelled(place: Place) -> None:
    origin = await place.serve(HELLO, ssl=place.server_ssl)
    proxy = await place.serve(connecting())
    for _ in range(2):
        await place.fetch(origin.url, proxy=proxy.url, ssl=place.client_ssl)


@scene(Counts())
async def by_socks(place: Place) -> None:
    origin = await place.serve(HELLO)
    proxy = await place.serve(socks5)
    await place.fetch(at(origin), proxy=f"socks5://127.0.0.1:{proxy.port}")


@scene(Counts(created=0, idle=0, failed=1))
async def refused_tunnel(place: Place) -> None:
    proxy = await place.serve(response_bytes(502, b"no"))
    await place.fails("https://here.example/", proxy=proxy.url)


@scene(Counts(idle=0, closed=("websocket closed",)))
async def websocket(place: Place) -> None:
    server = await place.serve(speaking(server_frame(TEXT, b"hello")))
    async with place.session.ws_connect(at(server)) as ws:
        await ws.send_str("hello")
        await ws.receive()


@scene(Counts(created=0, idle=0, failed=1))
async def websocket_to_nobody(place: Place) -> None:
    with refused_port() as port, contextlib.suppress(httptrace.ClientConnectorError):
        await place.session.ws_connect(f"ws://here.example:{port}/")
