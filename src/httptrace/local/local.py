"""`Local`: an object whose attributes belong to the running context.

How a read works: each `Local` has one `ContextVar`. The variable holds the bound
``dict.__getitem__`` of the current values, and the class of the `Local` has
``property(variable.get)`` as its ``__getattribute__``. Python looks special methods up through the
descriptor protocol, so ``local.spam`` becomes ``variable.get(local)("spam")``. The type's slot, the
property, the variable and the dict are all implemented in C, so a value is read without a Python
frame. For this, each `Local` has a class of its own, derived from the one that it was made from.

Where the variable was never set, ``variable.get(local)`` returns the `Local` itself, which is then
called with the name: ``__call__`` handles such reads.

Values are copied on write and never changed in place: a task or thread that has a copy of the
context keeps the values it saw.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self, TypeAlias, cast

from httptrace.local import scope
from httptrace.local.errors import Origin, UnsetLocalError

Lookup: TypeAlias = Callable[[str], Any]
"""The bound ``__getitem__`` of some `Values`."""


class Values(dict[str, Any]):
    """The values of one `Local` in one context. Never changed once a variable holds them."""

    __slots__ = ("local",)
    local: Local

    def __missing__(self, name: str) -> Any:
        return _read_declared(self.local, name)


class Local:
    """An object whose attributes have a value of their own in each context.

    A subclass may annotate names and give defaults:
    ``class State(Local): user: str | None = None``. A name that is not set and has no default
    raises `UnsetLocalError`, which is an `AttributeError` and a `ValueError`. Iteration gives
    ``(name, value)`` of what is set, so that ``dict(local)`` works; ``name in local`` and
    ``dir(local)`` see the same names.

    Make them at module level: a context keeps the values of a `Local` for as long as it lives.
    """

    __slots__ = ("__weakref__",)

    _httptrace_variable: ClassVar[ContextVar[Any]]
    _httptrace_origins: ClassVar[dict[str, Origin]]

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        local = cast("Self", object.__new__(_own_class(cls)))
        _register(local)
        return local

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in vars(cls).get("__annotations__", ()):
            default = vars(cls).get(name)
            if isinstance(default, (list, dict, set, bytearray)):
                raise TypeError(
                    f"{cls.__name__}.{name}: a {type(default).__name__} as default would be "
                    "shared by every context; set it where the context is opened"
                )

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __setattr__(self, name: str, value: Any) -> None:
        variable = type(self)._httptrace_variable
        lookup = variable.get(None)
        values = Values() if lookup is None else Values(lookup.__self__)
        if name not in values:
            if name[:2] == "__" == name[-2:]:
                raise AttributeError(f"{name} of a Local cannot be set", name=name)
            _note_origin(self, name)
        values.local = self
        values[name] = value
        lookup = values.__getitem__
        variable.set(lookup)
        here = scope.CURRENT.get()
        if here is not None:
            here._record(variable, lookup)

    def __delattr__(self, name: str) -> None:
        values = Values(current_values(self))
        if name not in values:
            raise _unset(self, name)
        del values[name]
        values.local = self
        _write(self, values)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(tuple(current_values(self).items()))

    def __contains__(self, name: object) -> bool:
        return name in current_values(self)

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *current_values(self)})

    def __repr__(self) -> str:
        # Only names: values are often secret.
        names = ", ".join(current_values(self)) or "nothing set"
        return f"<{type(self).__name__}: {names}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} cannot be copied or pickled")


def _own_class(cls: type[Local]) -> type[Local]:
    if "_httptrace_variable" in vars(cls):  # type(local)() makes a sibling, not a grandchild
        cls = cast("type[Local]", cls.__base__)
    variable: ContextVar[Lookup] = ContextVar(f"{cls.__module__}.{cls.__qualname__}")
    body: dict[str, Any] = {
        "__slots__": (),
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
        "__getattribute__": property(variable.get),
        "__call__": _read_declared,
        "_httptrace_variable": variable,
        "_httptrace_origins": {},
    }
    metaclass: Any = type(cls)
    return cast("type[Local]", metaclass(cls.__name__, (cls,), body))


def _read_declared(local: Local, name: str) -> Any:
    """A default, method or property of the class; otherwise the name is not set here."""
    # Most reads that get here come from hasattr: a check costs less than a caught exception.
    if getattr(type(local), name, _ABSENT) is not _ABSENT:
        try:
            return object.__getattribute__(local, name)
        except UnsetLocalError:  # a property of a subclass that read another name
            raise
        except AttributeError:  # instances do not have the name, such as mro
            pass
    raise _unset(local, name)


def _unset(local: Local, name: str) -> UnsetLocalError:
    cls = type(local)
    here = scope.CURRENT.get()
    ident = hop = None
    if here is not None:
        ident = here._ident
    elif scope.strict.lost_hop is not None:
        hop = scope.strict.lost_hop()
    error = UnsetLocalError(cls.__name__, name, ident, cls._httptrace_origins.get(name), hop)
    error.name = name
    return error


_ABSENT: Any = object()


def _note_origin(local: Local, name: str) -> None:
    here = scope.CURRENT.get()
    ident = None if here is None else here._ident
    writer = sys._getframe(1)
    frame = writer.f_back or writer  # there is no frame before it where a thread runs setattr
    type(local)._httptrace_origins[name] = Origin.of(ident, frame)


# --- for Context and the rest of this package ----------------------------------------------------

Snapshot: TypeAlias = dict[ContextVar[Any], Lookup | None]
"""What the variables of some `Local` objects hold; ``None`` where nothing was ever set."""


def current_values(local: Local) -> Mapping[str, Any]:
    """What is set on `local` here; empty when nothing is. Not to be changed."""
    return values_of(type(local)._httptrace_variable.get(None))


def assign(local: Local, items: Mapping[str, Any]) -> Lookup:
    """Make `items` the only values of `local` here, in one write. Errors about these names show the
    line of the caller; no scope records the write."""
    cls = type(local)
    here = scope.CURRENT.get()
    origin = Origin.of(None if here is None else here._ident, sys._getframe(1))
    cls._httptrace_origins.update(dict.fromkeys(items, origin))
    lookup = lookup_for(local, items)
    cls._httptrace_variable.set(lookup)
    return lookup


def lookup_for(local: Local, items: Mapping[str, Any]) -> Lookup:
    """The lookup that makes `items` the values of `local`, once its variable holds it."""
    values = Values(items)
    values.local = local
    return values.__getitem__


def values_of(lookup: Lookup | None) -> Mapping[str, Any]:
    """The values that a variable's content gives; empty where nothing was ever set."""
    content: Any = lookup
    return _NOTHING if content is None else content.__self__


