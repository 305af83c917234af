"""`EMPTY_PAYLOAD`: the stream of a body that is not there."""

from __future__ import annotations

from collections import deque

from .buffer import Buffer
from .streams import StreamReader

__all__ = ["EMPTY_PAYLOAD", "EmptyStreamReader"]


class EmptyStreamReader(StreamReader):
    """A stream that has ended before anything came. It keeps nothing, so everybody can share it."""

    def __init__(self) -> None:
        self._buffer, self._splits = Buffer(), deque()
        self._limit, self._ended, self._exception = 0, True, None

    @property
    def total_bytes(self) -> int:
        """Nothing has come."""
        return 0

    @property
    def total_raw_bytes(self) -> int:
        """Nothing has come."""
        return 0

    total_compressed_bytes = total_raw_bytes

    def exception(self) -> BaseException | None:
        """Nothing has gone wrong."""
        return None

    def set_exception(self, exc: BaseException) -> None:
        """Nothing is kept."""

    def unread_data(self, data: bytes) -> None:
        """Nothing is kept."""

    def read_nowait(self, n: int = -1) -> bytes:
        """Nothing is there."""
        return b""

    async def wait_eof(self) -> None:
        """It has ended."""

    def _in_time(self) -> None:
        pass

    async def _wait_for_more(self) -> bool:
        return False

    async def _read_all(self) -> bytes:
        return b""


EMPTY_PAYLOAD: StreamReader = EmptyStreamReader()
"""The empty stream that all share."""
