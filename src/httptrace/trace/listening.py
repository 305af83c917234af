"""The listeners of one request, and the order in which they hear of its moments.

Moments are noted where they happen, in the middle of a reader or of the pool as well; they are
told to the listeners in the task of the caller, at the next point where nothing is half done. A
slow or a raising listener therefore delays and harms its own request only.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from . import observer as observing
from .declare import Event
from .events import EVENTS

if TYPE_CHECKING:
    from .config import TraceConfig
    from .observer import Observer
    from .record import Record

new: Callable[[type[Event]], Event] = object.__new__


class Trace:
    """Who listens to one request: contexts of TraceConfigs and observers.

    `wants` is the events that anybody listens to; `pending` is what was noted and not yet told.
    """

    __slots__ = (
        "_again",
        "_alone",
        "_contexts",
        "_flushing",
        "_observers",
        "_session",
        "_told_ns",
        "pending",
        "wants",
    )

    def __init__(
        self,
        session: object,
        configs: list[TraceConfig],
        observers: list[Observer],
        trace_request_ctx: object = None,
    ) -> None:
        self._session = session
        self._alone = not observers and len(configs) == 1
        if self._alone:  # the usual case, and the quickest
            config = configs[0]
            context = config.trace_config_ctx(trace_request_ctx=trace_request_ctx)
            self._contexts = [(context, config.handlers)]
            self._observers: tuple[Callable[[Event], None], ...] = ()
            self.wants = config.wants
        else:
            self._contexts = [
                (config.trace_config_ctx(trace_request_ctx=trace_request_ctx), config.handlers)
                for config in configs
            ]
            self._observers = tuple(map(observing.listener, dict.fromkeys(observers)))
            self.wants = _wanted(configs, bool(observers))
        self.pending: list[Event] = []
        self._flushing = self._again = False
        self._told_ns = 0

    def note(self, event: type[Event], source: Record, time_ns: int = 0, *data: object) -> None:
        """Keep a moment until `flush` tells it; `time_ns` 0 means now."""
        if event in self.wants:
            moment = new(event)
            moment.source = source
            moment.time_ns = time_ns or perf_counter_ns()
            moment._values = data
            self.pending.append(moment)

    def note_all(self, events: tuple[type[Event], ...], source: Record, time_ns: int) -> None:
        """Keep several moments of the same time that carry no data of their own."""
        wants, keep = self.wants, self.pending.append
        for event in events:
            if event in wants:
                moment = new(event)
                moment.source = source
                moment.time_ns = time_ns
                moment._values = ()
                keep(moment)

    def note_head(self, event: type[Event], source: Record, *data: object) -> None:
        """Keep a moment of the response's head: before what has come of its body since then."""
        if event not in self.wants:
            return
        time_ns, pending = source.head_ns, self.pending
        if time_ns < self._told_ns:
            time_ns = self._told_ns
        at = len(pending)
        while at and pending[at - 1].time_ns > time_ns:
            at -= 1
        moment = new(event)
        moment.source = source
        moment.time_ns = time_ns
        moment._values = data
        pending.insert(at, moment)

    async def tell(
        self, event: type[Event], source: Record, time_ns: int = 0, *data: object
    ) -> None:
        """Tell a moment, and what was noted before it, now."""
        self.note(event, source, time_ns, *data)
        if self.pending:
            await self.flush()

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
        # The loop of a lone listener stands here: a coroutine more would cost as much as a moment.
        session, alone = self._session, self._alone
        context, handlers = self._contexts[0] if alone else (None, {})
        failure: BaseException | None = None
        try:
            while self._again:
                self._again = False
                events, self.pending = self.pending, []
                if events:
                    self._told_ns = events[-1].time_ns
                for event in events:
                    if not alone:
                        failed = await self._tell_all(event)
                        failure = failure or failed
                        continue
                    for callback in handlers[type(event)]:
                        try:
                            await callback(session, context, event)
                        except BaseException as exc:
                            failure = failure or exc
                if then is not None and failure is None:
                    then()
                    then, self._again = None, True
        finally:
            self._flushing = False
        if failure is not None:
            raise failure

    async def _tell_all(self, event: Event) -> BaseException | None:
        """Tell a moment to every listener; returns what one raised first."""
        failure: BaseException | None = None
        for told in self._observers:
            told(event)
        for context, handlers in self._contexts:
            for callback in handlers[type(event)]:
                try:
                    await callback(self._session, context, event)
                except BaseException as exc:
                    failure = failure or exc
        return failure

    def flush_soon(self, spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        """Tell the noted moments from where nothing can be awaited.

        Observers hear at once; `spawn` starts the callbacks of TraceConfigs as a task.
        """
        if not self.pending:
            return
        if self._contexts:
            spawn(self._flush_unwatched())
            return
        events, self.pending = self.pending, []
        for event in events:
            for told in self._observers:
                told(event)

    async def _flush_unwatched(self) -> None:
        """Tell the noted moments when nobody is left to raise to."""
        try:
            await self.flush()
        except Exception:
            observing.logger.exception("A callback of a TraceConfig raised after its request")


def _wanted(configs: list[TraceConfig], everything: bool) -> frozenset[type[Event]]:
    if everything:
        return _EVERYTHING
    return frozenset[type["Event"]]().union(*(config.wants for config in configs))


_EVERYTHING = frozenset(EVENTS)
