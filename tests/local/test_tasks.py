from __future__ import annotations

import asyncio
import gc

import pytest

from httptrace.local import Context, Local, wrap_async, wrap_gather

state = Local()


async def read_later(gate: asyncio.Event | None = None) -> object:
    if gate is not None:
        await gate.wait()
    return getattr(state, "x", None)


async def fail(error: BaseException) -> None:
    raise error


async def test_wrap_async_takes_the_values_of_the_call():
    """The background task sees the values at the time when it was created."""
    gate = asyncio.Event()
    with Context(locals=(state,)):
        state.x = 1
        task = wrap_async(read_later(gate))
        state.x = 2
    gate.set()
    assert await task == 1


async def test_wrap_async_keeps_the_task_alive():
    """The task is not collected before it is done, even if nothing refers to it."""
    gate, seen = asyncio.Event(), []

    async def background() -> None:
        await gate.wait()
        seen.append(1)

    wrap_async(background())
    await asyncio.sleep(0)
    gc.collect()
    gate.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert seen == [1]


async def test_wrap_async_names_the_task():
    """name= is the task's name."""
    task = wrap_async(read_later(), name="reader")
    assert task.get_name() == "reader"
    await task


def test_wrap_async_runs_on_a_given_loop():
    """With loop= it can be called outside of a coroutine."""
    loop = asyncio.new_event_loop()
    try:
        with Context(locals=(state,)):
            state.x = 1
            task = wrap_async(read_later(), loop=loop)
        assert loop.run_until_complete(task) == 1
    finally:
        loop.close()


async def test_wrap_async_gives_a_future_back():
    """A task or future has its context already and is returned unchanged."""
    task = asyncio.create_task(read_later())
    assert wrap_async(task) is task
    await task


async def test_wrap_async_takes_any_awaitable():
    """An object with __await__ is run as a task."""

    class Answer:
        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            return state.x

    with Context(locals=(state,)):
        state.x = 1
        assert await wrap_async(Answer()) == 1


async def test_a_coroutine_that_was_awaited_is_refused():
    """An awaited coroutine is named in the error, and no task is created."""
    coro = read_later()
    await coro
    with pytest.raises(RuntimeError, match=r"wrap_async\(\): read_later\(\) was awaited already"):
        wrap_async(coro)
    with pytest.raises(RuntimeError, match=r"argument 1 .* was awaited already"):
        wrap_gather(coro)


@pytest.mark.parametrize(
    ("value", "text"), [(5, "not int"), (read_later, "not function; call the function first")]
)
async def test_what_is_not_awaitable_is_refused(value, text):
    """What cannot be awaited raises a TypeError that names it."""
    with pytest.raises(TypeError, match=text):
        wrap_async(value)


def test_without_a_loop_the_error_says_so():
    """Outside of a loop, and without loop=, the error says what to do."""
    with pytest.raises(RuntimeError, match="no event loop is running"):
        wrap_async(read_later())
    with pytest.raises(RuntimeError, match="no event loop is running"):
        wrap_gather(read_later())


async def test_wrap_gather_keeps_order_and_context():
    """Results are in the order of the arguments; each task has the caller's values."""
    first, second = asyncio.Event(), asyncio.Event()

    async def tell(label: str, wait: asyncio.Event, then: asyncio.Event) -> tuple[str, object]:
        await wait.wait()
        then.set()
        return label, state.x

    with Context(locals=(state,)):
        state.x = 1
        gathered = wrap_gather(tell("a", second, first), tell("b", first, first))
        state.x = 2
    second.set()
    assert await gathered == [("a", 1), ("b", 1)]


async def test_wrap_gather_of_nothing_is_an_empty_list():
    """Without arguments it behaves as gather."""
    assert await wrap_gather() == []


def test_wrap_gather_of_nothing_on_a_given_loop():
    """Without arguments it works with loop= outside of a coroutine."""
    loop = asyncio.new_event_loop()
    try:
        assert loop.run_until_complete(wrap_gather(loop=loop)) == []
    finally:
        loop.close()


async def test_wrap_gather_raises_the_first_error_and_lets_the_others_run():
    """As in gather, the first exception is raised and the other tasks are not cancelled."""
    gate, done = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        await gate.wait()
        done.set()

    with pytest.raises(KeyError):
        await wrap_gather(slow(), fail(KeyError()))
    gate.set()
    await asyncio.wait_for(done.wait(), 5)


async def test_wrap_gather_returns_exceptions_on_request():
    """return_exceptions=True puts them among the results."""
    error = KeyError()
    assert await wrap_gather(fail(error), read_later(), return_exceptions=True) == [error, None]


async def test_cancelling_wrap_gather_cancels_the_children():
    """Cancelling the result cancels every task."""
    children = [asyncio.create_task(read_later(asyncio.Event())) for _ in range(2)]
    gathered = wrap_gather(*children)
    await asyncio.sleep(0)
    gathered.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gathered
    assert all(child.cancelled() for child in children)


async def test_wrap_gather_runs_a_repeated_argument_once():
    """The same coroutine twice is one task with its result twice, as in gather."""
    runs = []

    async def once() -> int:
        runs.append(1)
        return len(runs)

    coro = once()
    assert await wrap_gather(coro, coro) == [1, 1]


async def test_wrap_gather_of_something_else_runs_nothing():
    """If one argument cannot be awaited, none is run, and its position is in the error."""
    ran = []

    async def run() -> None:
        ran.append(1)

    with pytest.raises(TypeError, match=r"argument 2 of wrap_gather\(\) must be awaitable"):
        wrap_gather(run(), 5)  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert ran == []
