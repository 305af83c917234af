"""The scope that the running code is in, and the task or thread that runs it.

`Local` and `Context` both build on this module, so neither needs to import the other. Nothing here
imports asyncio: a program without an event loop does not pay for it.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from contextvars import Context as Variables
from contextvars import ContextVar
from sys import modules
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from httptrace.local.context import Context

CURRENT: Final[ContextVar[Context | None]] = ContextVar("httptrace.scope", default=None)
"""The innermost scope that is open for the running code, or that its task was started in."""


class _ThreadMark:
    """Stands for one thread. The system reuses thread idents, a mark is never reused."""

    __slots__ = ("__weakref__",)


class _Threads(threading.local):
    def __init__(self) -> None:
        self.mark = _ThreadMark()


_threads = _Threads()


def current_worker() -> object:
    """The running task, or a mark of the thread where no task is running."""
    # A program with a running loop has imported asyncio; looking the module up avoids the import.
    asyncio = modules.get("asyncio")
    if asyncio is not None:
        loop = asyncio._get_running_loop()
        if loop is not None:
            task: object | None = asyncio.current_task(loop)
            if task is not None:
                return task
    return _threads.mark


def run_in_context_of(worker: Any, func: Callable[[], None]) -> bool:
    """Call `func` in the context of a task that waits in the loop which is running here.

    :returns: whether `func` was called. It is not if `worker` is no such task, or if the task
        is on the stack of the running code.
    """
    asyncio = modules.get("asyncio")
    loop = None if asyncio is None else asyncio._get_running_loop()
    # Another thread's loop could enter the context at any moment.
    if loop is None or isinstance(worker, _ThreadMark) or worker.get_loop() is not loop:
        return False
    context = _context_of(worker)
    if context is None:
        return False
    try:
        context.run(func)
    except RuntimeError:  # the context is entered already
        return False
    return True


def _context_of(task: Any) -> Variables | None:
    get_context: Callable[[], Variables] | None = getattr(task, "get_context", None)
    if get_context is not None:
        return get_context()
    # Python 3.11 has no method for it. The task refers to its context.
    from gc import get_referents

    found = get_referents(task)
    return next((each for each in found if isinstance(each, Variables)), None)


def reference(worker: object) -> Callable[[], object | None]:
    """A weak reference to a worker: a scope must not keep a finished task alive."""
    return weakref.ref(worker)


class _Strict:
    """The functions that strict mode installs; see `httptrace.local.strict`."""

    __slots__ = ("lost_hop", "warn_if_lost")

    def __init__(self) -> None:
        self.lost_hop: Callable[[], str | None] | None = None
        self.warn_if_lost: Callable[[], None] | None = None


strict: Final = _Strict()
