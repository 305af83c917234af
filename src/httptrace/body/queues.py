"""`DataQueue`: a queue from a parser to one reader, with an end and an error."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, Generic, Protocol, TypeVar

__all__ = ["DataQueue", "EofStream", "FlowControlDataQueue"]

Item = TypeVar("Item")


class EofStream(Exception):
    """Raised by `DataQueue.read` at the end of the queue."""


class Pausable(Protocol):
    """A source that can be paused, such as a protocol with a transport."""

    def pause_reading(self) -> None:
        """Pause the source."""
        ...

    def resume_reading(self) -> None:
        """Resume the source."""
        ...


class DataQueue(Generic[Item]):
    """A queue with one reader. `feed_data`, `feed_eof` and `set_exception` fill it.

    Items that were fed before an error are read before it is raised. ``async for`` stops at the
    end of the queue.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._items: deque[tuple[Item, int]] = deque()
        self._size = 0
        self._ended = False
        self._exception: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._items)

    def exception(self) -> BaseException | None:
        """The error of `set_exception`, if there is one."""
        return self._exception

    def is_eof(self) -> bool:
        """Whether the queue has ended; items may be unread."""
        return self._ended

    def at_eof(self) -> bool:
        """Whether the queue has ended and all items were read."""
        return self._ended and not self._items

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        """End the queue with an error, which is raised after the items that were fed before."""
        if exc_cause is not None:
            exc.__cause__ = exc_cause
        self._ended, self._exception = True, exc
        self._wake()

    def feed_data(self, data: Item, size: int = 0) -> None:
        """Append an item; `size` is its size in a queue with flow control."""
        self._items.append((data, size))
        self._size += size
        self._wake()

    def feed_eof(self) -> None:
        """End the queue."""
        self._ended = True
        self._wake()

    async def read(self) -> Item:
        """The next item.

        Raises
        ------
        EofStream
            At the end of the queue. The error of `set_exception` is raised instead.
        RuntimeError
            If another task reads.
        """
        if not self._items and not self._ended:
            await self._wait()
        if self._items:
            item, size = self._items.popleft()
            self._size -= size
            return item
        if self._exception is not None:
            raise self._exception
        raise EofStream

    async def __aiter__(self) -> AsyncIterator[Item]:
        try:
            while True:
                yield await self.read()
        except EofStream:
            return

    async def _wait(self) -> None:
        if self._waiter is not None:
            raise RuntimeError("Another task already reads this queue")
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class FlowControlDataQueue(DataQueue[Item]):
    """A `DataQueue` that pauses `protocol` while its items exceed twice `limit` in size.

    `protocol` is resumed once less than `limit` is left.
    """

    def __init__(self, protocol: Pausable, limit: int, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._protocol: Any = protocol
        self._limit = limit
        self._paused = False

    def feed_data(self, data: Item, size: int = 0) -> None:
        """Append an item of this size; pause the protocol if that is too much."""
        super().feed_data(data, size)
        if self._size > self._limit * 2 and not self._paused:
            self._paused = True
            self._protocol.pause_reading()

    async def read(self) -> Item:
        """The next item; resume the protocol if little is left."""
        item = await super().read()
        if self._paused and self._size < self._limit:
            self._paused = False
            self._protocol.resume_reading()
        return item
