"""Streams that a program creates and feeds, as mocks of responses do."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .buffer import Buffer

if TYPE_CHECKING:
    from .source import BodySource

_logger = logging.getLogger("httptrace")

__all__ = ["FedSource", "Feedable", "PacedBuffer"]


class FedSource:
    """The source of a `StreamReader` that a program created: the program feeds the bytes."""

    connection = None
    trace = None

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.taken = self.body_received = self.body_decoded = 0
        self.complete = self.waits_for_end = False
        self.error: BaseException | None = None
        self.waiter: asyncio.Future[None] | None = None
        self.on_complete: list[Callable[[], None]] | None = None
        self.marks_chunks = False
        """Whether the program marks the ends of HTTP chunks."""

    async def wait(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Wait for bytes, or for the end if `waits_for_end`. RuntimeError if another task waits."""
        if self.waiter is not None:
            raise RuntimeError("Another task already waits for this stream")
        waiter = self.waiter = asyncio.get_running_loop().create_future()
        try:
            await waiter
        finally:
            self.waiter = None

    def wake(self) -> None:
        """Wake the task that waits."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def finish(self) -> None:
        """Set the end, wake the task that waits, and call the callbacks of `on_eof`."""
        self.complete = True
        self.wake()
        callbacks, self.on_complete = self.on_complete or (), None
        for callback in callbacks:
            try:
                callback()
            except Exception:
                _logger.exception("An on_eof callback failed")


class PacedBuffer(Buffer):
    """A buffer that pauses `protocol` above twice `limit` bytes and resumes it below `limit`."""

    __slots__ = ("_is_paused", "_limit", "_protocol")

    def __init__(self, protocol: Any, limit: int) -> None:
        super().__init__()
        self._protocol = protocol
        self._limit = limit
        self._is_paused = False

    def add(self, block: bytes) -> None:
        """Append a block; pause the protocol if that is too much."""
        super().add(block)
        if not self._is_paused and self.size > self._limit * 2:
            self._is_paused = True
            self._protocol.pause_reading()

    def take(self, n: int) -> bytes:
        """Remove up to `n` bytes; resume the protocol if little is left."""
        data = super().take(n)
        if self._is_paused and self.size < self._limit:
            self.resume()
        return data

    def resume(self) -> None:
        """Resume the protocol if it is paused."""
        if self._is_paused:
            self._is_paused = False
            self._protocol.resume_reading()


class Feedable:
    """The methods of a `StreamReader` by which a program feeds it."""

    _source: BodySource
    _buffer: Buffer
    _decoded: int
    _splits: deque[int]
    _last_split: int

    def feed_data(self, data: bytes, size: int = 0) -> bool:
        """Append bytes to a stream that the program created; `size` is not used. Returns False.

        Raises
        ------
        RuntimeError
            If the stream is that of a response, or `feed_eof` was called.
        """
        source = self._fed("feed_data")
        if source.complete:
            raise RuntimeError("feed_data() after feed_eof()")
        if data:
            self._decoded += len(data)
            source.body_received += len(data)
            self._buffer.add(bytes(data))
            source.wake()
        return False

    def feed_eof(self) -> None:
        """End a stream that the program created.

        Raises
        ------
        RuntimeError
            If the stream is that of a response.
        """
        source = self._fed("feed_eof")
        if isinstance(self._buffer, PacedBuffer):
            self._buffer.resume()
        source.finish()

    def begin_http_chunk_receiving(self) -> None:
        """Announce that the ends of HTTP chunks will be marked, before any bytes are fed."""
        source = self._fed("begin_http_chunk_receiving")
        if source.body_received and not source.marks_chunks:
            raise RuntimeError("begin_http_chunk_receiving() after feed_data()")
        source.marks_chunks = True

    def end_http_chunk_receiving(self) -> None:
        """Mark the end of an HTTP chunk after the bytes that were fed; see `readchunk`."""
        source = self._fed("end_http_chunk_receiving")
        if not source.marks_chunks:
            raise RuntimeError("end_http_chunk_receiving() without begin_http_chunk_receiving()")
        self._split()

    def _fed(self, method: str) -> FedSource:
        if not isinstance(self._source, FedSource):
            raise RuntimeError(f"{method}() is for streams that a program made: not for responses")
        return self._source

    def _split(self) -> None:
        """Store that an HTTP chunk ends after the bytes that are decoded so far."""
        if self._last_split != self._decoded:  # the last chunk is empty
            self._last_split = self._decoded
            self._splits.append(self._decoded)
