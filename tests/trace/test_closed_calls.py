"""A call whose coroutine is closed with `close`."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

import pytest

import httptrace
from httptrace.testing import EventRecorder

from .conftest import MakeSession
from .test_exchanges import HELLO, fetch


class _Closing:
    """Runs a call, and closes it when it is suspended after an event with this name."""

    def __init__(self, call: Any, recorder: EventRecorder, name: str) -> None:
        self._call = call
        self._recorder = recorder
        self._name = name

    def __await__(self) -> Generator[Any, Any, None]:
        while True:
            waited = self._call.send(None)
            if self._recorder.names()[-1] == self._name:
                self._call.close()
                return
            yield waited


@pytest.mark.parametrize("listeners", [1, 2])
@pytest.mark.parametrize(
    "name", ["request_start", "socket_connect_start", "request_headers_sent", "request_end"]
)
async def test_closed_coroutine(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, name: str, listeners: int
) -> None:
    """A call that is closed, as a coroutine can be, is cancelled: in whatever listener it waits,
    all are told the rest, and nothing is left."""
    server = await scripted(HELLO)
    heard: list[list[str]] = [[] for _ in range(listeners)]
    configs = []
    for names in heard:
        config = httptrace.TraceConfig()
        configs.append(config)

        async def listen(_session: Any, _context: Any, event: Any, names: Any = names) -> None:
            names.append(event.name)
            await asyncio.sleep(0)

        for signal in ("on_request_exception", "on_request_finish", f"on_{name}"):
            getattr(config, signal).append(listen)
    session = make_session(trace_configs=configs, connector=httptrace.TCPConnector(limit=1))
    await _Closing(session.get(server.url), recorder, name)
    async with asyncio.timeout(5):
        while recorder.names()[-1] != "request_finish":
            await asyncio.sleep(0)
    await fetch(session, "GET", server.url, trace_configs=[])
    (finish, _) = recorder.of("request_finish")
    assert (finish.outcome, type(finish.exception)) == ("cancelled", GeneratorExit)
    failed = ["request_exception", "request_finish"]
    if name == "request_end":
        del failed[0]
    assert heard[0][: 1 + len(failed)] == [name, *failed]
