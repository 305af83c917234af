"""Findings about waiting for a response: the server, or our own event loop."""

from __future__ import annotations

import asyncio
from traceback import FrameSummary, StackSummary

import pytest

import httptrace
from httptrace.trace.loop_lag import LoopBlock
from httptrace.trace.record import DnsFacts, Phase

from ..built import AGAIN, MS, Attempt, kernel
from .finding import found

SLOW = AGAIN | {"wait": 300.0}
NEAR = kernel(min_rtt_ns=MS)


def block(start_ms: float, ms: float, filename: str = "/srv/shop/report.py") -> LoopBlock:
    """The event loop was held by a line of a file."""
    stack = StackSummary.from_list([FrameSummary(filename, 8, "render", line="x")])
    return LoopBlock(int(start_ms * MS), int(ms * MS), stack)


def test_loop_blocked() -> None:
    """The response lay in the kernel: how long, and how to learn why."""
    one = found(Attempt(SLOW, kernel=NEAR, wait_late_ns=48 * MS))["loop_blocked"]
    assert one.seconds == 0.048
    assert one.evidence == "received data lay unread for 48 ms: the event loop was busy"
    assert "loop_lag(threshold=0.02)" in one.advice
    assert one.where is None


def test_loop_blocked_names_the_line() -> None:
    """The line that held the loop at the end of the wait is named, not one that held it earlier."""
    late = Attempt(SLOW, kernel=NEAR, wait_late_ns=48 * MS)  # the wait ends at 304 ms
    earlier = block(20, 200, "/srv/shop/innocent.py")
    late._blocks = (earlier, block(250, 53))
    one = found(late)["loop_blocked"]
    assert one.where == "/srv/shop/report.py:8 in render"
    assert one.evidence.endswith("the event loop was busy in report.py:8 in render")
    assert "run_in_thread" in one.advice
    late._blocks = (earlier,)
    assert found(late)["loop_blocked"].where is None


def test_loop_blocked_nearly() -> None:
    """A block while the server had not responded has cost nothing."""
    assert "loop_blocked" not in found(Attempt(SLOW, kernel=NEAR, blocks=(block(20, 200),)))


def test_a_held_loop_is_no_slow_look_up() -> None:
    """The answer of a look-up may have lain there while the loop was held until its end."""
    dns = DnsFacts("example.org", "look-up", None)
    phases: dict[Phase, float] = {"queue": 1, "dns": 300, "connect": 1, "wait": 5}
    held = Attempt(phases, dns=dns, blocks=(block(50, 252),))  # the look-up ends at 302 ms
    findings = found(held)
    assert findings["loop_blocked"].seconds == 0.252
    assert findings["loop_blocked"].evidence.startswith("the request was held up for 252 ms: ")
    assert findings["loop_blocked"].where == "/srv/shop/report.py:8 in render"
    assert findings["dns_slow"].seconds == 0.048
    before = Attempt(phases, dns=dns, blocks=(block(50, 200),))
    assert "loop_blocked" not in found(before)
    assert found(before)["dns_slow"].seconds == 0.3


def test_a_held_loop_where_the_kernel_tells_nothing() -> None:
    """A wait that ends with a block may have been the loop's; the kernel knows it better."""
    unknown = Attempt(SLOW, blocks=(block(100, 204),))  # the wait ends at 304 ms
    findings = found(unknown)
    assert findings["loop_blocked"].seconds == 0.204
    assert findings["server_slow"].seconds == 0.096
    known = Attempt(SLOW, blocks=(block(100, 204),), kernel=NEAR)
    assert "loop_blocked" not in found(known)
    assert found(known)["server_slow"].seconds == 0.299


def test_server_slow() -> None:
    """The wait without a round trip and the late loop is the server's; it is told what it says."""
    headers = {"Server-Timing": "miss, db;dur=210;desc=orders, app;dur=40"}
    slow = Attempt(SLOW, kernel=NEAR, wait_late_ns=48 * MS, headers=headers)
    one = found(slow)["server_slow"]
    assert one.seconds == 0.251
    assert one.evidence == "the server took about 251 ms; it says: db 210 ms"


@pytest.mark.parametrize(
    ("facts", "others"),
    [
        ({}, "the network and a busy event loop"),
        ({"address": "/run/api.sock"}, "a busy event loop"),
        ({"kernel": NEAR, "sent_is_known": False}, "the upload"),
        ({"kernel": NEAR, "proxy": "http://p"}, "the proxy and the network behind it"),
        ({"kernel": kernel(min_rtt_ns=MS, rcv_ooopack=2)}, "a loss on the way back"),
    ],
)
def test_server_slow_is_not_sure(facts: dict[str, object], others: str) -> None:
    """What cannot be told apart from the server's time is named."""
    one = found(Attempt(SLOW, **facts))["server_slow"]  # type: ignore[arg-type]
    assert one.evidence.endswith(f"; {others} may have a part in that")


def test_server_slow_nearly() -> None:
    """20 ms are not slow; a far network and a late loop are not the server."""
    assert "server_slow" not in found(Attempt(AGAIN | {"wait": 21}, kernel=NEAR))
    far = Attempt(SLOW, kernel=kernel(min_rtt_ns=180 * MS), wait_late_ns=100 * MS)
    assert "server_slow" not in found(far)


def test_no_response() -> None:
    """A request that a timeout ended while it waited is a slow server; the limit is named."""
    error = httptrace.TotalTimeoutError()
    error.timeout, error.limit = "total", 0.5
    one = found(Attempt({"queue": 1, "wait": 499}, status=0, exception=error))["server_slow"]
    assert (one.seconds, one.evidence) == (0.499, "no response came for 499 ms (total=0.5)")
    given_up = Attempt({"queue": 1, "wait": 499}, status=0, exception=asyncio.CancelledError())
    assert found(given_up)["server_slow"].evidence == "no response came for 499 ms"


def test_no_response_nearly() -> None:
    """A connection that broke says nothing of how slow the server is; nor does a wait elsewhere."""
    broken = Attempt({"queue": 1, "wait": 499}, status=0, exception=ConnectionResetError())
    assert "server_slow" not in found(broken)
    connecting = Attempt({"queue": 1, "connect": 499}, status=0, exception=TimeoutError())
    assert "server_slow" not in found(connecting)
