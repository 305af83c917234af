"""The watch of an event loop: how late it comes, and which line held it."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from traceback import FrameSummary, StackSummary

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import LoopFactory, loop_factories

import httptrace
from httptrace.trace import loop_lag as module
from httptrace.trace.lateness import Lateness
from httptrace.trace.loop_lag import LoopBlock, LoopLag, _Sampler, blocks_during, loop_lag

MS = 1_000_000
HERE = Path(__file__).name

every_loop = pytest.mark.parametrize(
    "factory", loop_factories().values(), ids=loop_factories().keys()
)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_ns = 10**12

    def __call__(self) -> int:
        return self.now_ns

    def look(self, lag: LoopLag, late_ms: float) -> None:
        """Let the timer come this late."""
        assert lag._timer is not None
        lag._timer.cancel()
        self.now_ns = lag._due_ns + round(late_ms * MS)
        lag._look()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "perf_counter_ns", clock)
    return clock


# --- the numbers ----------------------------------------------------------------------------------


async def test_how_late(clock: Clock) -> None:
    """Each look counts how late it came; the worst is exact, the others to an eighth."""
    with loop_lag(interval=0.01) as lag:
        for late_ms in (0, 0, 1, 2, 5):
            clock.look(lag, late_ms)
    assert (lag.count, lag.worst) == (5, 0.005)
    assert lag.percentile(40) == 0
    assert 0.001 <= lag.percentile(60) <= 0.001 * 1.125
    assert 0.002 <= lag.percentile(80) <= 0.002 * 1.125
    assert lag.percentile(81) == lag.percentile(100) == 0.005
    assert [count for _seconds, count in lag.histogram] == [2, 1, 1, 1]
    assert lag.blocks == []
    assert repr(lag) == "<LoopLag: worst 5.0 ms in 5 moments, 0 blocks>"


async def test_early_timers_are_not_late(clock: Clock) -> None:
    """A timer that comes a little before its time, as uvloop's do, is not late."""
    with loop_lag() as lag:
        clock.look(lag, -0.9)
    assert (lag.count, lag.worst) == (1, 0)


async def test_moments_that_were_missed(clock: Clock) -> None:
    """While the loop stands still no timer comes: the moments that it missed count all the same."""
    with loop_lag(interval=0.01) as lag:
        clock.look(lag, 0)
        clock.look(lag, 45)
    assert (lag.count, lag.worst) == (6, 0.045)
    for percent, seconds in ((17, 0.005), (34, 0.015), (51, 0.025), (67, 0.035), (84, 0.045)):
        assert seconds - 1e-9 <= lag.percentile(percent) <= seconds * 1.125


def test_nothing_seen() -> None:
    """Before the first look everything is 0, and a percentile must be one."""
    lag = loop_lag()
    assert (lag.count, lag.worst, lag.percentile(99), lag.histogram) == (0, 0, 0, [])
    for percent in (-1, 100.1, True, float("nan")):
        with pytest.raises(ValueError, match="percent must be a number from 0 to 100, not"):
            lag.percentile(percent)


@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=50), st.integers(0, 100))
def test_any_lateness(values: list[int], percent: int) -> None:
    """A percentile is at most an eighth above the value that it stands for, and never below."""
    lateness = Lateness()
    for value in values:
        lateness.add(value, 10**14)
    exact = sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]
    assert exact <= lateness.percentile_ns(percent) <= exact * 9 // 8 + 1
    assert lateness.count == len(values) == sum(count for _bound, count in lateness.buckets())
    assert lateness.worst_ns == max(values)


def test_a_loop_that_stood_still_for_days() -> None:
    """One delay counts for at most ten thousand moments."""
    lateness = Lateness()
    lateness.add(10**18, 10 * MS)
    assert lateness.count == 10_000


# --- who held it ----------------------------------------------------------------------------------


