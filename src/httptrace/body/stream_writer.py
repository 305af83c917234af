"""`AbstractStreamWriter`: the argument of a payload's ``write`` (aiohttp's documentation)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NoReturn

__all__ = ["AbstractStreamWriter", "PayloadWriter"]

_TOO_LATE = "The head of the request is sent before its payload is written: set this on the request"


class AbstractStreamWriter(ABC):
    """The writer that a `Payload` writes to. Payloads need only `write`."""

    buffer_size: int = 0
    output_size: int = 0
    length: int | None = 0
    on_body_write: Callable[[int, int], None] | None = None

    @property
    def transport(self) -> Any:
        """The transport that the writer writes to; None if it has none."""
        return None

    @abstractmethod
    async def write(self, chunk: bytes | bytearray | memoryview, /) -> None:
        """Write a piece; returns when more can be written."""

    @abstractmethod
    async def write_eof(self, chunk: bytes = b"") -> None:
        """Write the last piece."""

    @abstractmethod
    async def drain(self) -> None:
        """Wait until more can be written."""

    @abstractmethod
    def enable_compression(self, encoding: str = "deflate", strategy: int | None = None) -> None:
        """Compress the body."""

    @abstractmethod
    def enable_chunking(self) -> None:
        """Send the body in chunks (RFC 9112 §7.1)."""

    @abstractmethod
    async def write_headers(self, status_line: str, headers: Any) -> None:
        """Write the head."""

    def send_headers(self) -> None:  # noqa: B027 - as in aiohttp: most writers have nothing to do
        """Send a head that was not sent yet."""


class PayloadWriter(AbstractStreamWriter):
    """A writer for a payload only: the head is sent already, and `write` also drains."""

    async def write_eof(self, chunk: bytes = b"") -> None:
        """Write a piece. The body ends when the payload's ``write`` returns."""
        if chunk:
            await self.write(chunk)

    async def drain(self) -> None:
        """Return at once."""

    def enable_compression(self, encoding: str = "deflate", strategy: int | None = None) -> None:
        """RuntimeError: ``compress=`` of the request compresses its body."""
        _refuse()

    def enable_chunking(self) -> None:
        """RuntimeError: ``chunked=`` of the request frames its body."""
        _refuse()

    async def write_headers(self, status_line: str, headers: Any) -> None:
        """RuntimeError: ``headers=`` of the request are sent already."""
        _refuse()


def _refuse() -> NoReturn:
    raise RuntimeError(_TOO_LATE)
