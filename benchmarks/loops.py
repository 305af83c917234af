"""The event loops a client is measured on."""

from __future__ import annotations

import asyncio
import importlib.util

UVLOOP, ASYNCIO = "uvloop", "asyncio"


def available() -> tuple[str, ...]:
    """Return the loops that can be had here, the fastest first."""
    return (UVLOOP, ASYNCIO) if importlib.util.find_spec("uvloop") else (ASYNCIO,)


def new_loop(name: str) -> asyncio.AbstractEventLoop:
    """Make a loop of that name and set it as the thread's current one."""
    if name == UVLOOP:
        import uvloop

        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop
