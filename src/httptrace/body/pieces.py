"""Async iterators over a `StreamReader`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

__all__ = ["Pieces"]

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
