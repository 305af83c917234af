"""Background work with the caller's values.

asyncio's own tasks copy the running context already; these two add checks that tell what is wrong
before anything runs, the old calling forms, and a hold on background tasks, which the event loop
alone would let the garbage collector take.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Iterable
from contextvars import Context as Variables
from typing import Any, Literal, TypeVar, overload

_T = TypeVar("_T")

_background: set[asyncio.Future[Any]] = set()


def wrap_async(
    coro: Awaitable[_T],
    *,
    loop: asyncio.AbstractEventLoop | None = None,
    name: str | None = None,
    context: Variables | None = None,
) -> asyncio.Future[_T]:
    """Run `coro` as a background task that has the caller's values as they are now.

    What the caller or the task writes later does not reach the other. The task is kept alive until
    it is done. A future is given back as it is: its context was chosen when it was made.

    :param loop: the loop to run on, the running one by default.
    :param name: the task's name.
    :param context: the ``contextvars.Context`` to run in instead of a copy of the current one.
    :raises TypeError: `coro` cannot be awaited.
    :raises RuntimeError: `coro` was awaited before, or no loop is running and none is given.
    """
    _check(coro, "wrap_async()")
    if asyncio.isfuture(coro):
        return coro
    task = _start(coro, loop or _running_loop(coro), name, context)
    _background.add(task)
    task.add_done_callback(_background.discard)
    return task


@overload
def wrap_gather(
    *tasks: Awaitable[_T],
    loop: asyncio.AbstractEventLoop | None = ...,
    return_exceptions: Literal[False] = ...,
) -> asyncio.Future[list[_T]]: ...
@overload
def wrap_gather(
    *tasks: Awaitable[_T],
    loop: asyncio.AbstractEventLoop | None = ...,
    return_exceptions: bool,
) -> asyncio.Future[list[_T | BaseException]]: ...
def wrap_gather(
    *tasks: Awaitable[Any],
    loop: asyncio.AbstractEventLoop | None = None,
    return_exceptions: bool = False,
) -> asyncio.Future[list[Any]]:
    """``asyncio.gather``, where each coroutine runs with the caller's values as they are now.

    Order, exceptions, cancellation, repeated arguments and the empty case are those of ``gather``.

    :raises TypeError: an argument cannot be awaited. None of the others is run then.
    :raises RuntimeError: an argument was awaited before, or no loop is running and none is given.
    """
    try:
        for position, task in enumerate(tasks, 1):
            _check(task, f"argument {position} of wrap_gather()")
        loop = loop or _loop_of(tasks) or _running_loop(*tasks)
    except (TypeError, RuntimeError):
        _close(tasks)
        raise
    if not tasks:
        empty: asyncio.Future[list[Any]] = loop.create_future()
        empty.set_result([])
        return empty
    # gather runs an awaitable that comes twice once, so each is made into a task once.
    started = {id(task): task for task in tasks}
    futures = {
        key: task if asyncio.isfuture(task) else _start(task, loop) for key, task in started.items()
    }
    return asyncio.gather(
        *(futures[id(task)] for task in tasks), return_exceptions=return_exceptions
    )


def _start(
    awaitable: Awaitable[_T],
    loop: asyncio.AbstractEventLoop,
    name: str | None = None,
    context: Variables | None = None,
) -> asyncio.Task[_T]:
    coro = awaitable if inspect.iscoroutine(awaitable) else _awaited(awaitable)
    return loop.create_task(coro, name=name, context=context)


async def _awaited(awaitable: Awaitable[_T]) -> _T:
    return await awaitable


def _check(value: object, where: str) -> None:
    if inspect.iscoroutine(value):
        if inspect.getcoroutinestate(value) != inspect.CORO_CREATED:
            raise RuntimeError(f"{where}: {value.__qualname__}() was awaited already")
        return
    if not inspect.isawaitable(value):
        hint = "; call the function first" if inspect.iscoroutinefunction(value) else ""
        raise TypeError(f"{where} must be awaitable, not {type(value).__name__}{hint}")


def _running_loop(*awaitables: Awaitable[Any]) -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        _close(awaitables)
        raise RuntimeError(
            "no event loop is running: call this in a coroutine, or give loop="
        ) from None


def _loop_of(tasks: Iterable[Awaitable[Any]]) -> asyncio.AbstractEventLoop | None:
    return next((task.get_loop() for task in tasks if asyncio.isfuture(task)), None)


def _close(tasks: Iterable[object]) -> None:
    """Close what never ran: the error that is being raised says it all."""
    for task in tasks:
        if inspect.iscoroutine(task) and inspect.getcoroutinestate(task) == inspect.CORO_CREATED:
            task.close()
