"""What a test must not leave behind: running tasks and open sockets."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from pathlib import Path
from typing import Any

_OPEN_FILES = Path("/proc/self/fd")
# Transports close their sockets and tasks end a few turns after the test has let them go.
_PATIENCE_SECONDS = 0.5


def open_sockets() -> set[str]:
    """Return the kernel's names of this process's open sockets; empty without /proc."""
    found = set()
    for entry in _OPEN_FILES.iterdir() if _OPEN_FILES.exists() else ():
        try:
            target = os.readlink(entry)
        except OSError:  # The descriptor by which we list the directory.
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found


def _own_sockets(loop: asyncio.AbstractEventLoop) -> set[str]:
    """Return the sockets by which the loop wakes itself: uvloop makes a new pair for each run."""
    own = [x for x in gc.get_referents(loop) if isinstance(x, socket.socket) and x.fileno() >= 0]
    return {os.readlink(_OPEN_FILES / str(sock.fileno())) for sock in own}


class Leaks:
    """Compares the current state with that of its creation; use it in the running loop's thread."""

    def __init__(self) -> None:
        self._sockets = open_sockets()
        self._tasks = asyncio.all_tasks()

    def tasks(self) -> set[asyncio.Task[Any]]:
        """Return the tasks that run now and did not before, except the current one."""
        current = asyncio.current_task()
        return {t for t in asyncio.all_tasks() - self._tasks if t is not current and not t.done()}

    def sockets(self) -> set[str]:
        """Return the sockets that are open now and were not before."""
        new = open_sockets() - self._sockets
        return new - _own_sockets(asyncio.get_running_loop()) if new else new

    async def assert_none(self) -> None:
        """Raise AssertionError if a task or a socket stays after a short wait."""
        gc.collect()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE_SECONDS
        while (self.tasks() or self.sockets()) and loop.time() < deadline:
            await asyncio.sleep(0.001)
        assert not self.tasks(), f"the test left tasks behind: {self.tasks()}"
        assert not self.sockets(), f"the test left sockets open: {_describe(self.sockets())}"


def _describe(sockets: set[str]) -> list[str]:
    """Describe these sockets as the kernel does, so that the leak can be found."""
    numbers = {name.removeprefix("socket:[").removesuffix("]") for name in sockets}
    lines = []
    for table in ("tcp", "tcp6", "unix"):
        path = Path("/proc/self/net") / table
        rows = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        lines += [f"{table}: {' '.join(row)}" for row in rows if numbers & set(row)]
    return lines or sorted(sockets)
