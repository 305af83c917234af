"""What holds for the project as a whole: its names, its sizes, its weight, its pages."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import statistics
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httptrace_events as docs
import pytest
from hatchling.builders.wheel import WheelBuilder

import httptrace

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src" / "httptrace").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[AnyFunction]:
    """Every function and method that a file defines."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, AnyFunction):
            yield node


def length(function: AnyFunction) -> int:
    """The lines of a function's body, without its docstring: signatures are often aiohttp's."""
    lines = (function.end_lineno or 0) - function.body[0].lineno + 2
    if ast.get_docstring(function) is None:
        return lines
    docstring = function.body[0]
    return lines - ((docstring.end_lineno or 0) - docstring.lineno + 1)


def run_python(code: str) -> Any:
    """What the code prints as JSON in a fresh interpreter."""
    command = [sys.executable, "-c", code]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    run = subprocess.run(command, check=True, capture_output=True, cwd=ROOT, env=environment)
    return json.loads(run.stdout)


# --- the public names ---------------------------------------------------------------------------


def test_all_is_sorted() -> None:
    """``__all__`` is sorted and names nothing twice."""
    assert list(httptrace.__all__) == sorted(set(httptrace.__all__))


@pytest.mark.parametrize("name", sorted(httptrace.__all__))
def test_public_name_exists(name: str) -> None:
    """Each name in ``__all__`` can be imported."""
    assert getattr(httptrace, name) is not None


def test_all_is_complete() -> None:
    """Whatever the package shows without an underscore is in ``__all__``."""
    visible = {
        name
        for name, value in vars(httptrace).items()
        if not name.startswith("_") and name not in {"annotations", "TYPE_CHECKING"}
        if not isinstance(value, ModuleType)
    }
    assert visible <= set(httptrace.__all__)


def test_all_has_every_error_and_event() -> None:
    """Every exception of ``errors`` and the params class of every moment are public."""
    errors = importlib.import_module("httptrace.errors")
    events = importlib.import_module("httptrace.trace.events")
    names = {*errors.__all__, *(event.__name__ for event in events.EVENTS)}
    assert names <= set(httptrace.__all__)


def test_public_objects_have_docstrings() -> None:
    """Every public class and function says what it is for."""
    objects = {name: getattr(httptrace, name) for name in httptrace.__all__}
    callables = {name: obj for name, obj in objects.items() if isinstance(obj, type)}
    callables |= {name: obj for name, obj in objects.items() if inspect.isfunction(obj)}
    assert [name for name, obj in callables.items() if not obj.__doc__] == []


# --- the package --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel_contents(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in a wheel that is built from the checkout."""
    directory = tmp_path_factory.mktemp("wheel")
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(directory), versions=["standard"])
    return set(zipfile.ZipFile(wheel).namelist())


def test_wheel_is_typed(wheel_contents: set[str]) -> None:
    """The wheel tells type checkers that it has types (PEP 561)."""
    assert "httptrace/py.typed" in wheel_contents


def test_wheel_has_every_module(wheel_contents: set[str]) -> None:
    """The wheel carries every module of the checkout, its licence and the command."""
    modules = {str(path.relative_to(ROOT / "src")) for path in SOURCES}
    information = f"httptrace-{PROJECT['version']}.dist-info"
    assert modules <= wheel_contents
    assert f"{information}/licenses/LICENSE" in wheel_contents
    assert f"{information}/entry_points.txt" in wheel_contents


def test_version_is_the_same_everywhere() -> None:
    """The package tells the version that it is installed as."""
    assert httptrace.__version__ == PROJECT["version"]


def test_core_dependencies_are_few() -> None:
    """A plain install brings at most five packages directly."""
    assert len(PROJECT["dependencies"]) <= 5


