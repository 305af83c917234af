"""Fixtures of this room: tests are recorded, leave nothing, and ignore the machine's proxies."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.servers.leaks import Leaks

import httptrace
from httptrace.testing import EventRecorder

from . import programs
from .programs import ProxyMissing

MakeSession = Callable[..., httptrace.ClientSession]

_VARIABLES = ("http", "https", "ws", "wss", "all", "no")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Hide the proxies and netrc of the user who runs the tests."""
    for name in _VARIABLES:
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))


@pytest.fixture(autouse=True)
def _recorded(request: pytest.FixtureRequest, leak_check: Leaks, recorder: EventRecorder) -> None:
    """Check after each test what always holds, and that nothing was left open."""


@pytest.fixture
async def make_session(leak_check: Leaks, recorder: EventRecorder) -> AsyncIterator[MakeSession]:
    """Create sessions that are closed after the test."""
    async with contextlib.AsyncExitStack() as stack:

        def make(**options: Any) -> httptrace.ClientSession:
            session = httptrace.ClientSession(**options)
            stack.push_async_exit(session)
            return session

        yield make


# --- programs that others wrote -------------------------------------------------------------------


def started(name: str, directory: Path, ca: Any) -> contextlib.AbstractContextManager[int]:
    """The proxy with that name."""
    if name == "tinyproxy":
        return programs.tinyproxy(directory, login=False)
    if name == "tinyproxy with login":
        return programs.tinyproxy(directory, login=True)
    if name == "microsocks":
        return programs.microsocks(directory, login=False)
    if name == "microsocks with login":
        return programs.microsocks(directory, login=True)
    if name == "dante":
        return programs.dante(directory)
    if name == "pproxy":
        return programs.pproxy(directory)
    ca.issue().save(directory)
    return programs.proxy_py(directory, secure=name == "proxy.py over TLS")


class Proxies:
    """Starts each proxy when it is first needed; all end with the module."""

    def __init__(
        self, stack: contextlib.ExitStack, factory: pytest.TempPathFactory, ca: Any
    ) -> None:
        self._stack, self._factory, self._ca = stack, factory, ca
        self._ports: dict[str, int | str] = {}

    def port(self, name: str) -> int:
        """Its port; skips the test if it is not installed."""
        if name not in self._ports:
            try:
                directory = self._factory.mktemp("proxy")
                self._ports[name] = self._stack.enter_context(started(name, directory, self._ca))
            except ProxyMissing as error:
                self._ports[name] = str(error)
        port = self._ports[name]
        if isinstance(port, str):
            pytest.skip(port)
        return port


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory, ca: Any) -> Iterator[Proxies]:
    """The proxies that are installed."""
    with contextlib.ExitStack() as stack:
        yield Proxies(stack, tmp_path_factory, ca)
