"""What a `StreamReader` reads from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["BodySource"]


class BodySource(Protocol):
    """What the reader of a body and the connection share. An `Exchange` of a call is one."""

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
        """Where the bytes come from; None if nothing can be paused."""
        ...

    @property
    def trace(self) -> Any:
        """The events that listeners wait for, if there are any."""
        ...

    async def wait(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for bytes, the end or an error. RuntimeError if another task waits."""
        ...

    def wake(self) -> None:
        """Wake the task that waits."""
        ...
