"""Async iterators over streams and parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, Self, TypeVar

__all__ = ["IteratesByNext", "Pieces"]

_Item = TypeVar("_Item")

_Piece = TypeVar("_Piece")


class Pieces(Generic[_Piece]):
    """Calls `read` for each piece until it returns `last`.

    Unlike a generator it can be iterated further after a read that was cancelled.
    """

    __slots__ = ("_last", "_read")

    def __init__(self, read: Callable[[], Awaitable[_Piece]], last: _Piece) -> None:
        self._read = read
        self._last = last

    def __aiter__(self) -> Pieces[_Piece]:
        return self

    async def __anext__(self) -> _Piece:
        piece = await self._read()
        if piece == self._last:
            raise StopAsyncIteration
        return piece


class IteratesByNext(Generic[_Item]):
    """``async for`` over the results of `next`, up to the first None."""

    async def next(self) -> _Item | None:
        """The next item; None at the end."""
        raise NotImplementedError

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> _Item:
        item = await self.next()
        if item is None:
            raise StopAsyncIteration
        return item