def snapshot() -> Snapshot:
    """What the variable of every `Local` holds here."""
    return {variable: variable.get(None) for variable in tuple(_variables)}


def restore_all(former: Snapshot) -> None:
    """Give every `Local` its values in `former`, or none if it is not in there."""
    for variable in tuple(_variables):
        restore(variable, former.get(variable))


def restore(variable: ContextVar[Any], former: Lookup | None) -> None:
    """Put back what the variable held. It cannot be unset again, so "nothing was ever set" is
    written as no values."""
    current = variable.get(None)
    if current is not former:
        variable.set(former if former is not None else lookup_for(current.__self__.local, {}))


def _write(local: Local, values: Values) -> None:
    lookup = values.__getitem__
    variable = type(local)._httptrace_variable
    variable.set(lookup)
    here = scope.CURRENT.get()
    if here is not None:
        here._record(variable, lookup)


_NOTHING: Mapping[str, Any] = {}
_live: dict[int, weakref.ref[Local]] = {}
_variables: list[ContextVar[Any]] = []
"""The variables of all `Local` objects that are alive."""


def _register(local: Local) -> None:
    key = id(local)
    variable = type(local)._httptrace_variable

    def forget(_: object) -> None:
        _live.pop(key, None)
        _variables.remove(variable)

    _live[key] = weakref.ref(local, forget)
    _variables.append(variable)
