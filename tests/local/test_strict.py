"""Strict mode changes the process for good, so each test runs in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

PRELUDE = """
import asyncio, contextvars, logging, threading, warnings
from concurrent.futures import ThreadPoolExecutor
from httptrace.local import *
state = Local()
seen = []
def read():
    try:
        state.x
    except UnsetLocalError as error:
        seen.append(str(error))
    else:
        seen.append("found")
"""


def run(body: str, strict: str = "1") -> str:
    source = PRELUDE + textwrap.dedent(body) + "\nprint(*seen, sep='\\n')"
    environment = {**os.environ, "HTTPTRACE_STRICT_CONTEXT": strict}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", source],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        timeout=60,
    ).stdout


def line_of(body: str, mark: str) -> int:
    source = PRELUDE + textwrap.dedent(body)
    return source[: source.index(mark)].count("\n") + 1


EXECUTOR = """
async def main():
    with Context("work", locals=(state,)), ThreadPoolExecutor(1) as pool:
        state.x = 1
        await asyncio.get_running_loop().run_in_executor(pool, read)  # HOP
asyncio.run(main())
"""

BARE_THREAD = """
with Context("work", locals=(state,)):
    state.x = 1
    thread = threading.Thread(target=read)
    thread.start()  # HOP
thread.join()
"""

CALLBACK = """
async def main():
    with Context("work", locals=(state,)):
        state.x = 1
        asyncio.get_running_loop().call_later(0, read, context=contextvars.Context())  # HOP
    await asyncio.sleep(0.01)
asyncio.run(main())
"""

NAMED_CALLBACK = """
async def main():
    with Context("work", locals=(state,)):
        state.x = 1
        loop = asyncio.get_running_loop()
        loop.call_soon(callback=read, context=contextvars.Context())  # HOP
        await asyncio.sleep(0)
asyncio.run(main())
"""

THREAD_TO_LOOP = """
async def coro():
    read()
def work(loop):
    asyncio.run_coroutine_threadsafe(coro(), loop).result()
async def main():
    with Context("work", locals=(state,)):
        state.x = 1
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, work, loop)  # HOP
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (EXECUTOR, "executor job"),
        (BARE_THREAD, "bare thread"),
        (CALLBACK, "callback"),
        (NAMED_CALLBACK, "callback"),
        (THREAD_TO_LOOP, "executor job"),
    ],
    ids=["executor", "thread", "callback", "named callback", "thread to loop"],
)
def test_the_error_names_the_hop_and_its_line(body, kind):
    """A value that is missing because of a hop is reported with its kind, Context and line."""
    line = line_of(body, "# HOP")
    assert f"Context 'work' was lost at the {kind} made at <string>:{line} (" in run(body)


def test_without_strict_mode_nothing_is_replaced():
    """HTTPTRACE_STRICT_CONTEXT=0 is off: the text only suggests it."""
    out = run(EXECUTOR, strict="0")
    assert "was lost at the" not in out
    assert "HTTPTRACE_STRICT_CONTEXT=1" in out


def test_a_context_that_is_carried_is_not_reported():
    """Hops that keep the context work as without strict mode."""
    out = run("""
        async def main():
            with Context("work", locals=(state,)), ThreadPoolExecutor(1) as pool:
                state.x = 1
                loop = asyncio.get_running_loop()
                await asyncio.to_thread(read)
                loop.call_soon(read)
                with preserve_context_in_threads():
                    await loop.run_in_executor(pool, read)
                    thread = threading.Thread(target=read)
                    thread.start()
                    thread.join()
                await asyncio.create_task(asyncio.sleep(0))
        asyncio.run(main())
    """)
    assert out.split() == ["found"] * 4


def test_a_pool_thread_does_not_take_the_blame_of_the_first_job():
    """A job that was submitted outside of any Context reports no hop."""
    out = run("""
        with ThreadPoolExecutor(1) as pool:
            with Context("work", locals=(state,)):
                state.x = 1
                pool.submit(read).result()
            pool.submit(read).result()
    """)
    first, second = out.splitlines()
    assert "was lost at the" in first
    assert "was lost at the" not in second


def test_a_record_that_has_its_request_warns_of_nothing():
    """A listener's thread writes records that already have their ids, without a warning."""
    out = run("""
        record = logging.makeLogRecord({})
        def write():
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                RequestIdLoggingFilter().filter(record)
            seen.append(f"{len(caught)} warnings about {record.request_id}")
        with job_context("nightly", id="job-1"), ThreadPoolExecutor(1) as pool:
            RequestIdLoggingFilter().filter(record)
            pool.submit(write).result()
    """)
    assert out.strip() == "0 warnings about job-1"


def test_a_log_line_without_its_request_warns_once_for_a_line():
    """Logging without an id because of a hop warns once of the line that lost the context."""
    out = run("""
        warnings.simplefilter("always")
        def log():
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                request_fields()
            seen.extend(f"{w.category.__name__}: {w.message}" for w in caught)
        with job_context("nightly", id="job-1"), ThreadPoolExecutor(1) as pool:
            for _ in range(3):
                pool.submit(log).result()
    """)
    assert out.count("ContextLostWarning: Context 'job-1' was lost at the executor job") == 1
