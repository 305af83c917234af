"""Which events an observer wants: read from the methods that it overrides."""

from __future__ import annotations

import logging
from asyncio import CancelledError
from collections.abc import Callable, Iterable
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import TYPE_CHECKING, Any, NamedTuple

from ._methods import ObserverMethods
from .events import EVENTS
from .spans import SpanTracker

if TYPE_CHECKING:
    from .declare import Event
    from .observer import Observer

logger = logging.getLogger("httptrace")

Handler = Callable[["Event"], object]
"""Called with each event of one class."""
Handlers = dict["type[Event]", Handler]
"""What to call for each class of events that is wanted; the others are not wanted."""

_SPAN_METHODS = ("on_span_start", "on_span_end")
_METHODS = {event.signal: event for event in EVENTS}
_NAMES = frozenset(("on_event", *_SPAN_METHODS, *_METHODS))
_OF_SPANS = tuple(event for event in EVENTS if event.span is not None)


class Subscription(NamedTuple):
    """The methods that an observer overrides."""

    every_event: bool
    """It overrides ``on_event``."""
    spans: bool
    """It overrides ``on_span_start`` or ``on_span_end``."""
    methods: tuple[tuple[type[Event], str], ...]
    """The events whose own methods it overrides, and the names of these."""


def subscription_of(cls: type[Observer], base: type[Observer]) -> Subscription:
    """What a subclass of `base`, which is `Observer`, overrides.

    Raises
    ------
    TypeError
        If a method ``on_…`` names no event, or is a coroutine function.
    """
    for owner in cls.__mro__:
        if owner not in (base, ObserverMethods, object):
            _check(cls, owner)

    def overridden(name: str) -> bool:
        return getattr(cls, name, None) is not getattr(base, name, None)

    return Subscription(
        overridden("on_event"),
        any(map(overridden, _SPAN_METHODS)),
        tuple((event, name) for name, event in _METHODS.items() if overridden(name)),
    )


def _check(cls: type, owner: type) -> None:
    for name in vars(owner):
        if not name.startswith("on_") or not callable(method := getattr(cls, name)):
            continue
        if name not in _NAMES:
            from difflib import get_close_matches

            close = get_close_matches(name, _NAMES, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise TypeError(f"{cls.__name__}.{name} is not the method of any event{hint}")
        if iscoroutinefunction(method) or isasyncgenfunction(method):
            raise TypeError(
                f"{cls.__name__}.{name} must be a plain function: observers are not awaited "
                "(TraceConfig takes coroutine functions)"
            )


def handlers_of(observer: Observer) -> Handlers:
    """What to call for each event that the observer wants.

    If it wants spans, the handlers keep the open spans, and can be used for one request only.
    """
    every_event, spans, methods = _with_attributes(observer)
    handlers: Handlers = {}
    if every_event:
        handlers = dict.fromkeys(EVENTS, _guarded(observer, observer.on_event))
    for event, name in methods:
        method = _guarded(observer, getattr(observer, name))
        handlers[event] = _both(handlers.get(event), method)
    if spans:
        update = _guarded(observer, SpanTracker(observer).update)
        for event in _OF_SPANS:
            handlers[event] = _both(handlers.get(event), update)
    return handlers


def has_spans(observer: Observer) -> bool:
    """Whether its handlers can be used for one request only, because they keep open spans."""
    return _with_attributes(observer).spans


def _with_attributes(observer: Observer) -> Subscription:
    """What its class overrides, and what is assigned to the observer itself."""
    subscription = observer._subscription
    attributes = getattr(observer, "__dict__", ())
    if _NAMES.isdisjoint(attributes):
        return subscription
    every_event, spans, methods = subscription
    assigned = [(_METHODS[name], name) for name in attributes if name in _METHODS]
    return Subscription(
        every_event or "on_event" in attributes,
        spans or any(name in attributes for name in _SPAN_METHODS),
        tuple(dict.fromkeys((*methods, *assigned))),
    )


def merged(several: list[Handlers]) -> Handlers:
    """The handlers of several observers as one: they are called in this order."""
    if len(several) == 1:
        return several[0]

    def handle(event: Event) -> None:
        for handlers in several:
            handler = handlers.get(type(event))
            if handler is not None:
                handler(event)

    return dict.fromkeys(wanted(several), handle)


def wanted(several: Iterable[Iterable[type[Event]]]) -> Iterable[type[Event]]:
    """The events that are in any of these."""
    found = set().union(*several)
    return EVENTS if len(found) == len(EVENTS) else found


def _both(first: Handler | None, second: Handler) -> Handler:
    if first is None:
        return second

    def handle(event: Event) -> None:
        first(event)
        second(event)

    return handle


def _guarded(observer: Observer, method: Callable[[Any], object]) -> Handler:
    """Call a method of an observer until the observer raises: it is then dropped."""

    def handle(event: Event) -> None:
        if observer._dropped:
            return
        try:
            method(event)
        except (Exception, CancelledError):  # an observer is not awaited: this cancels nothing
            _drop(observer, event)

    return handle


def _drop(observer: Observer, event: Event) -> None:
    from .observer import uninstall

    object.__setattr__(observer, "_dropped", True)
    uninstall(observer)
    logger.exception("The observer %r raised at %s and is dropped", observer, event.name)
