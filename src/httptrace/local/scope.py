"""Which scope the running code is in, and who is running it.

This lies beneath `Local` and `Context`, so that each can know of the scope without knowing the
other. Nothing here imports asyncio: a program without a loop does not pay for one.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from httptrace.local.context import Context

CURRENT: Final[ContextVar[Context | None]] = ContextVar("httptrace.scope", default=None)
"""The innermost scope that is open for the running code, or that its task was started in."""


class _ThreadMark:
    """Stands for one thread. Thread idents are given again to later threads, these are not."""

    __slots__ = ("__weakref__",)


class _Threads(threading.local):
    def __init__(self) -> None:
        self.mark = _ThreadMark()


_threads = _Threads()


def current_worker() -> object:
    """The running task, or a mark of the thread where no task is running."""
    # Whoever runs a loop has imported asyncio; looking it up keeps the import out of this room.
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None:
        loop = asyncio._get_running_loop()
        if loop is not None:
            task: object | None = asyncio.current_task(loop)
            if task is not None:
                return task
    return _threads.mark


def worker_reference() -> Callable[[], object | None]:
    """A weak reference to the current worker: a scope must not keep a finished task alive."""
    return weakref.ref(current_worker())


class _Strict:
    """The place where strict mode hooks in; see `httptrace.local.strict`."""

    __slots__ = ("lost_hop", "warn_if_lost")

    def __init__(self) -> None:
        self.lost_hop: Callable[[], str | None] | None = None
        self.warn_if_lost: Callable[[], None] | None = None


strict: Final = _Strict()
