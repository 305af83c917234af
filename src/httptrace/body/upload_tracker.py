"""`UploadTracker`: how far the sending of one request's body has come."""

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
    """Tells how much of one request's body has been sent (aiohttp's documentation).

    Give a new one as ``upload_tracker=`` and look at it while the request runs.

    Raises
    ------
    RuntimeError
        When no event loop is running.
    """

    attempts: int
    """How often the request was sent or tried to be: more than once after redirects and retries."""
    upload_complete: asyncio.Future[None]
    """Done once the final response has come and the body is sent.

    It has an `UploadAbortedError` if the request ends before, or a `ClientConnectionError` if the
    body could not be had.
    """

    def __init__(self) -> None:
        self.attempts = 0
        self.upload_complete = asyncio.get_running_loop().create_future()
        self._handed = 0
        self._exchange: Sending | None = None
        self._is_bound = self._is_sent = self._is_final = False

    @property
    def bytes_written(self) -> int:
        """Bytes of the body that the system has taken of this attempt, before compression."""
        return max(0, self._handed - self._unsent())

    def _unsent(self) -> int:
        exchange = self._exchange
        if exchange is None or exchange.connection is None or exchange.complete:
            return 0
        return int(exchange.connection.unsent())

    # --- what the request tells -----------------------------------------------------------------

    def bind(self) -> None:
        """Internal: a request has begun.

        Raises
        ------
        RuntimeError
            If it is the second one.
        """
        if self._is_bound:
            raise RuntimeError("An UploadTracker follows one request: give each a new one")
        self._is_bound = True

    def begin(self) -> None:
        """Internal: it will be sent now, perhaps once more."""
        self.attempts += 1
        self._handed, self._exchange, self._is_sent = 0, None, False

    def follow(self, exchange: Sending) -> None:
        """Internal: its body is going out."""
        self._exchange = exchange

    def hand(self, size: int) -> None:
        """Internal: so many bytes more are with the transport."""
        self._handed += size

    def sent(self) -> None:
        """Internal: all of them are."""
        self._is_sent = True
        if self._is_final and not self.upload_complete.done():
            self.upload_complete.set_result(None)

    def final(self, has_body: bool) -> None:
        """Internal: no attempt will follow."""
        self._is_final = True
        if self._is_sent or not has_body:
            self.sent()

    def fail(self, error: Exception) -> None:
        """Internal: the body is not sent whole, for this reason."""
        if not self.upload_complete.done():
            self.upload_complete.set_exception(error)
            self.upload_complete.exception()  # nobody needs to look at it

    def freeze(self) -> None:
        """Internal: the connection is given up: what it has not sent yet, it never will."""
        self._handed, self._exchange = self.bytes_written, None

    def end(self, cause: BaseException | None) -> None:
        """Internal: the request is over."""
        self.freeze()
        error = UploadAbortedError("The request was over before its body was sent")
        error.__cause__ = cause
        self.fail(error)


def checked_tracker(tracker: Any) -> UploadTracker:
    """Refuse what is no UploadTracker."""
    if not isinstance(tracker, UploadTracker):
        raise TypeError(f"upload_tracker must be an httptrace.UploadTracker, not {tracker!r}")
    return tracker