def hold(lag: LoopLag, seconds: float) -> float:
    """Hold the loop for so long, and until its stack was taken; return for how long."""
    began = time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds or (
        lag._sampler is not None and lag._sampler.taken[0] != lag._due_ns and passed < 20
    ):
        time.sleep(0.001)  # this line is the culprit
    return time.perf_counter() - began


async def held(lag: LoopLag, seconds: float) -> LoopBlock:
    """The block of a loop that `hold` held. On a busy machine something else may be late first."""
    for _ in range(100):
        looks = lag.count
        while lag.count == looks:
            await asyncio.sleep(0.001)
        looks = lag.count
        hold(lag, seconds)
        while lag.count == looks:
            await asyncio.sleep(0)
        if "hold" in _functions(lag.blocks[-1]):
            break
    return lag.blocks[-1]


@pytest.mark.parametrize("seconds", [0.02, 0.05])
async def test_a_blocked_loop(seconds: float) -> None:
    """A loop that is held is late by that, less at most one look, and the line is named."""
    began = time.perf_counter()
    with httptrace.loop_lag(threshold=0.005) as lag:
        block = await held(lag, seconds)
    assert seconds - lag.interval <= block.duration <= lag.worst <= time.perf_counter() - began
    culprit = block.culprit
    assert culprit is not None and culprit.line is not None
    assert (Path(culprit.filename).name, culprit.name) == (HERE, "hold")
    assert culprit.line.startswith(("time.sleep(0.001)", "while", "lag._sampler"))
    assert _functions(block)[-3:] == ["test_a_blocked_loop", "held", "hold"]
    assert str(block).startswith(f"the event loop was held for {block.duration * 1e3:.1f} ms by ")
    assert f'{HERE}", line {culprit.lineno}, in hold' in str(block)


async def test_the_stack_begins_above_the_loop() -> None:
    """What runs the loop, from the main module to asyncio, is no part of a block's stack."""
    loop, names = asyncio.get_running_loop(), list[list[str]]()
    with loop_lag(threshold=0.005) as lag:
        while ["callback", "hold"] not in names:
            looks = lag.count
            while lag.count == looks:
                await asyncio.sleep(0.001)
            called = asyncio.Event()

            def callback(called: asyncio.Event = called) -> None:
                hold(lag, 0)
                called.set()

            loop.call_soon(callback)
            await called.wait()
            await asyncio.sleep(0.01)
            names = [_functions(block) for block in lag.blocks]


def test_the_line_of_the_program() -> None:
    """The culprit is the program's line, also if a library that it calls takes the time."""
    library = threading.__file__
    frames = [FrameSummary("app.py", 3, "handler"), FrameSummary(library, 9, "wait")]
    assert _block(*frames).culprit == frames[0]
    packages = [FrameSummary("/venv/lib/python3.12/site-packages/x/y.py", 1, "run"), frames[1]]
    assert _block(*packages).culprit == packages[1]
    ours = FrameSummary(str(Path(module.__file__).parent.parent / "body/form.py"), 1, "write")
    assert _block(*frames, ours).culprit == frames[0]


def _block(*frames: FrameSummary) -> LoopBlock:
    return LoopBlock(0, 50 * MS, StackSummary.from_list(frames))


def test_a_loop_that_ran_nothing() -> None:
    """A block without a stack says that nothing of the loop's held it."""
    assert _block().culprit is None
    assert str(_block()) == "the event loop was held for 50.0 ms; it ran nothing"


async def test_when_the_stack_is_taken(clock: Clock) -> None:
    """The thread sleeps until the timer is late by the threshold, and takes one stack then."""
    with loop_lag(threshold=0.05, interval=0.01) as lag:
        sampler = _Sampler(lag, 50 * MS)
        assert sampler._look(lag) == 60 * MS
        clock.now_ns += 59 * MS
        assert sampler._look(lag) == 1 * MS
        assert sampler.taken == (0, [])
        clock.now_ns += 1 * MS
        assert sampler._look(lag) == 50 * MS
        due_ns, stack = sampler.taken
        assert due_ns == lag._due_ns
        assert "test_when_the_stack_is_taken" in [frame.name for frame in stack]
        clock.now_ns += 1000 * MS
        sampler._look(lag)
        assert sampler.taken[1] is stack


