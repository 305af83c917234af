"""What the cache asks of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .entry import Entry


class Writer(Protocol):
    """Takes the body of a response that is being stored. Nothing is stored before `commit`."""

    def write(self, piece: bytes) -> None:
        """Take a piece of the body."""

    def commit(self) -> None:
        """The body is whole: store the response in place of earlier ones that it replaces."""

    def drop(self) -> None:
        """Store nothing. Does nothing after `commit`."""


class BodyReader(Protocol):
    """Reads a stored body piece by piece."""

    async def next(self) -> bytes:
        """The next piece; ``b""`` at the end. OSError if the rest cannot be read."""
        ...

    def close(self) -> None:
        """Read no more."""


class CacheStore(Protocol):
    """Where a `Cache` keeps responses.

    A store never fails a request: what goes wrong in it is a miss, told by one warning.
    """

    max_bytes: int
    """The most that it stores, in bytes; a larger response is not stored."""

    async def find(self, key: str) -> Sequence[Entry]:
        """The responses that are stored for a URL. Short bodies are there, others are read later"""
        ...

    def writer(self, entry: Entry) -> Writer:
        """Begin to store a response."""
        ...

    async def read(self, entry: Entry) -> BodyReader | None:
        """The body of an entry that came without it; None if it is no longer there."""
        ...

    def update(self, old: Entry, new: Entry) -> None:
        """Replace the header fields and times of a stored response."""

    def remove(self, key: str) -> None:
        """Forget what is stored for a URL."""

    async def clear(self) -> None:
        """Forget everything."""

    async def close(self) -> None:
        """Finish what is being written, and close files."""
