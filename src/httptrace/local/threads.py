"""The caller's values in threads.

`run_in_thread` and `ContextThreadPoolExecutor` copy the caller's context to a thread.
`preserve_context_in_threads` does it for code that starts threads itself: while any such block is
open, ``ThreadPoolExecutor.submit`` and ``Thread.start`` are replaced. The replacements copy the
context if the *running* code is in a block, and behave as the originals otherwise. When the last
block is left, the originals are restored.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import partial, wraps
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


async def run_in_thread(func: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Run ``func(*args, **kwargs)`` in the loop's thread pool with a copy of the caller's context.

    As ``asyncio.to_thread``: cancelling the caller does not stop the thread.
    """
    call = partial(copy_context().run, func, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(None, call)


class ContextThreadPoolExecutor(ThreadPoolExecutor):
    """A ``ThreadPoolExecutor`` whose jobs see the values of the code that submits them.

    Each job has a copy: what it writes is lost when it ends.
    """

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Run ``fn`` in the pool with the caller's context; its arguments follow."""
        call = partial(copy_context().run, fn, *args, **kwargs)
        return super().submit(call)


class preserve_context_in_threads:
    """Within the block, threads and executor jobs that this task starts see its values.

    It covers ``run_in_executor``, ``ThreadPoolExecutor.submit`` (also to pool threads that existed
    before) and ``threading.Thread``, and what tasks do that are started in the block, until it is
    left. Other tasks are not affected. Each thread or job has a copy of the context. Executors that
    do not derive from ``ThreadPoolExecutor``, and processes, are not covered.

    Use it with ``with`` or ``async with``. Blocks nest; they may be left in any order, and in other
    tasks and threads.
    """

    __slots__ = ("_open", "_outer")

    def __init__(self) -> None:
        self._open = False
        self._outer: preserve_context_in_threads | None = None

    def __enter__(self) -> Self:
        if self._open:
            raise RuntimeError(
                "this preserve_context_in_threads() is open already: make a new one for each with"
            )
        self._open = True
        self._outer = _block.get()
        _patches.acquire()
        _block.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._open:
            return
        self._open = False
        _patches.release()
        if _block.get() is self:
            _block.set(self._outer)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _covers(self) -> bool:
        # If this block was left out of order, an outer one may still be open.
        block: preserve_context_in_threads | None = self
        while block is not None and not block._open:
            block = block._outer
        return block is not None


_block: ContextVar[preserve_context_in_threads | None] = ContextVar(
    "httptrace.preserve_context_in_threads", default=None
)


def _preserving() -> bool:
    block = _block.get()
    return block is not None and block._covers()


class _Patch:
    """One method that is replaced while any block is open."""

    def __init__(
        self, owner: type, name: str, build: Callable[[Callable[..., Any]], Callable[..., Any]]
    ) -> None:
        self._owner = owner
        self._name = name
        self._build = build
        self._original: Callable[..., Any] | None = None
        self._replacement: Callable[..., Any] | None = None

    def apply(self) -> None:
        present = getattr(self._owner, self._name)
        if present is self._replacement:
            return
        self._original = present
        self._replacement = self._build(present)
        setattr(self._owner, self._name, self._replacement)

    def revert(self) -> None:
        # Other code may have wrapped the replacement. Then it stays, without effect: restoring the
        # original would remove the wrapper.
        if getattr(self._owner, self._name) is self._replacement:
            setattr(self._owner, self._name, self._original)
            self._original = self._replacement = None


class _Patches:
    """Counts the open blocks of the process."""

    def __init__(self, *patches: _Patch) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._patches = patches

    def acquire(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                for patch in self._patches:
                    patch.apply()

    def release(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                for patch in self._patches:
                    patch.revert()


def _submit_with_context(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def submit(pool: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kw: Any) -> Any:
        if not _preserving():
            return original(pool, fn, *args, **kw)
        call = partial(copy_context().run, fn)
        # The pool may start a thread for this job. That thread outlives the job and must not keep
        # this context.
        token = _block.set(None)
        try:
            return original(pool, call, *args, **kw)
        finally:
            _block.reset(token)

    return submit


def _start_with_context(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def start(thread: threading.Thread) -> None:
        if _preserving() and not thread.is_alive():
            # An instance attribute: `run` may be overridden in any subclass.
            thread.run = partial(copy_context().run, thread.run)  # type: ignore[method-assign]
        original(thread)

    return start


_patches: Final = _Patches(
    _Patch(ThreadPoolExecutor, "submit", _submit_with_context),
    _Patch(threading.Thread, "start", _start_with_context),
)
