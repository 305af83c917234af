"""Makes the entry of one name in the API reference, and decides which members it lists.

The entry of a class does not list these members:

- members that are documented under a public base of the class
- constants that the metaclass sets and that a base documents
- fields of a named tuple without a docstring, which the signature shows

A test checks that each listed member that aiohttp's class lacks is described in the guide.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from itertools import chain
from types import ModuleType
from typing import Any, get_origin

# --- the docstrings as they are written ---------------------------------------------------------


@cache
def docs_of_class(cls: type) -> dict[str, str]:
    """The members that the body of a class defines, with their docstrings or ""."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError):  # built in
        return {}
    (definition,) = tree.body
    assert isinstance(definition, ast.ClassDef)
    methods = [node for node in definition.body if isinstance(node, ast.FunctionDef)]
    bodies = [definition.body, *(node.body for node in methods if node.name == "__init__")]
    docs: dict[str, str] = {}
    for name, doc in chain.from_iterable(map(_docs_in, bodies)):
        docs[name] = docs.get(name) or doc  # the setter of a property has none
    return docs


@cache
def docs_of_module(module: ModuleType) -> dict[str, str]:
    """The names that a module assigns, with the docstrings that follow them."""
    return dict(_docs_in(ast.parse(inspect.getsource(module)).body))


def _docs_in(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement.name, ast.get_docstring(statement) or ""
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                yield _name_of(target), _text_of(following)


def _name_of(target: ast.expr) -> str:
    return getattr(target, "id", "") or getattr(target, "attr", "")


def _text_of(statement: ast.stmt | None) -> str:
    value = statement.value if isinstance(statement, ast.Expr) else None
    text = value.value if isinstance(value, ast.Constant) else None
    return inspect.cleandoc(text) if isinstance(text, str) else ""


# --- classes ------------------------------------------------------------------------------------


def is_ours(cls: type) -> bool:
    """Whether it is a class of the package."""
    return cls.__module__.partition(".")[0] == "httptrace"


def members(cls: type) -> dict[str, str]:
    """Every public member that a class and its bases in the package define, with its docstring."""
    found: dict[str, str] = {}
    for base in cls.__mro__:
        if is_ours(base):
            for name, doc in docs_of_class(base).items():
                if name and not name.startswith("_"):
                    found[name] = found.get(name) or doc
    return found


def left_out(package: Any, cls: type) -> list[str]:
    """The members of a class that its entry excludes by name."""
    written = members(cls)
    public = [base for base in cls.__mro__[1:] if _is_public(package, base)]
    documented = set().union(*map(members, public))
    given = {name for name in vars(cls) if name in documented and name not in docs_of_class(cls)}
    fields = {name for name in getattr(cls, "_fields", ()) if not written.get(name)}
    return sorted(given | fields)


def elsewhere(package: Any, cls: type) -> list[str]:
    """The bases whose members the entry of a class does not repeat: public bases, and foreign ones.

    Members of private bases are listed as members of the class.
    """
    bases = cls.__mro__[1:]
    return [base.__name__ for base in bases if _is_public(package, base) or not is_ours(base)]


def shown_bases(package: Any, bases: tuple[type, ...]) -> list[type]:
    """The bases to name in an entry; a private base is replaced with its own bases."""
    shown: list[type] = []
    for base in bases:
        if _is_public(package, base) or not (is_ours(base) or base.__name__.startswith("_")):
            shown.append(base)
        else:
            shown += shown_bases(package, base.__bases__)
    return [base for base in dict.fromkeys(shown) if base is not object]


def _is_public(package: Any, cls: type) -> bool:
    return cls.__name__ in package.__all__ and getattr(package, cls.__name__) is cls


# --- entries ------------------------------------------------------------------------------------


def entry(package: Any, name: str, module: str) -> str:
    """The directive that documents one name; an alias points to the name that it stands for."""
    value = getattr(package, name)
    if not (inspect.isclass(value) or inspect.isroutine(value)) or get_origin(value):
        return _value(name, value, module)
    own = value.__name__
    if own != name and own in package.__all__ and getattr(package, own) is value:
        return f".. py:data:: {package.__name__}.{name}\n\n   The same as `{own}`.\n"
    if inspect.isroutine(value):
        return f".. autofunction:: {package.__name__}.{name}\n"
    lines = [
        f".. autoclass:: {package.__name__}.{name}",
        "   :members:",
        f"   :inherited-members: {','.join(elsewhere(package, value))}",
    ]
    if unlisted := left_out(package, value):
        lines.append(f"   :exclude-members: {','.join(unlisted)}")
    if shown_bases(package, value.__bases__):
        lines.append("   :show-inheritance:")
    return "\n".join(lines) + "\n"


def keyword_classes(package: Any) -> list[type]:
    """The typed dictionaries of the keyword arguments that public callables take (PEP 692)."""
    classes = [
        value for name in package.__all__ if inspect.isclass(value := getattr(package, name))
    ]
    modules = {base.__module__ for cls in classes for base in cls.__mro__ if is_ours(base)}
    found: set[type] = set()
    for module in map(sys.modules.get, modules):
        source = inspect.getsource(module) if module else ""
        for name in set(re.findall(r"Unpack\[(\w+)\]", source)):
            found.add(_imported(source, module, name))
    return sorted(found, key=lambda keywords: keywords.__name__)


def _imported(source: str, module: Any, name: str) -> type:
    """What a module imports under a name, be it for type checkers alone."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
            origin = "." * node.level + (node.module or "")
            found: type = getattr(importlib.import_module(origin, module.__package__), name)
            return found
    return getattr(module, name)  # type: ignore[no-any-return]


def keyword_entry(module: Any, name: str) -> str:
    """The directive that documents keyword arguments."""
    return f".. autoclass:: {module.__name__}.{name}\n   :members:\n   :exclude-members: __init__\n"


def _value(name: str, value: Any, module: str) -> str:
    """The entry of a constant, a module, or an alias of a type, with the docstring below it."""
    if isinstance(value, ModuleType):
        said = inspect.getdoc(value) or ""
    else:
        said = docs_of_module(importlib.import_module(module)).get(name, "")
    if get_origin(value):
        kind = re.sub(r"\b(typing|collections\.abc|httptrace[\w.]*)\.", "", str(value))
        return f".. py:data:: httptrace.{name}\n\n{_indented(said)}\n\n   Stands for `{kind}`.\n"
    kind = type(value).__name__
    return f".. py:data:: httptrace.{name}\n   :type: {kind}\n\n{_indented(said)}\n"


def _indented(text: str) -> str:
    return textwrap.indent(text, "   ")
