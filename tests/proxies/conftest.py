"""Fixtures of this room: tests are recorded, leave nothing, know no proxy of the machine."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.servers.leaks import Leaks

import httptrace
from httptrace.testing import EventRecorder

MakeSession = Callable[..., httptrace.ClientSession]

_VARIABLES = ("http", "https", "ws", "wss", "all", "no")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Neither proxies nor netrc of whoever runs the tests."""
    for name in _VARIABLES:
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))


@pytest.fixture(autouse=True)
def _recorded(request: pytest.FixtureRequest, leak_check: Leaks, recorder: EventRecorder) -> None:
    """The rules that hold always are checked after each test here, and leaks looked for."""


@pytest.fixture
async def make_session(leak_check: Leaks, recorder: EventRecorder) -> AsyncIterator[MakeSession]:
    """Make sessions that are closed after the test."""
    async with contextlib.AsyncExitStack() as stack:

        def make(**options: Any) -> httptrace.ClientSession:
            session = httptrace.ClientSession(**options)
            stack.push_async_exit(session)
            return session

        yield make
