"""The work that is running: its id, its path, its place in a trace."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from httptrace.local.baggage import Baggage
from httptrace.local.context import Context, checked_locals
from httptrace.local.ids import is_printable_id, new_id
from httptrace.local.local import Local, assign
from httptrace.local.w3c import TraceContext

_PATH_LENGTH = 1024


class RequestLocal(Local):
    """What is known of the request or job that the running code works for."""

    id: str
    """The id that came with the request, or one made for it."""
    path: str
    """The path of the request, without its query, or the name of the job."""
    trace: TraceContext | None = None
    """The place in the distributed trace."""
    baggage: Baggage = Baggage()
    """The values that travel with the trace."""


request = RequestLocal()
"""The request or job that the running code works for; its names are set by the server's middleware
and by `job_context`."""

_lookup = type(request)._httptrace_variable.get


def current_request_id() -> str | None:
    """The id of the work that the running code belongs to, ``None`` outside of any."""
    lookup = _lookup(None)
    return None if lookup is None else lookup.__self__.get("id")


def current_trace_context() -> TraceContext | None:
    """The place of the running code in a distributed trace, ``None`` outside of any."""
    lookup = _lookup(None)
    return None if lookup is None else lookup.__self__.get("trace")


def current_baggage() -> Baggage | None:
    """The baggage of the running code's trace, ``None`` where none came."""
    lookup = _lookup(None)
    return None if lookup is None else lookup.__self__.get("baggage")


def current_work() -> dict[str, Any]:
    """What is set on `request` here: one read for whoever wants several names."""
    lookup = _lookup(None)
    return {} if lookup is None else lookup.__self__


class RequestContext(Context):
    """A `Context` that sets the names of `request` when it is entered."""

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
        # With names given, `request` is one of them: its values end with the scope in any case.
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
        super()._begin()
        self._values[request] = assign(request, self._work)


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

    :raises ValueError: `name` is empty, or `id` holds something that could harm a log or a header.
    """
    if not isinstance(name, str) or not name:
        raise ValueError(f"a job needs a name, not {name!r:.80}")
    if id is not None and not is_printable_id(id):
        raise ValueError(f"id must be visible ASCII of at most 1024 characters, not {id!r:.80}")
    return RequestContext(id or new_id(), name, locals=locals, parent=parent)


def printable_path(path: str) -> str:
    """A path that stays on one line of a log: control characters and what does not print are
    percent-encoded again, and what is too long is cut."""
    if len(path) > _PATH_LENGTH:
        path = path[: _PATH_LENGTH - 1] + "\N{HORIZONTAL ELLIPSIS}"
    if path.isprintable():
        return path
    return "".join(char if char.isprintable() else _percent(char) for char in path)


def _percent(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
