"""The scope of a request to aiohttp.web: its middleware and access loggers. Imports aiohttp."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from logging import getLogger
from typing import TYPE_CHECKING, Any, cast

from aiohttp import web
from aiohttp.web_log import AbstractAccessLogger  # type: ignore[attr-defined] # not aliased
from aiohttp.web_log import AccessLogger as _AccessLogger

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


def middleware_of(incoming: Incoming, *, send_back: bool, answer: bool) -> Middleware:
    """The middleware that opens a scope for each request; see `context_middleware`."""

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


async def _handle(
    request: web.Request, handler: Handler, context: ServedContext, answer: bool
) -> web.StreamResponse:
    try:
        response = await handler(request)
        if not isinstance(response, web.StreamResponse):
            raise _no_response(response)
    except web.HTTPException as error:
        await send_id_back(request, error)
        raise
    except Exception as error:
        mark_error(error, context)
        if not answer or request.writer.output_size > 0:
            raise
        response = _answer_to(request, error)
    if not response.prepared:  # a stream or WebSocket has sent its head
        await send_id_back(request, response)
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


async def send_id_back(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Set the header with the id, unless the response has it."""
    header = request.get(_SENT_BACK)
    if header is not None:
        response.headers.setdefault(*header)


def _headers_of(request: web.Request) -> Headers:
    def read(name: str) -> str | None:
        values = cast("list[str]", request.headers.getall(name, []))
        return ",".join(values) if values else None

    return read
