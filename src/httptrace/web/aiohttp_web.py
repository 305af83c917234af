"""Middleware for aiohttp.web. aiohttp is imported when the first one is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from httptrace.local.ids import is_safe_id, new_id
from httptrace.local.local import Local

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.typedefs import Handler, Middleware


def context_middleware(
    *,
    header: str = "X-Request-ID",
    generator: Callable[[], str] = new_id,
    validator: Callable[[str], Any] = is_safe_id,
    send_back: bool = True,
    locals: Iterable[Local] | None = None,
    answer_errors: bool = True,
) -> Middleware:
    """A middleware that opens a `Context` for each request, with ``request.id``, ``request.path``
    and the place in the distributed trace: ``Application(middlewares=[context_middleware()])``.

    Put it first, so that the other middlewares run inside of the scope. In a sub-application of an
    application that has it, it does nothing.

    :param answer_errors: log an unhandled exception and respond with 500 (504 for a
        ``TimeoutError``), as aiohttp does itself, so that log line and response have the id.
        Without it, or without `send_back`, the exception is passed on.
    :raises ImportError: aiohttp is not installed.

    The other options are those of `httptrace.web.incoming.Incoming`. The access log lines of the
    server's connections are written with the values of `request`, too.
    """
    from .aiohttp_scopes import middleware_of
    from .incoming import Incoming

    incoming = Incoming(
        header=header,
        generator=generator,
        validator=validator,
        send_back=send_back,
        locals=locals,
    )
    return middleware_of(incoming, send_back=send_back, answer=answer_errors and send_back)


async def context_middleware_factory(app: web.Application, handler: Handler) -> Handler:
    """The same as an old-style middleware:
    ``Application(middlewares=[context_middleware_factory])``.

    aiohttp 3 accepts these with a `DeprecationWarning`, aiohttp 4 does not. `context_middleware`
    has options.
    """
    default = _default()

    async def middleware(request: web.Request) -> web.StreamResponse:
        return await default(request, handler)

    return middleware


def setup_context(app: web.Application, **options: Any) -> None:
    """Put `context_middleware` with these options first in `app`. The id is then also sent back on
    responses that a handler prepares itself (streams, WebSockets)."""
    from .aiohttp_scopes import send_id_back

    app.middlewares.insert(0, context_middleware(**options))
    app.on_response_prepare.append(send_id_back)


@cache
def _default() -> Middleware:
    return context_middleware()
