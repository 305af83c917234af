"""Requests of a subclass that overrides `ClientSession._request`."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    from ..response.response import ClientResponse


class RequestContextManager(Coroutine[Any, Any, Any]):
    """Makes the coroutine of an overridden `_request` usable with ``async with`` too."""

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
        """Resume the coroutine (`Coroutine.send`)."""
        return self._coroutine.send(value)

    def throw(self, *args: Any) -> Any:
        """Raise an exception in the coroutine (`Coroutine.throw`)."""
        return self._coroutine.throw(*args)

    def close(self) -> None:
        """Close the coroutine (`Coroutine.close`)."""
        self._coroutine.close()
