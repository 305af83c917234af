"""Shared by the tests of uploads."""

from __future__ import annotations

import random
from typing import Any

from httptrace import ClientSession
from httptrace.testing import ScriptedServer, response_bytes

OK = response_bytes(200, b"ok")
BIG = random.Random(3).randbytes(3 << 20)
"""Many times what sockets hold."""


async def sent(session: ClientSession, server: ScriptedServer, **options: Any) -> Any:
    """Make a request; returns what the server received."""
    async with session.post(server.url, **options) as response:
        assert await response.read() == b"ok"
    return server.requests[-1]
