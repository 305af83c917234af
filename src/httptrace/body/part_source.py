"""`Source`: the bytes of a multipart body, from which its parts are read."""

from __future__ import annotations

import re
from typing import Any, Protocol

from ..errors import ClientPayloadError

__all__ = ["MultipartError", "Readable", "Source", "source_of"]

_PIECE = 1 << 16
# RFC 2046 section 5.1.1: "--" ends the body; spaces may follow the boundary in its line.
_REST_OF_LINE = re.compile(rb"(?:--)?[ \t]*\r?(?:\n|\Z)")
_LONGEST_REST = 1024


class MultipartError(ClientPayloadError, ValueError):
    """A multipart body is malformed or incomplete."""


class Readable(Protocol):
    """A stream that a multipart body can be read from, such as a StreamReader."""

    async def read(self, n: int = -1, /) -> Any:
        """Wait for bytes and return up to `n` of them; none at the end."""
        ...


class Source:
    """A stream with a buffer of bytes that were received and not taken."""

    __slots__ = ("_at", "_buffer", "_content", "_ended")

    def __init__(self, content: Readable) -> None:
        self._content = content
        self._buffer = b""
        self._at = 0
        self._ended = False

    async def fill(self) -> bool:
        """Wait for more bytes; False at the end."""
        if not self._ended:
            data = await self._content.read(_PIECE)
            self._ended = not data
            self._buffer = self._buffer[self._at :] + data
            self._at = 0
        return not self._ended

    def take(self, size: int) -> bytes:
        """Remove and return up to `size` bytes of the buffer."""
        data = self._buffer[self._at : self._at + size]
        self._at += len(data)
        return data

    @property
    def available(self) -> int:
        """The number of bytes in the buffer."""
        return len(self._buffer) - self._at

    async def line(self, limit: int) -> bytes:
        """The next line with its line end. A line over `limit` bytes and the last one have none."""
        checked = 0
        while (found := self._buffer.find(b"\n", self._at + checked)) < 0:
            checked = self.available
            if checked >= limit or not await self.fill():
                return self.take(limit)
        return self.take(min(found + 1 - self._at, limit))

    def skip(self, *starts: bytes) -> None:
        """Remove the first of `starts` with which the buffer begins."""
        for start in starts:
            if self._buffer.startswith(start, self._at):
                self._at += len(start)
                return

    def bytes_before(self, delimiter: bytes, at_start: bool) -> tuple[int, bool]:
        """The number of bytes before the delimiter, and whether the delimiter follows them.

        `delimiter` begins with a line end, which may be missing at the start of a part. Bytes that
        may be the start of a delimiter are not counted until more arrive.
        """
        buffer, at = self._buffer, self._at
        if at_start:
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
        return self.available - self._overlap(delimiter), False

    def _ends_line(self, position: int) -> bool | None:
        """Whether nothing but spaces follows a boundary in its line; None if that is not known."""
        rest = self._buffer[position : position + _LONGEST_REST]
        match = _REST_OF_LINE.match(rest)
        if match is None:
            return None if rest == b"-" and not self._ended else False
        if match[0].endswith(b"\n") or self._ended:
            return True
        return None if len(rest) < _LONGEST_REST else False

    def _overlap(self, delimiter: bytes) -> int:
        """The number of bytes at the end that may be the start of a delimiter."""
        tail = self._buffer[max(self._at, len(self._buffer) - len(delimiter) + 1) :]
        start = tail.find(delimiter[:1])
        while start >= 0:
            if delimiter.startswith(tail[start:]):
                return len(tail) - start
            start = tail.find(delimiter[:1], start + 1)
        return 0


def source_of(content: Source | Readable) -> Source:
    """The source that reads `content`; `content` itself if it is a source."""
    return content if isinstance(content, Source) else Source(content)
