from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from httptrace.local import (
    Context,
    ContextThreadPoolExecutor,
    Local,
    preserve_context_in_threads,
    run_in_thread,
)

state = Local()
original_submit = ThreadPoolExecutor.submit
original_start = threading.Thread.start


@pytest.fixture(autouse=True)
def nothing_stays_patched():
    """After every test the patched methods are restored."""
    yield
    assert ThreadPoolExecutor.submit is original_submit
    assert threading.Thread.start is original_start


def read() -> object:
    return getattr(state, "x", None)


def read_in_bare_thread() -> object:
    seen: list[object] = []
    thread = threading.Thread(target=lambda: seen.append(read()))
    thread.start()
    thread.join()
    return seen[0]


async def test_the_example_of_the_documentation():
    """A Local set in a Context is read by a function in a pool thread."""
    some_local = Local()

    def executed_in_thread() -> str:
        return some_local.spam

    with Context(locals=(some_local,)):
        some_local.spam = "ham"
        with preserve_context_in_threads(), ThreadPoolExecutor(1) as pool:
            loop = asyncio.get_running_loop()
            assert await loop.run_in_executor(pool, executed_in_thread) == "ham"


def test_jobs_and_threads_see_the_values_within_the_block():
    """submit, map and Thread copy the context inside of the block and not outside."""
    with ThreadPoolExecutor(1) as pool, Context(locals=(state,)):
        state.x = 1
        assert pool.submit(read).result() is None
        assert read_in_bare_thread() is None
        with preserve_context_in_threads():
            assert pool.submit(read).result() == 1
            assert list(pool.map(lambda _: read(), range(3))) == [1, 1, 1]
            assert read_in_bare_thread() == 1
        assert pool.submit(read).result() is None
        assert read_in_bare_thread() is None


async def test_the_default_executor_is_covered():
    """run_in_executor(None, ...) copies the context, also in threads that existed before."""
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, read)
    with Context(locals=(state,)):
        state.x = 1
        async with preserve_context_in_threads():
            assert await loop.run_in_executor(None, read) == 1
        assert await loop.run_in_executor(None, read) is None


def test_a_subclass_that_overrides_run_is_covered():
    """A Thread with a run method of its own, and a Timer, see the values."""
    seen = []

    class Worker(threading.Thread):
        def run(self) -> None:
            seen.append(read())

    with Context(locals=(state,)), preserve_context_in_threads():
        state.x = 1
        for thread in (Worker(), threading.Timer(0, lambda: seen.append(read()))):
            thread.start()
            thread.join()
    assert seen == [1, 1]


def test_a_pool_thread_that_is_started_inside_keeps_nothing():
    """The thread that a pool starts for the first job does not keep the context of that job."""
    with ThreadPoolExecutor(1) as pool:
        with Context(locals=(state,)), preserve_context_in_threads():
            state.x = 1
            assert pool.submit(read).result() == 1
        assert pool.submit(read).result() is None


def test_writes_of_a_thread_stay_its_own():
    """Each job has its own copy."""
    with Context(locals=(state,)), preserve_context_in_threads(), ThreadPoolExecutor(1) as pool:
        state.x = 1
        pool.submit(setattr, state, "x", 2).result()
        assert state.x == 1
        assert pool.submit(read).result() == 1


async def test_other_tasks_are_not_touched():
    """A task outside of any block is not affected while another task is in one."""
    inside, go = asyncio.Event(), asyncio.Event()

    async def preserving() -> None:
        with preserve_context_in_threads():
            inside.set()
            await go.wait()

    task = asyncio.create_task(preserving())
    await inside.wait()
    with Context(locals=(state,)):
        state.x = 1
        assert await asyncio.get_running_loop().run_in_executor(None, read) is None
    go.set()
    await task


