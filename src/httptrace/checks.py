"""Checks that hold for any parameter: each error names the parameter and what it got."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any


def positive(name: str, value: Any) -> int:
    """`value` as a whole number above 0."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    if value <= 0:
        raise ValueError(f"{name} must be above 0, got {value}")
    return value


def seconds(name: str, value: Any) -> float:
    """`value` as a number of seconds above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number of seconds, not {value!r}")
    if not 0 < value < inf:
        raise ValueError(f"{name} must be above 0 s, not {value!r}")
    return value


def several(name: str, value: Any) -> Iterable[Any]:
    """Something with any number of things in it, which a string is not."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a sequence, not {value!r}")
    return value


def flag(name: str, value: Any) -> bool:
    """`value` as a bool."""
    if not isinstance(value, bool | int):
        raise TypeError(f"{name} must be True or False, not {value!r}")
    return bool(value)


def checked_callable(name: str, value: Any) -> Any:
    """Something that can be called."""
    if not callable(value):
        raise TypeError(f"{name} must be callable, not {value!r}")
    return value


def callable_or_none(name: str, value: Any) -> Any:
    """Something that can be called, or None."""
    return None if value is None else checked_callable(name, value)


def checked_class(name: str, value: Any) -> Any:
    """A class."""
    if not isinstance(value, type):
        raise TypeError(f"{name} must be a class, not {value!r}")
    return value
