"""`MemoryCacheStore`: responses in memory, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from ..checks import positive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .entry import Entry

_OVERHEAD = 512
"""About what an entry takes beside its body and header fields."""


class MemoryCacheStore:
    """Keeps responses in memory. Those that were not used for the longest time go first.

    :param max_bytes: the most that bodies and header fields take together.

    Raises
    ------
    ValueError
        If `max_bytes` is not a positive number.
    """

    def __init__(self, max_bytes: int = 64 << 20) -> None:
        self.max_bytes = positive("max_bytes", max_bytes)
        self.stored_bytes = 0
        """The bytes that are stored now."""
        self._entries: OrderedDict[str, tuple[Entry, ...]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._entries.values()))

    async def find(self, key: str) -> Sequence[Entry]:
        """The responses that are stored for a URL."""
        found = self._entries.get(key)
        if found is None:
            return ()
        self._entries.move_to_end(key)
        return found

    def writer(self, entry: Entry) -> _MemoryWriter:
        """Begin to store a response."""
        return _MemoryWriter(self, entry)

    async def read(self, entry: Entry) -> None:
        """Nothing: every entry has its body."""

    def update(self, old: Entry, new: Entry) -> None:
        """Replace the header fields and times of a stored response."""
        found = self._entries.get(old.key, ())
        if old in found:
            self.stored_bytes += _cost(new) - _cost(old)
            self._entries[old.key] = tuple(new if one is old else one for one in found)
            self._evict()

    def remove(self, key: str) -> None:
        """Forget what is stored for a URL."""
        for entry in self._entries.pop(key, ()):
            self.stored_bytes -= _cost(entry)

    async def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self.stored_bytes = 0

    async def close(self) -> None:
        """Do nothing: the responses are kept as long as the store."""

    def _put(self, entry: Entry) -> None:
        kept: list[Entry] = []
        gone: list[Entry] = []
        for old in self._entries.get(entry.key, ()):
            (gone if old.vary == entry.vary else kept).append(old)
        self._entries[entry.key] = (*kept, entry)
        self._entries.move_to_end(entry.key)
        self.stored_bytes += _cost(entry) - sum(map(_cost, gone))
        self._evict()

    def _evict(self) -> None:
        while self.stored_bytes > self.max_bytes and self._entries:
            key, entries = next(iter(self._entries.items()))
            if len(entries) > 1 and len(self._entries) == 1:
                self._entries[key] = entries[1:]
                self.stored_bytes -= _cost(entries[0])
            else:
                self.remove(key)


class _MemoryWriter:
    def __init__(self, store: MemoryCacheStore, entry: Entry) -> None:
        self._store: Any = store
        self._entry = entry
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> None:
        """Keep a piece."""
        self._pieces.append(piece)

    def commit(self) -> None:
        """Store the response."""
        self._entry.body = b"".join(self._pieces)
        self._entry.size = len(self._entry.body)
        self._store._put(self._entry)
        self.drop()

    def drop(self) -> None:
        """Keep nothing."""
        self._pieces = []


def _cost(entry: Entry) -> int:
    fields = sum(len(name) + len(value) for name, value in entry.fields)
    return entry.size + len(entry.key) + fields + _OVERHEAD