async def test_many_tasks_use_it_at_once():
    """Blocks that overlap in any order never undo one another and never mix values."""
    loop = asyncio.get_running_loop()

    async def work(number: int) -> object:
        with Context(locals=(state,)):
            state.x = number
            for _ in range(number % 5):
                await asyncio.sleep(0)
            with preserve_context_in_threads():
                first = await loop.run_in_executor(None, read)
                for _ in range(number % 7):
                    await asyncio.sleep(0)
                assert read_in_bare_thread() == number
                return first, await loop.run_in_executor(None, read)

    results = await asyncio.gather(*(work(number) for number in range(200)))
    assert results == [(number, number) for number in range(200)]


def test_it_is_restored_after_an_exception():
    """An exception leaves the block."""
    with pytest.raises(KeyError), preserve_context_in_threads():
        raise KeyError
    assert ThreadPoolExecutor.submit is original_submit


async def test_a_task_that_outlives_the_block_is_no_longer_covered():
    """The block also ends for the tasks that were started in it."""
    go = asyncio.Event()

    async def late() -> object:
        await go.wait()
        return await asyncio.get_running_loop().run_in_executor(None, read)

    with Context(locals=(state,)):
        state.x = 1
        with preserve_context_in_threads():
            task = asyncio.create_task(late())
            await asyncio.sleep(0)
        with preserve_context_in_threads():
            go.set()
            assert await task is None


def test_blocks_nest_and_may_be_left_out_of_order():
    """The inner block may outlive the outer one; leaving twice does nothing."""
    outer, inner = preserve_context_in_threads(), preserve_context_in_threads()
    with Context(locals=(state,)), ThreadPoolExecutor(1) as pool:
        state.x = 1
        outer.__enter__()
        inner.__enter__()
        outer.__exit__(None, None, None)
        assert pool.submit(read).result() == 1
        inner.__exit__(None, None, None)
        inner.__exit__(None, None, None)
        assert pool.submit(read).result() is None


def test_it_can_be_left_in_another_context():
    """A block that is left elsewhere restores the methods and ends where it was opened."""
    block = preserve_context_in_threads()
    with Context(locals=(state,)), ThreadPoolExecutor(1) as pool:
        state.x = 1
        block.__enter__()
        contextvars.Context().run(block.__exit__, None, None, None)
        assert pool.submit(read).result() is None


def test_entering_an_open_block_again_is_refused():
    """A block object can be used once at a time."""
    block = preserve_context_in_threads()
    with block, pytest.raises(RuntimeError, match="is open already"):
        block.__enter__()


def test_a_wrapper_of_somebody_else_is_not_undone(monkeypatch):
    """If another library wraps submit meanwhile, leaving the block keeps its wrapper."""
    calls = []
    block = preserve_context_in_threads()
    block.__enter__()
    ours = ThreadPoolExecutor.submit

    def theirs(self, *args, **kwargs):
        calls.append(1)
        return ours(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ThreadPoolExecutor, "submit", theirs)
        block.__exit__(None, None, None)
        with ThreadPoolExecutor(1) as pool, Context(locals=(state,)):
            state.x = 1
            assert pool.submit(read).result() is None
            with preserve_context_in_threads():
                assert pool.submit(read).result() == 1
    assert len(calls) == 2
    ThreadPoolExecutor.submit = original_submit


def test_the_executor_of_our_own_carries_each_callers_values():
    """ContextThreadPoolExecutor copies the context at each submit, without patching."""
    with ContextThreadPoolExecutor(1) as pool:
        for number in range(3):
            with Context(locals=(state,)):
                state.x = number
                assert pool.submit(read).result() == number
        assert pool.submit(read).result() is None


async def test_run_in_thread_carries_values_and_arguments():
    """run_in_thread passes arguments on and returns or raises what the function does."""

    def work(*args: object, **kwargs: object) -> object:
        return read(), args, kwargs

    with Context(locals=(state,)):
        state.x = 1
        assert await run_in_thread(work, 2, key=3) == (1, (2,), {"key": 3})
        with pytest.raises(ValueError, match="invalid literal"):
            await run_in_thread(int, "x")
