"""A server that responds as a plan says, and a session whose state is checked afterwards."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.faults.walking import turns

import httptrace
from httptrace import ClientSession
from httptrace.pool.connector import pool_of
from httptrace.testing import EventRecorder
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import ScriptedServer, response_bytes

_PATIENCE_TURNS = 60
"""How long a server waits for a client that has all it needs; TLS takes a few turns more."""


@dataclass
class Plan:
    """The bytes that the server sends, their pieces, their timing, and how it ends."""

    pieces: list[bytes]
    pauses: list[int]
    ending: str
    done: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the client has its outcome."""
    sent: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server has done all that it does with this request."""

    @classmethod
    def of(cls, rng: Random, pieces: list[bytes]) -> Plan:
        """Choose when the pieces are sent, and how the connection ends."""
        pauses = [rng.choice([0, 0, 1, 3, 5]) for _ in pieces]
        return cls(pieces, pauses, rng.choice(["close", "close", "half", "reset", "stay", "stay"]))

    async def carry_out(self, peer: Peer) -> bool:
        """Send the pieces; returns whether the connection stays open."""
        try:
            for piece, pause in zip(self.pieces, self.pauses, strict=True):
                await peer.send(piece)
                await turns(pause)
            if self.ending == "stay" and await self._satisfied():
                return True
            if self.ending == "reset":
                peer.reset()
            elif self.ending == "half":
                peer.half_close()
                await peer.until_closed()
            return False
        finally:
            self.sent.set()

    async def _satisfied(self) -> bool:
        for _ in range(_PATIENCE_TURNS):
            if self.done.is_set():
                return True
            await asyncio.sleep(0)
        return False


class Planned:
    """Responds to ``/next/…`` with that path, and to anything else as `plan` says."""

    def __init__(self) -> None:
        self.plan = Plan([], [], "close")

    async def __call__(self, peer: Peer) -> None:
        while True:
            request = await peer.request()
            if request.path.startswith("/next/"):
                await peer.send(response_bytes(200, request.path.encode(), ("X-Own", request.path)))
            elif not await self.plan.carry_out(peer):
                return


class Tried:
    """A server, a session with one connection, and the checks after each request."""

    def __init__(self, session: ClientSession, server: ScriptedServer, planned: Planned) -> None:
        self.session = session
        self.server = server
        self.planned = planned
        self.recorder = EventRecorder()
        self._asked = 0

    async def good_as_new(self) -> None:
        """Nothing is held, the events are complete, and the next request gets its own response."""
        self.at_rest()
        self._asked += 1
        path = f"/next/{self._asked}"
        async with self.session.get(self.server.url + path) as response:
            assert (response.status, response.headers["X-Own"]) == (200, path)
            assert await response.read() == path.encode()
        self.at_rest()
        self.recorder.check()
        self.recorder.clear()
        self.session.cookie_jar.clear()
        del self.server.requests[:]
        self.server.connections[:] = [p for p in self.server.connections if p.ended is None]

    def at_rest(self) -> None:
        """No request holds a place."""
        connector = self.session.connector
        assert connector is not None
        stats = connector.stats()
        assert stats.waiting == 0
        assert stats.open == stats.idle <= 1
        assert not pool_of(connector).unconnected and not pool_of(connector).state.active


@contextlib.asynccontextmanager
async def trying(tls: Any = None, client_tls: Any = True, **options: Any) -> AsyncIterator[Tried]:
    """A server and its session, both checked; only that server can be reached."""
    planned = Planned()
    async with ScriptedServer(planned, ssl=tls) as server:
        connector = httptrace.TCPConnector(
            limit=1, ssl=client_tls, socket_factory=only_to(server.port)
        )
        async with ClientSession(connector=connector, **options) as session:
            tried = Tried(session, server, planned)
            httptrace.install(tried.recorder)
            try:
                yield tried
            finally:
                httptrace.uninstall(tried.recorder)


def only_to(port: int) -> Any:
    """Create sockets for one local port only: a changed URL may lead anywhere."""
    import socket

    def make(address: Any) -> socket.socket:
        family, kind, protocol, _, where = address
        if tuple(where[:2]) != ("127.0.0.1", port):
            raise OSError("outside")
        return socket.socket(family, kind, protocol)

    return make
