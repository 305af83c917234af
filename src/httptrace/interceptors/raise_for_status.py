"""``raise_for_status`` of the session or the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..call.call import Call
    from ..response.response import ClientResponse


async def check_status(call: Call[Any], response: ClientResponse) -> None:
    """Raise for a status of 400 or above, or await the user's coroutine function."""
    check = call.settings.raise_for_status
    if callable(check):
        call.watch_task()
        await check(response)
    elif check:
        response.raise_for_status()
