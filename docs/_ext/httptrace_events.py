"""Fills ``events.md``, ``api.md`` and the pages in ``api/`` when the documentation is built.

The line ``<!-- httptrace:events -->`` becomes the tables of all moments, and the line
``<!-- httptrace:api -->`` the reference of one subject, or its index. The text is made from the
code, so it has every moment and every public name.

Only the functions below "Sphinx" need Sphinx. The others return text, and the tests call them.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import api_pages
from api_entries import shown_bases

if TYPE_CHECKING:
    from sphinx.application import Sphinx

EDGES = {
    "start": "opens",
    "end": "closes",
    "exception": "closes",
    "point": "",
}


def sentence(doc: str | None) -> str:
    """The first paragraph of a docstring, on one line and safe in a table's cell."""
    paragraph = (inspect.cleandoc(doc or "")).split("\n\n", 1)[0]
    return " ".join(paragraph.split()).replace("``", "`").replace("|", "\\|")


# --- the moments --------------------------------------------------------------------------------


def events_page() -> str:
    """The tables of all moments, in the order in which a request meets them."""
    events = importlib.import_module("httptrace.trace.events").EVENTS
    groups: dict[str, list[Any]] = {}
    for event in events:
        groups.setdefault(event.group, []).append(event)
    return "\n\n".join(group_section(name, members) for name, members in groups.items())


def group_section(group: str, events: Iterable[Any]) -> str:
    """One table of moments under its heading, and the data of each below it."""
    title = api_pages.group_title(group)
    members = list(events)
    rows = "\n".join(event_row(event) for event in members)
    table = f"| signal, and class of `params` | span | meaning |\n| --- | --- | --- |\n{rows}"
    data = "\n\n".join(data_list(event) for event in members if event.fields)
    return f"## {title}\n\n{table}\n\n{data}".rstrip()


def event_row(event: Any) -> str:
    """The row of a moment."""
    edge = EDGES[event.edge]
    span = f"{edge} `{event.span}`" if event.span and edge else ""
    meaning = sentence(event.__doc__)
    names = f"`{event.signal}`<br>{{class}}`~httptrace.{event.__name__}`"
    return f"| {names} | {span} | {meaning} |"


def data_list(event: Any) -> str:
    """The data of a moment beside ids and time."""
    lines = (
        f"- `{name}` (`{kind.strip(chr(34))}`): {sentence(doc)}" for name, kind, doc in event.fields
    )
    return f"**`{event.signal}`** carries\n\n" + "\n".join(lines)


# --- Sphinx -------------------------------------------------------------------------------------

API = "<!-- httptrace:api -->"
PAGES: dict[str, tuple[str, Callable[[], str]]] = {
    "events": ("<!-- httptrace:events -->", events_page),
    "api": (API, api_pages.index_page),
    **{f"api/{name}": (API, partial(api_pages.subject_page, name)) for name in api_pages.SUBJECTS},
}
"""Each page that is filled: the line that is replaced, and what makes the text."""


def fill(app: Sphinx, page: str, source: list[str]) -> None:
    """Replace the marker of a page with the generated text."""
    if page in PAGES:
        marker, generate = PAGES[page]
        before, found, after = source[0].partition(marker)
        if not found:
            raise ValueError(f"docs/{page}.md lacks the line {marker}")
        source[0] = before + generate() + after


def show_bases(app: Sphinx, name: str, cls: type, options: Any, bases: list[type]) -> None:
    """Replace bases that nobody can import with their own bases."""
    bases[:] = shown_bases(importlib.import_module("httptrace"), cls.__bases__)


_as_written: dict[str, list[str]] = {}


def remember(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Keep the docstring of an attribute: to napoleon "this: that" is a type and a text."""
    if what in ("attribute", "data", "property"):
        _as_written[name] = [*lines]


def restore(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Restore the docstring, unless it has sections for napoleon."""
    written = _as_written.pop(name, None)
    if written is not None and not any(line.startswith("---") for line in written):
        lines[:] = written


def spell_out(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: Any
) -> tuple[str | None, Any]:
    """Show `...` for the default that means "not given"."""
    return (signature or "").replace("= _UNSET", "= ...") or None, returns


def always_outdated(app: Sphinx, env: Any, added: Any, changed: Any, removed: Any) -> Iterator[str]:
    """Make the generated pages anew at each build: Sphinx does not see changes of the code."""
    return iter(PAGES)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("source-read", fill)
    app.connect("autodoc-process-bases", show_bases)
    app.connect("autodoc-process-docstring", remember, priority=400)  # napoleon's is 500
    app.connect("autodoc-process-docstring", restore, priority=600)
    app.connect("autodoc-process-signature", spell_out)
    app.connect("env-get-outdated", always_outdated)
    return {"version": "1", "parallel_read_safe": True}
