"""`UploadProgress`: the progress that a request shows in its `UploadTracker`."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from ..errors import UploadAbortedError

__all__ = ["Sending", "UploadProgress"]


class Sending(Protocol):
    """One attempt to send a request, such as an `Exchange` of a call."""

    complete: bool
    """Whether the response has been received completely."""

    @property
    def connection(self) -> Any:
        """The connection; its ``unsent()`` is the number of bytes in the transport's buffer."""
        ...


class UploadProgress:
    """Counts the bytes and attempts of one request; `UploadTracker` shows them to the program."""

    def __init__(self) -> None:
        self.attempts = 0
        self.upload_complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._handed = 0
        self._exchange: Sending | None = None
        self._is_bound = self._is_sent = self._is_final = False

    @property
    def bytes_written(self) -> int:
        """Bytes of the body, before compression, that the kernel accepted in this attempt."""
        return max(0, self._handed - self._unsent())

    def _unsent(self) -> int:
        exchange = self._exchange
        if exchange is None or exchange.connection is None or exchange.complete:
            return 0
        return int(exchange.connection.unsent())

    def bind(self) -> None:
        """A request begins.

        Raises
        ------
        RuntimeError
            If the tracker was passed to another request before.
        """
        if self._is_bound:
            raise RuntimeError("An UploadTracker is for one request: pass a new one to each")
        self._is_bound = True

    def begin(self) -> None:
        """An attempt begins."""
        self.attempts += 1
        self._handed, self._exchange, self._is_sent = 0, None, False

    def follow(self, exchange: Sending) -> None:
        """The attempt begins to send its body."""
        self._exchange = exchange

    def hand(self, size: int) -> None:
        """`size` more bytes of the body were written to the transport."""
        self._handed += size

    def sent(self) -> None:
        """The whole body was written to the transport."""
        self._is_sent = True
        if self._is_final and not self.upload_complete.done():
            self.upload_complete.set_result(None)

    def final(self, has_body: bool) -> None:
        """The current attempt is the last one."""
        self._is_final = True
        if self._is_sent or not has_body:
            self.sent()

    def fail(self, error: Exception) -> None:
        """The body cannot be sent completely."""
        if not self.upload_complete.done():
            self.upload_complete.set_exception(error)
            self.upload_complete.exception()  # else asyncio reports it as never retrieved

    def freeze(self) -> None:
        """The connection closes: the bytes in the transport's buffer are not counted."""
        self._handed, self._exchange = self.bytes_written, None

    def end(self, cause: BaseException | None) -> None:
        """The request has ended."""
        self.freeze()
        error = UploadAbortedError("The request ended before its body was sent")
        error.__cause__ = cause
        self.fail(error)
