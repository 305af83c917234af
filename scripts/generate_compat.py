"""Write ``docs/compat.md``: every client-side name of aiohttp, and how httptrace's differs.

The script compares names, parameters, defaults and members of both installed packages. Each
difference must be explained in ``docs/_ext/compat_notes.py``, and each explanation must apply to
one. Run ``python scripts/generate_compat.py`` after either has changed. With ``--check`` it writes
nothing; its exit status tells whether the page is up to date.
"""

from __future__ import annotations

import ast
import enum
import importlib
import inspect
import pkgutil
import sys
import warnings
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import aiohttp

import httptrace
from httptrace.request.options import RequestOptions
from httptrace.ws.options import WebSocketOptions

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "compat.md"
sys.path.insert(0, str(ROOT / "docs" / "_ext"))

from compat_notes import BETTER, DIFFERENT, MODULES_NOT_HERE, SERVER_SIDE, UNEQUAL  # noqa: E402

_LOOSE = {"RequestOptions": RequestOptions, "WebSocketOptions": WebSocketOptions}
_REST = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_DUNDERS = (
    *("__aiter__", "__aenter__", "__await__", "__enter__", "__iter__", "__len__"),
    *("__getitem__", "__contains__", "__call__"),
)


# --- what is compared -----------------------------------------------------------------------------


def names() -> list[str]:
    """The names of aiohttp that a client uses."""
    return sorted(set(aiohttp.__all__) - set(SERVER_SIDE), key=str.casefold)


def differences(name: str) -> list[str]:
    """What ours lacks or has otherwise: ``Class(parameter)``, ``Class.member(parameter)``."""
    if not hasattr(httptrace, name):
        return [name]
    theirs, ours = getattr(aiohttp, name), getattr(httptrace, name)
    found = [*_of_signature(name, theirs, ours)]
    if inspect.isclass(theirs):
        for member in _members(theirs):
            found += _of_member(f"{name}.{member}", member, theirs, ours)
    elif inspect.ismodule(theirs):
        found += [f"{name}.{one}" for one in _constants(theirs) if not hasattr(ours, one)]
    return found


def _constants(module: Any) -> list[str]:
    return [name for name in vars(module) if name.isupper()]


def _members(cls: type) -> Iterator[str]:
    """The public attributes of a class, those of its instances that are annotated included."""
    annotated = [name for base in cls.__mro__ for name in vars(base).get("__annotations__", ())]
    for name in sorted({*dir(cls), *annotated}):
        if name in _DUNDERS or not name.startswith("_"):
            yield name


def _of_member(label: str, member: str, theirs: type, ours: type) -> Iterator[str]:
    if member not in {*_members(ours)}:
        yield label
        return
    mine, other = getattr(ours, member, None), getattr(theirs, member, None)
    if callable(mine) and callable(other) and not inspect.isclass(other):
        yield from _of_signature(label, other, mine)


def _of_signature(label: str, theirs: Any, ours: Any) -> Iterator[str]:
    expected, actual = _parameters(theirs), _parameters(ours)
    for name, default in expected.items():
        if name not in actual:
            yield f"{label}({name})"
        elif not _same(default, actual[name]):
            yield f"{label}({name}={_shown(default)})"


def _parameters(function: Any) -> dict[str, Any]:
    """Parameters and their defaults; those that a typed ``**kwargs`` stands for as well."""
    if not callable(function):
        return {}
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        return {}
    found: dict[str, Any] = {}
    for parameter in signature.parameters.values():
        options = _LOOSE.get(str(parameter.annotation).removeprefix("Unpack[").removesuffix("]"))
        if parameter.kind is parameter.VAR_KEYWORD and options is not None:
            found.update(dict.fromkeys(options.__annotations__, Any))
        elif parameter.name != "self" and parameter.kind not in _REST:
            found[parameter.name] = parameter.default
    return found


