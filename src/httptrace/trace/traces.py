"""The listeners of one request, and how its events are delivered to them.

An event is queued where it happens, which may be inside of a parser's callback or while the pool
changes its state. It is delivered later, in the task of the caller, when all state is consistent. A
listener that is slow or raises therefore delays or fails its own request only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any
from weakref import ref

from .awaitables import COMPLETED
from .declare import Event, Fact, new
from .events import TraceRequestEndParams, TraceRequestExceptionParams, TraceRequestFinishParams
from .subscription import Handlers, logger
from .timeline import attach_timeline

if TYPE_CHECKING:
    from .config import Calls
    from .record import Record

Spawn = Callable[[Coroutine[Any, Any, None]], object]
"""Starts a task."""


class Trace:
    """The listeners of one request, and its events that are not yet delivered.

    `wants` has the events that any listener wants; the others are not queued. `wants_attempts` says
    whether one of them belongs to an attempt: if not, the attempts (pool, connection and wire) get
    no trace and note nothing.

    The events that every attempt has are the exception: where they happen they are appended to
    `pending` unasked, and `flush` leaves out those that nobody wants. Keeping one costs less than a
    call of `note`.
    """

    __slots__ = (
        *("_end_noted", "_flushing", "at_once", "awaits", "head_at", "pending", "wants"),
        "wants_attempts",
    )

    awaits: bool
    """Whether telling an event may suspend the task."""
    at_once: bool
    """Whether events are told when they are noted, so that `flush` has nothing to do."""
    wants: Mapping[type[Event], Any]
    """What to call for each event."""
    pending: list[Fact]
    """What was noted and not yet told."""
    head_at: int
    """How many of `pending` there were when the response's head had been noted; 0 if it is not in
    `pending`."""

    def __init__(self, wants: Mapping[type[Event], Any], wants_attempts: bool) -> None:
        self.wants = wants
        self.wants_attempts = wants_attempts
        self.pending = []
        self.head_at = 0
        self.awaits = self.at_once = self._flushing = self._end_noted = False

    def start(self, event: type[Event], source: Record) -> Awaitable[Any]:
        """Deliver the first event of the request at once: nothing is queued before it."""
        raise NotImplementedError

    def note(self, event: type[Event], source: Record, time_ns: int = 0, *data: object) -> None:
        """Queue an event until `flush` delivers it; `time_ns` 0 means now."""
        if event in self.wants:
            self.pending.append((event, source, time_ns or perf_counter_ns(), data))

    def note_head(self, event: type[Event], source: Record, response: Any) -> None:
        """Keep an event that has a response, as of the time when its head was received.

        It happens now if no head was received, because a middleware has answered.
        """
        if event not in self.wants:
            return
        if event is TraceRequestEndParams:
            self._end_noted = True
        held = held_weakly(response, source)
        if self.head_at:  # the body may have arrived since then
            self.pending.insert(self.head_at, (event, source, source.head_ns, held))
        else:  # if attempts are noted, there was no head, or it was told before
            head_ns = 0 if self.wants_attempts else source.head_ns
            self.pending.append((event, source, head_ns or perf_counter_ns(), held))

    def note_exception(
        self, source: Record, exc: BaseException, phase: str, timeout: str | None
    ) -> None:
        """Queue ``on_request_exception``, unless ``on_request_end`` was delivered before.

        So a listener that opens a span at the start, and closes it at either event, closes it once.
        """
        if not self._end_noted:
            self.note(TraceRequestExceptionParams, source, 0, exc, phase, timeout)

    def tell(
        self, event: type[Event], source: Record, time_ns: int = 0, *data: object
    ) -> Awaitable[Any]:
        """Deliver the queued events and this one now."""
        self.note(event, source, time_ns, *data)
        return self.flush() if self.pending else COMPLETED

    def flush(self, then: Callable[[], object] | None = None) -> Awaitable[None]:
        """Deliver the queued events, in order, each to every listener.

        If no listener raised, `then` is called, and the events that it queues are delivered too. If
        another flush is running, it delivers the events, and this one does nothing.
        """
        raise NotImplementedError

    def flush_soon(self, spawn: Spawn) -> None:
        """Deliver the queued events from code that cannot await; `spawn` starts a task."""
        raise NotImplementedError


class ObserverTrace(Trace):
    """A request that only observers listen to: they are called synchronously."""

    __slots__ = ()

    def start(self, event: type[Event], source: Record) -> Awaitable[Any]:
        """Deliver the first event of the request at once."""
        moment = new(event)
        moment._fact = (event, source, source.start_ns, ())
        self.wants[event](moment)
        return COMPLETED

    def flush(self, then: Callable[[], object] | None = None) -> Awaitable[None]:
        """Deliver the queued events; there is nothing to await."""
        if self._flushing:
            return COMPLETED
        self._flushing = True
        try:
            if self.pending:
                self._tell_pending()
            if then is not None:
                then()
                if self.pending:
                    self._tell_pending()
        finally:
            self._flushing = False
        return COMPLETED

    def flush_soon(self, spawn: Spawn) -> None:
        """Deliver the queued events now."""
        self.flush()

    def _tell_pending(self) -> None:
        wants = self.wants
        failure: BaseException | None = None
        while self.pending:
            facts, self.pending, self.head_at = self.pending, [], 0
            for fact in facts:
                event = fact[0]
                handler = wants.get(event)
                if handler is None:
                    continue
                moment = new(event)
                moment._fact = fact
                try:
                    handler(moment)
                except BaseException as exc:  # KeyboardInterrupt; observers' own are logged
                    failure = failure or exc
        if failure is not None:
            raise failure


class CallTrace(Trace):
    """Observers that want no events of attempts, for instance only `request_finish`.

    The events of a call, unlike those of attempts, happen in the task of the caller while all state
    is consistent: they are delivered at once. So there is no queue, and all requests of a session
    share one object. It cannot serve observers of `request_end`: a request has `request_exception`
    only if `request_end` was not delivered.
    """

    __slots__ = ()

    def __init__(self, wants: Handlers) -> None:
        super().__init__(wants, wants_attempts=False)
        self.at_once = True

    def start(self, event: type[Event], source: Record) -> Awaitable[Any]:
        """Deliver the first event of the request."""
        self.note(event, source, source.start_ns)
        return COMPLETED

    def note(self, event: type[Event], source: Record, time_ns: int = 0, *data: object) -> None:
        """Deliver an event; `time_ns` 0 means now."""
        handler = self.wants.get(event)
        if handler is not None:
            moment = new(event)
            moment._fact = (event, source, time_ns or perf_counter_ns(), data)
            handler(moment)

    def note_head(self, event: type[Event], source: Record, response: Any) -> None:
        """Deliver an event that has a response."""
        self.note(event, source, source.head_ns, *held_weakly(response, source))

    def flush(self, then: Callable[[], object] | None = None) -> Awaitable[None]:
        """Call `then`: no events are queued."""
        if then is not None:
            then()
        return COMPLETED

    def flush_soon(self, spawn: Spawn) -> None:
        """Do nothing: no events are queued."""


class ConfigTrace(Trace):
    """A request that TraceConfigs listen to, and perhaps observers: callbacks are awaited.

    `calls` has the callback of each wanted event; it is called with `context`. Of a lone
    TraceConfig, the usual case, these are its own.
    """

    __slots__ = ("_again", "_calls", "_context", "_session")

    def __init__(
        self,
        session: object,
        wants: Mapping[type[Event], Any],
        calls: Calls,
        context: Any,
        wants_attempts: bool,
    ) -> None:
        # not super().__init__(): this runs for each request and must be fast
        self.wants = wants
        self.wants_attempts = wants_attempts
        self.pending = []
        self.head_at = 0
        self.awaits = True
        self.at_once = self._flushing = self._end_noted = self._again = False
        self._session = session
        self._calls = calls
        self._context = context

    def start(self, event: type[Event], source: Record) -> Awaitable[Any]:
        """Tell the first event of the request."""
        callback, kind = self._calls[event]  # type: ignore[misc] # it is wanted
        moment = new(*kind)
        moment._fact = (event, source, source.start_ns, ())
        return callback(self._session, self._context, moment)

    async def flush(self, then: Callable[[], object] | None = None) -> None:
        """Deliver the queued events, in order, each to every listener.

        Raises
        ------
        BaseException
            What the first failing callback raised, after all others were called.
        """
        if self._flushing:
            self._again = True  # the flush that is running delivers these too
            return
        self._flushing = True
        session, context, calls = self._session, self._context, self._calls
        failure: BaseException | None = None
        fact: Fact | None = None
        try:
            while True:
                facts, self.pending, self.head_at = self.pending, [], 0
                for fact in facts:
                    call = calls[fact[0]]
                    if call is None:
                        continue
                    callback, kind = call
                    moment = new(*kind)
                    moment._fact = fact
                    try:
                        await callback(session, context, moment)
                    except GeneratorExit:  # nothing can be awaited any more
                        self._drop_end(fact, facts)
                        self.pending[:0] = _after(fact, facts)
                        raise
                    except BaseException as exc:
                        failure = failure or exc
                        self._drop_end(fact, facts)
                if then is not None and failure is None:
                    then()
                    then = None
                elif self._again:
                    self._again = False
                else:
                    break
        finally:
            self._flushing = False
        if failure is not None:
            if fact is not None and fact[0] is TraceRequestFinishParams:
                attach_timeline(failure, fact[1])  # the call has ended, but it raises this error
            raise failure

    def _drop_end(self, failed: Fact, facts: list[Fact]) -> None:
        """A listener raised: a later ``on_request_end`` is not delivered."""
        for fact in _after(failed, facts):
            if fact[0] is TraceRequestEndParams:
                facts.remove(fact)
                self._end_noted = False

    def flush_soon(self, spawn: Spawn) -> None:
        """Tell the noted events in a task of their own."""
        if any(fact[0] in self.wants for fact in self.pending):
            spawn(self._flush_and_log())

    async def _flush_and_log(self) -> None:
        """Deliver the queued events, and log errors: no caller awaits this."""
        try:
            await self.flush()
        except Exception:
            logger.exception("A callback of a TraceConfig raised after its request")


def _after(told: Fact, facts: list[Fact]) -> list[Fact]:
    """The facts that follow one of them."""
    at = next(at for at, fact in enumerate(facts) if fact is told)
    return facts[at + 1 :]


def held_weakly(response: Any, source: Record) -> tuple[Any, ...]:
    """The data of an event that has a response, with a weak reference to it.

    A middleware may return the response of another call; the event has a strong reference to that.
    """
    if getattr(response, "_exchange", None) is not source:
        return (response,)
    return ref(response), type(response)
