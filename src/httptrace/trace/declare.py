"""How a moment is declared: one class, from which everything else is derived.

``class TraceXParams(Event, signal="on_x", group="…")`` with annotated fields makes the class, its
constructor and its slots, registers it in `EVENTS`, and so gives it a signal on ``TraceConfig``, a
row in the documentation and a place in the recorder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, cast, dataclass_transform

if TYPE_CHECKING:
    from yarl import URL

    from .record import Record

Edge = Literal["start", "end", "exception", "point"]
Fact = tuple["type[Event]", "Record", int, tuple[Any, ...]]
"""What is noted when a moment comes: which it is, of what attempt, when, and its data."""


class Field(NamedTuple):
    """One datum of an event: its name, its type as written and what it means."""

    name: str
    type: str
    doc: str


class _Doc(NamedTuple):
    text: str


def field(doc: str) -> Any:
    """Declare a datum of an event by what it means."""
    return _Doc(doc)


def _getter(position: int, kind: str, doc: str) -> property:
    def get(self: Event) -> Any:
        return self._fact[3][position]

    get.__annotations__["return"] = kind  # for the reference and for editors
    return property(get, doc=doc)


def _derived(namespace: dict[str, Any]) -> tuple[Field, ...]:
    """Data that an event reads from its record when asked: written as properties."""
    properties: list[tuple[str, Any]] = [
        (key, value.fget) for key, value in namespace.items() if type(value) is property
    ]
    return tuple(Field(key, get.__annotations__["return"], get.__doc__) for key, get in properties)


def _shared(bases: tuple[type, ...]) -> tuple[Field, ...]:
    """What a base that lies between `Event` and the moment adds."""
    return tuple(field for base in bases if base.__base__ is not object for field in base.fields)  # type: ignore[attr-defined]


_registry: list[type[Event]] = []


@dataclass_transform(field_specifiers=(field,))
class EventMeta(type):
    """Turns the annotations of an event into properties over its data.

    An event holds one `Fact`: nothing is quicker to note, or to make when listeners are told.
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
        if signal:
            _registry.append(moment)
        return cls


class Event(metaclass=EventMeta):
    """What every moment carries: whose it is and when it was."""

    signal: ClassVar[str]
    """The name of the signal on ``TraceConfig``."""
    name: ClassVar[str]
    """The signal's name without ``on_``."""
    group: ClassVar[str]
    """The part of a request's way that the moment belongs to."""
    span: ClassVar[str | None]
    """The span that the moment opens or closes, if it does."""
    edge: ClassVar[Edge]
    """Whether it opens the span, closes it, closes it by an exception, or is a point in time."""
    fields: ClassVar[tuple[Field, ...]]
    """What the moment carries beyond ids and time."""

    if TYPE_CHECKING:

        @property
        def _fact(self) -> Fact: ...

        @_fact.setter
        def _fact(self, value: Fact) -> None: ...

    @property
    def source(self) -> Record:
        """Internal: what is kept of the attempt; much of an event is read from it when asked."""
        return self._fact[1]

    @property
    def time_ns(self) -> int:
        """When it was: a reading of ``time.perf_counter_ns()``."""
        return self._fact[2]

    @classmethod
    def of(cls, source: Record, time_ns: int, *data: object) -> Event:
        """Make one where speed is no matter."""
        event = cls()
        event._fact = (cls, source, time_ns, data)
        return event

    @property
    def request_id(self) -> int | None:
        """The request's number in this process; None for what no request caused."""
        return self.source.request_id

    @property
    def context_id(self) -> str | None:
        """The id of the work that made the request: the surrounding context's request id."""
        return self.source.context_id

    @property
    def attempt(self) -> int:
        """Which time on the wire within the request, from 1: redirects and retries count up."""
        return self.source.attempt

    @property
    def connection_id(self) -> int | None:
        """The connection's number in this process, once it is known."""
        return self.source.connection_id

    @property
    def method(self) -> str:
        """The method of the attempt."""
        return self.source.method

    @property
    def url(self) -> URL:
        """The URL of the attempt."""
        return self.source.url

    def __repr__(self) -> str:
        from ..masking import shown

        data = "".join(f", {f.name}={shown(getattr(self, f.name))}" for f in self.fields)
        return f"<{self.name} #{self.request_id}.{self.attempt}{data[1:]}>"


def declared() -> tuple[type[Event], ...]:
    """Every moment declared so far, in order of declaration."""
    return tuple(_registry)
