"""Connection attempts to the addresses of a host (RFC 8305, "Happy Eyeballs"), each with a span.

Attempts are staggered: the next one starts when `delay` has passed or an earlier one has failed.
The first socket that connects wins. All events are emitted in the caller's task, so a listener
delays its own request only.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable
from math import inf
from time import perf_counter_ns
from typing import TYPE_CHECKING, NamedTuple

from ..trace.events import (
    TraceSocketConnectEndParams,
    TraceSocketConnectExceptionParams,
    TraceSocketConnectStartParams,
)
from ..trace.record import AddressTry
from .kernel import tcp_info, unnoticed_ns
from .sockets import reason

if TYPE_CHECKING:
    from ..errors import ClientConnectorError
    from ..trace.record import Record
    from .counters import DialCounters
    from .key import ConnectionKey

_Outcome = tuple[socket.socket | Exception, int]
_Runner = asyncio.Task[_Outcome]


class Attempt(NamedTuple):
    """An address, and the function that connects a socket to it."""

    address: str
    family: socket.AddressFamily
    connect: Callable[[], Awaitable[socket.socket]]


class HappyEyeballs:
    """Connects one socket to a host, and emits the events of each attempt."""

    def __init__(self, key: ConnectionKey, record: Record, counters: DialCounters) -> None:
        self._key = key
        self._record = record
        self._counters = counters
        self._errors: list[tuple[str, OSError]] = []
        self._started_ns: dict[str, int] = {}

    def forbidden(self, address: str) -> None:
        """Add an address that the filter forbids to the error that `connect` may raise."""
        error = PermissionError(errno.EACCES, "not allowed by address_filter")
        self._errors.append((address, error))

    async def connect(self, attempts: list[Attempt], delay: float | None) -> socket.socket:
        """The first socket that connects; with `delay` None the addresses are tried in turn.

        Raises
        ------
        ClientConnectorError
            When none connects; the text gives the reason for each address.
        """
        if delay is None or len(attempts) < 2:
            sock = await self._in_turn(attempts)
        else:
            sock = await self._race(attempts, delay)
        if sock is None:
            raise self._failure()
        return sock

    # --- in turn ------------------------------------------------------------------------------

    async def _in_turn(self, attempts: list[Attempt]) -> socket.socket | None:
        for attempt in attempts:
            sock = await self._one(attempt)
            if sock is not None:
                return sock
        return None

    async def _one(self, attempt: Attempt) -> socket.socket | None:
        try:
            self._started(attempt)
            await self._flush()
            got = await self._try(attempt)
        except BaseException as exc:
            self._failed(attempt, exc)
            raise
        if isinstance(got, OSError):
            self._failed(attempt, got)
            return None
        self._won(attempt, got)
        return await self._flushed(got)

    async def _try(self, attempt: Attempt) -> socket.socket | OSError:
        try:
            return await attempt.connect()
        except OSError as exc:
            return exc

    # --- staggered ----------------------------------------------------------------------------

    async def _race(self, attempts: list[Attempt], delay: float) -> socket.socket | None:
        queue = attempts[::-1]
        running: dict[_Runner, Attempt] = {}
        try:
            while queue or running:
                if queue:
                    self._start(queue.pop(), running)
                await self._flush()
                timeout = delay if queue else None
                await asyncio.wait(running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                sock = self._settle(running)
                if sock is not None:
                    break
            else:
                return None
        except BaseException as exc:
            self._cancel(running, exc, lost=False)
            if not isinstance(exc, GeneratorExit):  # a closed coroutine cannot await
                await _ended(running)
            raise
        self._cancel(running, asyncio.CancelledError(), lost=True)
        return await self._flushed(sock)

    def _start(self, attempt: Attempt, running: dict[_Runner, Attempt]) -> None:
        self._started(attempt)
        runner = asyncio.get_running_loop().create_task(_timed(attempt))
        running[runner] = attempt

    def _settle(self, running: dict[_Runner, Attempt]) -> socket.socket | None:
        """Remove the attempts that are done; return the winner's socket if there is one."""
        # In the order in which they ended, so that the times of events never decrease.
        done = [one for one in running if one.done()]
        for runner in sorted(done, key=_ended_ns):
            got, done_ns = runner.result()
            attempt = running.pop(runner)
            if isinstance(got, socket.socket):
                self._won(attempt, got, done_ns)
                return got
            self._failed(attempt, got, done_ns)
            if not isinstance(got, OSError):
                raise got
        return None

    def _cancel(self, running: dict[_Runner, Attempt], exc: BaseException, *, lost: bool) -> None:
        """Cancel the remaining attempts, close sockets that connected too late, end each span."""
        for runner in sorted(running, key=_failed_ns):
            attempt = running[runner]
            stopped = runner.cancel() or runner.cancelled()
            late, done_ns = (None, 0) if stopped else runner.result()
            if isinstance(late, Exception):
                self._failed(attempt, late, done_ns)
                continue
            if late is not None:
                late.close()
            self._failed(attempt, exc, lost=lost)

    # --- events -------------------------------------------------------------------------------

    def _started(self, attempt: Attempt) -> None:
        self._started_ns[attempt.address] = perf_counter_ns()
        if self._record.trace is not None:
            data = (attempt.address, attempt.family)
            self._record.trace.note(TraceSocketConnectStartParams, self._record, 0, *data)

    async def _flush(self) -> None:
        if self._record.trace is not None:
            await self._record.trace.flush()

    def _won(self, attempt: Attempt, sock: socket.socket, done_ns: int = 0) -> None:
        self._counters.sockets_connected += 1
        self._record.address = attempt.address
        done_ns = done_ns or perf_counter_ns()
        self._note_try(attempt.address, done_ns, None)
        self._record.enter("queue", self._connected_ns(attempt, sock, done_ns))
        if self._record.trace is not None:
            data = (attempt.address, attempt.family)
            self._record.trace.note(TraceSocketConnectEndParams, self._record, done_ns, *data)

    def _connected_ns(self, attempt: Attempt, sock: socket.socket, seen_ns: int) -> int:
        """When the peer accepted the connection, which a busy loop sees later."""
        info = tcp_info(sock)
        if info is None:
            return seen_ns
        late_ns = unnoticed_ns(info.last_ack_recv_ns)
        return max(self._started_ns[attempt.address], seen_ns - late_ns)

    async def _flushed(self, sock: socket.socket) -> socket.socket:
        """The socket, after the listeners were called; it is closed if one of them raises."""
        try:
            await self._flush()
        except BaseException:
            sock.close()
            raise
        return sock

    def _failed(
        self, attempt: Attempt, exc: BaseException, done_ns: int = 0, *, lost: bool = False
    ) -> None:
        if lost:
            self._counters.sockets_lost += 1
        else:
            self._counters.sockets_failed += 1
        if isinstance(exc, OSError):
            self._errors.append((attempt.address, exc))
        record = self._record
        seen = record.error_for_caller(exc)
        failure = _why(seen, lost)
        record.addresses_failed += ((attempt.address, failure),)
        self._note_try(attempt.address, done_ns or perf_counter_ns(), failure)
        if record.trace is not None:
            data = (attempt.address, attempt.family, seen, lost)
            record.trace.note(TraceSocketConnectExceptionParams, record, done_ns, *data)

    def _note_try(self, address: str, end_ns: int, failure: str | None) -> None:
        start_ns = self._started_ns.get(address, end_ns)
        self._record.addresses_tried += (AddressTry(address, start_ns, end_ns, failure),)

    def _failure(self) -> ClientConnectorError:
        numbers = {error.errno for _, error in self._errors}
        number = numbers.pop() if len(numbers) == 1 else None
        text = "; ".join(f"{address}: {_words(error)}" for address, error in self._errors)
        failure = self._key.failure(OSError(number, text))
        failure.__cause__ = self._errors[0][1] if len(self._errors) == 1 else None
        return failure


def _words(error: OSError) -> str:
    return error.strerror or reason(error)


def _why(exc: BaseException, lost: bool) -> str:
    """Why an address was not used, as the timeline shows it."""
    if lost:
        return "had not answered when another one did"
    if isinstance(exc, asyncio.CancelledError | TimeoutError) and not getattr(exc, "errno", None):
        return "had not answered"
    return f"failed: {_words(exc) if isinstance(exc, OSError) else exc}"


async def _timed(attempt: Attempt) -> _Outcome:
    """The outcome of an attempt and its time; runs in a task of its own."""
    try:
        return await attempt.connect(), perf_counter_ns()
    except Exception as exc:
        return exc, perf_counter_ns()


def _ended_ns(runner: _Runner) -> int:
    return runner.result()[1]


def _failed_ns(runner: _Runner) -> float:
    """When an attempt failed. Attempts that are cancelled now sort after those."""
    if runner.done() and not runner.cancelled() and isinstance(runner.result()[0], Exception):
        return runner.result()[1]
    return inf


async def _ended(runners: dict[_Runner, Attempt]) -> None:
    """Wait until cancelled attempts have closed their sockets, in the loop's next iteration."""
    if runners:
        await asyncio.wait(runners)
