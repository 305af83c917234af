"""`Context`: one scope of values.

A scope saves the values that its `Local` objects have when it is entered, and puts them back when
it is left. Values live in context variables, so they follow tasks by themselves; the scope adds
where they begin and end.

Life of a scope::

    NEW --enter--> OPEN --leave--> LEFT

Leaving marks the scope as left, whoever does it and wherever. Its values are put back where it is
the innermost scope; where it is not (left out of order, in another task or thread, by the garbage
collector), the worker that opened it puts them back as soon as it comes back to it: when the scopes
inside it are left, or when it enters another. A task that was started inside keeps what it saw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from types import TracebackType
from typing import Literal, Self

from httptrace.local import scope
from httptrace.local.local import Local, Lookup, live_locals, lookup_of, restore

_State = Literal["new", "open", "left"]
_numbers = count(1)


class Context:
    """A scope for the values of some `Local` objects, or of all of them.

    :param ident: names the scope in messages; scopes without a name are numbered.
    :param locals: the `Local` objects that start without values here (or with the parent's) and
        get their former values back at the end. ``None`` means every `Local`: each keeps the
        values it has, and what is written inside is undone at the end.
    :param parent: a `Context` whose values are the ones to start from: those that the task which
        opened it has set so far. What is written here does not reach it.
    :raises TypeError: `locals` holds something that is no `Local`, or `parent` is no `Context`.

    Use it with ``with`` or ``async with``, once: entering it again raises `RuntimeError`.
    Leaving never raises, not even out of order, in another task or thread, or twice.
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
        self._saved: dict[Local, Lookup | None] = {}
        self._values: dict[Local, Lookup | None] = {}

    @property
    def ident(self) -> str:
        """The name of the scope in messages."""
        return str(self._ident)

    def __repr__(self) -> str:
        return f"<Context {self.ident} {self._state}>"

    def __enter__(self) -> Self:
        if self._state != "new":
            raise RuntimeError(f"{self!r} was entered before; make a new Context for each block")
        worker = scope.worker_reference()
        self._outer = _settle(scope.CURRENT.get(), worker())
        self._owner = worker
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
        if scope.CURRENT.get() is self:
            worker = scope.current_worker()
            scope.CURRENT.set(_settle(self._end(worker), worker))

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
        chosen = live_locals() if self._locals is None else self._locals
        self._saved = {local: lookup_of(local) for local in chosen}
        if self._locals is None and self._parent is None:
            self._values = dict(self._saved)
            return
        self._values = {}
        for local in chosen:
            start = self._start_of(local)
            restore(local, start)
            self._values[local] = start

    def _start_of(self, local: Local) -> Lookup | None:
        inherited = None if self._parent is None else self._parent._value_of(local)
        return self._saved[local] if inherited is None and self._locals is None else inherited

    def _end(self, worker: object) -> Context | None:
        """Put the former values back in the running context, and tell which scope is next."""
        # A Local that was made meanwhile had nothing before.
        chosen = live_locals() if self._locals is None else self._locals
        for local in chosen:
            former = self._saved.get(local)
            if lookup_of(local) is not former:
                restore(local, former)
        outer = self._outer
        if self._opened_by(worker):
            # Nobody comes back for these; tasks that started here would keep them alive.
            self._outer, self._saved = None, {}
        return outer

    def _opened_by(self, worker: object) -> bool:
        return self._owner is not None and self._owner() is worker

    def _record(self, local: Local, lookup: Lookup) -> None:
        """Remember what the opener wrote, for scopes that name this one as their parent."""
        keeper: Context | None = self
        while keeper is not None and keeper._locals is not None and local not in keeper._values:
            keeper = keeper._outer
        if keeper is not None and keeper._opened_by(scope.current_worker()):
            keeper._values[local] = lookup

    def _value_of(self, local: Local) -> Lookup | None:
        giver: Context | None = self
        while giver is not None:
            if local in giver._values:
                return giver._values[local]
            giver = giver._outer
        return None


def checked_locals(locals: Iterable[Local]) -> tuple[Local, ...]:
    """`locals` as a tuple; `TypeError` where it is not what `Context` takes."""
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
    """Take scopes away that this worker opened and that were left while others were inside."""
    while top is not None and top._state == "left" and top._opened_by(worker):
        top = top._end(worker)
    return top
