"""Payloads that are read from files and other `io` objects, piece by piece in a thread.

The content begins at the current position of the object. A seekable object is rewound to that
position, so that the payload can be sent any number of times.
"""

from __future__ import annotations

import asyncio
import codecs
import io
import os
import stat
from collections.abc import Callable
from threading import Lock
from typing import IO, Any, TextIO

from ..errors import ClientPayloadError
from ..headers.mime import text_encoding
from .payload_base import Payload, Writer
from .payload_bytes import text_type

__all__ = [
    "BufferedReaderPayload",
    "BytesIOPayload",
    "IOBasePayload",
    "TextIOPayload",
    "guess_filename",
    "is_text",
]

_PIECE = 1 << 20
"""Bytes per read. Each read runs in a thread, which costs time."""
_MEMORY_PIECE = 1 << 18
_DECODER_STATE = 1 << 64
"""A result of ``tell()`` from this on contains a state of the text file's decoder."""


def guess_filename(value: Any) -> str | None:
    """The name of the file `value` without its folder; None if it has no name."""
    name = getattr(value, "name", None)
    if isinstance(name, str) and name and not (name[0] == "<" and name[-1] == ">"):
        return os.path.basename(name)
    return None


class IOBasePayload(Payload):
    """Sends an object with ``read``, which is called in a thread. `close` closes the object.

    Raises ValueError for an object that is closed.
    """

    _value: Any
    _start: int | None = None
    _located = False
    _closer: Callable[[], Any] | None = None

    def __init__(
        self, value: IO[Any], disposition: str | None = "attachment", *args: Any, **kwargs: Any
    ) -> None:
        if getattr(value, "closed", False):
            raise ValueError(f"{value!r} is closed: no body can be read from it")
        if "filename" not in kwargs:
            kwargs["filename"] = guess_filename(value)
        super().__init__(value, *args, **kwargs)
        self._lock = Lock()
        self._turn = 0
        if self._filename is not None and disposition is not None:
            if "Content-Disposition" not in self._headers:
                self.set_content_disposition(disposition, filename=self._filename)

    @property
    def size(self) -> int | None:
        """Bytes from the object's position to its end; None for pipes, text and the like."""
        if self._size is None and self._locate() is not None and not is_text(self._value):
            self._size = self._measure()
        return self._size

    def _locate(self) -> int | None:
        """The position where the content begins; None for an object that is not seekable."""
        if not self._located:
            self._located = True
            try:
                self._start = self._value.tell() if self._value.seekable() else None
            except (AttributeError, OSError):
                self._start = None
        return self._start

    def _measure(self) -> int | None:
        start, value = self._start or 0, self._value
        try:
            status = os.fstat(value.fileno())
        except (AttributeError, OSError):
            here = value.tell()
            end = value.seek(0, os.SEEK_END)
            value.seek(here)
            return max(0, int(end) - start)
        if not stat.S_ISREG(status.st_mode) or _is_transformed(value):
            return None
        return max(0, status.st_size - start)

    async def write(self, writer: Writer) -> None:
        """Write the content, at most `size` bytes: the file may grow in the meantime."""
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: Writer, content_length: int | None) -> None:
        """Write the content, at most `content_length` bytes."""
        self._begin()
        left = min((n for n in (self.size, content_length) if n is not None), default=None)
        in_thread, read = asyncio.get_running_loop().run_in_executor, self._read_first
        turn = self._next_turn()
        while left is None or left > 0:
            size = _PIECE if left is None else min(left, _PIECE)
            data = await in_thread(None, self._in_turn, turn, read, size)
            if not data:
                break
            data = data[:left]
            if left is not None:
                left -= len(data)
            await writer.write(data)
            read = self._read

    def _begin(self) -> None:
        if self._consumed:
            raise ClientPayloadError(f"{self._value!r} has been sent or closed: it cannot be read")
        if self._locate() is None:
            self._consumed = True

    def _next_turn(self) -> int:
        """A number for the next reader. The thread of a cancelled reader must not continue."""
        self._turn += 1
        return self._turn

    def _in_turn(self, turn: int, read: Callable[..., bytes], *size: int) -> bytes:
        try:
            with self._lock:
                return read(*size) if turn == self._turn else b""
        finally:
            if self._closer is not None:  # close() was called while this thread read
                self._close_now()

    def _rewind(self) -> None:
        if self._start is not None:
            self._value.seek(self._start)

    def _read_first(self, size: int) -> bytes:
        self._rewind()
        return self._read(size)

    def _read(self, size: int) -> bytes:
        data = self._value.read(size)
        return data.encode(self._encoding or "utf-8") if isinstance(data, str) else data or b""

    def _read_all(self) -> bytes:
        self._rewind()
        return self._read(-1)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The content as text. It is read at once, in the caller's thread."""
        self._begin()
        return self._read_all().decode(encoding, errors)

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The content. It is read in a thread."""
        self._begin()
        in_thread, turn = asyncio.get_running_loop().run_in_executor, self._next_turn()
        return await in_thread(None, self._in_turn, turn, self._read_all)

    async def close(self) -> None:
        """Close the object in a thread, if it has a ``close``.

        A thread may wait for a pipe without a limit: then that thread closes the pipe when its
        read returns.
        """
        close = getattr(self._value, "close", None)
        if close is None or getattr(self._value, "closed", False):
            return
        self._consumed, self._closer = True, close
        self._next_turn()
        if self._start is not None or not self._lock.locked():
            await asyncio.get_running_loop().run_in_executor(None, self._close_now)

    def _close_now(self) -> None:
        with self._lock:
            close, self._closer = self._closer, None
            if close is not None:
                close()


class TextIOPayload(IOBasePayload):
    """Sends a text file in `encoding`. The default is the charset of `content_type`, or UTF-8.

    A UTF-8 file that is sent in UTF-8 is not decoded: its bytes are sent as they are, line ends
    included, and its size is known. Other text is decoded and encoded again, and its size is not
    known before it is sent.
    """

    _binary: Any = None
    """The binary file of the text file, if its bytes are sent as they are."""

    def __init__(
        self,
        value: TextIO,
        *args: Any,
        encoding: str | None = None,
        content_type: str | None = None,
        **kwargs: Any,
    ) -> None:
        encoding, content_type = text_type(encoding, content_type)
        super().__init__(value, *args, encoding=encoding, content_type=content_type, **kwargs)
        self._encoder = codecs.getincrementalencoder(encoding)()

    @property
    def size(self) -> int | None:
        """Bytes from the file's position to its end; None for text that is encoded again."""
        if self._size is None and self._locate() is not None and self._binary is not None:
            self._size = self._measure()
        return self._size

    def _locate(self) -> int | None:
        if not self._located and (start := super()._locate()) is not None:
            # the result of tell() is a position in bytes if it has no state of the decoder
            if start < _DECODER_STATE and _is_utf_8(self._value) and _names_utf_8(self._encoding):
                self._binary = self._value.buffer
        return self._start

    def _rewind(self) -> None:
        super()._rewind()
        self._encoder.reset()

    def _read(self, size: int) -> bytes:
        if self._binary is not None:
            return bytes(self._binary.read(size))
        text = self._value.read(size)
        return self._encoder.encode(text, final=not text)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The text. It is read at once, in the caller's thread."""
        self._begin()
        self._rewind()
        text: str = self._value.read()
        return text


