"""The request or job that the running code works for: its id, its path, its place in a trace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextvars import Token
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from httptrace.local.baggage import Baggage
from httptrace.local.context import Context, checked_locals
from httptrace.local.ids import is_printable_id, new_id
from httptrace.local.local import Local, Snapshot, Values, assign, restore_all, snapshot, values_of
from httptrace.local.scope import CURRENT, current_worker
from httptrace.local.w3c import TraceContext

if TYPE_CHECKING:
    from _collections_abc import dict_items, dict_keys

_PATH_LENGTH = 1024
NO_FIELDS: Mapping[str, Any] = MappingProxyType({})


class RequestLocal(Local):
    """What is known of the request or job that the running code works for."""

    id: str
    """The id in the request's headers, or a new one."""
    path: str
    """The path of the request, without its query, or the name of the job."""
    trace: TraceContext | None = None
    """The place in the distributed trace."""
    baggage: Baggage = Baggage()
    """The values that are propagated with the trace."""
    fields: Mapping[str, Any] = NO_FIELDS
    """The log fields that `bind` set."""


request = RequestLocal()
"""The request or job that the running code works for. The server's middleware and `job_context` set
its names."""

VARIABLE = type(request)._httptrace_variable
_lookup = VARIABLE.get


def current_request_id() -> str | None:
    """The id of the request or job that the running code works for, ``None`` outside of any."""
    lookup = _lookup(None)
    return None if lookup is None else lookup.__self__.get("id")


def current_trace_context() -> TraceContext | None:
    """The place of the running code in a distributed trace, ``None`` outside of any."""
    return trace_of(current_work())


def current_baggage() -> Baggage | None:
    """The baggage of the running code's trace, ``None`` if there is none."""
    lookup = _lookup(None)
    return None if lookup is None else lookup.__self__.get("baggage")


def current_work() -> dict[str, Any]:
    """All values of `request` here, in one read. Not to be changed."""
    lookup = _lookup(None)
    return {} if lookup is None else lookup.__self__


def trace_of(work: Mapping[str, Any]) -> TraceContext | None:
    """The place in the trace in what `current_work` gives."""
    trace: TraceContext | None = work["trace"] if "trace" in work else None
    return trace


class RequestContext(Context):
    """A `Context` that sets the names of `request` when it is entered.

    It begins with the log fields that are bound here, or with those of `parent`.
    """

    __slots__ = ("_work",)

    def __init__(
        self,
        id: str,
        path: str,
        *,
        trace: TraceContext | None = None,
        baggage: Baggage | None = None,
        locals: Iterable[Local] | None = None,
        parent: Context | None = None,
    ) -> None:
        # With `locals`, `request` is one of them: its values end with the scope in any case.
        super().__init__(id, None if locals is None else (request, *checked_locals(locals)), parent)
        self._work: dict[str, Any] = {
            "id": id,
            "path": printable_path(path),
            "trace": trace or TraceContext.start(),
        }
        if baggage:
            self._work["baggage"] = baggage

    @property
    def work(self) -> dict[str, Any]:
        """What `request` holds at the start of the scope."""
        return self._work

    def _begin(self) -> None:
        given = _lookup(None) if self._parent is None else self._parent._value_of(VARIABLE)
        if fields := values_of(given).get("fields"):
            self._work["fields"] = fields
        super()._begin()
        self._values[VARIABLE] = assign(request, self._work)


class ServedValues(Values):
    """What `request` holds at the start of a request to a server.

    The place in the trace is computed when it is first read: many requests write no line and send
    nothing on. Tasks share these values, so they all get the same. Copies are made with `keys`.
    """

    __slots__ = ("traceparent", "tracestate")

    traceparent: str | None
    tracestate: str | None

    def __missing__(self, name: str) -> Any:
        if name != "trace":
            return super().__missing__(name)
        return self.setdefault(name, TraceContext.follow(self.traceparent, self.tracestate))

    def __contains__(self, name: object) -> bool:
        return name == "trace" or super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def keys(self) -> dict_keys[str, Any]:
        _ = self["trace"]
        return super().keys()

    def items(self) -> dict_items[str, Any]:
        _ = self["trace"]
        return super().items()


class ServedContext(Context):
    """The scope of one request to a server.

    Each `Local` begins with its value in `start`, whatever the running context holds: some servers
    run a request in a copy of the context of the request before.

    :param work: what `request` holds at the start of the scope.
    :param start: the values to begin with; a `Local` that is not in there begins without values.
    """

    __slots__ = ("_task", "_tokens", "work")

    def __init__(self, work: ServedValues, start: Snapshot) -> None:
        # Not Context.__init__: this runs for each request, and nothing is left to check.
        self._ident = work["id"]
        self._locals = self._parent = self._outer = self._owner = None
        self._state = "new"
        self._task: object | None = None
        self._tokens: tuple[Token[Context | None], Token[Any]] | None = None
        self._values = start
        self.work = work

    def __enter__(self) -> Self:
        if self._state != "new":
            return super().__enter__()  # which raises
        self._state = "open"
        self._outer = CURRENT.get()
        self._task = current_worker()
        saved = self._saved = snapshot()
        start = self._values
        if saved != start:
            restore_all(start)
        lookup = self.work.__getitem__
        self._values = {**start, VARIABLE: lookup}
        self._tokens = CURRENT.set(self), VARIABLE.set(lookup)
        return self

    def _opened_by(self, worker: object) -> bool:
        return self._task is worker

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._state != "open":
            return
        tokens, self._tokens = self._tokens, None
        if tokens is None or self._outer is not None or CURRENT.get() is not self:
            super().__exit__(kind, error, traceback)
            return
        try:
            CURRENT.reset(tokens[0])
        except ValueError:  # left in another task
            super().__exit__(kind, error, traceback)
            return
        VARIABLE.reset(tokens[1])
        self._state = "left"
        self._task = None
        saved, self._saved = self._saved, {}
        if snapshot() != saved:
            restore_all(saved)


class ResumedContext(Context):
    """A scope in which `request` holds `work` again, after the scope of that work was left."""

    __slots__ = ("_work",)

    def __init__(self, work: Mapping[str, Any]) -> None:
        super().__init__(work.get("id"), (request,))
        self._work = work

    def _begin(self) -> None:
        super()._begin()
        self._values[VARIABLE] = assign(request, self._work)


def job_context(
    name: str,
    *,
    id: str | None = None,
    locals: Iterable[Local] | None = None,
    parent: Context | None = None,
) -> RequestContext:
    """A scope for work that no request started: ``with job_context("nightly-report"):``.

    Inside, ``request.path`` is `name`; ``request.id`` and the trace are new ones, unless `id` is
    given. `locals` and `parent` are those of `Context`.

    :raises ValueError: `name` is empty, or `id` has characters that could harm a log or a header.
    """
    if not isinstance(name, str) or not name:
        raise ValueError(f"a job needs a name, not {name!r:.80}")
    if id is not None and not is_printable_id(id):
        raise ValueError(f"id must be visible ASCII of at most 1024 characters, not {id!r:.80}")
    return RequestContext(id or new_id(), name, locals=locals, parent=parent)


def printable_path(path: str) -> str:
    """A path that stays on one line of a log: characters that do not print are percent-encoded, and
    a path of more than 1024 characters is cut."""
    if len(path) > _PATH_LENGTH:
        path = path[: _PATH_LENGTH - 1] + "\N{HORIZONTAL ELLIPSIS}"
    if path.isprintable():
        return path
    return "".join(char if char.isprintable() else _percent(char) for char in path)


def _percent(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
