"""Count how often a request is sent, for its `UploadTracker`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..call.call import Call
    from ..response.response import ClientResponse


async def count_attempt(
    proceed: Callable[[Call[Any]], Awaitable[ClientResponse]], call: Call[Any]
) -> ClientResponse:
    """The interceptor before `wire`: a response that a middleware makes is not counted."""
    call.upload_tracker.begin()  # type: ignore[union-attr]
    return await proceed(call)
