"""One timer for the timeouts of many requests, with a clock that the test sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptrace.pool import deadlines as module
from httptrace.pool.deadlines import Deadlines

MS = 1_000_000


class Timer:
    """A handle that can be cancelled."""

    def __init__(self, due_ns: int, callback: Callable[[], None]) -> None:
        self.due_ns = due_ns
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Clock:
    """A clock with timers; each reading costs `tick_ns`."""

    def __init__(self) -> None:
        self.now_ns = 1000 * MS
        self.tick_ns = 0
        self.timers: list[Timer] = []
        self.fired = 0

    def __call__(self) -> int:
        self.now_ns += self.tick_ns
        return self.now_ns

    def later(self, seconds: float, callback: Callable[[], None]) -> Any:
        timer = Timer(self.now_ns + round(seconds * 1e9), callback)
        self.timers.append(timer)
        return timer

    @property
    def pending(self) -> list[Timer]:
        return [timer for timer in self.timers if not timer.cancelled]

    def run(self, until_ns: int) -> None:
        """Advance the clock; timers fire when they are due."""
        while due := [timer for timer in self.pending if timer.due_ns <= until_ns]:
            timer = min(due, key=lambda one: one.due_ns)
            self.timers.remove(timer)
            self.now_ns = max(self.now_ns, timer.due_ns)
            self.fired += 1
            timer.callback()
        self.now_ns = max(self.now_ns, until_ns)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that deadlines read."""
    clock = Clock()
    monkeypatch.setattr(module, "perf_counter_ns", clock)
    return clock


class Request:
    """A request with a timeout."""

    def __init__(self, clock: Clock, due_ns: int, again: tuple[int, ...] = ()) -> None:
        self.clock = clock
        self.due_ns = due_ns
        self.again = list(again)
        self.ended_ns = 0

    def check_limits(self, now_ns: int) -> int:
        if self.ended_ns:
            return 0
        if now_ns < self.due_ns:
            return self.due_ns
        if self.again:  # something has come meanwhile: the limit begins anew
            self.due_ns = self.again.pop(0)
            return self.check_limits(now_ns)
        self.ended_ns = now_ns
        return 0


def watching(clock: Clock, *requests: Request) -> Deadlines:
    """Deadlines of these requests, each armed as a request does when it begins."""
    deadlines = Deadlines(clock.later, lambda: list(requests))
    for request in requests:
        if request.due_ns < deadlines.next_ns:
            deadlines.arm(request.due_ns)
    return deadlines


def test_fires_when_due(clock: Clock) -> None:
    """A timeout expires when it is reached, not before."""
    request = Request(clock, clock.now_ns + 50 * MS)
    watching(clock, request)
    clock.run(request.due_ns - 1)
    assert not request.ended_ns
    clock.run(request.due_ns)
    assert request.ended_ns == request.due_ns
    assert not clock.pending


def test_one_timer_for_all(clock: Clock) -> None:
    """However many requests have timeouts, there is one timer."""
    requests = [Request(clock, clock.now_ns + (100 - n) * MS) for n in range(100)]
    watching(clock, *requests)
    assert len(clock.pending) == 1
    clock.run(clock.now_ns + 200 * MS)
    assert [r.ended_ns - r.due_ns for r in requests] == [0] * 100


def test_later_ones_do_not_arm(clock: Clock) -> None:
    """A request whose timeout is after the timer costs nothing now and is checked then."""
    first, second = (Request(clock, clock.now_ns + due * MS) for due in (10, 20))
    deadlines = watching(clock, first, second)
    assert deadlines.next_ns == first.due_ns
    clock.run(first.due_ns)
    assert deadlines.next_ns == second.due_ns
    clock.run(second.due_ns)
    assert second.ended_ns == second.due_ns


def test_limit_that_moves(clock: Clock) -> None:
    """A timeout that restarts with each piece of data is checked when it may be reached."""
    start = clock.now_ns
    request = Request(clock, start + 10 * MS, again=(start + 15 * MS, start + 30 * MS))
    watching(clock, request)
    clock.run(start + 29 * MS)
    assert not request.ended_ns
    clock.run(start + 30 * MS)
    assert request.ended_ns == start + 30 * MS
    assert clock.fired == 3


def test_due_already(clock: Clock) -> None:
    """A timeout in the past expires in the loop's next iteration."""
    request = Request(clock, clock.now_ns - MS)
    watching(clock, request)
    clock.run(clock.now_ns)
    assert request.ended_ns


def test_closing_stops_the_timer(clock: Clock) -> None:
    """After closing no timer fires."""
    request = Request(clock, clock.now_ns + MS)
    watching(clock, request).close()
    clock.run(clock.now_ns + 10 * MS)
    assert clock.fired == 0 and not clock.pending


def test_looking_takes_a_twentieth_of_the_time(clock: Clock) -> None:
    """Very many timeouts close together make the timer less exact instead of expensive."""
    start = clock.now_ns
    requests = [Request(clock, start + n * 1000) for n in range(1, 5001)]  # one each µs
    deadlines = watching(clock, *requests)
    clock.tick_ns = 500_000  # each look through all of them takes half a millisecond
    clock.run(start + 200 * MS)
    assert all(request.ended_ns for request in requests)
    assert clock.fired * clock.tick_ns <= 200 * MS / 10
    assert deadlines.next_ns > clock.now_ns


@given(
    dues=st.lists(st.integers(1, 1000), min_size=1, max_size=30),
    arrivals=st.lists(st.integers(0, 500), min_size=30, max_size=30),
)
def test_nobody_is_forgotten(dues: list[int], arrivals: list[int]) -> None:
    """Whatever the times and timeouts of requests, each one expires on time."""
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "perf_counter_ns", clock)
        under_way: list[Request] = []
        deadlines = Deadlines(clock.later, lambda: list(under_way))
        start = clock.now_ns
        for due, arrival in sorted(zip(dues, arrivals, strict=False), key=lambda pair: pair[1]):
            clock.run(start + arrival * MS)
            request = Request(clock, clock.now_ns + due * MS)
            under_way.append(request)
            if request.due_ns < deadlines.next_ns:
                deadlines.arm(request.due_ns)
        clock.run(start + 2000 * MS)
        assert [request.ended_ns for request in under_way] == [r.due_ns for r in under_way]
