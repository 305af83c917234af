"""An awaitable that has nothing left to do."""

from __future__ import annotations

from types import coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator


@coroutine
def _nothing() -> Generator[Any, None, None]:
    yield from ()


DONE: Awaitable[None] = _nothing()
"""It can be awaited however often: that costs next to nothing."""
next(DONE, None)  # type: ignore[call-overload]
