"""Servers that redirect, for tests of it."""

from __future__ import annotations

from httptrace.testing import ScriptedServer, response_bytes
from httptrace.testing.received import ReceivedRequest

OK = response_bytes(200, b"arrived")


def redirect(location: str, status: int = 302, *headers: tuple[str, str]) -> bytes:
    return response_bytes(status, b"moved", ("Location", location), *headers)


async def last(server: ScriptedServer, count: int = 2) -> ReceivedRequest:
    """The last of this many requests, with its body."""
    return await server.received(count)
