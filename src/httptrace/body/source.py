"""The source that a `StreamReader` reads from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["BodySource"]


class BodySource(Protocol):
    """The state that the reader of a body and the connection share, such as an `Exchange`."""

    chunks: list[bytes]
    """Bytes that arrived and were not taken; an empty piece is the end of an HTTP chunk."""
    taken: int
    body_received: int
    body_decoded: int
    complete: bool
    """Whether the whole body has arrived."""
    error: BaseException | None
    """Why no more bytes arrive."""
    waiter: asyncio.Future[None] | None
    waits_for_end: bool
    """Whether the reader waits for the end of the body instead of for the next bytes."""
    on_complete: list[Callable[[], None]] | None

    @property
    def connection(self) -> Any:
        """The connection that the bytes come from; None if there is nothing to pause."""
        ...

    @property
    def trace(self) -> Any:
        """The `Trace` of the request; None if nobody listens."""
        ...

    async def wait(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for bytes, the end or an error. RuntimeError if another task waits."""
        ...

    def wake(self) -> None:
        """Wake the task that waits."""
        ...
