"""From the headers of a request to its scope, in the same way for every kind of server."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from httptrace.local.baggage import Baggage
from httptrace.local.context import checked_locals
from httptrace.local.header_names import checked_header_name
from httptrace.local.ids import is_printable_id, is_safe_id, new_id
from httptrace.local.local import Local, Snapshot, snapshot, values_of
from httptrace.local.request import NO_FIELDS, VARIABLE, ServedContext, ServedValues, printable_path
from httptrace.local.request import request as request_local

_log = logging.getLogger("httptrace.web")

Headers = Callable[[str], str | None]
"""Gives a request's header by its lower-case name; several of one name joined with commas."""


class Incoming:
    """The options that every middleware of this package has.

    :param header: the header that carries the request id, in and out.
    :param generator: makes an id where none came, or one that is not valid.
    :param validator: whether an id from outside is accepted. By default 1 to 128 letters, digits
        and ``._:;/+=@~|-``. It may return something false or raise ``ValueError``; whatever it
        accepts, an id is at most 1024 characters of visible ASCII.
    :param send_back: whether the response carries the id.
    :param locals: `Local` objects that start empty for each request. Every other `Local` starts
        with the values that it had when the application started. What a request writes ends with it
        in both cases.
    :raises TypeError: an option is of the wrong kind.
    :raises ValueError: `header` is not a header name, or one that has another meaning.
    """

    __slots__ = (
        "_empty", "_generator", "_lower", "_start", "_validator", "header", "send_back",
    )  # fmt: skip

    def __init__(
        self,
        *,
        header: str = "X-Request-ID",
        generator: Callable[[], str] = new_id,
        validator: Callable[[str], Any] = is_safe_id,
        send_back: bool = True,
        locals: Iterable[Local] | None = None,
    ) -> None:
        self.header = checked_header_name(header)
        self.send_back = send_back
        self._lower = header.lower()
        self._generator: Callable[[], object] = _checked_callable("generator", generator)
        self._validator = _checked_callable("validator", validator)
        self._empty = () if locals is None else checked_locals(locals)
        self._start: tuple[Snapshot, Mapping[str, Any]] | None = None

    def begin_with(self, values: Snapshot) -> None:
        """Let every request from now on begin with `values`, whatever the server's context holds.

        Without a call of this, a request begins with what the server's context holds.
        """
        self._start = self._start_from(values)

    def _start_from(self, values: Snapshot) -> tuple[Snapshot, Mapping[str, Any]]:
        start = dict(values)
        for local in (request_local, *self._empty):
            start[type(local)._httptrace_variable] = None
        work = values_of(values.get(VARIABLE))
        return start, NO_FIELDS if "id" in work else work.get("fields", NO_FIELDS)

    def open(self, headers: Headers, path: str) -> ServedContext:
        """The scope for one request, still to be entered."""
        return self.scope_of(
            path,
            headers(self._lower),
            headers("traceparent"),
            headers("tracestate"),
            headers("baggage"),
        )

    def scope_of(
        self,
        path: str,
        request_id: str | None,
        traceparent: str | None,
        tracestate: str | None,
        baggage: str | None,
    ) -> ServedContext:
        """The scope for a request with these headers, still to be entered."""
        start, fields = self._start or self._start_from(snapshot())
        work = ServedValues(
            id=self._accepted(request_id) or self._generated(), path=printable_path(path)
        )
        work.local = request_local
        work.traceparent, work.tracestate = traceparent, tracestate
        if fields:
            work["fields"] = fields
        if baggage and (members := Baggage.parse(baggage)):
            work["baggage"] = members
        return ServedContext(work, start)

    def _accepted(self, text: str | None) -> str | None:
        if not text:
            return None
        validator = self._validator
        if validator is is_safe_id:  # which accepts nothing that would not print
            return text if is_safe_id(text) else None
        if not is_printable_id(text):
            return None
        try:
            return text if validator(text) else None
        except ValueError:
            return None

    def _generated(self) -> str:
        if self._generator is new_id:
            return new_id()
        # A generator that fails must not fail the request, nor put anything into the logs.
        try:
            text = self._generator()
        except Exception:
            _log.exception("The generator of request ids failed; an id was made without it")
            return new_id()
        return text if isinstance(text, str) and is_printable_id(text) else new_id()


def _checked_callable(name: str, value: Any) -> Any:
    if not callable(value):
        raise TypeError(f"{name} must be callable, not {type(value).__name__}")
    if inspect.iscoroutinefunction(value):
        raise TypeError(f"{name} must be a plain function, not a coroutine function")
    return value