def is_text(value: Any) -> bool:
    """Whether an object's ``read`` gives text, also if it is no io.TextIOBase."""
    return isinstance(value, io.TextIOBase) or isinstance(getattr(value, "encoding", None), str)


def _is_utf_8(value: Any) -> bool:
    """Whether a text file's bytes are its text in UTF-8."""
    is_strict = getattr(value, "errors", None) == "strict"
    return is_strict and hasattr(value, "buffer") and _names_utf_8(value.encoding)


def _names_utf_8(encoding: str | None) -> bool:
    return text_encoding(encoding or "") == "utf-8"


def _is_transformed(value: Any) -> bool:
    """Whether reading gives other bytes than the file has, as a gzip.GzipFile does."""
    file = getattr(value, "file", value)  # a temporary file's
    file = getattr(file, "buffer", file)
    is_on_file = isinstance(getattr(file, "raw", None), io.FileIO)
    return isinstance(file, io.BufferedIOBase) and not is_on_file


class BytesIOPayload(IOBasePayload):
    """Sends an `io.BytesIO` from its position on. The object is not closed."""

    _autoclose = True

    async def write_with_length(self, writer: Writer, content_length: int | None) -> None:
        """Write the content, at most `content_length` bytes."""
        position = self._locate() or 0
        size = self.size or 0
        end = position + (size if content_length is None else min(size, content_length))
        while position < end:
            self._value.seek(position)
            data = self._value.read(min(_MEMORY_PIECE, end - position))
            if not data:
                break
            position += len(data)
            await writer.write(data)

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The content."""
        self._locate()
        return self._read_all()

    async def close(self) -> None:
        """Do nothing."""


class BufferedReaderPayload(IOBasePayload):
    """Sends a binary file."""
