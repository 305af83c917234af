"""`StreamReader`: the body of a response as it comes, decoded, at the pace of who reads it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from ..errors import ClientPayloadError, TotalTimeoutError
from .buffer import Buffer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from ..call.exchange import Exchange
    from .content_coding import Decoder

_STEP = 1 << 18
"""Bytes that are decoded at a time: what a small compressed chunk may grow to before it is read."""


_Piece = TypeVar("_Piece")


class _Pieces(Generic[_Piece]):
    """Reads again and again; unlike a generator it goes on after a read that was cancelled."""

    __slots__ = ("_last", "_read")

    def __init__(self, read: Callable[[], Awaitable[_Piece]], last: _Piece) -> None:
        self._read = read
        self._last = last

    def __aiter__(self) -> _Pieces[_Piece]:
        return self

    async def __anext__(self) -> _Piece:
        piece = await self._read()
        if piece == self._last:
            raise StopAsyncIteration
        return piece


class StreamReader:
    """Reads a response's body in pieces (aiohttp's documentation, "Streaming API").

    Nothing is read ahead of the caller by more than `read_bufsize` bytes or so: the socket is not
    read while they lie there. Compressed bodies are decoded piece by piece as they are asked for.
    """

    def __init__(
        self,
        exchange: Exchange,
        decoder: Decoder | None,
        limit: int,
        on_end: Callable[[BaseException | None], Awaitable[None] | None],
    ) -> None:
        self._exchange = exchange
        self._decoder = decoder
        self._limit = limit
        self._on_end = on_end
        self._loop = exchange.call.loop
        self._buffer = Buffer()
        self._decoded = 0
        self._splits: deque[int] = deque()
        self._last_split = 0
        self._ended = False
        self._exception: BaseException | None = None

    # --- what is known ----------------------------------------------------------------------

    @property
    def total_bytes(self) -> int:
        """Bytes received so far; of a compressed body those that have been decoded."""
        return self._exchange.body_received if self._decoder is None else self._decoded

    @property
    def total_raw_bytes(self) -> int:
        """Bytes as received, before decoding."""
        return self._exchange.body_received

    total_compressed_bytes = total_raw_bytes

    def exception(self) -> BaseException | None:
        """What the body broke off with, if it did."""
        return self._exception or self._exchange.error

    def set_exception(self, exc: BaseException) -> None:
        """Let every further read raise this, and the one that waits."""
        self._exception = exc
        self._exchange.wake()

    def is_eof(self) -> bool:
        """Whether the whole body has been received; some may still be unread."""
        return self._ended or self._exchange.complete

    def at_eof(self) -> bool:
        """Whether the whole body has been received and read."""
        if not self._buffer.size and not self._ended and self._exchange.complete:
            self._pull()
            self._note_end()
        return self._ended and not self._buffer.size

    def on_eof(self, callback: Callable[[], None]) -> None:
        """Call this when the body has been received whole; at once if it has been.

        It is never called if the body breaks off.
        """
        exchange = self._exchange
        if self.is_eof():
            callback()
        elif exchange.on_complete is None:
            exchange.on_complete = [callback]
        else:
            exchange.on_complete.append(callback)

    def get_read_buffer_limits(self) -> tuple[int, int]:
        """Bytes below which the socket is read again, and above which it is not read."""
        return self._limit, self._limit * 2

    def set_read_chunk_size(self, n: int) -> None:
        """Accepted for aiohttp's sake: pieces are as they arrive."""

    # --- reading ----------------------------------------------------------------------------

    def _in_time(self) -> None:
        """The limit for the whole request is one for its reader: nothing is read after it."""
        error = self._exchange.error
        if error is not None and isinstance(error, TotalTimeoutError) and not self._ended:
            self._exception, self._buffer = error, Buffer()

    async def read(self, n: int = -1) -> bytes:
        """Up to `n` bytes as soon as there are any, or, for -1, the whole rest.

        Returns ``b""`` at the end.

        Raises
        ------
        ClientPayloadError
            If the body is cut short or cannot be decoded, or if the whole rest of a compressed
            body is over the session's ``max_decoded_size``.
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
        """What there is, as soon as there is anything; ``b""`` at the end."""
        self._in_time()
        if not self._buffer.size:
            await self._fill()
        return self._buffer.take(self._buffer.size)

    async def readexactly(self, n: int) -> bytes:
        """Exactly `n` bytes.

        Raises
        ------
        asyncio.IncompleteReadError
            If the body ends before; its `partial` holds what there was.
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
        """Up to and with the next line feed, or the rest."""
        return await self.readuntil(b"\n", max_size=max_line_length)

    async def readuntil(self, separator: bytes = b"\n", *, max_size: int | None = None) -> bytes:
        """Up to and with the next `separator`, or the rest.

        Raises
        ------
        ValueError
            If `separator` is empty, or if there are more bytes up to its end than `max_size` or,
            without it, twice ``read_bufsize``. Nothing is taken then: they can be read otherwise.
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
        """What there is up to the end of an HTTP chunk, and whether the chunk ends there.

        ``(b"", False)`` is the end of the body.
        """
        self._in_time()
        if not self._buffer.size and not self._split_here():
            await self._fill()
        while self._splits and self._splits[0] < self._buffer.taken:
            self._splits.popleft()  # another method has read past it
        if self._splits:
            data = self._buffer.take(self._splits[0] - self._buffer.taken)
            return data, self._split_here()
        return self._buffer.take(self._buffer.size), False

    def read_nowait(self, n: int = -1) -> bytes:
        """What has been received already, up to `n` bytes.

        Raises
        ------
        RuntimeError
            If another task is waiting for data.
        """
        self._raise()
        if self._exchange.waiter is not None:
            raise RuntimeError("Called while some coroutine is waiting for incoming data.")
        self._pull()
        return self._buffer.take(self._buffer.size if n < 0 else n)

    def unread_data(self, data: bytes) -> None:
        """Put data back, to be read next."""
        if data:
            self._buffer.put_back(bytes(data))

    async def wait_eof(self) -> None:
        """Wait until the whole body has been received."""
        exchange = self._exchange
        while not self.is_eof():
            self._raise()
            exchange.waits_for_end = True
            try:
                if exchange.connection is not None:
                    exchange.connection.resume_reading()
                await exchange.wait(self._loop)
            finally:
                exchange.waits_for_end = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Line by line."""
        return _Pieces(self.readline, b"")

    def iter_any(self) -> AsyncIterator[bytes]:
        """Pieces as they arrive."""
        return _Pieces(self.readany, b"")

    def iter_chunked(self, n: int) -> AsyncIterator[bytes]:
        """Pieces of at most `n` bytes."""
        return _Pieces(lambda: self.read(n), b"")

    def iter_chunks(self) -> AsyncIterator[tuple[bytes, bool]]:
        """Pieces as they arrive, each with whether an HTTP chunk of the server ends there."""
        return _Pieces(self.readchunk, (b"", False))

    # --- within -----------------------------------------------------------------------------

    async def _read_all(self) -> bytes:
        blocks: list[bytes] = []
        size, most = 0, self._exchange.call.settings.max_decoded_size
        self._exchange.waits_for_end = self._decoder is None
        try:
            while block := await self.readany():
                blocks.append(block)
                size += len(block)
                if self._decoder is not None and most and size > most:
                    raise ClientPayloadError(
                        f"The decoded body is over max_decoded_size ({most} bytes): "
                        "read it in pieces, or raise the limit"
                    )
        finally:
            self._exchange.waits_for_end = False
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    async def _fill(self) -> bool:
        """Wait for more; False at the end. What the body breaks off with ends the request."""
        try:
            return await self._wait_for_more()
        except Exception as exc:
            if exc is self.exception() and (ended := self._on_end(exc)) is not None:
                await ended
            raise

    async def _wait_for_more(self) -> bool:
        exchange = self._exchange
        while not self._ended:
            if self._exception is not None:
                raise self._exception
            if self._pull():
                return True
            if exchange.complete or exchange.error is not None:
                await self._end()
                break
            await exchange.wait(self._loop)
            if exchange.trace is not None:
                await exchange.trace.flush()
        return False

    def _pull(self) -> bool:
        """Move what has arrived into the blocks, decoded; False if nothing came of it."""
        exchange, before = self._exchange, self._buffer.size
        if self._decoder is None:
            self._add_all(exchange.chunks)
        else:
            self._decode_some(exchange.chunks, self._decoder)
        if exchange.connection is not None:
            exchange.connection.resume_reading()
        return self._buffer.size > before

    def _decode_some(self, chunks: list[bytes], decoder: Decoder) -> None:
        """Decode until there is enough to hand on: a bomb grows no further than it is read."""
        if decoder.pending and self._buffer.size < _STEP:
            self._add(self._decode(b""))
        while chunks and self._buffer.size < _STEP and not decoder.pending:
            chunk = chunks.pop(0)
            self._exchange.taken += len(chunk)
            if chunk:
                self._add(self._decode(chunk))
            else:
                self._split()

    def _add_all(self, chunks: list[bytes]) -> None:
        for chunk in chunks:
            if chunk:
                self._exchange.taken += len(chunk)
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
            self._exchange.body_decoded += len(block)

    def _split(self) -> None:
        """An HTTP chunk of the server ends here."""
        if self._last_split != self._decoded:  # the last chunk is empty
            self._last_split = self._decoded
            self._splits.append(self._decoded)

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
        exchange, decoder = self._exchange, self._decoder
        if self._ended or exchange.chunks or (decoder is not None and decoder.pending):
            return
        self._exception = exchange.error
        if exchange.complete and decoder is not None and exchange.body_received:
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
