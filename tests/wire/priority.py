"""Real-time priorities: what is measured runs when it is due, whatever else the machine does."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

CLIENT, SERVER, RELAY = 1, 2, 3
"""The wire comes first, as the interrupts of a network card do."""


def be_real_time(priority: int) -> bool:
    """Give the calling thread, but not its children, a real-time priority; False if forbidden."""
    policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
    try:
        os.sched_setscheduler(0, policy, os.sched_param(priority))
    except OSError:
        return False
    return True


@contextlib.contextmanager
def real_time(priority: int) -> Iterator[bool]:
    """Inside the block the calling thread has a real-time priority, if it may."""
    policy, param = os.sched_getscheduler(0), os.sched_getparam(0)
    allowed = be_real_time(priority)
    try:
        yield allowed
    finally:
        os.sched_setscheduler(0, policy, param)
