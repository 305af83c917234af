"""`UploadTracker`: the progress of sending the body of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .upload_progress import UploadProgress

if TYPE_CHECKING:
    import asyncio

__all__ = ["UploadTracker", "progress_of"]


class UploadTracker:
    """Counts the bytes of a request's body that were sent (aiohttp's documentation).

    Pass a new one as ``upload_tracker=`` and read its attributes while the request runs.

    Raises
    ------
    RuntimeError
        If no event loop is running.
    """

    def __init__(self) -> None:
        self.__progress = UploadProgress()

    @property
    def attempts(self) -> int:
        """The number of attempts to send the request: each redirect and retry is one."""
        return self.__progress.attempts

    @property
    def bytes_written(self) -> int:
        """Bytes of the body, before compression, that the kernel accepted in this attempt."""
        return self.__progress.bytes_written

    @property
    def upload_complete(self) -> asyncio.Future[None]:
        """Done once the body is sent and the final response has begun.

        Its exception is an `UploadAbortedError` if the request ends before, and a
        `ClientConnectionError` if the body could not be read.
        """
        return self.__progress.upload_complete


def progress_of(tracker: Any) -> UploadProgress:
    """The progress that a request updates. TypeError if `tracker` is not an UploadTracker."""
    if not isinstance(tracker, UploadTracker):
        raise TypeError(f"upload_tracker must be an httptrace.UploadTracker, not {tracker!r}")
    progress: UploadProgress = tracker._UploadTracker__progress  # type: ignore[attr-defined]
    return progress
