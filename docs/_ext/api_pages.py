"""The API reference as one page per subject: which public name is on which page.

Each page is a file ``docs/api/<subject>.md`` with a heading and an introduction, and the list of
entries is made from the code. A name belongs to a subject by the module that defines it.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

from api_entries import entry, keyword_classes, keyword_entry

SUBJECTS: dict[str, tuple[str, ...]] = {
    "sessions": ("session",),
    "requests": ("request", "body"),
    "responses": (
        *("response", "request_info", "etag"),
        *("body.disposition", "body.multipart_reader", "body.part_reader"),
        *("body.queues", "body.sse", "body.streams", "headers.server_timing"),
    ),
    "connectors": ("pool", "net"),
    "caching": ("cache", "interceptors.cache"),
    "credentials": ("cookies", "auth"),
    "timeouts": ("timeouts",),
    "errors": ("errors",),
    "websockets": ("ws",),
    "tracing": ("trace", "observers"),
    "timeline": (
        *("trace.timeline", "trace.hop", "trace.record", "trace.tcp_info", "trace.loop_lag"),
        "trace.why",
    ),
    "moments": ("trace.moments", "trace.events"),
    "context": ("local",),
    "logging": ("local.json_logs", "local.log_bridges", "local.logs", "masking"),
    "servers": ("web",),
    "testing": ("testing",),
    "other": ("",),
}
"""The pages in their order, with the modules or rooms that they cover: the longest match counts."""

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
"""The headings of the groups of moments; a group without one is headed by its own name."""


class Name(NamedTuple):
    """A name in the reference."""

    package: Any
    """Where it is imported from."""
    module: str
    """Where it is defined, without ``httptrace.``; empty for the package itself."""
    name: str
    is_keywords: bool = False
    """Whether it stands for the keyword arguments of public functions."""

    @property
    def path(self) -> str:
        """What the entry is called."""
        base = f"httptrace.{self.module}" if self.is_keywords else self.package.__name__
        return f"{base}.{self.name}"


def subject_of(module: str) -> str:
    """The page that has the names of a module."""
    found = [
        (len(start), subject)
        for subject, starts in SUBJECTS.items()
        for start in starts
        if module.startswith(start)
    ]
    return max(found)[1]


@cache
def names() -> dict[str, list[Name]]:
    """Every name of the reference, by subject."""
    package = importlib.import_module("httptrace")
    imported = imports(package)
    public = [Name(package, home(package, name, imported), name) for name in package.__all__]
    public += [
        Name(package, _below(keywords.__module__), keywords.__name__, is_keywords=True)
        for keywords in keyword_classes(package)
    ]
    testing = importlib.import_module("httptrace.testing")
    public += [Name(testing, "testing", name) for name in testing.__all__]
    found: dict[str, list[Name]] = {subject: [] for subject in SUBJECTS}
    for name in sorted(public, key=lambda each: each.name.casefold()):
        found[subject_of(name.module)].append(name)
    return found


def imports(package: Any) -> dict[str, str]:
    """Which module the package imports each name from."""
    tree = ast.parse(inspect.getsource(package))
    return {
        alias.name: node.module or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }


def home(package: Any, name: str, imported: dict[str, str]) -> str:
    """The module that defines a class or function; that a value or a module is imported from."""
    value = getattr(package, name)
    module = getattr(value, "__module__", None)
    if isinstance(module, str) and module.partition(".")[0] == package.__name__:
        return _below(module)
    return "" if isinstance(value, ModuleType) else imported.get(name, "")


def _below(module: str) -> str:
    return module.partition(".")[2]


# --- pages --------------------------------------------------------------------------------------


def index_page() -> str:
    """A list of all names, by subject."""
    return "\n\n".join(
        f"## [](api/{subject}.md)\n\n" + " · ".join(f"{{py:obj}}`~{name.path}`" for name in found)
        for subject, found in names().items()
        if found
    )


def subject_page(subject: str) -> str:
    """The entries of one subject."""
    found = names()[subject]
    if subject == "moments":
        return _moments(found)
    return _block(found)


def _moments(found: list[Name]) -> str:
    """The classes of the moments under the headings of ``events.md``."""
    order = importlib.import_module("httptrace.trace.events").EVENTS
    by_name = {name.name: name for name in found}
    groups: dict[str, list[Name]] = {}
    for event in order:
        if event.__name__ in by_name:
            groups.setdefault(event.group, []).append(by_name.pop(event.__name__))
    sections = [f"## {group_title(group)}\n\n{_block(each)}" for group, each in groups.items()]
    return "\n\n".join([*sections, *([_block([*by_name.values()])] if by_name else [])])


def _block(found: list[Name]) -> str:
    entries = "\n".join(map(_entry, found))
    return f"```{{eval-rst}}\n{entries}```"


def _entry(name: Name) -> str:
    if name.is_keywords:
        return keyword_entry(importlib.import_module(f"httptrace.{name.module}"), name.name)
    module = f"httptrace.{name.module}" if name.module else "httptrace"
    return entry(name.package, name.name, module)


def group_title(group: str) -> str:
    """The heading of a group of moments."""
    return GROUP_TITLES.get(group, group.replace("_", " ").capitalize())
