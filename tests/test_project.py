"""What holds for the project as a whole: its names, its package, its imports, its pages."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from email import message_from_string
from email.message import Message
from pathlib import Path
from types import ModuleType
from typing import Any

import httptrace_events as docs
import pytest
from hatchling.builders.wheel import WheelBuilder
from scripts import pypi_readme

import httptrace

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src" / "httptrace").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[AnyFunction]:
    """Every function and method that a file defines."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, AnyFunction):
            yield node


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


def test_names_do_not_need_aiohttp() -> None:
    """Without aiohttp, ``from httptrace import *`` and `dir` have every name."""
    code = "import json, sys; sys.modules['aiohttp'] = None; import httptrace; names = {}; "
    code += "shown = dir(httptrace); exec('from httptrace import *', names); "
    code += "print(json.dumps([sorted(names.keys() - {'__builtins__'}), shown]))"
    exported, shown = run_python(code)
    assert exported == httptrace.__all__
    assert set(httptrace.__all__) <= set(shown)


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


INFORMATION = f"httptrace-{PROJECT['version']}.dist-info"
RELATIVE = re.compile(r"\]\((?!https?://)[^)\n]*\)")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel that is built from the checkout."""
    directory = tmp_path_factory.mktemp("wheel")
    (path,) = WheelBuilder(str(ROOT)).build(directory=str(directory), versions=["standard"])
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def wheel_contents(wheel: zipfile.ZipFile) -> set[str]:
    """The names of the files in the wheel."""
    return set(wheel.namelist())


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    """The metadata of the wheel; its payload is the description that PyPI shows."""
    return message_from_string(wheel.read(f"{INFORMATION}/METADATA").decode())


def test_tools_are_no_extra(metadata: Message) -> None:
    """What only the work on httptrace needs is in dependency groups (PEP 735), not in extras."""
    extras = set(metadata.get_all("Provides-Extra", []))
    assert {"speed", "cli", "testing"} <= extras
    assert not extras & set(PYPROJECT["dependency-groups"])


def test_metadata_has_urls(metadata: Message) -> None:
    """The metadata names the project's home page."""
    assert any(url.startswith("Homepage, https://") for url in metadata.get_all("Project-URL", []))


def test_description_stands_alone(metadata: Message) -> None:
    """The description on PyPI refers to no other file, and shows the waterfall as text."""
    text = str(metadata.get_payload())
    assert "[All options" not in text and "All options and exit codes" in text
    assert RELATIVE.findall(text) == []
    assert "▐████" in text


def test_description_links_to_files() -> None:
    """If the address of the files is known, the links of the README lead there."""
    text = pypi_readme.description(ROOT, "https://code.example/httptrace/")
    assert "[All options and exit codes](https://code.example/httptrace/docs/cli.md)" in text
    assert RELATIVE.findall(text) == []


def test_wheel_is_typed(wheel_contents: set[str]) -> None:
    """The wheel tells type checkers that it has types (PEP 561)."""
    assert "httptrace/py.typed" in wheel_contents


def test_wheel_has_every_module(wheel_contents: set[str]) -> None:
    """The wheel has every module of the checkout, the licence and the command."""
    modules = {str(path.relative_to(ROOT / "src")) for path in SOURCES}
    assert modules <= wheel_contents
    assert f"{INFORMATION}/licenses/LICENSE" in wheel_contents
    assert f"{INFORMATION}/entry_points.txt" in wheel_contents


def test_version_is_the_same_everywhere() -> None:
    """`__version__` is the installed version."""
    assert httptrace.__version__ == PROJECT["version"]


def test_core_dependencies_are_few() -> None:
    """A plain install brings at most five packages directly."""
    assert len(PROJECT["dependencies"]) <= 5


