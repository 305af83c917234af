"""What the API reference lists, and on which page."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import aiohttp
import api_entries
import api_pages
import httptrace_events as docs
import pytest

import httptrace

DOCS = Path(__file__).parent.parent / "docs"
GUIDE = "\n".join(page.read_text() for page in sorted(DOCS.glob("*.md")))
CLASSES = {
    name: value
    for name in httptrace.__all__
    if isinstance(value := getattr(httptrace, name), type) and value.__name__ == name
}
REFERENCE = "\n".join(map(api_pages.subject_page, api_pages.SUBJECTS))
SHARED = sorted(name for name in CLASSES if isinstance(getattr(aiohttp, name, None), type))


def test_members_of_users_are_listed() -> None:
    """Members of a class are listed: those of aiohttp, and those that httptrace adds."""
    kept = {"get", "ws_connect", "closed", "cookie_jar", "requote_redirect_url"}
    assert not kept & set(api_entries.left_out(httptrace, httptrace.ClientSession))
    stats = {"stats", "limit", "close"}
    assert not stats & set(api_entries.left_out(httptrace, httptrace.TCPConnector))
    assert "headers" in api_entries.members(httptrace.TraceRequestStartParams)


@pytest.mark.parametrize("name", SHARED)
def test_guide_describes_additions(name: str) -> None:
    """The guide describes each documented member that aiohttp's class lacks."""
    theirs = getattr(aiohttp, name)
    known = set(dir(theirs)).union(*(vars(c).get("__annotations__", ()) for c in theirs.__mro__))
    ours = {member for member, doc in api_entries.members(CLASSES[name]).items() if doc}
    added = ours - known
    assert [member for member in sorted(added) if not re.search(rf"\b{member}\b", GUIDE)] == []


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("ClientSession", "sessions"),
        ("FormData", "requests"),
        ("RequestOptions", "requests"),
        ("StreamReader", "responses"),
        ("TCPConnector", "connectors"),
        ("CookieJar", "credentials"),
        ("ClientTimeout", "timeouts"),
        ("TotalTimeoutError", "errors"),
        ("ClientWSTimeout", "websockets"),
        ("Observer", "tracing"),
        ("Timeline", "timeline"),
        ("TraceRequestFinishParams", "moments"),
        ("Context", "context"),
        ("LogConfiguration", "logging"),
        ("ContextMiddleware", "servers"),
        ("EventRecorder", "testing"),
        ("__version__", "other"),
    ],
)
def test_subjects(name: str, subject: str) -> None:
    """A name is on the page of its subject, and on no other."""
    pages = [page for page, names in api_pages.names().items() if name in {n.name for n in names}]
    assert pages == [subject]


def test_index_has_every_name() -> None:
    """The index of the reference links to every name."""
    index = api_pages.index_page()
    paths = [name.path for names in api_pages.names().values() for name in names]
    assert [path for path in paths if f"{{py:obj}}`~{path}`" not in index] == []


def test_data_of_moments_have_types() -> None:
    """The reference and editors show the declared type of each field of an event."""
    moment = httptrace.TraceTlsHandshakeEndParams
    getters = {name: inspect.getattr_static(moment, name).fget for name, _, _ in moment.fields}
    shown = {name: getter.__annotations__["return"] for name, getter in getters.items()}
    assert shown == {name: kind for name, kind, _ in moment.fields}


def test_nothing_is_repeated_for_each_moment() -> None:
    """Members of every event class are listed once, with `Event`."""
    declared = {"signal", "name", "group", "span", "edge", "fields"}
    assert declared <= set(api_entries.left_out(httptrace, httptrace.TraceDnsCacheHitParams))
    assert not declared & set(api_entries.left_out(httptrace, httptrace.Event))


def test_values_say_what_they_are() -> None:
    """The entry of a constant or an alias has its docstring, and what it stands for."""
    for name in httptrace.__all__:
        value = getattr(httptrace, name)
        if not isinstance(value, type) and not callable(value) and name != "hdrs":
            text = REFERENCE.partition(f".. py:data:: httptrace.{name}\n")[2]
            said = text.partition("\n..")[0].partition("\n```")[0]
            assert re.search(r"^   [A-Z`'\"]", said, re.MULTILINE), name


def test_keyword_arguments_are_told() -> None:
    """The reference explains each parameter of a request and of a WebSocket."""
    keywords = api_entries.keyword_classes(httptrace)
    assert [cls.__name__ for cls in keywords] == ["RequestOptions", "WebSocketOptions"]
    for cls in keywords:
        assert f".. autoclass:: {cls.__module__}.{cls.__name__}\n" in REFERENCE
        told = api_entries.docs_of_class(cls)
        assert [name for name in cls.__annotations__ if not told.get(name)] == []


def test_colons_in_docstrings_stay() -> None:
    """Words before a colon in the docstring of an attribute do not become its type."""
    app: Any = None
    lines = ["How often: once"]
    docs.remember(app, "property", "X.often", None, None, lines)
    lines[:] = ["once", "", ":type: How often"]
    docs.restore(app, "property", "X.often", None, None, lines)
    assert lines == ["How often: once"]


def test_private_bases_are_not_named() -> None:
    """A private base is replaced by its own bases."""
    for cls in CLASSES.values():
        shown = api_entries.shown_bases(httptrace, cls.__bases__)
        assert not [base for base in shown if base.__name__.startswith("_") or base is object]
