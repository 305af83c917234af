"""Print how long the files and functions of the package are: ``python scripts/report_sizes.py``.

It judges nothing. A long file or function in the list deserves a look: it may read better in parts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

ROOT = Path(__file__).resolve().parent.parent
LONG_FILE = 400
LONG_FUNCTION = 60


def functions(source: str) -> Iterator[tuple[str, int]]:
    """The name and the length of every function: the lines of its body without the docstring."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            has_docstring = ast.get_docstring(node) is not None
            body = node.body[1:] if has_docstring else node.body
            first = body[0].lineno if body else node.end_lineno or 0
            yield node.name, (node.end_lineno or 0) - first + 1 if body else 0


def main() -> None:
    """Print the report."""
    lengths: list[int] = []
    files: list[tuple[int, str]] = []
    long: list[tuple[int, str]] = []
    for path in sorted((ROOT / "src" / "httptrace").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        where = str(path.relative_to(ROOT))
        files.append((len(source.splitlines()), where))
        for name, length in functions(source):
            lengths.append(length)
            if length > LONG_FUNCTION:
                long.append((length, f"{where}: {name}"))
    _list(f"files of more than {LONG_FILE} lines", [file for file in files if file[0] > LONG_FILE])
    _list(f"functions of more than {LONG_FUNCTION} lines", long)
    tenths = quantiles(lengths, n=10)
    print(
        f"{sum(lines for lines, _ in files)} lines in {len(files)} files; of {len(lengths)} "
        f"functions half have at most {tenths[4]:.0f} lines, nine in ten at most {tenths[8]:.0f}"
    )


def _list(title: str, found: list[tuple[int, str]]) -> None:
    print(f"{title}: {len(found)}")
    for length, where in sorted(found, reverse=True):
        print(f"  {length:5} {where}")


if __name__ == "__main__":
    main()
