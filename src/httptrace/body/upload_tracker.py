"""`UploadTracker`: the progress of sending the body of a request."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from ..errors import UploadAbortedError

__all__ = ["Sending", "UploadTracker", "checked_tracker"]


class Sending(Protocol):
    """One attempt to send a request. An `Exchange` of a call is one."""

    complete: bool
    """Whether the response has been received completely."""

    @property
    def connection(self) -> Any:
        """The connection, whose ``unsent()`` counts the bytes that the system has not taken."""
        ...


class UploadTracker:
    """Counts the bytes of a request's body that were sent (aiohttp's documentation).

    Pass a new one as ``upload_tracker=`` and read its attributes while the request runs.

    Raises
    ------
    RuntimeError
        If no event loop is running.
    """

    attempts: int
    """How many attempts to send the request were made: redirects and retries add some."""
    upload_complete: asyncio.Future[None]
    """Done once the body is sent and the final response has begun.

    Its exception is an `UploadAbortedError` if the request ends before, and a
    `ClientConnectionError` if the body could not be read.
    """

    def __init__(self) -> None:
        self.attempts = 0
        self.upload_complete = asyncio.get_running_loop().create_future()
        self._handed = 0
        self._exchange: Sending | None = None
        self._is_bound = self._is_sent = self._is_final = False

    @property
    def bytes_written(self) -> int:
        """Bytes of the body, before compression, that the system took in this attempt."""
        return max(0, self._handed - self._unsent())

    def _unsent(self) -> int:
        exchange = self._exchange
        if exchange is None or exchange.connection is None or exchange.complete:
            return 0
        return int(exchange.connection.unsent())

    # --- called by the request ------------------------------------------------------------------

    def bind(self) -> None:
        """Internal: a request begins.

        Raises
        ------
        RuntimeError
            If the tracker was used for another request.
        """
        if self._is_bound:
            raise RuntimeError("An UploadTracker is for one request: pass a new one to each")
        self._is_bound = True

    def begin(self) -> None:
        """Internal: an attempt begins."""
        self.attempts += 1
        self._handed, self._exchange, self._is_sent = 0, None, False

    def follow(self, exchange: Sending) -> None:
        """Internal: the body of the attempt is sent from now on."""
        self._exchange = exchange

    def hand(self, size: int) -> None:
        """Internal: the transport was given `size` more bytes."""
        self._handed += size

    def sent(self) -> None:
        """Internal: the transport was given the whole body."""
        self._is_sent = True
        if self._is_final and not self.upload_complete.done():
            self.upload_complete.set_result(None)

    def final(self, has_body: bool) -> None:
        """Internal: this attempt is the last one."""
        self._is_final = True
        if self._is_sent or not has_body:
            self.sent()

    def fail(self, error: Exception) -> None:
        """Internal: the body cannot be sent completely."""
        if not self.upload_complete.done():
            self.upload_complete.set_exception(error)
            self.upload_complete.exception()  # else asyncio reports it as never retrieved

    def freeze(self) -> None:
        """Internal: the connection is closed: the bytes that it has not sent are not counted."""
        self._handed, self._exchange = self.bytes_written, None

    def end(self, cause: BaseException | None) -> None:
        """Internal: the request has ended."""
        self.freeze()
        error = UploadAbortedError("The request ended before its body was sent")
        error.__cause__ = cause
        self.fail(error)


def checked_tracker(tracker: Any) -> UploadTracker:
    """The tracker. TypeError if it is not an UploadTracker."""
    if not isinstance(tracker, UploadTracker):
        raise TypeError(f"upload_tracker must be an httptrace.UploadTracker, not {tracker!r}")
    return tracker
