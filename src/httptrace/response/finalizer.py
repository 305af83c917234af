"""Releasing a response that the garbage collector takes before its body was read."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..call.call import Call


class Finalizer:
    """Warns about a response that was collected unread, and releases its connection.

    Only the response refers to its finalizer: both are collected together. A `__del__` of the
    response itself would cost every response, also those that need none.
    """

    __slots__ = ("_call",)

    def __init__(self, call: Call[Any]) -> None:
        self._call = call

    def __del__(self) -> None:
        call = self._call
        if call.finished or call.loop.is_closed():
            return
        if not call.exchange.complete:
            from ..masking import mask_url

            warnings.warn(
                f"Unclosed response of {call.method} {mask_url(call.url)}",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )
        call.loop.call_soon_threadsafe(call.finish_nowait)
