"""`streamer`: bodies written by a coroutine, as aiohttp had them before async generators."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable
from typing import Any

from .payload_base import Payload, Writer, register_payload

__all__ = ["StreamedPayload", "streamer"]


class streamer:
    """Makes a body of ``async def send(writer, …)``: ``data=send(…)`` calls it with the writer.

    Deprecated in aiohttp and here: an async generator does the same and needs no decorator.
    """

    def __init__(self, coro: Callable[..., Awaitable[None]]) -> None:
        warnings.warn("Use an async generator instead of @streamer", DeprecationWarning, 2)
        self.coro = coro

    def __call__(self, *args: Any, **kwargs: Any) -> _Prepared:
        return _Prepared(self.coro, args, kwargs)


class _Prepared:
    """The coroutine function with its arguments, the writer alone missing."""

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
    """What a coroutine writes when it is given a writer. Its size is not known."""

    def __init__(self, value: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(value() if isinstance(value, streamer) else value, *args, **kwargs)

    async def write(self, writer: Writer) -> None:
        """Let the coroutine write."""
        await self._value(writer)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """TypeError: the content is known only once it is written."""
        raise TypeError("What a coroutine writes cannot be decoded before it is written")


register_payload(StreamedPayload, (_Prepared, streamer))
