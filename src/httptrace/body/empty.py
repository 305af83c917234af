"""`EMPTY_PAYLOAD`: the stream of a response that has no body."""

from __future__ import annotations

from .streams import StreamReader

__all__ = ["EMPTY_PAYLOAD", "EmptyStreamReader"]


class EmptyStreamReader(StreamReader):
    """A stream that has ended without any bytes. It stores nothing, so it can be shared."""

    def __init__(self) -> None:
        super().__init__(None, 0)
        self._source.complete = self._ended = True

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        """Do nothing."""

    def unread_data(self, data: bytes) -> None:
        """Do nothing."""


EMPTY_PAYLOAD: StreamReader = EmptyStreamReader()
"""The stream that all responses without a body share."""
