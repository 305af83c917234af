"""The scripts of ``make ecosystem`` for installed libraries, and their table."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from ecosystem.library import FOLDER, Library, libraries, library
from ecosystem.result import Result, run

from ecosystem import table

KNOWN = libraries()
PYTHON = Path(sys.executable)


def installed(known: Library) -> bool:
    """Whether this Python has the library."""
    try:
        return bool(version(known.project))
    except PackageNotFoundError:
        return False


def named(known: Library) -> str:
    """The library's name, for the name of a test."""
    return known.name


def test_some_libraries_are_installed() -> None:
    """An installed library exists for each way that needs no alias."""
    names = {known.name for known in KNOWN if installed(known)}
    assert {"aiohttp_retry", "gidgethub", "opentelemetry", "slack_sdk"} <= names


@pytest.mark.parametrize("known", [*filter(installed, KNOWN)], ids=named)
@pytest.mark.parametrize("on", ["httptrace", "aiohttp"])
def test_a_script_passes(known: Library, on: str) -> None:
    """The script of an installed library passes on httptrace, and on aiohttp."""
    result = run(known, PYTHON, on)
    assert not result.failure, result.details
    assert result.version == version(known.project)


@pytest.mark.parametrize("known", KNOWN, ids=named)
def test_a_script_says_what_it_does(known: Library) -> None:
    """Scripts and steps have a sentence that describes them."""
    tree = ast.parse((FOLDER / f"{known.name}.py").read_text())
    functions = (node for node in tree.body if isinstance(node, ast.AsyncFunctionDef))
    steps = [function for function in functions if function.name.startswith("test_")]
    assert steps
    assert all(ast.get_docstring(step) for step in steps)
    assert known.shows.endswith(".")


def test_the_page_has_every_script() -> None:
    """The table has one row for each script, with the data of the script."""
    rows = table.read()[1]
    assert list(rows) == sorted((known.project for known in KNOWN), key=str.lower)
    for known in KNOWN:
        link, _version, how, shows, _result = rows[known.project].strip("| \n").split(" | ", 4)
        assert (link, how, shows) == table.cells(known)


def page(path: Path, *results: Result) -> dict[str, str]:
    """Write results to a page; returns its rows."""
    table.write(results, KNOWN, path)
    before, rows, after = table.read(path)
    assert (before, after) == ("before\n", "after\n")
    return rows


def test_rows_of_other_libraries_stay(tmp_path: Path) -> None:
    """A run of some libraries replaces only their rows; a removed library has no row."""
    path = tmp_path / "page.md"
    gone = "| [gone](https://pypi.org/project/gone/) | 1 | | | passed |\n"
    path.write_text(f"before\n{table.BEGIN}{gone}{table.END}after\n")
    rows = page(path, Result(KNOWN[0], "1.0"), Result(KNOWN[1], "1.0", "KeyError: 'a|b'"))
    assert list(rows) == [KNOWN[0].project, KNOWN[1].project]
    assert rows[KNOWN[1].project].endswith("| failed: `KeyError: 'a\\|b'` |\n")
    rows = page(path, Result(KNOWN[1], "2.0"))
    assert "| 1.0 |" in rows[KNOWN[0].project]
    assert rows[KNOWN[1].project].endswith("| passed |\n")


def test_the_terminal_shows_failures() -> None:
    """Each library has a line; the first line of a failure is below it."""
    results = [Result(KNOWN[0], "1.0", "KeyError: 1"), Result(KNOWN[1], "12.0")]
    first, reason, second = table.terminal(results).splitlines()
    assert [part in first for part in (KNOWN[0].project, "1.0", "failed")] == [True] * 3
    assert reason == "    KeyError: 1"
    assert "passed" in second and second.endswith(KNOWN[1].shows)


@pytest.mark.parametrize(
    ("name", "text"),
    [("none", None), ("no_way", '"""It does."""\nREQUIREMENTS = ["a"]\n'), ("empty", "")],
)
def test_an_incomplete_script_is_refused(
    name: str, text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing script, or one with an incomplete head, is refused by name."""
    monkeypatch.setattr("ecosystem.library.FOLDER", tmp_path)
    if text is not None:
        (tmp_path / f"{name}.py").write_text(text)
    with pytest.raises(ValueError, match=rf"{name}\.py"):
        library(name)


SCRIPT = '''
"""Fails."""
REQUIREMENTS = ["aiohttp"]
WAY = "session"

async def test_one():
    {body}
'''


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        ("raise KeyError('first')", "KeyError: 'first'"),
        ("pass", "httptrace saw no request"),
        ("import aiohttp; aiohttp.ClientSession()", "RuntimeError: aiohttp's own ClientSession"),
        ("import os; os._exit(3)", "exit code 3"),
        (
            "import asyncio; asyncio.get_running_loop().call_soon(int, 'x');"
            " await asyncio.sleep(0.01)",
            "ValueError: invalid literal",
        ),
    ],
)
def test_a_failure_is_told(body: str, failure: str, tmp_path: Path) -> None:
    """A script fails if a step or a callback raises, and if httptrace was not used."""
    shutil.copytree(FOLDER.parent, tmp_path / "ecosystem")
    script = tmp_path / "ecosystem" / "libraries" / "failing.py"
    script.write_text(SCRIPT.format(body=body).lstrip())
    code = (
        "import sys; from pathlib import Path; from ecosystem.library import library;"
        " from ecosystem.result import run;"
        " print(run(library('failing'), Path(sys.executable), 'httptrace').failure)"
    )
    ran = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert ran.stdout.startswith(failure), ran.stdout + ran.stderr
