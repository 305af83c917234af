"""`loop_lag`: how late an event loop comes to its work, and which line held it.

A timer of the loop is due every few milliseconds: how late it comes is how late everything else
comes. If a block of the loop must be explained, a thread waits for a timer that is overdue, and
takes the stack of the loop's thread.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import deque
from os import path
from time import perf_counter_ns
from traceback import FrameSummary, StackSummary
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary, WeakSet, ref

from .lateness import Lateness

if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Self

_MOST_BLOCKS = 100
"""How many blocks are kept, the latest ones."""


class LoopBlock(NamedTuple):
    """One time in which something held the event loop for longer than the threshold."""

    start_ns: int
    """Since when the loop was late, a ``time.perf_counter_ns()`` reading."""
    duration_ns: int
    """Nanoseconds for which it was late; what held it may have begun one `interval` earlier."""
    stack: StackSummary
    """What the loop ran when the threshold was passed, or first ran after it; outermost call first.

    It is empty if the loop ran nothing: then the computer was busy, or another thread had the
    interpreter lock.
    """

    @property
    def duration(self) -> float:
        """Seconds for which the loop was late."""
        return self.duration_ns / 1e9

    @property
    def culprit(self) -> FrameSummary | None:
        """The innermost line of the program itself; of a library if there is none.

        It has a `filename`, a `lineno`, a `name` (of the function) and the `line`.
        """
        own = [frame for frame in self.stack if not _is_library(frame.filename)]
        frames = own or self.stack
        return frames[-1] if frames else None

    def __str__(self) -> str:
        culprit, held = self.culprit, f"the event loop was held for {self.duration * 1e3:.1f} ms"
        if culprit is None:
            return f"{held}; it ran nothing"
        where = f"{culprit.filename}:{culprit.lineno} in {culprit.name}: {culprit.line}"
        return "".join((f"{held} by {where}\n", *self.stack.format())).rstrip()


recent: WeakKeyDictionary[asyncio.AbstractEventLoop, deque[LoopBlock]] = WeakKeyDictionary()
"""The latest blocks of each loop that was watched with a threshold; empty if there is none."""

_watching: WeakSet[LoopLag] = WeakSet()
"""Those that watch a loop with a threshold."""


def blocks_during(
    loop: asyncio.AbstractEventLoop | None, start_ns: int, end_ns: int
) -> tuple[LoopBlock, ...]:
    """The known blocks of a loop that overlap a time, the earliest first.

    What held the loop may have ended without the timer having run since.
    """
    if loop is None:
        return ()
    present = [block for lag in _watching if lag._loop is loop for block in lag._block_now()]
    return tuple(
        block
        for block in (*recent.get(loop, ()), *present)
        if block.start_ns < end_ns and block.start_ns + block.duration_ns > start_ns
    )


class LoopLag:
    """How late one event loop came to its work while it was watched; see `loop_lag`.

    The numbers are about moments, one in each `interval`: how long work that became ready in that
    moment waited for the loop.
    """

    def __init__(self, threshold: float | None, interval: float) -> None:
        self.threshold = threshold
        """Seconds from which on a stack is taken; None: never."""
        self.interval = interval
        """Seconds between two looks."""
        self._interval_ns = round(interval * 1e9)
        self._threshold_ns = round((threshold or 0) * 1e9)
        self._lateness = Lateness()
        self._blocks: deque[LoopBlock] = deque(maxlen=_MOST_BLOCKS)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._sampler: _Sampler | None = None
        self._due_ns = 0
        self._depth = 0  # how many frames lie below the callbacks of the loop

    # --- starting and stopping ------------------------------------------------------------------

    def start(self) -> None:
        """Watch the running event loop from now on, until `stop` is called or it is closed.

        While the loop does not run, between two ``run_until_complete()`` for instance, it is late.

        Raises
        ------
        RuntimeError
            When no event loop runs here, or this object watches one already.
        """
        if self._loop is not None and not self._loop.is_closed():
            raise RuntimeError("this LoopLag watches a loop already: call stop() first")
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            text = "loop_lag() watches the running event loop: start it inside a coroutine"
            raise RuntimeError(text) from None
        if self.threshold is not None:
            _watching.add(self)
            recent.setdefault(self._loop, deque(maxlen=_MOST_BLOCKS))
            self._sampler = _Sampler(self, self._threshold_ns)
        self._wait()
        if self._sampler is not None:
            self._sampler.start()

    def stop(self) -> None:
        """Watch no longer; do nothing if this object does not watch. What was seen is kept.

        Call it in the loop's thread.
        """
        if self._timer is not None:
            self._timer.cancel()
        if self._sampler is not None:
            self._sampler.stopped.set()
        self._loop = self._timer = self._sampler = None
        _watching.discard(self)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    # --- what was seen --------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many moments were looked at."""
        return self._lateness.count

    @property
    def worst(self) -> float:
        """The longest that the loop was late, in seconds; one `interval` may be missing in it."""
        return self._lateness.worst_ns / 1e9

    @property
    def histogram(self) -> list[tuple[float, int]]:
        """Pairs of seconds and a number: in so many moments the loop was that late.

        That is at most so late, and later than in the pair before. There are eight steps between a
        duration and its double.
        """
        return [(bound_ns / 1e9, count) for bound_ns, count in self._lateness.buckets()]

    @property
    def blocks(self) -> list[LoopBlock]:
        """The latest 100 times in which the loop was late by the threshold or more, in order."""
        return list(self._blocks)

    def percentile(self, percent: float) -> float:
        """The seconds that the loop was late at most in so many percent of the moments.

        Raises
        ------
        ValueError
            When `percent` is not a number from 0 to 100.
        """
        return self._lateness.percentile_ns(percent) / 1e9

    def __repr__(self) -> str:
        worst, blocks = self.worst * 1e3, len(self._blocks)
        return f"<LoopLag: worst {worst:.1f} ms in {self.count} moments, {blocks} blocks>"

    # --- the timer --------------------------------------------------------------------------------

    def _wait(self) -> None:
        loop = self._loop
        assert loop is not None
        self._due_ns = perf_counter_ns() + self._interval_ns
        self._timer = loop.call_later(self.interval, self._look)

    def _look(self) -> None:
        late_ns = max(0, perf_counter_ns() - self._due_ns)
        self._lateness.add(late_ns, self._interval_ns)
        if self._sampler is not None:
            if late_ns >= self._threshold_ns:
                self._note(late_ns, self._sampler)
            self._depth = _depth(sys._getframe().f_back)
        self._wait()

    def _note(self, late_ns: int, sampler: _Sampler) -> None:
        assert self._loop is not None
        block = self._block(late_ns, sampler)
        self._blocks.append(block)
        recent[self._loop].append(block)

    def _block(self, late_ns: int, sampler: _Sampler) -> LoopBlock:
        due_ns, stack = sampler.taken
        known = stack if due_ns == self._due_ns else StackSummary()
        return LoopBlock(self._due_ns, late_ns, known)

    def _block_now(self) -> list[LoopBlock]:
        """The block that the timer will note, if it is late by the threshold already."""
        late_ns = perf_counter_ns() - self._due_ns
        if self._sampler is None or late_ns < self._threshold_ns:
            return []
        return [self._block(late_ns, self._sampler)]

    def _stack_of(self, thread: int) -> StackSummary:
        """What the loop's thread runs above the event loop; all that it runs outside of that."""
        inside = self._loop is not None and self._loop.is_running()
        return _stack(sys._current_frames().get(thread), self._depth if inside else 0)


