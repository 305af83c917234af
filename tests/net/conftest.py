"""Fixtures of this room: listeners on loopback, certificates, and a check of open sockets."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from httptrace.testing.certificates import CertificateAuthority

_OPEN_FILES = Path("/proc/self/fd")


def _sockets() -> set[str]:
    found = set()
    for entry in _OPEN_FILES.iterdir() if _OPEN_FILES.exists() else ():
        with suppress(OSError):
            target = os.readlink(entry)
            if target.startswith("socket:"):
                found.add(target)
    return found


def _of_the_loop() -> set[str]:
    """uvloop wakes itself through a pair of sockets, a new one for each run."""
    held = gc.get_referents(asyncio.get_running_loop())
    own = [one for one in held if isinstance(one, socket.socket) and one.fileno() >= 0]
    return {os.readlink(_OPEN_FILES / str(one.fileno())) for one in own}


@pytest.fixture
async def nothing_stays() -> AsyncIterator[None]:
    """Assert that the test left neither tasks nor sockets."""
    before, tasks = _sockets(), asyncio.all_tasks()
    yield
    gc.collect(1)  # what a test made is young
    for _ in range(50):
        left = _sockets() - before - _of_the_loop()
        running = {task for task in asyncio.all_tasks() - tasks if not task.done()}
        if not left and running <= {asyncio.current_task()}:
            return
        await asyncio.sleep(0.002)
    pytest.fail(f"left behind: {left} {running}")


@pytest.fixture(scope="session")
def trusting(ca: CertificateAuthority) -> ssl.SSLContext:
    """A client's context that trusts `ca` and offers HTTP/1.1."""
    context = ca.client_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


@pytest.fixture
def port() -> Iterator[int]:
    """A listener on 127.0.0.1; the kernel accepts, so no socket is open on our side."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def port6(port: int) -> Iterator[int]:
    """The same port on ::1; skipped if there is no IPv6."""
    try:
        listener = socket.create_server(("::1", port), family=socket.AF_INET6, backlog=64)
    except OSError as exc:
        pytest.skip(f"no IPv6 on loopback: {exc}")
    with listener:
        yield port
