"""How values travel over each hop of asyncio and threading, on each Python version.

`docs/context.md` has the same as a table.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from httptrace.local import Context, Local

state = Local()
needs_eager_tasks = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="eager tasks came with Python 3.12"
)


@pytest.fixture(autouse=True)
def no_values_before() -> None:
    assert not hasattr(state, "x")


def write_and_tell() -> object:
    """The value before the write."""
    before = getattr(state, "x", None)
    state.x = "child"
    return before


async def child() -> object:
    return write_and_tell()


async def test_a_task_sees_the_values_and_its_writes_stay_its_own():
    """create_task copies the context."""
    with Context(locals=(state,)):
        state.x = "parent"
        assert await asyncio.create_task(child()) == "parent"
        assert state.x == "parent"


async def test_awaiting_directly_shares_the_context():
    """A coroutine that is awaited runs in the same task: its writes are the caller's."""
    with Context(locals=(state,)):
        state.x = "parent"
        assert await child() == "parent"
        assert state.x == "child"


async def test_gather_isolates_siblings():
    """Each coroutine of a gather has its own copy."""
    with Context(locals=(state,)):
        state.x = "parent"
        assert await asyncio.gather(child(), child()) == ["parent", "parent"]
        assert state.x == "parent"


async def test_a_task_group_isolates_siblings():
    """Each task of a TaskGroup has its own copy."""
    with Context(locals=(state,)):
        state.x = "parent"
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(child()) for _ in range(2)]
        assert [task.result() for task in tasks] == ["parent", "parent"]
        assert state.x == "parent"


async def test_wait_for_shares_the_context_since_3_12():
    """Since 3.12 wait_for awaits in the caller's own task; before, it made a task."""
    with Context(locals=(state,)):
        state.x = "parent"
        assert await asyncio.wait_for(child(), 5) == "parent"
        assert state.x == ("child" if sys.version_info >= (3, 12) else "parent")


async def test_wait_for_of_a_task_isolates_on_every_version():
    """With a task, wait_for leaves the writes in that task."""
    with Context(locals=(state,)):
        state.x = "parent"
        assert await asyncio.wait_for(asyncio.create_task(child()), 5) == "parent"
        assert state.x == "parent"


async def test_timeout_shares_the_context():
    """asyncio.timeout makes no task."""
    with Context(locals=(state,)):
        async with asyncio.timeout(5):
            state.x = "inside"
        assert state.x == "inside"


async def test_shield_isolates():
    """shield makes a task of a coroutine."""
    with Context(locals=(state,)):
        state.x = "parent"
        assert await asyncio.shield(child()) == "parent"
        assert state.x == "parent"


@needs_eager_tasks
@pytest.mark.asyncio(loop_factories=["asyncio"])  # uvloop has its own call of task factories
async def test_an_eager_task_isolates():
    """A task that runs its first step at once does so in its own copy."""
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)
    try:
        with Context(locals=(state,)):
            state.x = "parent"
            task = asyncio.create_task(child())
            assert task.done()
            assert await task == "parent"
            assert state.x == "parent"
    finally:
        loop.set_task_factory(None)


@needs_eager_tasks
@pytest.mark.asyncio(loop_factories=["asyncio"])  # uvloop has its own call of task factories
async def test_a_scope_in_an_eager_task_is_its_own():
    """A scope that an eager task leaves open is not seen by the caller."""
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)
    gate = asyncio.Event()

    async def scoped() -> object:
        with Context(locals=(state,)):
            state.x = "child"
            await gate.wait()
            return state.x

    try:
        with Context(locals=(state,)):
            state.x = "parent"
            task = asyncio.create_task(scoped())
            assert state.x == "parent"
            gate.set()
            assert await task == "child"
            assert state.x == "parent"
    finally:
        loop.set_task_factory(None)


async def test_to_thread_sees_the_values():
    """asyncio.to_thread carries a copy of the context."""
    with Context(locals=(state,)):
        state.x = "parent"
        assert await asyncio.to_thread(write_and_tell) == "parent"
        assert state.x == "parent"


async def test_run_in_executor_does_not_carry():
    """run_in_executor runs in the pool thread's own, empty context."""
    with Context(locals=(state,)), ThreadPoolExecutor(1) as pool:
        state.x = "parent"
        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(pool, getattr, state, "x", None) is None


def test_a_bare_thread_does_not_carry():
    """threading.Thread starts with an empty context, unless Python is told to inherit (3.14)."""
    seen = []
    with Context(locals=(state,)):
        state.x = "parent"
        thread = threading.Thread(target=lambda: seen.append(getattr(state, "x", None)))
        thread.start()
        thread.join()
    inherits = getattr(sys.flags, "thread_inherit_context", 0)
    assert seen == ["parent" if inherits else None]


@pytest.mark.parametrize("how", ["call_soon", "call_later", "call_soon_threadsafe"])
async def test_a_callback_sees_the_values_of_its_scheduling(how):
    """Callbacks run in a copy that is made when they are scheduled."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def callback() -> None:
        done.set_result(write_and_tell())

    with Context(locals=(state,)):
        state.x = "scheduled"
        schedule = getattr(loop, how)
        schedule(0.001, callback) if how == "call_later" else schedule(callback)
        state.x = "later"
        assert await done == "scheduled"
        assert state.x == "later"


async def test_callbacks_of_one_scheduling_context_are_isolated():
    """Two callbacks do not see each other's writes."""
    loop = asyncio.get_running_loop()
    seen = []
    with Context(locals=(state,)):
        state.x = "scheduled"
        for _ in range(2):
            loop.call_soon(lambda: seen.append(write_and_tell()))
        await asyncio.sleep(0)
    assert seen == ["scheduled", "scheduled"]


async def test_a_done_callback_sees_the_values_of_its_registration():
    """add_done_callback copies the context of the code that adds it."""
    loop = asyncio.get_running_loop()
    done, seen = loop.create_future(), []
    with Context(locals=(state,)):
        state.x = "registered"
        done.add_done_callback(lambda _: seen.append(state.x))
        state.x = "later"
    done.set_result(None)
    await asyncio.sleep(0)
    assert seen == ["registered"]


async def test_run_coroutine_threadsafe_carries_the_threads_values():
    """The coroutine has the context of the thread that submits it, not that of the loop."""
    loop = asyncio.get_running_loop()

    def work() -> object:
        with Context(locals=(state,)):
            state.x = "thread"
            return asyncio.run_coroutine_threadsafe(child(), loop).result(5)

    with Context(locals=(state,)):
        state.x = "loop"
        assert await asyncio.get_running_loop().run_in_executor(None, work) == "thread"
        assert state.x == "loop"


def test_a_generator_runs_in_its_callers_context():
    """The generator sees what the caller sets between two steps, and the other way round."""

    def generate() -> Iterator[object]:
        yield write_and_tell()
        yield write_and_tell()

    with Context(locals=(state,)):
        state.x = 1
        steps = generate()
        assert next(steps) == 1
        assert state.x == "child"
        state.x = 2
        assert next(steps) == 2


async def test_an_async_generator_runs_in_its_callers_context():
    """Each step of an async generator has the context of the task that iterates."""

    async def generate():
        while True:
            yield write_and_tell()

    steps = generate()
    with Context(locals=(state,)):
        state.x = 1
        assert await anext(steps) == 1
        assert state.x == "child"
        state.x = 2

        async def step() -> object:
            return await anext(steps)

        assert await asyncio.create_task(step()) == 2
        assert state.x == 2
    await steps.aclose()