def test_command_exists() -> None:
    """The console script refers to an existing function."""
    module, _, function = PROJECT["scripts"]["httptrace"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


# --- its weight ---------------------------------------------------------------------------------

IMPORTED = "import httptrace, json, sys; print(json.dumps(list(sys.modules)))"
ALLOWED = {"cython_runtime", "httptools", "httptrace", "idna", "multidict", "propcache", "yarl"}
HEAVY = {"cryptography", "multiprocessing", "opentelemetry", "rich", "uvloop", "xml"}


def top_level_imports() -> set[str]:
    """The top-level names of all modules that ``import httptrace`` adds to a bare interpreter."""
    bare = set(run_python("import json, sys; print(json.dumps(list(sys.modules)))"))
    return {name.partition(".")[0] for name in set(run_python(IMPORTED)) - bare}


def test_import_brings_core_dependencies_only() -> None:
    """``import httptrace`` imports only the core dependencies."""
    outside = {
        name
        for name in top_level_imports() - sys.stdlib_module_names
        if not name.startswith("_")  # an extension module of the standard library or of an install
    }
    assert outside <= ALLOWED


def test_import_is_lean() -> None:
    """``import httptrace`` imports nothing of an extra or a tool."""
    assert not HEAVY & top_level_imports()


def import_cost(module: str) -> int:
    """The nanoseconds of processor time that a first import takes in a fresh interpreter."""
    code = "from time import process_time_ns as now; start = now(); import {}; print(now() - start)"
    return int(run_python(code.format(module)))


def test_import_costs_at_most_half_of_aiohttps() -> None:
    """Importing the package takes at most half of the processor time that aiohttp's takes.

    From Python 3.14 on aiohttp imports less of the standard library, and what both import is a
    larger part. There the time of asyncio and ssl, which both import, is subtracted.

    The least of several counts for each: whatever else the machine does can only add to it.
    """
    common = "asyncio, ssl" if sys.version_info >= (3, 14) else "sys"
    modules = ("httptrace", "aiohttp", common)
    best = [import_cost(module) for module in modules]  # the first time compiles to bytecode
    for number in range(28):
        best = [min(pair) for pair in zip(best, map(import_cost, modules), strict=True)]
        ours, theirs = best[0] - best[2], best[1] - best[2]
        if number >= 6 and ours <= theirs / 2:
            break
    assert ours <= theirs / 2, f"{ours / 1e6:.1f} ms against {theirs / 1e6:.1f} ms"


# --- its shape ----------------------------------------------------------------------------------


def test_every_room_is_a_package() -> None:
    """Every directory with modules has an ``__init__.py``: the check of layers needs it."""
    rooms = {path.parent for path in SOURCES}
    assert [room for room in rooms if not (room / "__init__.py").is_file()] == []


def test_modules_are_named_after_concepts() -> None:
    """No module is called helpers or utils, except the one with aiohttp's name."""
    drawers = [path for path in SOURCES if path.stem in {"helpers", "utils", "common", "misc"}]
    assert drawers == [ROOT / "src" / "httptrace" / "helpers.py"]


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT / "tests")))
def test_every_test_says_what_holds(path: Path) -> None:
    """Every test begins with a sentence that says what holds."""
    tests = [function for function in functions(path) if function.name.startswith("test_")]
    sentences = {test.name: (ast.get_docstring(test) or "").strip() for test in tests}
    assert [name for name, text in sentences.items() if not text] == []


# --- its pages ----------------------------------------------------------------------------------

TOUR = (ROOT / "CONTRIBUTING.md").read_text()
PACKAGE = ROOT / "src" / "httptrace"


def found_in_tour(path: str) -> list[Path]:
    """The files that a path of the tour means: below the checkout, the package or one room."""
    roots = [ROOT, PACKAGE, *(room for room in PACKAGE.iterdir() if room.is_dir())]
    return [match for root in roots for match in root.glob(path.rstrip("/"))]


def test_tour_leads_to_files() -> None:
    """Every file and room that CONTRIBUTING names exists."""
    paths = set(re.findall(r"`([\w*][\w./*-]*/[\w.*-]*|[\w*-]+\.(?:py|md|toml))`", TOUR))
    assert {"body/content_coding.py", "session/", "state.py", "tests/proxies/"} <= paths
    assert [path for path in sorted(paths) if not found_in_tour(path)] == []


def test_tour_has_every_room() -> None:
    """The tour has a row for every room; what it says to open first is in that room."""
    rows = [line.split("|")[1:-1] for line in TOUR.splitlines() if line.startswith("| `")]
    rooms = [(re.findall(r"`(\w+)/`", row[0]), re.findall(r"`(\w+\.py)`", row[-1])) for row in rows]
    assert {room for names, _ in rooms for room in names} == {
        path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()
    }
    for names, files in rooms:
        places = [PACKAGE / name for name in names]
        assert [file for file in files if not any((room / file).is_file() for room in places)] == []


def test_tour_names_what_is_there() -> None:
    """A name that the tour gives beside a file is in this file."""
    beside = re.findall(r"`([\w/]+\.py)` \(`(\w+)`\)", TOUR)
    beside += [(path, name) for name, path in re.findall(r"`(\w+)` in\s+`([\w/]+\.py)`", TOUR)]
    assert len(beside) >= 3
    assert [
        (path, name)
        for path, name in beside
        if not re.search(rf"^(class |def )?{name}\b", (PACKAGE / path).read_text(), re.MULTILINE)
    ] == []


def test_reference_has_every_public_name() -> None:
    """The generated API reference documents every name in ``__all__`` on exactly one page."""
    pages = [docs.PAGES[page][1]() for page in docs.PAGES if page.startswith("api/")]
    documented = [line.rpartition(":: ")[2] for page in pages for line in page.splitlines()]
    assert [n for n in httptrace.__all__ if documented.count(f"httptrace.{n}") != 1] == []


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
