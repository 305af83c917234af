"""The thread of exporters: batches, limits, the end, and forks."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading

import pytest

from httptrace.observers.worker import Worker


class Collecting:
    """A job that keeps the batches; `gate` holds it up."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.ended = threading.Event()

    def handle(self, batch: list[int]) -> None:
        self.entered.set()
        assert self.gate.wait(10)
        if -1 in batch:
            raise OSError("disk full")
        self.batches.append(batch)

    def end(self) -> None:
        self.ended.set()


class Losses(list[tuple[int, str]]):
    """What was lost, and why."""

    def add(self, number: int, why: str) -> None:
        self.append((number, why))


def a_worker(job: Collecting, losses: Losses, capacity: int = 1000) -> Worker[int]:
    return Worker("test", job, losses.add, interval=0.001, batch=100, capacity=capacity)


def test_batches() -> None:
    """Everything is handled, in order, in batches of at most so many, in another thread."""
    job, losses = Collecting(), Losses()
    worker = Worker("test", job, losses.add, interval=60, batch=100, capacity=1000)
    for number in range(250):
        worker.put(number)
    assert worker.flush()
    assert [number for batch in job.batches for number in batch] == [*range(250)]
    assert max(map(len, job.batches)) == 100
    worker.close()
    assert job.ended.is_set() and losses == []


def test_capacity() -> None:
    """What comes while as much waits as may is lost, and counted; nothing blocks."""
    job, losses = Collecting(), Losses()
    worker = a_worker(job, losses, capacity=3)
    job.gate.clear()
    worker.put(0)
    assert job.entered.wait(10)
    for number in (1, 2, 3, 4, 5):
        worker.put(number)
    assert losses == [(1, "3 entries wait already, as many as may")] * 2
    job.gate.set()
    worker.close()
    assert [number for batch in job.batches for number in batch] == [0, 1, 2, 3]


def test_closed() -> None:
    """What comes after the end is lost; closing again does nothing."""
    job, losses = Collecting(), Losses()
    worker = a_worker(job, losses)
    worker.close()
    assert job.ended.is_set()
    worker.put(1)
    worker.close()
    assert losses == [(1, "it is closed")] and job.batches == []


def test_failing_job() -> None:
    """A batch whose handling raises is lost; the thread goes on."""
    job, losses = Collecting(), Losses()
    worker = a_worker(job, losses)
    worker.put(-1)
    assert worker.flush()
    worker.put(2)
    worker.close()
    assert losses == [(1, "OSError: disk full")] and job.batches == [[2]]


def test_too_slow_at_the_end() -> None:
    """Closing ends in time, and counts what was left."""
    job, losses = Collecting(), Losses()
    worker = a_worker(job, losses)
    job.gate.clear()
    worker.put(0)
    assert job.entered.wait(10)
    worker.put(1)
    assert worker.flush(0.01) is False
    worker.close(0.01)
    assert losses == [(2, "0.01 s were not enough to write or send the rest")]
    job.gate.set()
    assert job.ended.wait(10)


def test_forgotten() -> None:
    """The thread ends when nobody uses the worker any more."""
    job, losses = Collecting(), Losses()
    worker = a_worker(job, losses)
    worker.put(1)
    assert worker.flush()
    del worker
    gc.collect()
    assert job.ended.wait(10) and job.batches == [[1]]


def test_many_threads() -> None:
    """Many threads put at once: nothing is lost and nothing is left lying."""
    job, losses = Collecting(), Losses()
    worker = a_worker(job, losses, capacity=100_000)

    def put() -> None:
        for number in range(2000):
            worker.put(number)

    threads = [threading.Thread(target=put) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert worker.flush()
    assert sum(map(len, job.batches)) == 8000 and losses == []
    worker.close()


PROGRAM = """
from httptrace.observers.worker import Worker

class Job:
    def handle(self, batch):
        print("handled", *batch, flush=True)
    def end(self):
        print("ended", flush=True)

worker = Worker("test", Job(), print, interval=60, batch=100, capacity=100)
worker.put(1)
worker.put(2)
"""


def test_end_of_the_program() -> None:
    """At the end of the program the rest is handled."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60
    )
    assert (run.stdout, run.stderr) == ("handled 1 2\nended\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_fork() -> None:
    """After a fork the child handles its own items, and the parent those from before."""
    fork = "\nimport os\nif os.fork() == 0:\n    worker.put(3)\nelse:\n    os.wait()\n"
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM + fork],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert run.stdout == "handled 3\nended\nhandled 1 2\nended\n", run.stderr
