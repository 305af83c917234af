"""Events that programs create with aiohttp's fields, to test callbacks of a `TraceConfig`."""

from __future__ import annotations

from inspect import Parameter, Signature
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from .record import Record

if TYPE_CHECKING:
    from multidict import CIMultiDict
    from yarl import URL

    from .declare import Event, Fact

_REQUEST = ("method", "url", "headers")
_CHUNK = ("method", "url", "chunk")
_FIELDS: dict[str, tuple[str, ...]] = {
    "on_request_start": _REQUEST,
    "on_request_chunk_sent": _CHUNK,
    "on_response_chunk_received": _CHUNK,
    "on_request_end": (*_REQUEST, "response"),
    "on_request_exception": (*_REQUEST, "exception"),
    "on_request_redirect": (*_REQUEST, "response"),
    "on_request_headers_sent": _REQUEST,
    "on_connection_queued_start": (),
    "on_connection_queued_end": (),
    "on_connection_create_start": (),
    "on_connection_create_end": (),
    "on_connection_reuseconn": (),
    "on_dns_resolvehost_start": ("host",),
    "on_dns_resolvehost_end": ("host",),
    "on_dns_cache_hit": ("host",),
    "on_dns_cache_miss": ("host",),
}
"""aiohttp's fields in their order; all are required. Fields that aiohttp lacks are optional."""


class _MadeRecord(Record):
    """The record of an event that a program creates."""

    def __init__(self, given: dict[str, Any]) -> None:
        super().__init__()
        self._given = given
        self.method = given.get("method", "")
        self.start_ns = perf_counter_ns()

    @property
    def url(self) -> URL:
        return self._given.get("url")  # type: ignore[return-value]

    @property
    def request_headers(self) -> CIMultiDict[str]:
        return self._given.get("headers")  # type: ignore[return-value]


def signature_of(event: type[Event]) -> Signature:
    """The parameters of an event's class."""
    required = _FIELDS.get(event.signal, ())
    parameters = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in required]
    return Signature([*parameters, Parameter("kwargs", Parameter.VAR_KEYWORD)])


def made_fact(event: type[Event], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Fact:
    """The content of an event that a program creates.

    Raises
    ------
    TypeError
        If it has no such fields, or one of aiohttp's is missing.
    """
    required = _FIELDS.get(event.signal, ())
    known = {*required, "method", "url", *event._own_fields, *(one.name for one in event.fields)}
    if len(args) > len(required):
        raise TypeError(f"{event.__name__} takes {len(required)} positional arguments: {required}")
    given = dict(zip(required, args, strict=False))
    for name, value in kwargs.items():
        if name in given or name not in known:
            problem = "twice the argument" if name in given else "an unexpected argument"
            raise TypeError(f"{event.__name__} got {problem} {name!r}")
        given[name] = value
    if missing := [name for name in required if name not in given]:
        raise TypeError(f"{event.__name__} lacks the arguments {', '.join(missing)}")
    names = event._own_fields or (("response",) if "response" in given else ())
    data = tuple(given.get(name) for name in names)
    return event, _MadeRecord(given), perf_counter_ns(), data
