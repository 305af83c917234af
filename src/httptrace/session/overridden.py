"""Requests of a session whose `_request` was overridden."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    from ..response.response import ClientResponse


class OverriddenRequest(Coroutine[Any, Any, Any]):
    """A request by way of a subclass's `_request`: to be awaited, or used with ``async with``."""

    __slots__ = ("_coroutine", "_response")

    _response: ClientResponse

    def __init__(self, coroutine: Coroutine[Any, Any, ClientResponse]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, ClientResponse]:
        return self._coroutine.__await__()

    async def __aenter__(self) -> ClientResponse:
        self._response = await self._coroutine
        return await self._response.__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._response.__aexit__(exc_type, exc, traceback)

    def send(self, value: Any) -> Any:
        """Run on, as a coroutine does."""
        return self._coroutine.send(value)

    def throw(self, *args: Any) -> Any:
        """Raise within, as in a coroutine."""
        return self._coroutine.throw(*args)

    def close(self) -> None:
        """End it, as a coroutine."""
        self._coroutine.close()