class _Sampler(threading.Thread):
    """Takes the stack of the loop's thread once the timer is late by the threshold.

    It ends when the watching object is stopped or gone, or its loop closed.
    """

    def __init__(self, lag: LoopLag, threshold_ns: int) -> None:
        super().__init__(name="httptrace.loop_lag", daemon=True)
        self.taken: tuple[int, StackSummary] = (0, StackSummary())
        """When the timer was due that the last stack was taken for, and the stack."""
        self.stopped = threading.Event()
        self._lag = ref(lag)
        self._loop_thread = threading.get_ident()
        self._threshold_ns = threshold_ns

    def run(self) -> None:
        """Sleep until the timer could be too late, look at it, and so on."""
        wait_ns = self._threshold_ns
        while not self.stopped.wait(wait_ns / 1e9):
            lag = self._lag()
            if lag is None or lag._loop is None or lag._loop.is_closed():
                return
            wait_ns = self._look(lag)
            del lag

    def _look(self, lag: LoopLag) -> int:
        """Take the stack if it is time; how many nanoseconds to sleep then."""
        due_ns = lag._due_ns
        if due_ns == self.taken[0] and self.taken[1]:
            return self._threshold_ns
        left_ns = due_ns + self._threshold_ns - perf_counter_ns()
        if left_ns > 0:
            return left_ns
        self.taken = (due_ns, lag._stack_of(self._loop_thread))
        return self._threshold_ns


def _depth(frame: FrameType | None) -> int:
    count = 0
    while frame is not None:
        count, frame = count + 1, frame.f_back
    return count


def _stack(frame: FrameType | None, below: int) -> StackSummary:
    """The frames above the event loop's own, outermost first. The thread runs on meanwhile."""
    places = []
    while frame is not None:
        places.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back
    above = places[::-1][below:]
    return StackSummary.from_list(
        [
            FrameSummary(code.co_filename, lineno, code.co_name, lookup_line=False)
            for code, lineno in above
        ]
    )


_OURS = path.dirname(path.dirname(__file__))
_STANDARD = path.dirname(threading.__file__)


def _is_library(filename: str) -> bool:
    """Whether it belongs to the standard library, to an installed package, or to this one."""
    installed = "site-packages" in filename or "dist-packages" in filename
    return installed or filename.startswith((_STANDARD, _OURS, "<frozen "))


def loop_lag(*, threshold: float | None = None, interval: float = 0.01) -> LoopLag:
    """Watch how late the running event loop comes to its work.

    Use it with ``with``, or call `LoopLag.start` and `LoopLag.stop`::

        with httptrace.loop_lag(threshold=0.05) as lag:
            await work()
        print(f"{lag.percentile(99):.3f} s, {lag.worst:.3f} s at worst")
        for block in lag.blocks:
            print(block)

    It looks once in `interval` seconds, which costs a few microseconds and wakes an idle loop. A
    look that is late by `threshold` seconds or more is a block; a thread takes the stack that the
    loop has then, so that `LoopBlock.culprit` names the line that holds it. Without a threshold
    there is no thread.

    Raises
    ------
    TypeError, ValueError
        When `threshold` or `interval` is not a number of seconds above 0.
    """
    for name, seconds in (("threshold", threshold), ("interval", interval)):
        _check(name, seconds)
    return LoopLag(threshold, interval)


def _check(name: str, seconds: float | None) -> None:
    if seconds is None and name == "threshold":
        return
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"{name} must be a number of seconds, not {seconds!r}")
    if not 0.001 <= seconds < 86_400:
        raise ValueError(f"{name} must be at least 0.001 and less than 86400 s, not {seconds!r}")
