"""`StreamReader`: reads the body of a response, decoded, with flow control."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from ..errors import ClientPayloadError, TotalTimeoutError
from .buffer import Buffer
from .feeding import FedSource, Feedable, PacedBuffer
from .pieces import Pieces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from .content_coding import Decoder
    from .source import BodySource

_STEP = 1 << 18
"""How many bytes are decoded at once: a small compressed chunk may decode to far more."""


class StreamReader(Feedable):
    """Reads a response's body in pieces (aiohttp's documentation, "Streaming API").

    About `read_bufsize` bytes are buffered: while they are not read, the socket is not read either.
    A compressed body is decoded as it is read.

    ``StreamReader(protocol, limit)`` creates a stream that a program feeds by `feed_data` and
    `feed_eof`, as mocks of responses do. `protocol` is paused while more than twice `limit` bytes
    are buffered. `timer` and `loop` are accepted and not used.
    """

    _max_decoded_size: int | None = None
    _on_end: Callable[[BaseException | None], Awaitable[None] | None]

    def __init__(self, protocol: Any, limit: int, *, timer: Any = None, loop: Any = None) -> None:
        self._read_from(FedSource(), PacedBuffer(protocol, limit), None, limit, loop)
        self._on_end = _no_end

    def _read_from(
        self, source: BodySource, buffer: Buffer, decoder: Decoder | None, limit: int, loop: Any
    ) -> None:
        self._source = source
        self._buffer = buffer
        self._decoder = decoder
        self._limit = limit
        self._loop = loop
        self._decoded = 0
        self._splits: deque[int] = deque()
        self._last_split = 0
        self._ended = False
        self._exception: BaseException | None = None

    # --- state ------------------------------------------------------------------------------

    @property
    def total_bytes(self) -> int:
        """Bytes received so far; for a compressed body the bytes decoded so far."""
        return self._source.body_received if self._decoder is None else self._decoded

    @property
    def total_raw_bytes(self) -> int:
        """Bytes received so far, before decoding."""
        return self._source.body_received

    total_compressed_bytes = total_raw_bytes

    def exception(self) -> BaseException | None:
        """The error that ended the body; None if there is none."""
        return self._exception or self._source.error

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        """Make this read and every later one raise `exc`, whose cause is `exc_cause` if given."""
        if exc_cause is not None:
            exc.__cause__ = exc_cause
        self._exception = exc
        if isinstance(self._source, FedSource):
            self._buffer, self._source.on_complete = Buffer(), None
        self._source.wake()

    def is_eof(self) -> bool:
        """Whether the whole body was received; some of it may be unread."""
        return self._ended or self._source.complete

    def at_eof(self) -> bool:
        """Whether the whole body was received and read."""
        if not self._buffer.size and not self._ended and self._source.complete:
            self._pull()
            self._note_end()
        return self._ended and not self._buffer.size

    def on_eof(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the whole body is received, or at once if it was.

        It is not called if the body ends with an error.
        """
        source = self._source
        if self.is_eof():
            callback()
        elif source.on_complete is None:
            source.on_complete = [callback]
        else:
            source.on_complete.append(callback)

    def get_read_buffer_limits(self) -> tuple[int, int]:
        """The sizes of the buffer below which reading is resumed, and above which it is paused."""
        return self._limit, self._limit * 2

    def set_read_chunk_size(self, n: int) -> None:
        """Do nothing: the size of pieces cannot be set. Programs for aiohttp call it."""

    # --- reading ----------------------------------------------------------------------------

    def _in_time(self) -> None:
        """Drop the buffered bytes once the total timeout has expired: reads raise its error."""
        error = self._source.error
        if error is not None and isinstance(error, TotalTimeoutError) and not self._ended:
            self._exception, self._buffer = error, Buffer()

    async def read(self, n: int = -1) -> bytes:
        """Wait for bytes and return up to `n` of them; for -1 wait for the whole rest.

        Returns ``b""`` at the end.

        Raises
        ------
        ClientPayloadError
            If the body is incomplete or cannot be decoded, or if the whole rest of a compressed
            body exceeds the session's ``max_decoded_size``.
        """
        if n == 0:
            return b""
        if n < 0:
            return await self._read_all()
        self._in_time()
        if not self._buffer.size:
            await self._fill()
        return self._buffer.take(n)

    async def readany(self) -> bytes:
        """Wait for bytes and return all that have arrived; ``b""`` at the end."""
        self._in_time()
        if not self._buffer.size:
            await self._fill()
        return self._buffer.take(self._buffer.size)

    async def readexactly(self, n: int) -> bytes:
        """Exactly `n` bytes.

        Raises
        ------
        asyncio.IncompleteReadError
            If the body ends before; its `partial` has the bytes up to the end.
        """
        if n <= 0:
            return b""
        self._in_time()
        while self._buffer.size < n and await self._fill():
            pass
        data = self._buffer.take(n)
        if len(data) < n:
            raise asyncio.IncompleteReadError(data, n)
        return data

    async def readline(self, *, max_line_length: int | None = None) -> bytes:
        """The bytes up to and including the next line feed, or the rest."""
        return await self.readuntil(b"\n", max_size=max_line_length)

    async def readuntil(self, separator: bytes = b"\n", *, max_size: int | None = None) -> bytes:
        """The bytes up to and including the next `separator`, or the rest.

        Raises
        ------
        ValueError
            If `separator` is empty, or if it does not end within `max_size` bytes. The default is
            twice ``read_bufsize``. Nothing is removed then: the bytes can be read in another way.
        """
        if not separator:
            raise ValueError("Separator should be at least one-byte string")
        most = max_size or self._limit * 2
        searched = 0
        self._in_time()
        while True:
            found = self._buffer.find(separator, max(0, searched - len(separator) + 1))
            if 0 <= found <= most - len(separator):
                return self._buffer.take(found + len(separator))
            searched = self._buffer.size
            if searched > most:
                raise ValueError(f"Chunk too big: no {separator!r} within {most} bytes")
            if not await self._fill():
                return self._buffer.take(self._buffer.size)

    async def readchunk(self) -> tuple[bytes, bool]:
        """Bytes up to the end of an HTTP chunk, and whether the chunk ends there.

        Returns ``(b"", False)`` at the end of the body.
        """
        self._in_time()
        if not self._buffer.size and not self._split_here():
            await self._fill()
        while self._splits and self._splits[0] < self._buffer.taken:
            self._splits.popleft()  # another method read past it
        if self._splits:
            data = self._buffer.take(self._splits[0] - self._buffer.taken)
            return data, self._split_here()
        return self._buffer.take(self._buffer.size), False

    def read_nowait(self, n: int = -1) -> bytes:
        """Up to `n` of the bytes that have arrived, without waiting.

        Raises
        ------
        RuntimeError
            If another task waits for data.
        """
        self._raise()
        if self._source.waiter is not None:
            raise RuntimeError("Called while some coroutine is waiting for incoming data.")
        self._pull()
        return self._buffer.take(self._buffer.size if n < 0 else n)

    def unread_data(self, data: bytes) -> None:
        """Put data back: it is read next."""
        if data:
            self._buffer.put_back(bytes(data))

    async def wait_eof(self) -> None:
        """Wait until the whole body is received."""
        source = self._source
        while not self.is_eof():
            self._raise()
            source.waits_for_end = True
            try:
                if source.connection is not None:
                    source.connection.resume_reading()
                await source.wait(self._loop)
            finally:
                source.waits_for_end = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over lines."""
        return Pieces(self.readline, b"")

    def iter_any(self) -> AsyncIterator[bytes]:
        """Iterate over pieces as they arrive."""
        return Pieces(self.readany, b"")

    def iter_chunked(self, n: int) -> AsyncIterator[bytes]:
        """Iterate over pieces of at most `n` bytes."""
        return Pieces(lambda: self.read(n), b"")

    def iter_chunks(self) -> AsyncIterator[tuple[bytes, bool]]:
        """Iterate over the results of `readchunk`."""
        return Pieces(self.readchunk, (b"", False))

    # --- internals --------------------------------------------------------------------------

    async def _read_all(self) -> bytes:
        blocks: list[bytes] = []
        size, most = 0, self._max_decoded_size
        self._source.waits_for_end = self._decoder is None
        try:
            while block := await self.readany():
                blocks.append(block)
                size += len(block)
                if most and self._decoder is not None and size > most:
                    raise ClientPayloadError(
                        f"The decoded body exceeds max_decoded_size ({most} bytes): "
                        "read it in pieces, or raise the limit"
                    )
        finally:
            self._source.waits_for_end = False
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    async def _fill(self) -> bool:
        """Wait for more bytes; False at the end. An error of the body ends the request."""
        try:
            return await self._wait_for_more()
        except Exception as exc:
            if exc is self.exception() and (ended := self._on_end(exc)) is not None:
                await ended
            raise

    async def _wait_for_more(self) -> bool:
        source, before = self._source, self._buffer.size
        while not self._ended:
            if self._exception is not None:
                raise self._exception
            self._pull()
            if self._buffer.size > before:
                return True
            if source.complete or source.error is not None:
                await self._end()
                break
            await source.wait(self._loop)
            if source.trace is not None:
                await source.trace.flush()
        return False

    def _pull(self) -> None:
        """Move the bytes that have arrived into the buffer, decoded."""
        source = self._source
        if self._decoder is None:
            self._add_all(source.chunks)
        else:
            self._decode_some(source.chunks, self._decoder)
        if source.connection is not None:
            source.connection.resume_reading()

    def _decode_some(self, chunks: list[bytes], decoder: Decoder) -> None:
        """Decode until `_STEP` bytes are buffered: a small body may decode to a huge one."""
        if decoder.pending and self._buffer.size < _STEP:
            self._add(self._decode(b""))
        while chunks and self._buffer.size < _STEP and not decoder.pending:
            chunk = chunks.pop(0)
            self._source.taken += len(chunk)
            if chunk:
                self._add(self._decode(chunk))
            else:
                self._split()

    def _add_all(self, chunks: list[bytes]) -> None:
        for chunk in chunks:
            if chunk:
                self._source.taken += len(chunk)
                self._add(chunk)
            else:
                self._split()
        chunks.clear()

    def _decode(self, chunk: bytes) -> bytes:
        try:
            return self._decoder.feed(chunk, _STEP)  # type: ignore[union-attr]
        except ClientPayloadError as exc:
            self._exception = exc
            raise

    def _add(self, block: bytes) -> None:
        if block:
            self._buffer.add(block)
            self._decoded += len(block)
            self._source.body_decoded += len(block)

    def _split_here(self) -> bool:
        if self._splits and self._splits[0] <= self._buffer.taken:
            self._splits.popleft()
            return True
        return False

    async def _end(self) -> None:
        self._note_end()
        ended = self._on_end(self._exception)
        if ended is not None:
            await ended
        self._raise()

    def _note_end(self) -> None:
        source, decoder = self._source, self._decoder
        if self._ended or source.chunks or (decoder is not None and decoder.pending):
            return
        self._exception = source.error
        if source.complete and decoder is not None and source.body_received:
            try:
                decoder.finish()
            except ClientPayloadError as exc:
                self._exception = exc
        self._ended = self._exception is None

    def _raise(self) -> None:
        if (error := self.exception()) is not None:
            raise error

    def __repr__(self) -> str:
        state = "eof" if self._ended else f"{self._buffer.size} bytes"
        return f"<{type(self).__name__} {state}>"


def _no_end(error: BaseException | None) -> None:
    """Do nothing: a stream that a program created belongs to no request."""


def response_stream(
    source: BodySource,
    decoder: Decoder | None,
    limit: int,
    on_end: Callable[[BaseException | None], Awaitable[None] | None],
    loop: asyncio.AbstractEventLoop,
    max_decoded_size: int,
) -> StreamReader:
    """The stream of a response. `on_end` is called once, at the end or with the error.

    `max_decoded_size` bounds what ``read()`` decodes of a compressed body; 0 is no limit.
    """
    stream = StreamReader.__new__(StreamReader)
    stream._read_from(source, Buffer(), decoder, limit, loop)
    stream._on_end = on_end
    stream._max_decoded_size = max_decoded_size
    return stream
