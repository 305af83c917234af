"""The chain of interceptors, as one list, and how a call runs through it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ..call.exchange import Exchange
from ..call.kept import SHORT, UnreadBody
from ..checks import several
from ..interceptors.middlewares import middleware_link, pass_through
from ..interceptors.raise_for_status import check_status
from ..interceptors.redirects import REDIRECTS, follow_redirects
from ..interceptors.upload_attempts import count_attempt
from ..interceptors.wire import wire
from ..local.request import current_request_id
from ..overrides import refuse_overrides
from ..request.client_request import ClientRequest
from ..request.made import is_overridden
from ..request.prepare import prepare, refresh_head
from ..response.finalizer import Finalizer
from ..trace import observer as observing
from ..trace.events import TraceRequestEndParams, TraceRequestStartParams
from ..trace.traces import ConfigTrace
from .arguments import checked_configs, checked_observers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yarl import URL

    from ..call.call import Call
    from ..call.core import SessionCore
    from ..request.options import RequestOptions
    from ..response.response import ClientResponse
    from ..trace.config import TraceConfig
    from ..trace.observer import Observer


def chain(core: SessionCore, middlewares: Sequence[Any], *links: Any) -> Any:
    """The chain of one hop, outermost link first: each calls the next one, the last is `wire`.

    `follow_redirects` calls the chain again for each further hop.
    """
    is_own = core.request_class is not ClientRequest or is_overridden(ClientRequest)
    if not middlewares and is_own:
        middlewares = (pass_through,)  # so that a `request_class` is made for each hop
    hop: Any = wire
    for link in reversed([*map(middleware_link, middlewares), *links]):
        hop = partial(link, hop)
    return hop


def use_overrides(core: SessionCore) -> None:
    """Make the session's chain by what its `request_class` overrides, or a program patches.

    Raises
    ------
    TypeError
        If that is a method which is never called.
    """
    refuse_overrides(core.request_class, "ClientRequest", "use a middleware")
    core.hop = chain(core, core.middlewares)


async def run(call: Call[Any], url: str | URL, options: RequestOptions) -> ClientResponse:
    """Make the request of a call; returns when the head of its final response has arrived."""
    core = call.core
    try:
        target = core.targets.get(url) if core.pristine and not options else None
    except TypeError:  # not hashable: `prepare` raises the error
        target = None
    if target is not None and call.method in target.heads:
        call.target, call.head = target, target.heads[call.method]
    else:
        prepare(call, url, options)
    call.exchange = Exchange(call, call.start_ns)
    if (context_id := current_request_id()) is not None:
        call.context_id = context_id
    settings = call.settings
    if settings.first_limit_ns:
        due_ns = call.start_ns + settings.first_limit_ns
        deadlines = call.pool.deadlines
        if due_ns < deadlines.next_ns:
            deadlines.arm(due_ns)
    try:
        if options or core.has_listeners or observing.installed or observing.ambient():
            _attach_listeners(call, options)
        trace = call.trace
        if trace is not None and trace.awaits:
            call.watch_task()  # time limits also hold while listeners are awaited
        if trace is not None and TraceRequestStartParams in trace.wants:
            await trace.start(TraceRequestStartParams, call.exchange)
            refresh_head(call)
        hop = core.hop if not options else _hop_for(core, options)
        response: ClientResponse = await hop(call)
        if response.status in REDIRECTS:
            response = await follow_redirects(hop, call, response)
        if options and call.upload_tracker is not None:
            call.upload_tracker.final(has_body=call.payload is not None)
        if settings.raise_for_status:
            await check_status(call, response)
        if trace is not None and not trace.at_once:
            trace.note_head(TraceRequestEndParams, call.exchange, response)
            await trace.flush(call.finish_if_complete)
    except BaseException as exc:
        error = call.error_for_caller(exc)
        await call.fail(error)
        if error is not exc:
            raise error from exc
        raise
    if trace is not None:
        exchange = response._exchange
        if not exchange.complete or exchange.body_received > SHORT:
            exchange.unread = UnreadBody(exchange.chunks, response)
    if not call.finished and not call.finish_if_complete():
        call.task = None
        if not call.entered:  # otherwise __aexit__ releases the response
            response._finalizer = Finalizer(call)
    elif trace is not None and trace.pending:  # the body ended while listeners were called
        await trace.flush()
    return response


def _hop_for(core: SessionCore, options: RequestOptions) -> Any:
    """The chain for a request with ``middlewares=`` or ``upload_tracker=``; else the session's."""
    given, tracked = options.get("middlewares"), options.get("upload_tracker") is not None
    if given is None and not tracked:
        return core.hop
    middlewares = core.middlewares if given is None else several("middlewares", given)
    return chain(core, tuple(middlewares), *[count_attempt] * tracked)


def _attach_listeners(call: Call[Any], options: RequestOptions) -> None:
    """Collect the listeners of the process, the session and the request."""
    core = call.core
    lone = core.lone_config
    if lone is not None and not options and not observing.installed and not observing.ambient():
        context = lone.trace_config_ctx()
        call.trace = told = ConfigTrace(
            call.session, lone._handlers, lone._calls, context, lone._wants_attempts
        )
        if told.wants_attempts:
            call.exchange.trace = told
        return
    if not options:
        call.trace = common = core.observers.trace(call.session, core.trace_configs)
        if common is not None and common.wants_attempts:
            call.exchange.trace = common
        return
    configs: list[TraceConfig] = core.trace_configs
    observers: list[Observer] = []
    if "trace_configs" in options:
        configs = [*configs, *checked_configs(options["trace_configs"])]
    if "observers" in options:
        observers = checked_observers(options["observers"])
    context = options.get("trace_request_ctx")
    call.trace = trace = core.observers.trace(call.session, configs, observers, context)
    if trace is not None and trace.wants_attempts:
        call.exchange.trace = trace
