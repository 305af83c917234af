"""The bytes of a multipart body as its parts are cut out of them."""

from __future__ import annotations

import re
from typing import Any, Protocol

from ..errors import ClientPayloadError

__all__ = ["MultipartError", "Readable", "Source", "source_of"]

_PIECE = 1 << 16
# RFC 2046 section 5.1.1: "--" ends the body, white space may follow the boundary on its line.
_REST_OF_LINE = re.compile(rb"(?:--)?[ \t]*\r?(?:\n|\Z)")
_LONGEST_REST = 1024


class MultipartError(ClientPayloadError, ValueError):
    """A multipart body is malformed or cut short."""


class Readable(Protocol):
    """What a multipart body is read from, such as a StreamReader."""

    async def read(self, n: int = -1, /) -> Any:
        """Up to `n` bytes as soon as there are any, none at the end."""
        ...


class Source:
    """A stream with what was received of it and not taken yet."""

    __slots__ = ("_at", "_buffer", "_content", "_ended")

    def __init__(self, content: Readable) -> None:
        self._content = content
        self._buffer = b""
        self._at = 0
        self._ended = False

    async def fill(self) -> bool:
        """Wait for more to arrive; False at the end."""
        if not self._ended:
            data = await self._content.read(_PIECE)
            self._ended = not data
            self._buffer = self._buffer[self._at :] + data
            self._at = 0
        return not self._ended

    def take(self, size: int) -> bytes:
        """Up to `size` of the bytes that have arrived."""
        data = self._buffer[self._at : self._at + size]
        self._at += len(data)
        return data

    @property
    def arrived(self) -> int:
        """How many bytes can be taken now."""
        return len(self._buffer) - self._at

    async def line(self, limit: int) -> bytes:
        """The next line with its end, which is missing after `limit` bytes and at the very end."""
        checked = 0
        while (found := self._buffer.find(b"\n", self._at + checked)) < 0:
            checked = self.arrived
            if checked >= limit or not await self.fill():
                return self.take(limit)
        return self.take(min(found + 1 - self._at, limit))

    def skip(self, *starts: bytes) -> None:
        """Take the first of `starts` that the bytes begin with."""
        for start in starts:
            if self._buffer.startswith(start, self._at):
                self._at += len(start)
                return

    def clear_of(self, delimiter: bytes, fresh: bool) -> tuple[int, bool]:
        """How many bytes stand before the delimiter, and whether it has been found behind them.

        `delimiter` begins with a line end, which may be missing when `fresh`: at the start of a
        part. What might become a delimiter once more arrives is not counted.
        """
        buffer, at = self._buffer, self._at
        if fresh:
            bare = delimiter.lstrip(b"\r\n")
            if buffer.startswith(bare, at):
                if (ends := self._ends_line(at + len(bare))) is not False:
                    return 0, ends is True
            elif bare.startswith(buffer[at : at + len(bare)]):
                return 0, False
        search = at
        while (found := buffer.find(delimiter, search)) >= 0:
            if (ends := self._ends_line(found + len(delimiter))) is not False:
                return found - at, ends is True
            search = found + 1
        return self.arrived - self._overlap(delimiter), False

    def _ends_line(self, position: int) -> bool | None:
        """Whether a boundary's line ends as it should; None when that is still to be seen."""
        rest = self._buffer[position : position + _LONGEST_REST]
        match = _REST_OF_LINE.match(rest)
        if match is None:
            return None if rest == b"-" and not self._ended else False
        if match[0].endswith(b"\n") or self._ended:
            return True
        return None if len(rest) < _LONGEST_REST else False

    def _overlap(self, delimiter: bytes) -> int:
        """How many of the last bytes might be the beginning of a delimiter."""
        tail = self._buffer[max(self._at, len(self._buffer) - len(delimiter) + 1) :]
        start = tail.find(delimiter[:1])
        while start >= 0:
            if delimiter.startswith(tail[start:]):
                return len(tail) - start
            start = tail.find(delimiter[:1], start + 1)
        return 0


def source_of(content: Source | Readable) -> Source:
    """The source that reads `content`: itself if it is one."""
    return content if isinstance(content, Source) else Source(content)
