"""aiohttp's client middlewares: ``async def middleware(request, handler) -> ClientResponse``."""

from __future__ import annotations

from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from ..request.prepare import refresh_head

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..call.call import Call
    from ..request.client_request import ClientHandlerType, ClientRequest
    from ..response.response import ClientResponse


def middleware_link(middleware: Any) -> Any:
    """Make a link of the chain from a middleware."""
    if not callable(middleware):
        raise TypeError(f"A middleware must be callable as (request, handler), not {middleware!r}")
    return partial(_run, middleware)


async def pass_through(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """A middleware that changes nothing."""
    return await handler(request)


async def _run(
    middleware: Any, proceed: Callable[[Call[Any]], Awaitable[ClientResponse]], call: Call[Any]
) -> ClientResponse:
    sent = False

    async def handler(request: ClientRequest) -> ClientResponse:
        nonlocal sent
        if sent:  # the middleware sends the request again
            call.new_exchange()
        sent = True
        refresh_head(call)
        try:
            return await proceed(call)
        finally:
            call.task, call.cancelling = (
                caller  # the middleware may have called the handler in a task
            )

    call.watch_task()
    caller = call.task, call.cancelling
    if call.headers_before is None:
        call.headers_before = call.request_headers.copy()
    response: ClientResponse = await middleware(call.core.request_class._of(call), handler)
    if not sent and getattr(response, "_exchange", None) is not call.exchange:
        # the middleware has made the response itself, or has it from another call
        call.exchange.end_ns = perf_counter_ns()
        call.finish("completed")
    return response
