"""`wrap_async` and `wrap_gather`: tasks that run with the caller's context values.

asyncio's tasks copy the running context by themselves. These two functions also check their
arguments before anything runs, accept asyncio's former ``loop=`` parameter, and keep a reference to
each background task: the event loop holds only a weak one, so a task could be garbage-collected.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Iterable
from contextvars import Context as Variables
from typing import Any, Literal, TypeAlias, TypeVar, overload

_T = TypeVar("_T")
_T1 = TypeVar("_T1")
_T2 = TypeVar("_T2")
_T3 = TypeVar("_T3")
_T4 = TypeVar("_T4")
_T5 = TypeVar("_T5")
_T6 = TypeVar("_T6")
_Outcome: TypeAlias = _T | BaseException

_background: set[asyncio.Future[Any]] = set()


def wrap_async(
    coro: Awaitable[_T],
    *,
    loop: asyncio.AbstractEventLoop | None = None,
    name: str | None = None,
    context: Variables | None = None,
) -> asyncio.Future[_T]:
    """Run `coro` as a background task in a copy of the caller's context.

    Values that the caller or the task sets later are not seen by the other. The task is referenced
    until it is done. A future is returned unchanged: it got its context when it was created.

    :param loop: the event loop; by default the running one.
    :param name: the task's name.
    :param context: the ``contextvars.Context`` to run in instead of a copy of the current one.
    :raises TypeError: `coro` is not awaitable.
    :raises RuntimeError: `coro` was awaited before, or no loop is running and none is given.
    """
    _check(coro, "wrap_async()")
    if asyncio.isfuture(coro):
        return coro
    task = _start(coro, loop or _running_loop(coro), name, context)
    _background.add(task)
    task.add_done_callback(_background.discard)
    return task


# The overloads of asyncio.gather: each of up to six awaitables keeps its own type. They declare a
# tuple, as typeshed does for gather, though the result is a list. The ignored complaints: an
# overload with `return_exceptions: bool` accepts False too, but only if no earlier one matches.
@overload
def wrap_gather(  # type: ignore[overload-overlap]
    first: Awaitable[_T1],
    /,
    *,
    loop: asyncio.AbstractEventLoop | None = ...,
    return_exceptions: Literal[False] = ...,
) -> asyncio.Future[tuple[_T1]]: ...
@overload
def wrap_gather(  # type: ignore[overload-overlap]
    first: Awaitable[_T1],
    second: Awaitable[_T2],
    /,
    *,
    loop: asyncio.AbstractEventLoop | None = ...,
    return_exceptions: Literal[False] = ...,
) -> asyncio.Future[tuple[_T1, _T2]]: ...
@overload
def wrap_gather(  # type: ignore[overload-overlap]
    first: Awaitable[_T1],
    second: Awaitable[_T2],
    third: Awaitable[_T3],
    /,
    *,
    loop: asyncio.AbstractEventLoop | None = ...,
    return_exceptions: Literal[False] = ...,
) -> asyncio.Future[tuple[_T1, _T2, _T3]]: ...
@overload
def wrap_gather(  # type: ignore[overload-overlap]
    first: Awaitable[_T1],
    second: Awaitable[_T2],
    third: Awaitable[_T3],
    fourth: Awaitable[_T4],
    /,
    *,
    loop: asyncio.AbstractEventLoop | None = ...,
    return_exceptions: Literal[False] = ...,
) -> asyncio.Future[tuple[_T1, _T2, _T3, _T4]]: ...
@overload
def wrap_gather(  # type: ignore[overload-overlap]
    first: Awaitable[_T1],
    second: Awaitable[_T2],
    third: Awaitable[_T3],
    fourth: Awaitable[_T4],
    fifth: Awaitable[_T5],
    /,
    *,
    loop: asyncio.AbstractEventLoop | None = ...,
    return_exceptions: Literal[False] = ...,
) -> asyncio.Future[tuple[_T1, _T2, _T3, _T4, _T5]]: ...
@overload
def wrap_gather(  # type: ignore[overload-overlap]
    first: Awaitable[_T1],
    second: Awaitable[_T2],
    third: Awaitable[_T3],
    fourth: Awaitable[_T4],
    fifth: Awaitable[_T5],
    sixth: Awaitable[_T6],
    /,
    *,
    loop: asyncio.AbstractEventLoop | None = ...,
    return_exceptions: Literal[False] = ...,
) -> asyncio.Future[tuple[_T1, _T2, _T3, _T4, _T5, _T6]]: ...
@overload
def wrap_gather(  # pyright: ignore[reportOverlappingOverload]
    first: Awaitable[_T1],
    /,
    *,
    loop: asyncio.AbstractEventLoop | None = ...,
    return_exceptions: bool,
) -> asyncio.Future[tuple[_Outcome[_T1]]]: ...
@overload
def wrap_gather(
    first: Awaitable[_T1],
    second: Awaitable[_T2],
    /,
    *,
    loop: asyncio.AbstractEventLoop | None = ...,
    return_exceptions: bool,
) -> asyncio.Future[tuple[_Outcome[_T1], _Outcome[_T2]]]: ...
@overload
def wrap_gather(
    first: Awaitable[_T1],
    second: Awaitable[_T2],
    third: Awaitable[_T3],
    /,
    *,
    loop: asyncio.AbstractEventLoop | None = ...,
    return_exceptions: bool,
) -> asyncio.Future[tuple[_Outcome[_T1], _Outcome[_T2], _Outcome[_T3]]]: ...
@overload
def wrap_gather(
    first: Awaitable[_T1],
    second: Awaitable[_T2],
    third: Awaitable[_T3],
    fourth: Awaitable[_T4],
    /,
    *,
    loop: asyncio.AbstractEventLoop | None = ...,
    return_exceptions: bool,
) -> asyncio.Future[tuple[_Outcome[_T1], _Outcome[_T2], _Outcome[_T3], _Outcome[_T4]]]: ...
@overload
def wrap_gather(
    first: Awaitable[_T1],
    second: Awaitable[_T2],
    third: Awaitable[_T3],
    fourth: Awaitable[_T4],
    fifth: Awaitable[_T5],
    /,
    *,
    loop: asyncio.AbstractEventLoop | None = ...,
    return_exceptions: bool,
) -> asyncio.Future[
    tuple[_Outcome[_T1], _Outcome[_T2], _Outcome[_T3], _Outcome[_T4], _Outcome[_T5]]
]: ...
@overload
def wrap_gather(
    first: Awaitable[_T1],
    second: Awaitable[_T2],
    third: Awaitable[_T3],
    fourth: Awaitable[_T4],
    fifth: Awaitable[_T5],
    sixth: Awaitable[_T6],
    /,
    *,
    loop: asyncio.AbstractEventLoop | None = ...,
    return_exceptions: bool,
) -> asyncio.Future[
    tuple[_Outcome[_T1], _Outcome[_T2], _Outcome[_T3], _Outcome[_T4], _Outcome[_T5], _Outcome[_T6]]
]: ...
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
) -> asyncio.Future[list[_Outcome[_T]]]: ...
def wrap_gather(
    *tasks: Awaitable[Any],
    loop: asyncio.AbstractEventLoop | None = None,
    return_exceptions: bool = False,
) -> asyncio.Future[Any]:
    """``asyncio.gather``, with each coroutine in a copy of the caller's context.

    Order of results, exceptions, cancellation, repeated and missing arguments: as in ``gather``.

    :raises TypeError: an argument is not awaitable. No argument is run in this case.
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
    # gather runs an argument that is given twice only once, so only one task is made for it.
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
    """Close coroutines that never ran, to avoid "was never awaited" warnings beside the error."""
    for task in tasks:
        if inspect.iscoroutine(task) and inspect.getcoroutinestate(task) == inspect.CORO_CREATED:
            task.close()
