"""`TraceConfig`: callbacks as in aiohttp, with a signal for every event."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from inspect import isawaitable, iscoroutinefunction
from types import SimpleNamespace
from typing import Any, Generic, TypeVar

from ._signals import Signals
from .awaitables import COMPLETED
from .events import EVENTS, Event, wants_attempts

Params = TypeVar("Params")
Callback = Callable[[Any, Any, Any], Awaitable[Any]]
"""Called with the session, the context of the request, and the event."""
Calls = Mapping[type[Event], tuple[Callback, tuple[type[Event]]] | None]
"""What to call for each event; None if nobody wants it. The tuple beside a callback is the argument
of `declare.new`: making the event takes a quarter less time if the tuple is there already."""


class Signal(list[Callable[[Any, Any, Params], Awaitable[None] | None]], Generic[Params]):
    """The callbacks of one event, called in the order in which they were appended.

    A callback is ``async def callback(session, trace_config_ctx, params)``, or a plain function
    with these parameters. Once its `TraceConfig` is in use, the list cannot be changed.
    """

    __slots__ = ("_frozen",)

    def __init__(self) -> None:
        super().__init__()
        self._frozen = False

    @property
    def frozen(self) -> bool:
        """Whether the callbacks can no longer be changed."""
        return self._frozen

    def freeze(self) -> None:
        """Make later changes of the callbacks raise RuntimeError."""
        self._frozen = True

    async def send(self, *args: Any, **kwargs: Any) -> None:
        """Call every callback with these arguments, as aiosignal does."""
        for callback in self:
            result = callback(*args, **kwargs)
            if result is not None:
                await result


def _guarded(name: str) -> Any:
    change = getattr(list, name)

    def guarded(self: Signal[Any], *args: Any) -> Any:
        if self._frozen:
            raise RuntimeError("Cannot modify a frozen signal: its TraceConfig is in use already")
        return change(self, *args)

    guarded.__name__ = name
    return guarded


for _name in (
    *("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse"),
    *("__setitem__", "__delitem__", "__iadd__", "__imul__"),
):
    setattr(Signal, _name, _guarded(_name))


class TraceConfig(Signals):
    """Callbacks for the events of requests, given to ``ClientSession(trace_configs=[…])``.

    Each event has a signal ``on_…`` to which callbacks are appended. A callback gets the session,
    the context of the request, and the event (aiohttp's documentation, "Tracing Reference").
    `trace_config_ctx_factory` creates the context; it is called with ``trace_request_ctx=``, the
    value of that request parameter.
    """

    def __init__(self, trace_config_ctx_factory: Callable[..., Any] = SimpleNamespace) -> None:
        if not callable(trace_config_ctx_factory):
            raise TypeError(
                "trace_config_ctx_factory must be callable with trace_request_ctx=…, "
                f"not {trace_config_ctx_factory!r}"
            )
        self._ctx_factory = trace_config_ctx_factory
        self._frozen = False
        self._handlers: dict[type[Event], Callback] = {}
        """What to call and await for each event; made by `freeze`."""
        self._calls: Calls = {}
        """`_handlers`, as a `ConfigTrace` calls them."""
        self._wants_attempts = False
        """Whether a callback wants events of attempts; see `Trace`."""
        for event in EVENTS:
            setattr(self, event.signal, Signal())

    @property
    def frozen(self) -> bool:
        """Whether a session uses it. Its callbacks can no longer be changed then."""
        return self._frozen

    def trace_config_ctx(self, trace_request_ctx: Any = None) -> Any:
        """The context that the callbacks of one request share."""
        return self._ctx_factory(trace_request_ctx=trace_request_ctx)

    def freeze(self) -> None:
        """Make later changes raise RuntimeError. A session calls this for each of its configs."""
        if self._frozen:
            return
        self._frozen = True
        signals: dict[type[Event], Signal[Any]] = {
            event: getattr(self, event.signal) for event in EVENTS
        }
        for signal in signals.values():
            signal.freeze()
        self._handlers = {
            event: _in_order([*map(_awaited, signal)])
            for event, signal in signals.items()
            if signal
        }
        self._calls = calls_of(self._handlers)
        self._wants_attempts = wants_attempts(self._handlers)


def adopted(config: Any) -> TraceConfig:
    """A TraceConfig with the callbacks of one of aiohttp's, such as tracing libraries create.

    Raises
    ------
    TypeError
        If it is not a TraceConfig.
    """
    if not hasattr(config, "trace_config_ctx") or not hasattr(config, "on_request_start"):
        raise TypeError(f"trace_configs must be httptrace.TraceConfig objects, not {config!r}")
    config.freeze()
    ours = TraceConfig(config.trace_config_ctx)
    for event in EVENTS:
        getattr(ours, event.signal).extend(getattr(config, event.signal, ()))
    return ours


def calls_of(handlers: Mapping[type[Event], Callback]) -> Calls:
    """What a `ConfigTrace` calls: these handlers for the events that are wanted."""
    return {**_NO_CALLS, **{event: (call, (event,)) for event, call in handlers.items()}}


_NO_CALLS: Calls = dict.fromkeys(EVENTS)


def _awaited(callback: Callable[..., Any]) -> Callback:
    """A callback whose result can be awaited, made from a coroutine function or a plain one."""
    if iscoroutinefunction(callback):
        return callback

    def call(session: Any, context: Any, params: Any) -> Awaitable[Any]:
        result = callback(session, context, params)
        return result if result is not None and isawaitable(result) else COMPLETED

    return call


def _in_order(callbacks: list[Callback]) -> Callback:
    """One callback for several: it calls all, then raises what the first failing one raised."""
    if len(callbacks) == 1:
        return callbacks[0]

    async def call(session: Any, context: Any, params: Any) -> None:
        await call_each([(callback, context) for callback in callbacks], session, params)

    return call


async def call_each(callbacks: Iterable[tuple[Callback, Any]], session: Any, params: Any) -> None:
    """Call several callbacks with an event, each with its own context.

    Raises
    ------
    BaseException
        What the first failing callback raised, after all others were called.
    """
    failure: BaseException | None = None
    for callback, context in callbacks:
        try:
            await callback(session, context, params)
        except GeneratorExit:  # nothing can be awaited any more
            raise
        except BaseException as exc:
            failure = failure or exc
    if failure is not None:
        raise failure
