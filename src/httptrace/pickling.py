"""How exceptions are copied and pickled.

By default Python calls an exception's class with its `args`. That fails for each class whose
constructor takes something else, and exceptions refer to objects that cannot be pickled: responses,
SSL contexts, read-only multidicts.
"""

from __future__ import annotations

from typing import Any

from multidict import MultiDictProxy

__all__ = ["Portable"]


class Portable:
    """Base of exceptions that are copied and pickled without calling their constructor."""

    def __copy__(self) -> Any:
        return _restore(type(self), *_contents(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return _reduced(self)


def _contents(error: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    attributes = dict(vars(error))
    if isinstance(error, OSError):  # keeps these outside of its __dict__
        for name in ("errno", "strerror", "filename", "filename2"):
            if getattr(error, name) is not None:
                attributes[name] = getattr(error, name)
    return error.args, attributes


def _reduced(error: Any) -> tuple[Any, ...]:
    args, attributes = _contents(error)
    picklable = {name: _picklable(value) for name, value in attributes.items()}
    return _restore, (type(error), tuple(map(_picklable, args)), picklable)


def _restore(kind: type[Any], args: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
    error = kind.__new__(kind, *args)
    error.args = args
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


def _picklable(value: Any) -> Any:
    """`value` without the parts that cannot be pickled; None if nothing is left.

    In a named tuple, such as a connection's key, such a field gets its default.
    """
    if isinstance(value, MultiDictProxy):
        return _PickledHeaders(value)
    if isinstance(value, OSError) and not isinstance(value, Portable):
        return _PickledOSError(value)
    if not isinstance(value, tuple):
        return value if _can_be_pickled(value) else None
    if _can_be_pickled(value):
        return value
    defaults = getattr(value, "_field_defaults", None)
    if defaults is None:
        return tuple(part for part in value if _can_be_pickled(part))
    pairs = zip(value._fields, value, strict=True)  # type: ignore[attr-defined]
    return value._replace(  # type: ignore[attr-defined]
        **{name: defaults.get(name) for name, part in pairs if not _can_be_pickled(part)}
    )


def _can_be_pickled(value: Any) -> bool:
    import pickle

    try:
        pickle.dumps(value)
    except Exception:  # a __reduce__ may raise anything
        return False
    return True


class _PickledHeaders:
    """Pickled in place of a read-only multidict, which refuses it; unpickled as that multidict."""

    def __init__(self, headers: MultiDictProxy[str]) -> None:
        self._headers = headers

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self._headers), (self._headers.copy(),)


class _PickledOSError:
    """Pickled in place of an OSError, whose own `__reduce__` calls the constructor with `args`.

    A subclass may have a constructor with other parameters.
    """

    def __init__(self, error: OSError) -> None:
        self._error = error

    def __reduce__(self) -> tuple[Any, ...]:
        return _reduced(self._error)
