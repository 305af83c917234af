"""The listeners of one request, and the order in which they hear of its moments.

Moments are noted where they happen, in the middle of a reader or of the pool as well; they are
told to the listeners in the task of the caller, at the next point where nothing is half done. A
slow or a raising listener therefore delays and harms its own request only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from . import observer as observing
from .config import in_turn
from .declare import Event, Fact
from .done import DONE
from .events import EVENTS

if TYPE_CHECKING:
    from .config import TraceConfig
    from .observer import Observer
    from .record import Record

Tell = Callable[[Any, Any, Any], Awaitable[Any]]
"""Tells a moment: called with the session, the context that belongs to it, and the moment."""


class Trace:
    """Who listens to one request, and what they have not been told yet.

    `wants` is the moments that anybody listens to and how each is told; it is called with
    `context`. Of a lone TraceConfig, the usual case, these are its own: nothing lies in between.
    `pending` is what was noted and not yet told. `below` tells whether anybody listens to more than
    the call as a whole: otherwise what lies below it need not know of listeners.
    """

    __slots__ = (
        "_again",
        "_context",
        "_flushing",
        "_session",
        "_told_ns",
        "below",
        "pending",
        "wants",
    )

    def __init__(
        self, session: object, wants: Mapping[type[Event], Tell], context: Any, below: bool
    ) -> None:
        self._session = session
        self._context = context
        self.wants = wants
        self.below = below
        self.pending: list[Fact] = []
        self._flushing = self._again = False
        self._told_ns = 0

    def start(self, event: type[Event], source: Record) -> Awaitable[Any]:
        """Tell the first moment: before it there is nothing that could be half told."""
        moment = event()
        self._told_ns = source.start_ns
        moment._fact = (event, source, source.start_ns, ())
        return self.wants[event](self._session, self._context, moment)

    def note(self, event: type[Event], source: Record, time_ns: int = 0, *data: object) -> None:
        """Keep a moment until `flush` tells it; `time_ns` 0 means now."""
        if event in self.wants:
            self.pending.append((event, source, time_ns or perf_counter_ns(), data))

    def note_all(self, events: tuple[type[Event], ...], source: Record, time_ns: int) -> None:
        """Keep several moments of the same time that carry no data of their own."""
        for event in events:
            if event in self.wants:
                self.pending.append((event, source, time_ns, ()))

    def note_head(self, event: type[Event], source: Record, *data: object) -> None:
        """Keep a moment of the response's head: before what has come of its body since then."""
        if event not in self.wants:
            return
        time_ns, pending = source.head_ns, self.pending
        if time_ns < self._told_ns:
            time_ns = self._told_ns
        at = len(pending)
        while at and pending[at - 1][2] > time_ns:
            at -= 1
        pending.insert(at, (event, source, time_ns, data))

    def tell(
        self, event: type[Event], source: Record, time_ns: int = 0, *data: object
    ) -> Awaitable[Any]:
        """Tell a moment, and what was noted before it, now."""
        self.note(event, source, time_ns, *data)
        return self.flush() if self.pending else DONE

    async def flush(self, then: Callable[[], object] | None = None) -> None:
        """Tell the noted moments, in order, each to every listener.

        If that went well, `then` is called, and what it notes is told as well.

        Raises
        ------
        BaseException
            What a callback of a TraceConfig raised first, after all the others were told.
        """
        if self._flushing:
            self._again = True  # the flush that is under way tells these too
            return
        self._flushing = self._again = True
        session, context, wants = self._session, self._context, self.wants
        failure: BaseException | None = None
        try:
            while self._again:
                self._again = False
                facts, self.pending = self.pending, []
                if facts:
                    self._told_ns = facts[-1][2]
                for fact in facts:
                    event = fact[0]
                    moment = event()
                    moment._fact = fact
                    try:
                        await wants[event](session, context, moment)
                    except GeneratorExit:  # nothing can be awaited any more
                        self.pending[:0] = _behind(fact, facts)
                        raise
                    except BaseException as exc:
                        failure = failure or exc
                if then is not None and failure is None:
                    then()
                    then, self._again = None, True
        finally:
            self._flushing = False
        if failure is not None:
            raise failure

    def flush_soon(self, spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        """Tell the noted moments from where nothing can be awaited.

        Observers hear at once; `spawn` starts the callbacks of TraceConfigs as a task.
        """
        if not self.pending:
            return
        if not isinstance(self._context, _Observers):
            spawn(self._flush_unwatched())
            return
        facts, self.pending = self.pending, []
        for event, source, time_ns, data in facts:
            moment = event.of(source, time_ns, *data)
            _tell_observers(self._session, self._context, moment)

    async def _flush_unwatched(self) -> None:
        """Tell the noted moments when nobody is left to raise to."""
        try:
            await self.flush()
        except Exception:
            observing.logger.exception("A callback of a TraceConfig raised after its request")


def _behind(told: Fact, facts: list[Fact]) -> list[Fact]:
    """The facts that come after one of them."""
    at = next(at for at, fact in enumerate(facts) if fact is told)
    return facts[at + 1 :]


def listened(
    session: object,
    configs: list[TraceConfig],
    observers: list[Observer],
    trace_request_ctx: Any = None,
) -> Trace:
    """The trace of a request that somebody listens to."""
    if len(configs) == 1 and not observers:
        config = configs[0]
        context = config.trace_config_ctx(trace_request_ctx=trace_request_ctx)
        return Trace(session, config.handlers, context, config.below)
    hear = _Observers(map(observing.listener, observing.each_once(observers)))
    if not configs:
        return Trace(session, _OF_OBSERVERS, hear, True)
    contexts = [
        (config.trace_config_ctx(trace_request_ctx=trace_request_ctx), config.handlers)
        for config in configs
    ]
    wanted = EVENTS if observers else [event for config in configs for event in config.handlers]
    below = bool(observers) or any(config.below for config in configs)
    return Trace(session, dict.fromkeys(wanted, _tell_everybody), (hear, contexts), below)


class _Observers(tuple[Callable[[Event], None], ...]):
    """The observers of a request: what to call with each moment."""

    __slots__ = ()


def _tell_observers(session: object, observers: _Observers, event: Event) -> Awaitable[Any]:
    for told in observers:
        told(event)
    done: Awaitable[None] = DONE
    return done


async def _tell_everybody(
    session: object,
    everybody: tuple[_Observers, list[tuple[Any, dict[type[Event], Tell]]]],
    event: Event,
) -> None:
    """Tell a moment to observers and TraceConfigs; raises what one raised first."""
    observers, contexts = everybody
    for told in observers:
        told(event)
    kind = type(event)
    callbacks = [(handlers[kind], context) for context, handlers in contexts if kind in handlers]
    await in_turn(callbacks, session, event)


_OF_OBSERVERS = dict.fromkeys(EVENTS, _tell_observers)
