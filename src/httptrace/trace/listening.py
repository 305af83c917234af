"""Which observers and TraceConfigs listen to a request, and how they are combined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from . import observer as observing
from .config import Callback, call_each, calls_of
from .declare import Event
from .events import TraceRequestEndParams, wants_attempts
from .subscription import Handlers, handlers_of, has_spans, merged, wanted
from .traces import CallTrace, ConfigTrace, ObserverTrace, Trace

if TYPE_CHECKING:
    from .config import TraceConfig
    from .observer import Observer


class SessionObservers:
    """The observers of a session; the events that they want are looked up once."""

    __slots__ = ("_handlers", "_installed", "_observers", "_shared", "_wants_attempts")

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = tuple(observers)
        self._installed: tuple[Observer, ...] | None = None
        """The observers of the process that `_handlers` includes."""
        self._handlers: Handlers | None = None
        """What to call for a request without further listeners; None: it is made for each."""
        self._wants_attempts = False
        self._shared: CallTrace | None = None
        """The trace of all requests, if one can serve them all."""

    def __bool__(self) -> bool:
        return bool(self._observers)

    def trace(
        self,
        session: object,
        configs: list[TraceConfig],
        observers: Iterable[Observer] = (),
        trace_request_ctx: Any = None,
    ) -> Trace | None:
        """The trace of a request; None if nobody listens.

        `configs` are all its TraceConfigs; `observers` are those of the request alone.
        """
        installed, block = observing.installed, observing.ambient()
        if not configs and not observers and not block:
            if self._installed is not installed:
                self._prepare(installed)
            if self._shared is not None:
                return self._shared
            if self._handlers is not None:
                if not self._handlers:
                    return None
                return ObserverTrace(self._handlers, self._wants_attempts)
        if installed or block or self._observers or observers:
            everybody = (*installed, *block, *self._observers, *observers)
        elif not configs:
            return None
        elif len(configs) > 1:
            everybody = ()
        else:
            (config,) = configs
            context = config.trace_config_ctx(trace_request_ctx=trace_request_ctx)
            return ConfigTrace(
                session, config._handlers, config._calls, context, config._wants_attempts
            )
        return listened(session, configs, everybody, trace_request_ctx)

    def _prepare(self, installed: tuple[Observer, ...]) -> None:
        self._installed, self._handlers, self._shared = installed, None, None
        observers = observing.each_once((*installed, *self._observers))
        if not any(has_spans(observer) for observer in observers):
            handlers = [handlers_of(observer) for observer in observers]
            self._handlers = merged(handlers) if handlers else {}
            self._wants_attempts = wants_attempts(self._handlers)
            if self._handlers and not self._wants_attempts:
                if TraceRequestEndParams not in self._handlers:
                    self._shared = CallTrace(self._handlers)


def listened(
    session: object,
    configs: list[TraceConfig],
    observers: Iterable[Observer],
    trace_request_ctx: Any = None,
) -> Trace:
    """The trace of a request that somebody listens to."""
    if not configs:
        handlers = merged([*map(handlers_of, observing.each_once(observers))])
        return ObserverTrace(handlers, wants_attempts(handlers))
    contexts = [config.trace_config_ctx(trace_request_ctx=trace_request_ctx) for config in configs]
    hearing = [*map(handlers_of, observing.each_once(observers))]
    callbacks = [config._handlers for config in configs]
    events = wanted([*hearing, *callbacks])
    context = (merged(hearing) if hearing else {}, [*zip(callbacks, contexts, strict=True)])
    wants = dict.fromkeys(events, _tell_all)
    return ConfigTrace(session, wants, calls_of(wants), context, wants_attempts(wants))


async def _tell_all(
    session: object,
    listeners: tuple[Handlers, list[tuple[Mapping[type[Event], Callback], Any]]],
    event: Event,
) -> None:
    """Deliver an event to observers, then to TraceConfigs; raises the first error of these."""
    observers, configs = listeners
    kind = type(event)
    if kind in observers:
        observers[kind](event)
    callbacks = [(handlers[kind], context) for handlers, context in configs if kind in handlers]
    await call_each(callbacks, session, event)
