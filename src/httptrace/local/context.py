"""`Context`: one scope of values.

A scope saves the values that its `Local` objects have when it is entered, and restores them when it
is left. Values are in context variables, so tasks inherit them; the scope adds where they begin
and end.

The states of a scope::

    NEW --enter--> OPEN --leave--> LEFT

Leaving marks the scope as left, in any task or thread. If the scope is the innermost one there, the
former values are restored at once. If it is not (it was left out of order, in another task or
thread, or by the garbage collector), they are restored for the task or thread that opened it: at
once if that is a task that waits in the same event loop, otherwise when it leaves the scopes inside
this one or enters another. A task that was started inside keeps the values that it inherited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from itertools import count
from types import TracebackType
from typing import Any, Literal, Self

from httptrace.local import scope
from httptrace.local.local import Local, Lookup, Snapshot, restore, restore_all, snapshot

_State = Literal["new", "open", "left"]
_numbers = count(1)


class Context:
    """A scope for the values of some `Local` objects, or of all of them.

    :param ident: names the scope in messages; scopes without a name are numbered.
    :param locals: the `Local` objects that start without values (or with the parent's) and get
        their former values back at the end. ``None`` means every `Local`: each keeps the values it
        has, and what is written inside is undone at the end.
    :param parent: a `Context` whose values are the ones to start from: those that the task which
        opened it has set so far. What is written here does not reach it.
    :raises TypeError: `locals` holds something other than `Local` objects, or `parent` is not a
        `Context`.

    Use it with ``with`` or ``async with``, once: entering it again raises `RuntimeError`.
    Leaving never raises, even out of order, in another task or thread, or twice.
    """

    __slots__ = (
        "__weakref__", "_ident", "_locals", "_outer", "_owner", "_parent", "_saved", "_state",
        "_values",
    )  # fmt: skip

    def __init__(
        self,
        ident: object = None,
        locals: Iterable[Local] | None = None,
        parent: Context | None = None,
    ) -> None:
        if parent is not None and not isinstance(parent, Context):
            raise TypeError(f"parent must be a Context, not {type(parent).__name__}")
        self._ident = next(_numbers) if ident is None else ident
        self._locals = None if locals is None else checked_locals(locals)
        self._parent = parent
        self._state: _State = "new"
        self._outer: Context | None = None
        self._owner: Callable[[], object | None] | None = None
        self._saved: Snapshot = {}
        self._values: Snapshot = {}

    @property
    def ident(self) -> str:
        """The name of the scope in messages."""
        return str(self._ident)

    def __repr__(self) -> str:
        return f"<Context {self.ident} {self._state}>"

    def __enter__(self) -> Self:
        if self._state != "new":
            raise RuntimeError(f"{self!r} was entered before; make a new Context for each block")
        worker = scope.current_worker()
        outer = scope.CURRENT.get()
        if outer is not None and outer._state == "left":
            outer = _settle(outer, worker)
        self._outer = outer
        self._owner = scope.reference(worker)
        self._state = "open"
        scope.CURRENT.set(self)
        self._begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._state != "open":
            return
        self._state = "left"
        worker = scope.current_worker()
        if scope.CURRENT.get() is self:
            scope.CURRENT.set(_settle(self._end(worker), worker))
        owner = None if self._owner is None else self._owner()
        if owner is not None and owner is not worker:
            # An async generator that was collected is closed by a task of its own.
            scope.run_in_context_of(owner, lambda: _settle_current(owner))

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _begin(self) -> None:
        if self._locals is not None:
            for local in self._locals:
                self._start(type(local)._httptrace_variable)
            return
        self._saved = snapshot()
        self._values = dict(self._saved)
        if self._parent is not None:
            for variable in self._saved:
                if (inherited := self._parent._value_of(variable)) is not None:
                    restore(variable, inherited)
                    self._values[variable] = inherited

    def _start(self, variable: ContextVar[Any]) -> None:
        """Begin without values, or with those of the parent."""
        self._saved[variable] = variable.get(None)
        start = None if self._parent is None else self._parent._value_of(variable)
        restore(variable, start)
        self._values[variable] = start

    def _end(self, worker: object) -> Context | None:
        """Restore the former values in the running context, and return the scope around."""
        if self._locals is None:
            restore_all(self._saved)  # a Local that was made inside had no values before
        else:
            for variable, former in self._saved.items():
                restore(variable, former)
        outer = self._outer
        if self._opened_by(worker):
            # Nothing needs these any more; tasks that were started inside would keep them alive.
            self._outer, self._saved = None, {}
        return outer

    def _opened_by(self, worker: object) -> bool:
        return self._owner is not None and self._owner() is worker

    def _record(self, variable: ContextVar[Any], lookup: Lookup) -> None:
        """Keep what the opener wrote, for scopes that name this one as their parent."""
        keeper: Context | None = self
        while keeper is not None and keeper._locals is not None and variable not in keeper._values:
            keeper = keeper._outer
        if keeper is not None and keeper._opened_by(scope.current_worker()):
            keeper._values[variable] = lookup

    def _value_of(self, variable: ContextVar[Any]) -> Lookup | None:
        giver: Context | None = self
        while giver is not None:
            if giver._locals is None or variable in giver._values:
                return giver._values.get(variable)
            giver = giver._outer
        return None


def current_context() -> Context | None:
    """The innermost `Context` that the running code is in; ``None`` outside of any.

    Pass it to a worker that was started elsewhere: ``with Context(parent=context):`` gives the
    worker the values that the context has at that time. In a task or thread that was started inside
    of the context, it is a copy with the current values of this task or thread.
    """
    worker = scope.current_worker()
    here = _settle(scope.CURRENT.get(), worker)
    if here is None or here._opened_by(worker):
        return here
    copy = Context(here._ident)
    copy._state = "left"
    copy._values = snapshot()
    return copy


def checked_locals(locals: Iterable[Local]) -> tuple[Local, ...]:
    """`locals` as a tuple; raises `TypeError` for what `Context` does not accept."""
    if isinstance(locals, Local):
        raise TypeError("locals must be a collection of Local objects: write locals=(local,)")
    try:
        chosen = tuple(locals)
    except TypeError:
        raise TypeError(
            f"locals must be a collection of Local objects, not {type(locals).__name__}"
        ) from None
    for local in chosen:
        if not isinstance(local, Local):
            hint = "; give the object, not its class" if isinstance(local, type) else ""
            raise TypeError(f"locals must hold Local objects, not {local!r:.80}{hint}")
    return chosen


def _settle(top: Context | None, worker: object) -> Context | None:
    """End the innermost scopes that this worker opened and that were left elsewhere."""
    while top is not None and top._state == "left" and top._opened_by(worker):
        top = top._end(worker)
    return top


def _settle_current(worker: object) -> None:
    scope.CURRENT.set(_settle(scope.CURRENT.get(), worker))
