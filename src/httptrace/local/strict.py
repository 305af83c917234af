"""Strict mode: tell where a context was lost.

With ``HTTPTRACE_STRICT_CONTEXT=1`` each hop that leaves a `Context` behind is recorded: a job given
to a thread pool, a thread started, a callback scheduled in another context. The code that runs
there keeps the record; when it reads a value that is not set, the error names the hop and its line.
Strict mode is for development: it replaces methods of ``threading``, ``concurrent.futures`` and
asyncio's loops for the life of the process, and walks up the stack for each hop. Callbacks of loops
that are not written in Python (uvloop) are not covered; threads and executors under them are.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context as Variables
from contextvars import ContextVar
from functools import wraps
from types import FrameType, FunctionType
from typing import Any, NamedTuple

from httptrace.local import scope

_OWN = ("asyncio", "threading", "concurrent.futures", "httptrace.local", "functools", "contextvars")
_REMEDY = (
    "preserve_context_in_threads(), ContextThreadPoolExecutor and run_in_thread() carry it to "
    "threads; call_soon(..., context=) to callbacks"
)


class ContextLostWarning(RuntimeWarning):
    """Code that asked for the current request runs where its context was lost."""


class Hop(NamedTuple):
    """A thread, job or callback that was started without the context of its starter."""

    kind: str
    """``executor job``, ``bare thread`` or ``callback``."""
    scope: str
    file: str
    line: int

    def __str__(self) -> str:
        return (
            f"Context {self.scope!r} was lost at the {self.kind} made at {self.file}:{self.line} "
            f"({_REMEDY})."
        )


_hop: ContextVar[Hop | None] = ContextVar("httptrace.lost_hop", default=None)
_in_submit: ContextVar[bool] = ContextVar("httptrace.in_submit", default=False)
_warned: set[tuple[str, int]] = set()


def install() -> None:
    """Switch strict mode on for the rest of the process; a second call does nothing."""
    if scope.strict.lost_hop is not None:
        return
    scope.strict.lost_hop = describe_lost_hop
    scope.strict.warn_if_lost = warn_if_lost
    _replace(threading.Thread, "start", _noting_start)
    _replace(ThreadPoolExecutor, "submit", _noting_submit)
    for name in ("call_soon", "call_soon_threadsafe", "call_at"):
        _replace(asyncio.BaseEventLoop, name, _noting_callback)


def lost_hop() -> Hop | None:
    """The hop by which the running code lost its context, ``None`` where it has one."""
    return None if scope.CURRENT.get() is not None else _hop.get()


def describe_lost_hop() -> str | None:
    """The text of `lost_hop` for error messages."""
    hop = lost_hop()
    return None if hop is None else str(hop)


def warn_if_lost() -> None:
    """Warn if the running code lost its context, once for each line that lost one."""
    hop = lost_hop()
    if hop is None or (hop.file, hop.line) in _warned:
        return
    _warned.add((hop.file, hop.line))
    warnings.warn(str(hop), ContextLostWarning, stacklevel=3)


def _replace(owner: type, name: str, build: Callable[[Any], Any]) -> None:
    original = getattr(owner, name)
    setattr(owner, name, wraps(original)(build(original)))


def _note(kind: str) -> Hop | None:
    """The record of the hop that happens now, if there is a context to lose."""
    here = scope.CURRENT.get()
    if here is None:
        return _hop.get()  # the context was lost before, at that hop
    frame = _caller(sys._getframe(1))
    return Hop(kind, here.ident, frame.f_code.co_filename, frame.f_lineno)


def _caller(frame: FrameType) -> FrameType:
    """The innermost frame that belongs to the program."""
    found: FrameType | None = frame
    while found is not None and _is_own(found.f_globals.get("__name__", "")):
        found = found.f_back
    return found or frame


def _is_own(module: str) -> bool:
    return any(module == name or module.startswith(name + ".") for name in _OWN)


def _carrying(hop: Hop, func: Callable[..., Any]) -> Callable[..., Any]:
    def carry(*args: Any, **kwargs: Any) -> Any:
        token = _hop.set(hop)
        try:
            return func(*args, **kwargs)
        finally:
            _hop.reset(token)

    return carry


def _noting_start(original: Callable[..., Any]) -> Callable[..., Any]:
    def start(thread: threading.Thread) -> None:
        # A pool's threads do not belong to the code that submitted the first job.
        hop = None if _in_submit.get() else _note("bare thread")
        if hop is not None and not thread.is_alive():
            thread.run = _carrying(hop, thread.run)  # type: ignore[method-assign]
        original(thread)

    return start


def _noting_submit(original: Callable[..., Any]) -> Callable[..., Any]:
    def submit(pool: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kw: Any) -> Any:
        hop = _note("executor job")
        token = _in_submit.set(True)
        try:
            return original(pool, fn if hop is None else _carrying(hop, fn), *args, **kw)
        finally:
            _in_submit.reset(token)

    return submit


def _noting_callback(original: Callable[..., Any]) -> Callable[..., Any]:
    at = 1 if original.__name__ == "call_at" else 0

    def schedule(
        loop: asyncio.BaseEventLoop, *args: Any, context: Variables | None = None, **named: Any
    ) -> asyncio.Handle:
        callback: Any = args[at] if len(args) > at else named.get("callback")
        if _loses(callback, context) and (hop := _note("callback")) is not None:
            carrying = _carrying(hop, callback)
            if "callback" in named:
                named["callback"] = carrying
            else:
                args = (*args[:at], carrying, *args[at + 1 :])
        handle: asyncio.Handle = original(loop, *args, context=context, **named)
        return handle

    return schedule


def _loses(callback: object, context: Variables | None) -> bool:
    """Whether the callback will run without the context that is here now."""
    if context is None:
        return False  # it runs in a copy of this context, with the record of an earlier hop
    func = getattr(callback, "__func__", callback)
    if not isinstance(func, FunctionType):
        return False  # a step of a task, in that task's own context
    return not _is_own(func.__module__ or "") and context.get(scope.CURRENT) is None