def test_command_exists() -> None:
    """The console script leads to a function that is there."""
    module, _, function = PROJECT["scripts"]["httptrace"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


# --- its weight ---------------------------------------------------------------------------------

IMPORTED = "import httptrace, json, sys; print(json.dumps(list(sys.modules)))"
ALLOWED = {"cython_runtime", "httptools", "httptrace", "idna", "multidict", "propcache", "yarl"}
HEAVY = {"cryptography", "multiprocessing", "opentelemetry", "rich", "uvloop", "xml"}


def top_level_imports() -> set[str]:
    """The top-level names of all that ``import httptrace`` brings beyond a bare interpreter."""
    bare = set(run_python("import json, sys; print(json.dumps(list(sys.modules)))"))
    return {name.partition(".")[0] for name in set(run_python(IMPORTED)) - bare}


def test_import_brings_core_dependencies_only() -> None:
    """``import httptrace`` loads nothing from outside but the core dependencies."""
    outside = {
        name
        for name in top_level_imports() - sys.stdlib_module_names
        if not name.startswith("_")  # an extension module of the standard library or of an install
    }
    assert outside <= ALLOWED


def test_import_is_lean() -> None:
    """``import httptrace`` loads nothing that only an extra or a tool needs."""
    assert not HEAVY & top_level_imports()


def import_cost(module: str) -> int:
    """The nanoseconds of processor time that a first import takes in a fresh interpreter."""
    code = "from time import process_time_ns as now; start = now(); import {}; print(now() - start)"
    return int(run_python(code.format(module)))


def test_import_costs_at_most_half_of_aiohttps() -> None:
    """Importing the package takes at most half of the processor time that aiohttp's takes.

    The least of several counts for each: whatever else the machine does can only add to it.
    """
    import_cost("httptrace"), import_cost("aiohttp")  # the first time compiles to bytecode
    rounds: list[tuple[int, int]] = []
    ours = theirs = 1
    while len(rounds) < 7 or (ours > theirs / 2 and len(rounds) < 28):
        rounds.append((import_cost("httptrace"), import_cost("aiohttp")))
        ours, theirs = map(min, zip(*rounds, strict=True))
    assert ours <= theirs / 2, f"{ours / 1e6:.1f} ms against {theirs / 1e6:.1f} ms"


# --- its shape ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_file_is_short(path: Path) -> None:
    """No file of the package has more than 400 lines."""
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_no_function_is_long(path: Path) -> None:
    """No function of the package has more than sixty lines."""
    long = {function.name: length(function) for function in functions(path)}
    assert {name: lines for name, lines in long.items() if lines > 60} == {}


def test_most_functions_are_short() -> None:
    """The median function has fewer than ten lines, and nine in ten have fewer than thirty."""
    lengths = [length(function) for path in SOURCES for function in functions(path)]
    assert statistics.median(lengths) < 10
    assert sum(lines < 30 for lines in lengths) >= 0.9 * len(lengths)


def test_every_room_is_a_package() -> None:
    """Every directory with modules has an ``__init__.py``: the check of layers needs it."""
    rooms = {path.parent for path in SOURCES}
    assert [room for room in rooms if not (room / "__init__.py").is_file()] == []


def test_modules_are_named_after_concepts() -> None:
    """No module is a drawer for what had no place."""
    assert [path for path in SOURCES if path.stem in {"helpers", "utils", "common", "misc"}] == []


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT / "tests")))
def test_every_test_says_what_holds(path: Path) -> None:
    """Every test begins with a sentence that says what holds."""
    tests = [function for function in functions(path) if function.name.startswith("test_")]
    sentences = {test.name: (ast.get_docstring(test) or "").strip() for test in tests}
    assert [name for name, text in sentences.items() if not text] == []


# --- its pages ----------------------------------------------------------------------------------


def test_reference_has_every_public_name() -> None:
    """The generated API reference documents every name in ``__all__``."""
    page = docs.api_page()
    lines = {line.rpartition(":: ")[2] for line in page.splitlines()}
    assert {f"httptrace.{name}" for name in httptrace.__all__} <= lines


def test_event_tables_have_every_moment() -> None:
    """The generated event tables have a row for every declared moment, and all its data."""
    page = docs.events_page()
    for event in importlib.import_module("httptrace.trace.events").EVENTS:
        assert f"| `{event.signal}`<br>" in page
        assert all(f"- `{name}` (" in page for name, _, _ in event.fields)


@pytest.mark.parametrize("page", sorted(docs.PAGES))
def test_generated_pages_have_their_marker(page: str) -> None:
    """Each page that is filled at build time has the line that is replaced."""
    marker, _ = docs.PAGES[page]
    assert marker in (ROOT / "docs" / f"{page}.md").read_text().splitlines()
