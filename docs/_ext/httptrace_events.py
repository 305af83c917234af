"""Fills the pages ``events.md`` and ``api.md`` from the code when the documentation is built.

The line ``<!-- httptrace:events -->`` becomes the tables of all declared moments, the line
``<!-- httptrace:api -->`` the reference of every name in ``httptrace.__all__``. Nothing is listed
by hand, so nothing can be missing.

Only `setup` touches Sphinx: the rest makes text, and the tests call it as it is.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

from api_entries import entry, keyword_classes, keyword_entry, shown_bases

if TYPE_CHECKING:
    from sphinx.application import Sphinx

GROUP_TITLES = {
    "call": "The call",
    "redirect": "Redirects and retries",
    "queue": "Waiting for a place",
    "dns": "DNS",
    "connect": "Connecting",
    "proxy": "Proxy tunnel",
    "tls": "TLS",
    "connection": "The connection",
    "send": "Sending",
    "receive": "Receiving",
    "cache": "Cache",
    "websocket": "WebSockets",
}
"""How the groups of moments are headed; one without an entry is headed by its own name."""

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
    title = GROUP_TITLES.get(group, group.replace("_", " ").capitalize())
    members = list(events)
    rows = "\n".join(event_row(event) for event in members)
    table = f"| signal, and class of `params` | span | meaning |\n| --- | --- | --- |\n{rows}"
    data = "\n\n".join(data_list(event) for event in members if event.fields)
    return f"## {title}\n\n{table}\n\n{data}".rstrip()


def event_row(event: Any) -> str:
    """A moment's row."""
    edge = EDGES[event.edge]
    span = f"{edge} `{event.span}`" if event.span and edge else ""
    meaning = sentence(event.__doc__)
    names = f"`{event.signal}`<br>{{class}}`~httptrace.{event.__name__}`"
    return f"| {names} | {span} | {meaning} |"


def data_list(event: Any) -> str:
    """What a moment carries beyond ids and time."""
    lines = (
        f"- `{name}` (`{kind.strip(chr(34))}`): {sentence(doc)}" for name, kind, doc in event.fields
    )
    return f"**`{event.signal}`** carries\n\n" + "\n".join(lines)


# --- the names ----------------------------------------------------------------------------------


def api_page() -> str:
    """The reference of every public name, grouped by the module that defines it."""
    package = importlib.import_module("httptrace")
    imported = imports(package)
    public = [(home(package, name, imported), name) for name in package.__all__]
    public += [(keywords.__module__, keywords.__name__) for keywords in keyword_classes(package)]
    public.sort()
    public.sort(key=lambda pair: pair[0] == package.__name__)  # what has no module of its own: last
    return "\n\n".join(
        module_section(package, module, [name for _, name in members])
        for module, members in groupby(public, key=lambda pair: pair[0])
    )


def imports(package: Any) -> dict[str, str]:
    """Which module the package imports each name from."""
    tree = ast.parse(inspect.getsource(package))
    return {
        alias.name: f"{package.__name__}.{node.module}" if node.module else package.__name__
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }


def home(package: Any, name: str, imported: dict[str, str]) -> str:
    """The module to list a name under: that of a class or function, or where a value is from."""
    module = getattr(getattr(package, name), "__module__", None)
    own = isinstance(module, str) and module.partition(".")[0] == package.__name__
    return str(module) if own else imported.get(name, package.__name__)


def module_section(package: Any, module: str, names: list[str]) -> str:
    """The names of one module under the first sentence of its docstring."""
    is_top = module == package.__name__
    title = "Modules" if is_top else f"`{module}`"
    intro = "" if is_top else sentence(importlib.import_module(module).__doc__)
    source = importlib.import_module(module)
    entries = "\n".join(
        entry(package, name, module) if name in package.__all__ else keyword_entry(source, name)
        for name in names
    )
    return f"## {title}\n\n{intro}\n\n```{{eval-rst}}\n{entries}```"


# --- Sphinx -------------------------------------------------------------------------------------

PAGES: dict[str, tuple[str, Callable[[], str]]] = {
    "events": ("<!-- httptrace:events -->", events_page),
    "api": ("<!-- httptrace:api -->", api_page),
}


def fill(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the generated text in the place of its marker."""
    if page in PAGES:
        marker, generate = PAGES[page]
        before, found, after = source[0].partition(marker)
        if not found:
            raise ValueError(f"docs/{page}.md lacks the line {marker}")
        source[0] = before + generate() + after


def show_bases(app: Sphinx, name: str, cls: type, options: Any, bases: list[type]) -> None:
    """Name no base that nobody can import."""
    bases[:] = shown_bases(importlib.import_module("httptrace"), cls.__bases__)


_as_written: dict[str, list[str]] = {}


def remember(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Keep the docstring of an attribute from napoleon, to which "this: that" is a type: one."""
    if what in ("attribute", "data", "property"):
        _as_written[name] = [*lines]


def restore(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Give the docstring back, unless napoleon had sections to read in it."""
    written = _as_written.pop(name, None)
    if written is not None and not any(line.startswith("---") for line in written):
        lines[:] = written


def spell_out(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: Any
) -> tuple[str | None, Any]:
    """Show the default that means "not given" as what it is."""
    return (signature or "").replace("= _UNSET", "= ...") or None, returns


def always_outdated(app: Sphinx, env: Any, added: Any, changed: Any, removed: Any) -> Iterator[str]:
    """The generated pages follow the code, whose changes Sphinx does not see."""
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
