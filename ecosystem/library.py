"""What the head of a library's script says of it; read without running the script."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "libraries"

WAYS = {
    "alias": "imported as `aiohttp`",
    "session": "given our session",
    "trace config": "given to our session",
}
"""How httptrace is put under a library, and what the table says of it."""


@dataclass(frozen=True)
class Library:
    """One library and its script."""

    name: str
    """The script's name."""
    shows: str
    """What the script does: the first line of its docstring."""
    requirements: tuple[str, ...]
    """What to install for it. The first is the library."""
    way: str
    """One of `WAYS`."""
    sends: bool = True
    """Whether requests go out to a server: httptrace must have seen some."""

    @property
    def project(self) -> str:
        """The library's name on PyPI."""
        return re.split(r"[\[<>=!~; ]", self.requirements[0])[0]


def library(name: str) -> Library:
    """The library of this script.

    Raises
    ------
    ValueError
        If the script does not exist, or its head is incomplete.
    """
    path = FOLDER / f"{name}.py"
    if not path.is_file():
        raise ValueError(f"there is no ecosystem/libraries/{name}.py")
    tree = ast.parse(path.read_text())
    values = _constants(tree)
    shows = (ast.get_docstring(tree) or "").partition("\n")[0]
    requirements = tuple(values.get("REQUIREMENTS", ()))
    way = values.get("WAY", "")
    if not shows or not requirements or way not in WAYS:
        raise ValueError(f"{path.name} needs a docstring, REQUIREMENTS and a WAY of {list(WAYS)}")
    return Library(name, shows, requirements, way, values.get("SENDS", True))


def libraries() -> list[Library]:
    """All of them, in the order of their scripts' names."""
    names = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
    return [library(name) for name in names]


def _constants(tree: ast.Module) -> dict[str, Any]:
    """The module's names in capitals whose values are literals."""
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in {"REQUIREMENTS", "WAY", "SENDS"}
    }
