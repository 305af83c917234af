"""`streamer`: bodies that a coroutine function writes, as in old versions of aiohttp."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable
from typing import Any

from .payload_base import Payload, Writer, register_payload

__all__ = ["StreamedPayload", "streamer"]


class streamer:
    """Decorates ``async def send(writer, …)``, so that ``data=send(…)`` sends what it writes.

    Deprecated, as in aiohttp: an async generator does the same without a decorator.
    """

    def __init__(self, coro: Callable[..., Awaitable[None]]) -> None:
        warnings.warn("Use an async generator instead of @streamer", DeprecationWarning, 2)
        self.coro = coro

    def __call__(self, *args: Any, **kwargs: Any) -> _BoundStreamer:
        return _BoundStreamer(self.coro, args, kwargs)


class _BoundStreamer:
    """A coroutine function with all its arguments but the writer."""

    def __init__(
        self,
        coro: Callable[..., Awaitable[None]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self._coro, self._args, self._kwargs = coro, args, kwargs

    def __call__(self, writer: Writer) -> Awaitable[None]:
        return self._coro(writer, *self._args, **self._kwargs)


class StreamedPayload(Payload):
    """Sends what a coroutine function writes. The size is not known."""

    def __init__(self, value: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(value() if isinstance(value, streamer) else value, *args, **kwargs)

    async def write(self, writer: Writer) -> None:
        """Call the coroutine function with the writer."""
        await self._value(writer)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """TypeError: the content is not known before it is written."""
        raise TypeError("The body of a coroutine function cannot be decoded: it is not written yet")


register_payload(StreamedPayload, (_BoundStreamer, streamer))
