"""`SqliteCacheStore`: responses in a file that several processes may share."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ..checks import positive
from .sqlite_file import CacheFile, encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .entry import Entry
    from .sqlite_file import Pieces

T = TypeVar("T")

PIECE = 256 << 10
"""Bytes of a piece in the file."""
_MOST_WAITING = 64
"""How many pieces may wait to be written: if the disk is slower, the response is not stored."""


class SqliteCacheStore:
    """Keeps responses in an SQLite file, which several processes may use at the same time.

    A file that is damaged, locked, full, or that another version or program has made, is not
    used: every request is a miss, and one warning tells why. The file is made with mode 0600.

    :param path: the file; its directory must exist.
    :param max_bytes: the most that bodies and header fields take together. The file may be a
        quarter larger. Those that were not used for the longest time go first.

    Raises
    ------
    ValueError
        If `max_bytes` is not a positive number.
    """

    def __init__(self, path: str | os.PathLike[str], *, max_bytes: int = 256 << 20) -> None:
        self.path = os.fspath(path)
        self.max_bytes = positive("max_bytes", max_bytes)
        self._file = CacheFile(self.path, self.max_bytes)
        self._worker: ThreadPoolExecutor | None = None

    async def find(self, key: str) -> Sequence[Entry]:
        """The responses that are stored for a URL, with their bodies if these are short."""
        found: Sequence[Entry] = await self._ask(partial(self._file.find, key), ())
        return found

    def writer(self, entry: Entry) -> _FileWriter:
        """Begin to store a response."""
        return _FileWriter(self, entry)

    async def read(self, entry: Entry) -> _FileReader | None:
        """The body of a response."""
        pieces = await self._ask(partial(self._file.pieces, entry), None)
        return None if pieces is None else _FileReader(self, pieces)

    def update(self, old: Entry, new: Entry) -> None:
        """Replace the header fields and times of a stored response."""
        self._do(partial(self._file.update, new))

    def remove(self, key: str) -> None:
        """Forget what is stored for a URL."""
        self._do(partial(self._file.remove, key))

    async def clear(self) -> None:
        """Forget everything."""
        await self._ask(self._file.clear, None)

    async def close(self) -> None:
        """Finish what is being written, and close the file. A later request opens it again."""
        worker, self._worker = self._worker, None
        if worker is not None:
            closing = asyncio.wrap_future(worker.submit(self._file.close))
            await closing
            worker.shutdown(wait=False)

    async def _ask(self, work: Callable[[], T], otherwise: T) -> T:
        """The result of some work in the file's thread, or `otherwise` if that failed."""
        return await asyncio.wrap_future(self._submit(partial(self._file.guarded, work, otherwise)))

    def _do(self, work: Callable[[], object]) -> None:
        """Have some work done after what was asked for before."""
        self._submit(partial(self._file.guarded, work, None))

    def _submit(self, work: Callable[[], Any]) -> Any:
        if self._worker is None:
            self._worker = ThreadPoolExecutor(1, "httptrace-cache")
        return self._worker.submit(work)


class _FileReader:
    """Reads a body from the file piece by piece."""

    def __init__(self, store: SqliteCacheStore, pieces: Pieces) -> None:
        self._store = store
        self._pieces = pieces

    async def next(self) -> bytes:
        """The next piece; ``b""`` at the end."""
        piece: bytes = await asyncio.wrap_future(self._store._submit(self._pieces.next))
        return piece

    def close(self) -> None:
        """Read no more."""
        self._pieces.close()


class _FileWriter:
    """Passes a body on to the file's thread, in pieces."""

    def __init__(self, store: SqliteCacheStore, entry: Entry) -> None:
        self._store = store
        self._entry = entry
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._state = store._file.writing(entry)
        self._ended = False

    def write(self, piece: bytes) -> None:
        """Take a piece of the body."""
        if self._ended:
            return
        self._buffer.append(piece)
        self._buffered += len(piece)
        self._entry.size += len(piece)
        if self._buffered >= PIECE:
            if self._state.waiting > _MOST_WAITING:
                self.drop()
                return
            self._pass_on()

    def commit(self) -> None:
        """Store the response."""
        if self._ended:
            return
        self._ended = True
        rest, self._buffer = b"".join(self._buffer), []
        self._store._do(partial(self._state.commit, rest, encoded(self._entry)))

    def drop(self) -> None:
        """Store nothing."""
        if not self._ended:
            self._ended, self._buffer = True, []
            if self._state.passed:
                self._store._do(self._state.drop)

    def _pass_on(self) -> None:
        piece, self._buffer, self._buffered = b"".join(self._buffer), [], 0
        self._state.waiting += 1
        self._state.passed = True
        self._store._do(partial(self._state.add, piece, encoded(self._entry)))
