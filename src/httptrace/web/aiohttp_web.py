"""Middleware for aiohttp.web."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from logging import getLogger
from typing import TYPE_CHECKING, Any, cast

from aiohttp import web
from aiohttp.web_log import AbstractAccessLogger  # type: ignore[attr-defined] # not aliased
from aiohttp.web_log import AccessLogger as _AccessLogger

from httptrace.local.ids import is_safe_id, new_id
from httptrace.local.local import Local
from httptrace.local.logs import mark_error
from httptrace.local.request import ResumedContext, ServedContext, current_work
from httptrace.web.incoming import Headers, Incoming

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware


def _request_key(name: str) -> Any:
    # aiohttp 3.14 added classes for the keys of a request's storage; before, keys are strings.
    make: Any = getattr(web, "RequestKey", None)
    return name if make is None else make(name, object)


_WORK = _request_key("httptrace.work")
_SENT_BACK = _request_key("httptrace.sent_back")

# The logger that aiohttp's server itself uses for unhandled exceptions.
_server_log = getLogger("aiohttp.server")


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

    :param answer_errors: log an unhandled exception and answer it with 500 (a ``TimeoutError``
        with 504), as aiohttp does itself, so that log line and answer carry the id. Without it, or
        without `send_back`, the exception goes on.

    The other options are those of `httptrace.web.incoming.Incoming`. The access log lines of the
    server's connections are written with the values of `request`, too.
    """
    incoming = Incoming(
        header=header,
        generator=generator,
        validator=validator,
        send_back=send_back,
        locals=locals,
    )
    answer = answer_errors and send_back

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _WORK in request:
            return await handler(request)
        with incoming.open(_headers_of(request), request.path) as context:
            request[_WORK] = context.work
            if send_back:
                request[_SENT_BACK] = (incoming.header, context.ident)
            _log_access_with_work(request)
            try:
                return await _handle(request, handler, context, answer)
            finally:
                request[_WORK] = current_work()  # with the fields that were bound meanwhile

    return middleware


async def context_middleware_factory(app: web.Application, handler: Handler) -> Handler:
    """The same as an old-style middleware:
    ``Application(middlewares=[context_middleware_factory])``.

    aiohttp 3 accepts these with a `DeprecationWarning`, aiohttp 4 does not. `context_middleware`
    has options.
    """

    async def middleware(request: web.Request) -> web.StreamResponse:
        return await _default(request, handler)

    return middleware


def setup_context(app: web.Application, **options: Any) -> None:
    """Put `context_middleware` with these options first in `app`. The id is then also sent back on
    responses that a handler prepares itself (streams, WebSockets)."""
    app.middlewares.insert(0, context_middleware(**options))
    app.on_response_prepare.append(_send_back)


class AccessLogger(_AccessLogger):
    """aiohttp's access logger, writing inside of the request's scope:
    ``web.run_app(app, access_log_class=AccessLogger)``.

    aiohttp writes that line after the middleware has returned. The middleware wraps the access
    logger of each connection to the same effect, so programs no longer need this class.
    """

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        with _scope_of(request):
            super().log(request, response, time)


class _AccessLoggerWithWork(AbstractAccessLogger):
    """The access logger of a connection, writing inside of each request's scope."""

    __slots__ = ("_inner",)

    def __init__(self, inner: AbstractAccessLogger) -> None:
        super().__init__(inner.logger, inner.log_format)
        self._inner = inner

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        with _scope_of(request):
            self._inner.log(request, response, time)

    @property
    def enabled(self) -> bool:
        return self._inner.enabled


def _log_access_with_work(request: web.Request) -> None:
    # gunicorn's worker for aiohttp has no option for the class of the access logger.
    protocol = request.protocol
    logger = getattr(protocol, "access_logger", None)
    if logger is not None and not isinstance(logger, (AccessLogger, _AccessLoggerWithWork)):
        protocol.access_logger = _AccessLoggerWithWork(logger)


def _scope_of(request: web.BaseRequest) -> AbstractContextManager[object]:
    work = request.get(_WORK)
    return nullcontext() if work is None else ResumedContext(work)


_default = context_middleware()


async def _handle(
    request: web.Request, handler: Handler, context: ServedContext, answer: bool
) -> web.StreamResponse:
    try:
        response = await handler(request)
        if not isinstance(response, web.StreamResponse):
            raise _no_response(response)
    except web.HTTPException as error:
        await _send_back(request, error)
        raise
    except Exception as error:
        mark_error(error, context)
        if not answer or request.writer.output_size > 0:
            raise
        response = _answer_to(request, error)
    if not response.prepared:  # a stream or WebSocket has sent its head
        await _send_back(request, response)
    return response


def _no_response(returned: object) -> TypeError:
    hint = " (is a return statement missing?)" if returned is None else ""
    kind = "None" if returned is None else type(returned).__name__
    return TypeError(f"the request handler must return a response, not {kind}{hint}")


def _answer_to(request: web.Request, error: Exception) -> web.Response:
    if isinstance(error, TimeoutError):
        _server_log.debug("Request handler timed out.", exc_info=error)
        response = web.Response(status=504, text="504 Gateway Timeout")
    else:
        _server_log.error("Error handling request from %s", request.remote, exc_info=error)
        response = web.Response(status=500, text="500 Internal Server Error")
    # The handler may not have read the body.
    response.force_close()
    return response


async def _send_back(request: web.BaseRequest, response: web.StreamResponse) -> None:
    header = request.get(_SENT_BACK)
    if header is not None:
        response.headers.setdefault(*header)


def _headers_of(request: web.Request) -> Headers:
    def read(name: str) -> str | None:
        values = cast("list[str]", request.headers.getall(name, []))
        return ",".join(values) if values else None

    return read
