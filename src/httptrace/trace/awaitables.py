"""An awaitable that is done already, for methods that sometimes have nothing to await."""

from __future__ import annotations

from types import coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator


@coroutine
def _empty() -> Generator[Any, None, None]:
    yield from ()


COMPLETED: Awaitable[None] = _empty()
"""Awaiting it returns None at once. It can be awaited any number of times, unlike a coroutine."""
next(COMPLETED, None)  # type: ignore[call-overload]
