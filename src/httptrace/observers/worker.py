"""`Worker`: a thread that handles in batches what exporters collect."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar
from weakref import WeakSet, ref

if TYPE_CHECKING:
    from collections.abc import Callable

Item = TypeVar("Item")
logger = logging.getLogger("httptrace")

CLOSE_SECONDS = 5.0
"""For how long `Worker.close` waits for the thread, at the end of the program too."""


class Job(Protocol[Item]):
    """What a worker's thread does. All its methods are called in that thread."""

    def handle(self, batch: list[Item]) -> None:
        """Handle what was collected. If it raises, the batch is lost."""

    def end(self) -> None:
        """Release what the job holds: the thread ends."""


class Worker(Generic[Item]):
    """Collects items without blocking, and handles them in batches in a thread of its own.

    :param name: the name of the thread.
    :param job: what the thread does.
    :param lose: called with the number of items that are lost, and why.
    :param interval: seconds for which items are collected before they are handled.
    :param batch: how many items are handled at once; so many are handled without waiting.
    :param capacity: how many items may wait; more are lost.

    The thread starts with the first item. It is a daemon; at the end of the program the rest is
    handled within `CLOSE_SECONDS`. After a fork the child handles only its own items.
    """

    def __init__(
        self,
        name: str,
        job: Job[Item],
        lose: Callable[[int, str], None],
        *,
        interval: float,
        batch: int,
        capacity: int,
    ) -> None:
        self.name, self.interval, self.batch, self.capacity = name, interval, batch, capacity
        self.job, self._lose = job, lose
        self.closing = threading.Event()
        """Set once the worker is being closed: a job that waits should come to an end."""
        self._begin()
        _workers.add(self)

    def _begin(self) -> None:
        """Have no items and no thread, as at first and in the child after a fork."""
        self._items: deque[Item] = deque()
        self._awake = False
        self._wake, self._full = threading.Event(), threading.Event()
        self._handled = threading.Condition()
        self._taken = self._done = 0
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def put(self, item: Item) -> None:
        """Collect an item. It never blocks."""
        items = self._items
        if len(items) >= self.capacity or self.closing.is_set():
            self._refuse()
            return
        items.append(item)
        if not self._awake:
            self._awake = True
            self._start()
            self._wake.set()
        elif len(items) == self.batch:
            self._full.set()

    def _refuse(self) -> None:
        if self.closing.is_set():
            self._lose(1, "it is closed")
        else:
            self._lose(1, f"{self.capacity} entries wait already, as many as may")

    def _start(self) -> None:
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=_run, args=(ref(self), self._wake), name=self.name, daemon=True
                    )
                    self._thread.start()

    def flush(self, timeout: float = CLOSE_SECONDS) -> bool:
        """Wait until everything collected so far is handled; False if that takes too long."""
        if self._thread is None:
            return not self._items
        due = self._taken + len(self._items)
        self._full.set()
        self._wake.set()
        with self._handled:
            return self._handled.wait_for(lambda: self._done >= due, timeout)

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Handle the rest, and end the thread; do nothing the second time."""
        if self.closing.is_set():
            return
        self.closing.set()
        self._full.set()
        self._wake.set()
        thread = self._thread
        if thread is None:
            self.job.end()
        elif thread is not threading.current_thread():
            thread.join(timeout)
            if left := len(self._items) + self._taken - self._done if thread.is_alive() else 0:
                self._lose(left, f"{timeout:g} s were not enough to write or send the rest")

    def _collect(self) -> bool:
        """Wait for a batch, and handle it; whether the thread goes on."""
        if not self.closing.is_set():
            self._full.wait(self.interval)
        self._full.clear()
        self._wake.clear()
        self._awake = False  # from now on `put` wakes the thread again: nothing is left behind
        while batch := self._take():
            self._handle(batch)
        return not self.closing.is_set()

    def _take(self) -> list[Item]:
        items = self._items
        batch = [items.popleft() for _ in range(min(len(items), self.batch))]
        self._taken += len(batch)
        return batch

    def _handle(self, batch: list[Item]) -> None:
        try:
            self.job.handle(batch)
        except Exception as exc:
            logger.debug("%s could not handle a batch", self.name, exc_info=True)
            self._lose(len(batch), f"{type(exc).__name__}: {exc}")
        finally:
            with self._handled:
                self._done += len(batch)
                self._handled.notify_all()

    def __del__(self) -> None:
        self._full.set()
        self._wake.set()  # the thread sees that nobody uses it


def _run(worker: ref[Worker[Item]], wake: threading.Event) -> None:
    """Handle batches until the worker is closed. While idle the thread does not keep it alive."""
    job: Job[Item] | None = None
    while True:
        wake.wait()
        present = worker()
        if present is None:
            break
        job = present.job
        if not present._collect():
            break
        del present
    if job is not None:
        job.end()


_workers: WeakSet[Worker[Any]] = WeakSet()
"""All workers, for the end of the program and for forks."""


def _close_all() -> None:
    due = monotonic() + CLOSE_SECONDS
    for worker in [*_workers]:
        worker.close(max(0.1, due - monotonic()))


def _begin_anew() -> None:
    for worker in [*_workers]:
        worker._begin()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