def _same(theirs: Any, ours: Any) -> bool:
    """Whether two defaults mean the same: both may have a sign of their own for "not given"."""
    if ours is Any or theirs == ours or (_is_sentinel(theirs) and ours in (..., None)):
        return True
    if callable(theirs) and callable(ours):
        return theirs.__name__ in (ours.__name__, "<lambda>") or _is_ours(theirs, ours)
    return isinstance(theirs, tuple) and tuple(theirs) == ours


def _is_sentinel(value: Any) -> bool:
    return isinstance(value, enum.Enum) and "sentinel" in value.name


def _is_ours(theirs: Any, ours: Any) -> bool:
    return getattr(httptrace, getattr(theirs, "__name__", ""), None) is ours


def _shown(default: Any) -> str:
    return "required" if default is inspect.Parameter.empty else repr(default)


def request_parameters() -> list[str]:
    """Parameters of aiohttp's requests and WebSockets that ours do not take."""
    requests = set(inspect.signature(aiohttp.ClientSession._request).parameters)
    known = {"self", "method", "str_or_url", *RequestOptions.__annotations__}
    sockets = set(inspect.signature(aiohttp.ClientSession.ws_connect).parameters)
    options = {
        *inspect.signature(httptrace.ClientSession.ws_connect).parameters,
        *WebSocketOptions.__annotations__,
    }
    return [
        *(f"ClientSession.request({name})" for name in sorted(requests - known)),
        *(f"ClientSession.ws_connect({name})" for name in sorted(sockets - options)),
    ]


def explained(difference: str) -> str | None:
    """Why something differs, if the notes tell."""
    return next((why for pattern, why in UNEQUAL.items() if fnmatchcase(difference, pattern)), None)


def unexplained() -> list[str]:
    """What differs and is not in the notes."""
    found = [each for name in names() for each in differences(name)] + request_parameters()
    return [each for each in found if explained(each) is None]


def outdated() -> list[str]:
    """What the notes explain although it does not differ, and names that aiohttp does not have."""
    found = [each for name in names() for each in differences(name)] + request_parameters()
    patterns = [p for p in UNEQUAL if not any(fnmatchcase(each, p) for each in found)]
    known = {*names(), *AREAS}
    return patterns + [name for name in {**BETTER, **DIFFERENT} if name not in known]


# --- modules --------------------------------------------------------------------------------------


def modules() -> list[str]:
    """The modules of aiohttp's client that httptrace has too."""
    theirs = {one.name for one in pkgutil.iter_modules(aiohttp.__path__)}
    ours = {one.name for one in pkgutil.iter_modules(httptrace.__path__) if not one.ispkg}
    return sorted(theirs & ours)


def missing_modules() -> list[str]:
    """The public modules of aiohttp that httptrace lacks, without those of its server."""
    theirs = {one.name for one in pkgutil.iter_modules(aiohttp.__path__)}
    return sorted(
        name for name in theirs - {*modules()} if not name.startswith(("_", "web")) or name == "web"
    )


def module_names(module: str) -> tuple[list[str], list[str]]:
    """The public names of one of aiohttp's modules: those that httptrace has there, and the rest.

    Public are the names of its ``__all__`` and those that it defines itself.
    """
    theirs = importlib.import_module(f"aiohttp.{module}")
    ours = importlib.import_module(f"httptrace.{module}")
    public = {*getattr(theirs, "__all__", ()), *_defined(ast.parse(inspect.getsource(theirs)))}
    names = sorted(public, key=str.casefold)
    here = [name for name in names if hasattr(ours, name)]
    return here, [name for name in names if not hasattr(ours, name)]


def _defined(tree: ast.Module) -> Iterator[str]:
    """The public names of classes, functions and constants at the top of a module."""
    for node in tree.body:
        targets: list[Any] = []
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from [node.name] if node.name[0] != "_" else []
        elif isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Name) and target.id[0] != "_":
                yield target.id


# --- the page -------------------------------------------------------------------------------------

