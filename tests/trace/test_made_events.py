"""Events that programs create with aiohttp's fields, to test listeners."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDict
from yarl import URL

import httptrace

CLIENTS = pytest.mark.parametrize(
    "lib", [aiohttp, httptrace], ids=lambda package: str(package.__name__)
)
VALUES: dict[str, Any] = {
    "method": "GET",
    "url": URL("http://example.com/"),
    "headers": CIMultiDict({"A": "b"}),
    "chunk": b"piece",
    "response": object(),
    "exception": OSError("reset"),
    "host": "example.com",
}
NAMES = [
    name
    for name in importlib.import_module("aiohttp.tracing").__all__
    if name.startswith("Trace") and name.endswith("Params")
]


def fields(name: str) -> list[str]:
    """The fields of aiohttp's class, in order."""
    return [one.name for one in getattr(aiohttp, name).__attrs_attrs__]


@CLIENTS
@pytest.mark.parametrize("name", NAMES)
def test_made_event_has_its_fields(lib: ModuleType, name: str) -> None:
    """Each event can be created with aiohttp's fields, positional and by keyword."""
    made, given = getattr(lib, name), {one: VALUES[one] for one in fields(name)}
    for event in (made(*given.values()), made(**given)):
        assert {one: getattr(event, one) for one in given} == given
        assert name.removesuffix("Params") in type(event).__name__
        assert repr(event)


@CLIENTS
@pytest.mark.parametrize("name", [name for name in NAMES if fields(name)])
def test_missing_and_unknown_fields_are_refused(lib: ModuleType, name: str) -> None:
    """A missing, unknown, surplus or repeated field raises TypeError."""
    made, given = getattr(lib, name), [VALUES[one] for one in fields(name)]
    with pytest.raises(TypeError):
        made(*given[:-1])
    with pytest.raises(TypeError):
        made(*given, unknown=1)
    with pytest.raises(TypeError):
        made(*given, 1)
    with pytest.raises(TypeError):
        made(*given, **{fields(name)[0]: given[0]})


@CLIENTS
async def test_callback_is_tested_with_a_made_event(lib: ModuleType) -> None:
    """A callback can be called with an event that a test has created."""
    seen: list[Any] = []

    async def on_end(session: Any, context: Any, params: Any) -> None:
        seen.append((params.method, str(params.url), params.response))

    config = lib.TraceConfig()
    config.on_request_end.append(on_end)
    config.freeze()
    event = lib.TraceRequestEndParams("GET", VALUES["url"], VALUES["headers"], "response")
    await config.on_request_end.send(None, None, event)
    assert seen == [("GET", "http://example.com/", "response")]


def test_events_of_httptrace_are_made_by_keyword() -> None:
    """An event that aiohttp lacks accepts any of its fields by keyword."""
    made: Any = httptrace.TraceRequestRetryParams
    event = made(method="GET", url=VALUES["url"], reason="stale connection", delay=0.5)
    assert (event.reason, event.delay, event.exception) == ("stale connection", 0.5, None)
    assert event.request_id is None
    with pytest.raises(TypeError):
        made("GET")
