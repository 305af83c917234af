"""Cancelling at every await: nothing stays open, and every span is closed."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Generator
from pathlib import Path
from typing import Any

import pytest

from httptrace.net.local_dialers import UnixDialer
from httptrace.net.tcp_dialer import TCPDialer
from httptrace.testing.certificates import CertificateAuthority
from httptrace.testing.scripted import ScriptedServer, hang
from httptrace.testing.unreachable import blackhole
from httptrace.trace.config import TraceConfig

from .recording import Fixed, Listened, Stream, gone, key, turns

pytestmark = pytest.mark.usefixtures("nothing_stays")

Dial = Callable[[Listened], Coroutine[Any, Any, Stream]]


class CancelledAt:
    """Awaits, and cancels its task at the n-th suspension.

    At once, or as late as can be: when what is awaited is done and the task has not yet heard.
    """

    def __init__(self, work: Coroutine[Any, Any, Stream], at: int, late: bool) -> None:
        self.work = work
        self.at = at
        self.late = late
        self.reached = False

    def __await__(self) -> Generator[Any, None, Stream]:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        inner = self.work.__await__()
        seen = 0
        thrown: BaseException | None = None
        while True:
            try:
                waited = inner.send(None) if thrown is None else inner.throw(thrown)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]
            seen += 1
            if seen == self.at:
                self.reached = True
                if self.late and waited is not None:
                    waited.add_done_callback(lambda _: task.cancel())
                else:
                    loop.call_soon(task.cancel)
            thrown = None
            try:
                yield waited
            except BaseException as exc:
                thrown = exc


async def walk(dial: Dial, *, late: bool) -> int:
    """Cancel a connection at each of its awaits in turn; returns their number."""
    for at in range(1, 200):
        record = Listened()
        cancelled = CancelledAt(dial(record), at, late)

        async def run(cancelled: CancelledAt = cancelled) -> Stream:
            return await cancelled

        task = asyncio.ensure_future(run())
        with contextlib.suppress(asyncio.CancelledError):
            await gone(await task)
        await record.flushed()
        record.assert_spans_are_closed()
        await turns(2)
        if not cancelled.reached:
            assert not task.cancelled()
            return at - 1
    raise AssertionError("the connection never came about")


class Slow(Fixed):
    """Takes a few iterations of the loop."""

    async def resolve(self, *args: Any, **kwargs: Any) -> Any:
        await turns(2)
        return await super().resolve(*args, **kwargs)


def pausing() -> TraceConfig:
    """Callbacks that wait at every event of a connection."""
    config = TraceConfig()

    async def pause(session: object, context: object, params: object) -> None:
        await asyncio.sleep(0)

    for name in vars(config):
        if name.startswith(("on_dns", "on_socket", "on_tls")):
            getattr(config, name).append(pause)
    config.freeze()
    return config


def listened_slowly(dial: Dial) -> Dial:
    """The same connection, with a listener that waits at every event."""

    def again(record: Listened) -> Coroutine[Any, Any, Stream]:
        trace, slow = record.trace, Listened(pausing())
        assert trace is not None and slow.trace is not None
        record.trace, record.kept = slow.trace, slow.kept
        return dial(record)

    return again


both_times = pytest.mark.parametrize("late", [False, True])
both_listeners = pytest.mark.parametrize("slow", [False, True])


async def walked(dial: Dial, late: bool, slow: bool) -> int:
    return await walk(listened_slowly(dial) if slow else dial, late=late)


@both_times
@both_listeners
async def test_a_literal(late: bool, slow: bool, port: int) -> None:
    """Plain TCP to one address."""
    dialer = TCPDialer()
    where = key("127.0.0.1", port)
    assert await walked(
        lambda record: dialer.connect(where, record, asyncio.Protocol, sock_connect=5), late, slow
    )


@both_times
@both_listeners
@pytest.mark.parametrize("delay", [None, 0, 30])
async def test_dns_and_several_addresses(
    late: bool, slow: bool, delay: float | None, port: int
) -> None:
    """A look-up, then addresses of which the first refuses, in turn and staggered."""

    async def dial(record: Listened) -> Stream:
        dialer = TCPDialer(resolver=Slow("127.0.0.2", "127.0.0.1"), happy_eyeballs_delay=delay)
        try:
            return await dialer.connect(
                key("test.example", port), record, asyncio.Protocol, sock_connect=5
            )
        finally:
            await dialer.close()

    assert await walked(dial, late, slow) >= 4


@both_times
async def test_a_race_against_silence(late: bool, port: int) -> None:
    """Two concurrent attempts, of which the first never connects."""
    with blackhole("127.0.0.2", port):

        async def dial(record: Listened) -> Stream:
            dialer = TCPDialer(resolver=Fixed("127.0.0.2", "127.0.0.1"), happy_eyeballs_delay=0.001)
            return await dialer.connect(
                key("test.example", port), record, asyncio.Protocol, sock_connect=5
            )

        assert await walk(dial, late=late) >= 4


@both_times
@both_listeners
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls(
    late: bool,
    slow: bool,
    version: ssl.TLSVersion,
    ca: CertificateAuthority,
    trusting: ssl.SSLContext,
) -> None:
    """A complete handshake."""
    context = ca.issue().server_context()
    context.maximum_version = version
    async with ScriptedServer(hang, ssl=context) as server:
        dialer = TCPDialer(ssl=trusting)
        where = key("127.0.0.1", server.port, True)
        assert await walked(
            lambda record: dialer.connect(where, record, asyncio.Protocol, sock_connect=5),
            late,
            slow,
        )


@both_times
async def test_unix(late: bool, tmp_path: Path) -> None:
    """A Unix socket."""
    path = str(tmp_path / "socket")
    async with ScriptedServer(hang, unix_path=path):
        dialer = UnixDialer(path)
        assert await walk(
            lambda record: dialer.connect(
                key("localhost", 80), record, asyncio.Protocol, sock_connect=5
            ),
            late=late,
        )


async def test_a_limit_at_any_moment(ca: CertificateAuthority, trusting: ssl.SSLContext) -> None:
    """`sock_connect` may expire at any time and leaves nothing behind either."""
    async with ScriptedServer(hang, ssl=ca.issue().server_context()) as server:
        dialer = TCPDialer(ssl=trusting)
        where = key("127.0.0.1", server.port, True)
        for at in range(60):
            record = Listened()
            attempt: Awaitable[Stream] = dialer.connect(
                where, record, asyncio.Protocol, sock_connect=0.00005 * (at + 1)
            )
            with contextlib.suppress(TimeoutError):
                await gone(await attempt)
            await record.flushed()
            record.assert_spans_are_closed()
