"""How an event is declared: by one class, from which everything else is derived.

``class TraceXParams(Event, signal="on_x", group="…")`` declares an event. Its annotated fields
become properties, and it is registered in `EVENTS`. From there it gets a signal on ``TraceConfig``,
a method of ``Observer`` and a row in the documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, cast

if TYPE_CHECKING:
    from yarl import URL

    from .record import Record

Edge = Literal["start", "end", "exception", "point"]
Fact = tuple["type[Event]", "Record", int, tuple[Any, ...]]
"""What is kept of an event: its class, the record of its attempt, its time, and its data."""


class Field(NamedTuple):
    """A field of an event: name, type as written in the source, and documentation."""

    name: str
    type: str
    doc: str


class _Doc(NamedTuple):
    text: str


def field(doc: str) -> Any:
    """Declare a field of an event; `doc` is its documentation."""
    return _Doc(doc)


def _getter(position: int, kind: str, doc: str) -> property:
    def get(self: Event) -> Any:
        return self._fact[3][position]

    get.__annotations__["return"] = kind  # for the reference and for editors
    return property(get, doc=doc)


def _derived(namespace: dict[str, Any]) -> tuple[Field, ...]:
    """The fields that are written as properties: they are read from the event's record."""
    properties: list[tuple[str, Any]] = [
        (key, value.fget) for key, value in namespace.items() if type(value) is property
    ]
    return tuple(Field(key, get.__annotations__["return"], get.__doc__) for key, get in properties)


def _shared(bases: tuple[type, ...]) -> tuple[Field, ...]:
    """The fields of the bases between `Event` and the declared class."""
    return tuple(field for base in bases if base.__base__ is not object for field in base.fields)  # type: ignore[attr-defined]


_registry: list[type[Event]] = []

new = object.__new__
"""Creates an event without its ``__init__``, which is for programs."""


class EventMeta(type):
    """Turns the annotated fields of an event into properties.

    An event has one slot, its `Fact`, so that creating one is as fast as possible.
    """

    def __new__(
        mcs,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        signal: str = "",
        group: str = "",
        span: str | None = None,
        edge: Edge = "point",
    ) -> EventMeta:
        docs = {key: value.text for key, value in namespace.items() if isinstance(value, _Doc)}
        fields = tuple(Field(key, namespace["__annotations__"][key], docs[key]) for key in docs)
        fields = (*_shared(bases), *fields, *_derived(namespace))
        namespace["__slots__"] = () if bases else ("_fact",)
        for position, key in enumerate(docs):
            namespace[key] = _getter(position, namespace["__annotations__"][key], docs[key])
        cls = super().__new__(mcs, name, bases, namespace)
        moment = cast("type[Event]", cls)
        moment.signal, moment.name, moment.group = signal, signal.removeprefix("on_"), group
        moment.span, moment.edge, moment.fields = span, edge, fields
        moment._own_fields = tuple(docs)
        if signal:
            _registry.append(moment)
        return cls

    @property
    def __signature__(cls) -> Any:
        from .made import signature_of

        return signature_of(cast("type[Event]", cls))


class Event(metaclass=EventMeta):
    """Base of all events: which request and attempt it belongs to, and when it happened."""

    signal: ClassVar[str]
    """The name of the signal on ``TraceConfig``."""
    name: ClassVar[str]
    """The signal's name without ``on_``."""
    group: ClassVar[str]
    """The part of a request that the event belongs to, such as "dns" or "send"."""
    span: ClassVar[str | None]
    """The kind of span that the event opens or closes; None if it does neither."""
    edge: ClassVar[Edge]
    """What it does to the span: "start", "end" or "exception"; "point" if there is no span."""
    fields: ClassVar[tuple[Field, ...]]
    """The fields that the event has besides ids and time."""
    _own_fields: ClassVar[tuple[str, ...]]
    """The names of those fields that are data of the event itself, not of its record."""

    if TYPE_CHECKING:

        @property
        def _fact(self) -> Fact: ...

        @_fact.setter
        def _fact(self, value: Fact) -> None: ...

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Make an event for a test, with aiohttp's fields. The engine makes its own by `new`."""
        from .made import made_fact

        self._fact = made_fact(type(self), args, kwargs)

    @property
    def _record(self) -> Record:
        """The record of the attempt. Many properties of an event are read from it."""
        return self._fact[1]

    @property
    def time_ns(self) -> int:
        """When it happened: a reading of ``time.perf_counter_ns()``."""
        return self._fact[2]

    @property
    def request_id(self) -> int | None:
        """The request's number in this process; None for an idle connection."""
        return self._record.request_id

    @property
    def context_id(self) -> str | None:
        """The request id of the surrounding context (`httptrace.Context`), if there is one."""
        return self._record.context_id

    @property
    def attempt(self) -> int:
        """The number of the attempt within the request, from 1; each redirect and retry is one."""
        return self._record.attempt

    @property
    def connection_id(self) -> int | None:
        """The connection's number in this process; None before there is a connection."""
        return self._record.connection_id

    @property
    def method(self) -> str:
        """The method of the attempt."""
        return self._record.method

    @property
    def url(self) -> URL:
        """The URL of the attempt."""
        return self._record.url

    def __repr__(self) -> str:
        from ..masking import shown

        data = "".join(f", {f.name}={shown(getattr(self, f.name))}" for f in self.fields)
        return f"<{self.name} #{self.request_id}.{self.attempt}{data[1:]}>"


def event_of(kind: type[Event], record: Record, time_ns: int, *data: object) -> Event:
    """Create an event where speed does not matter."""
    event = new(kind)
    event._fact = (kind, record, time_ns, data)
    return event


def record_of(event: Event) -> Record:
    """The record of the attempt that an event belongs to."""
    return event._fact[1]


def declared() -> tuple[type[Event], ...]:
    """Every event declared so far, in order of declaration."""
    return tuple(_registry)
