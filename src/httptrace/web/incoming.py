"""What comes in with a request, turned into a scope: the same for every kind of server."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable
from typing import Any

from httptrace.local.baggage import Baggage
from httptrace.local.context import checked_locals
from httptrace.local.header_names import checked_header_name
from httptrace.local.ids import is_printable_id, is_safe_id, new_id
from httptrace.local.local import Local
from httptrace.local.request import RequestContext
from httptrace.local.w3c import TraceContext

_log = logging.getLogger("httptrace.web")

Headers = Callable[[str], str | None]
"""Gives a request's header by its lower-case name; several of one name joined with commas."""


class Incoming:
    """The options that every middleware of this room has.

    :param header: the header that carries the request id, in and out.
    :param generator: makes an id where none came, or one that is not valid.
    :param validator: whether an id from outside is taken. By default 1 to 128 letters, digits and
        ``._:;/+=@~|-``. It may return something false or raise ``ValueError``; whatever it allows,
        an id is never longer than 1024 characters and holds nothing but visible ASCII.
    :param send_back: whether the response carries the id.
    :param locals: `Local` objects that start empty for each request. Without it every `Local`
        keeps what it has outside of requests. What a request writes ends with it in both cases:
        with names given, for those; otherwise for all.
    :raises TypeError: an option is of the wrong kind.
    :raises ValueError: `header` is no header name, or one that has another meaning.
    """

    __slots__ = ("_generator", "_locals", "_lower", "_validator", "header", "send_back")

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
        self._generator = _checked_callable("generator", generator)
        self._validator = _checked_callable("validator", validator)
        self._locals = None if locals is None else checked_locals(locals)

    def open(self, headers: Headers, path: str) -> RequestContext:
        """The scope for one request, still to be entered."""
        baggage = headers("baggage")
        return RequestContext(
            self._accepted(headers(self._lower)) or self._generated(),
            path,
            trace=TraceContext.follow(headers("traceparent"), headers("tracestate")),
            baggage=Baggage.parse(baggage) if baggage else None,
            locals=self._locals,
        )

    def _accepted(self, text: str | None) -> str | None:
        if text is None or not is_printable_id(text):
            return None
        try:
            return text if self._validator(text) else None
        except ValueError:
            return None

    def _generated(self) -> str:
        # A generator that goes wrong must not fail the requests, nor put anything into the logs.
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