AREAS = {
    "Security": "protection from servers and attackers",
    "Timing": "time limits and their errors",
    "Connections": "the pool, and how connections are closed",
    "Bodies": "of requests and responses",
}
"""Rows that are about no single name."""

HEAD = """# Compatibility with aiohttp

<!-- Generated by scripts/generate_compat.py from both packages and docs/_ext/compat_notes.py. -->

Code written for the client of aiohttp {version} runs with

```python
import httptrace as aiohttp
```

This page lists every client-side name in aiohttp's `__all__`. "Same" means that the name, its
parameters with their defaults and its public members exist and do what aiohttp documents. Patterns
name parameters and members that differ: `Name(parameter)`, `Name.member`.
"""


def page() -> str:
    """The text of the page."""
    head = HEAD.format(version=".".join(aiohttp.__version__.split(".")[:2]))
    return "\n".join([head, _behaviour(), _table(), _modules(), _server_side()])


def _behaviour() -> str:
    rows = [
        f"| {area}: {meaning} | {_cell(BETTER.get(area))} | {_cell(DIFFERENT.get(area))} |"
        for area, meaning in AREAS.items()
    ]
    return "\n".join(
        ["## In general\n", "| | better | different, and why |", "| --- | --- | --- |", *rows, ""]
    )


def _table() -> str:
    lines = ["## Names\n", "| name | same | better | different, and why |"]
    lines.append("| --- | --- | --- | --- |")
    for name in names():
        different = (*_notes(DIFFERENT.get(name)), *_reasons(name))
        same = "mostly" if different else "yes"
        lines.append(f"| `{name}` | {same} | {_cell(BETTER.get(name))} | {_cell(different)} |")
    return "\n".join([*lines, ""])


def _reasons(name: str) -> Iterator[str]:
    """What the comparison found about one name: the patterns of the notes, and why."""
    found = differences(name)
    if name == "ClientSession":
        found += request_parameters()
    by_pattern = {
        pattern: why
        for pattern, why in UNEQUAL.items()
        if any(fnmatchcase(each, pattern) for each in found)
    }
    for why in dict.fromkeys(by_pattern.values()):
        patterns = [f"`{p}`" for p, reason in by_pattern.items() if reason == why]
        yield f"{', '.join(patterns)}: {why}"


def _notes(notes: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (notes,) if isinstance(notes, str) else notes or ()


def _cell(notes: str | tuple[str, ...] | None) -> str:
    return "<br>".join(_notes(notes))


MODULES = """## Modules

Programs that import from a module of aiohttp, such as `aiohttp.client_exceptions`, find the module
in httptrace too. The names below are those of the module's `__all__` and those that it defines.
The ones that are not there belong to aiohttp's parsers, writers and server, or are internal.

| module | names | not there |
| --- | --- | --- |
"""


def _modules() -> str:
    rows = []
    for module in modules():
        here, missing = module_names(module)
        shown = f"{len(here)} names" if len(here) > 40 else _listed(here)
        rows.append(f"| `{module}` | {shown} | {_listed(missing)} |\n")
    lacking = [f"`{name}`: {MODULES_NOT_HERE[name]}" for name in missing_modules()]
    return f"{MODULES}{''.join(rows)}\nModules that are not there: {'; '.join(lacking)}.\n"


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _server_side() -> str:
    listed = "\n".join(f"- `{name}`: {why}" for name, why in SERVER_SIDE.items())
    return f"## Not here\n\n{listed}\n"


def main() -> int:
    """Write the page, or compare it."""
    warnings.simplefilter("ignore", DeprecationWarning)
    problems = [f"not explained: {each}" for each in unexplained()]
    problems += [f"explained, but not so: {each}" for each in outdated()]
    if problems:
        print("\n".join(problems), file=sys.stderr)
        return 1
    if "--check" in sys.argv:
        if PAGE.read_text() == page():
            return 0
        print(
            "docs/compat.md is out of date: run python scripts/generate_compat.py", file=sys.stderr
        )
        return 1
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
