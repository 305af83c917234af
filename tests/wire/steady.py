"""Tests of times that a busy machine must not fail."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

_TRIES = 5


def steady(test: Callable[..., Any]) -> Callable[..., Any]:
    """Let a test hold in one of five tries: times that are wrong are so each time.

    Another program that takes the processor for some milliseconds makes single ones late.
    """

    @wraps(test)
    def tried(*args: Any, **kwargs: Any) -> None:
        for _ in range(_TRIES - 1):
            try:
                test(*args, **kwargs)
            except AssertionError:
                continue
            return
        test(*args, **kwargs)

    @wraps(test)
    async def awaited(*args: Any, **kwargs: Any) -> None:
        for _ in range(_TRIES - 1):
            try:
                await test(*args, **kwargs)
            except AssertionError:
                continue
            return
        await test(*args, **kwargs)

    return awaited if iscoroutinefunction(test) else tried
