"""What the API reference says of one name, and what it leaves out.

Four kinds of members of a class are not listed:

- what is written for the package itself: its docstring begins with ``Internal:``
- what is documented under a public base of the class
- constants that a class is given by its metaclass, and a base documents
- fields of a tuple that nothing is said of but their number: the signature has them

The rest is what whoever uses the class has to do with. A test holds that a member that aiohttp's
class lacks is either marked or told of in the guide.
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

INTERNAL = "Internal: "


# --- the docstrings as they are written ---------------------------------------------------------


@cache
def docs_of_class(cls: type) -> dict[str, str]:
    """The members that the body of a class defines, with their docstrings; "" without one."""
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
    """Every member without an underscore that a class has from the package, with its docstring."""
    found: dict[str, str] = {}
    for base in cls.__mro__:
        if is_ours(base):
            for name, doc in docs_of_class(base).items():
                if name and not name.startswith("_"):
                    found[name] = found.get(name) or doc
    return found


def internal(cls: type) -> set[str]:
    """The members that are there for the package itself."""
    return {name for name, doc in members(cls).items() if doc.startswith(INTERNAL)}


def left_out(package: Any, cls: type) -> list[str]:
    """The members that the entry of a class does not list, apart from those of public bases."""
    written = members(cls)
    public = [base for base in cls.__mro__[1:] if _is_public(package, base)]
    documented = set().union(*map(members, public))
    given = {name for name in vars(cls) if name in documented and name not in docs_of_class(cls)}
    fields = {name for name in getattr(cls, "_fields", ()) if not written.get(name)}
    return sorted(internal(cls) | given | fields)


def elsewhere(package: Any, cls: type) -> list[str]:
    """The bases whose members are documented under their own name, or not by us.

    Those of the others belong to the class for whoever uses it, wherever they are written.
    """
    bases = cls.__mro__[1:]
    return [base.__name__ for base in bases if _is_public(package, base) or not is_ours(base)]


def shown_bases(package: Any, bases: tuple[type, ...]) -> list[type]:
    """The bases that say something to whoever uses a class: for a private one, its own."""
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
    """The directive that documents one name: an alias points to what it stands for."""
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
    """A constant, a module, or an alias of a type, with what is written below it."""
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