async def test_stack_of_what_ran_late(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the computer was busy at the threshold, the stack is what the loop runs after that."""
    with loop_lag(threshold=0.05, interval=0.01) as lag:
        sampler = _Sampler(lag, 50 * MS)
        clock.now_ns += 60 * MS
        with monkeypatch.context() as patch:
            patch.setattr(sys, "_current_frames", dict)  # as if it ran nothing
            assert sampler._look(lag) == 50 * MS
        assert sampler.taken == (lag._due_ns, [])
        assert sampler._look(lag) == 50 * MS
        assert "test_stack_of_what_ran_late" in [frame.name for frame in sampler.taken[1]]


async def test_block_that_the_timer_has_not_noted(clock: Clock) -> None:
    """Who asks after a block, but before the timer runs, is told of it as well."""
    loop = asyncio.get_running_loop()
    with loop_lag(threshold=0.05, interval=0.01) as lag:
        assert blocks_during(loop, 0, 2**63) == ()
        assert lag._sampler is not None
        clock.now_ns += 60 * MS
        lag._sampler._look(lag)
        (block,) = blocks_during(loop, 0, 2**63)
        assert (block.start_ns, block.duration_ns) == (lag._due_ns, 50 * MS)
        assert block.stack and lag.blocks == []
    assert blocks_during(loop, 0, 2**63) == ()


async def test_blocks_from_the_threshold_on(clock: Clock) -> None:
    """What is less late than the threshold is no block; the latest hundred blocks are kept."""
    loop = asyncio.get_running_loop()
    with loop_lag(threshold=0.05) as lag:
        clock.look(lag, 49.9)
        assert lag.blocks == [] and blocks_during(loop, 0, 2**63) == ()
        since_ns = lag._due_ns
        clock.look(lag, 50)
        (block,) = lag.blocks
        assert (block.start_ns, block.duration_ns, block.stack) == (since_ns, 50 * MS, [])
        for late_ms in range(60, 160):
            clock.look(lag, late_ms)
    assert [round(block.duration * 1e3) for block in lag.blocks] == [*range(60, 160)]


async def test_blocks_of_a_request(clock: Clock) -> None:
    """The blocks of a loop are found by the time that they overlap, also after the watch ended."""
    loop = asyncio.get_running_loop()
    with loop_lag(threshold=0.02) as lag:
        clock.look(lag, 30)
        clock.look(lag, 40)
    first, second = lag.blocks
    assert blocks_during(loop, 0, 2**63) == (first, second)
    assert blocks_during(loop, first.start_ns - 10, first.start_ns) == ()
    assert blocks_during(loop, first.start_ns - 10, first.start_ns + 1) == (first,)
    end_ns = first.start_ns + first.duration_ns
    assert blocks_during(loop, end_ns - 1, second.start_ns) == (first,)
    assert blocks_during(loop, end_ns, second.start_ns + 1) == (second,)
    other = asyncio.SelectorEventLoop()
    other.close()
    assert blocks_during(other, 0, 2**63) == ()


async def test_no_thread_without_a_threshold() -> None:
    """Without a threshold no thread is started, and with one it ends with the watch."""
    before = threading.active_count()
    with loop_lag():
        assert threading.active_count() == before
    with loop_lag(threshold=1) as lag:
        sampler = lag._sampler
        assert sampler is not None and sampler.daemon and sampler.is_alive()
    sampler.join(5)
    assert not sampler.is_alive()


# --- starting and stopping ------------------------------------------------------------------------


def test_without_a_loop() -> None:
    """Outside of a coroutine there is no loop to watch: an error says so."""
    with pytest.raises(RuntimeError, match="start it inside a coroutine"):
        loop_lag().start()


async def test_started_twice() -> None:
    """One object watches one loop; stopping it is enough, also twice, and it can start again."""
    lag = loop_lag(threshold=1)
    lag.stop()
    with lag, pytest.raises(RuntimeError, match="watches a loop already"):
        lag.start()
    lag.stop()
    with lag:
        while not lag.count:
            await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"threshold": 0}, ValueError, "threshold must be at least 0.001"),
        ({"threshold": float("nan")}, ValueError, "threshold must be at least"),
        ({"threshold": True}, TypeError, "threshold must be a number of seconds, not True"),
        ({"threshold": "1"}, TypeError, "threshold must be a number of seconds, not '1'"),
        ({"interval": None}, TypeError, "interval must be a number of seconds, not None"),
        ({"interval": 0.0001}, ValueError, "interval must be at least 0.001 .* not 0.0001"),
        ({"interval": 10**9}, ValueError, "less than 86400 s"),
    ],
)
def test_arguments(arguments: dict[str, float], error: type[Exception], text: str) -> None:
    """What is no number of seconds is refused, by its name."""
    with pytest.raises(error, match=text):
        loop_lag(**arguments)


@every_loop
def test_a_loop_that_ends(factory: LoopFactory) -> None:
    """A watch that nobody stops keeps neither the loop alive nor the thread, nor the program."""

    async def main() -> tuple[LoopLag, weakref.ref[asyncio.AbstractEventLoop]]:
        lag = loop_lag(threshold=0.01)
        lag.start()
        return lag, weakref.ref(asyncio.get_running_loop())

    with asyncio.Runner(loop_factory=factory) as runner:
        lag, loop = runner.run(main())
    sampler = lag._sampler
    assert sampler is not None
    sampler.join(5)
    assert not sampler.is_alive()
    lag.stop()
    del runner
    gc.collect()
    assert loop() is None


@every_loop
def test_a_watch_of_the_next_loop(factory: LoopFactory) -> None:
    """After its loop was closed, the same object can watch the next one."""
    lag = loop_lag(threshold=1)

    async def main() -> None:
        lag.start()
        looks = lag.count
        while lag.count == looks:
            await asyncio.sleep(0.001)

    for _ in range(2):
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(main())
    lag.stop()


@every_loop
def test_loops_of_two_threads(factory: LoopFactory) -> None:
    """Of two loops in two threads only that one is late which was held, by its own line."""
    ready, done = threading.Barrier(2), threading.Event()
    seen: dict[str, LoopLag] = {}

    async def watch(name: str, work: Callable[[LoopLag], object]) -> None:
        with loop_lag(threshold=0.02) as lag:
            while not lag.count:
                await asyncio.sleep(0.001)
            await asyncio.to_thread(ready.wait, 10)
            looks = lag.count
            work(lag)
            while lag.count == looks or not done.is_set():
                await asyncio.sleep(0.001)
        seen[name] = lag

    def work_long(lag: LoopLag) -> None:
        hold(lag, 0.2)
        done.set()

    def run(name: str, work: Callable[[LoopLag], object]) -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(watch(name, work))

    other = threading.Thread(target=run, args=("free", lambda lag: None))
    other.start()
    run("held", work_long)
    other.join(10)
    assert seen["held"].worst >= 0.19
    names = {name: [_functions(block) for block in lag.blocks] for name, lag in seen.items()}
    assert ["watch", "work_long", "hold"] in names["held"]
    assert not any("hold" in stack for stack in names["free"])


def _functions(block: LoopBlock) -> list[str]:
    return [frame.name for frame in block.stack]


async def test_nobody_watches() -> None:
    """A watch leaves nothing in the loop: after it the loop has no timer of it."""
    with loop_lag() as lag:
        await asyncio.sleep(0)
        timer = lag._timer
        assert timer is not None
    assert timer.cancelled()
    began_ns, looks = perf_counter_ns(), lag.count
    while perf_counter_ns() - began_ns < 15 * MS:
        await asyncio.sleep(0.001)
    assert lag.count == looks
