"""Cancels a piece of work at its first await, its second, and so on until it completes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")
_MOST = 300
"""Awaits after which a scenario must be through: none here has a tenth of them."""


class _CancelledAt(Awaitable[T]):
    """Awaits, and has its task cancelled at the n-th time that it is suspended.

    At once, or as `late` as can be: when that which is awaited is there, and the task has not
    heard of it yet.
    """

    def __init__(self, work: Coroutine[Any, Any, T], at: int, *, late: bool) -> None:
        self._work = work
        self._at = at
        self._late = late
        self.reached = False

    def __await__(self) -> Generator[Any, Any, T]:
        inner = self._work.__await__()
        thrown: BaseException | None = None
        suspended = 0
        while True:
            try:
                waited = inner.send(None) if thrown is None else inner.throw(thrown)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]
            thrown = None
            suspended += 1
            if suspended == self._at:
                self._cancel(waited)
            try:
                yield waited
            except BaseException as exc:
                thrown = exc

    def _cancel(self, waited: Any) -> None:
        self.reached = True
        task = asyncio.current_task()
        assert task is not None
        if self._late and waited is not None:
            waited.add_done_callback(lambda _done: task.cancel())
        else:
            asyncio.get_running_loop().call_soon(task.cancel)


async def turns(count: int) -> None:
    """Run a few iterations of the loop."""
    for _ in range(count):
        await asyncio.sleep(0)


async def walk(
    work: Callable[[], Coroutine[Any, Any, object]],
    check: Callable[[], Awaitable[None]],
    *,
    late: bool,
) -> int:
    """Cancel `work` at each of its awaits in turn, and `check` after each; returns their number."""
    for at in range(1, _MOST):
        cancelled = _CancelledAt(work(), at, late=late)

        async def run(cancelled: _CancelledAt[object] = cancelled) -> None:
            await cancelled

        task = asyncio.create_task(run())
        done, _ = await asyncio.wait([task], timeout=5)
        assert done, f"cancelled at await {at}, it does not end"
        if not task.cancelled():
            task.result()
        await check()
        if not cancelled.reached:
            assert not task.cancelled()
            return at - 1
    raise AssertionError(f"it has more than {_MOST} awaits")
