"""A writer that keeps what a payload writes to it."""

from __future__ import annotations

from typing import Any

from httptrace.body.payload import Payload


class Collector:
    """Keeps each piece as bytes."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    async def write(self, data: Any, /) -> None:
        """Keep a piece."""
        self.pieces.append(bytes(data))

    @property
    def body(self) -> bytes:
        """All pieces."""
        return b"".join(self.pieces)


async def written(payload: Payload, length: int | None = None) -> bytes:
    """The bytes that `payload` writes."""
    collector = Collector()
    await payload.write_with_length(collector, length)
    return collector.body
