"""The examples of the README and of the guides run as they stand.

They use ``localhost:8080``, where a reader starts ``python -m httptrace.demo --serve 8080``. Here
the same servers run on a free port, and the tests replace the port in the examples.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.cli.running import COMMAND, run

from httptrace.demo.servers import BundledServers

on_asyncio = pytest.mark.asyncio(loop_factories=["asyncio"])

ROOT = Path(__file__).parent.parent
GUIDES = sorted(
    page.stem
    for page in (ROOT / "docs").glob("*.md")
    if page.stem not in ("api", "compat", "events")
)
PAGES = ["README.md", *(f"docs/{name}.md" for name in GUIDES)]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FINDING = re.compile(r'Finding\(\s*"(\w+)"')
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
SAID = {
    "slow-start/0.3": ["GET http://localhost", "\n  wait ", "the first byte came after 0.3"],
    "httptrace.record()": ["/delay/0.3 → 200 OK"],
    "SlowRequests": ["GET http://localhost", "/slow-start/0.2 completed: 0.2"],
    "/never": ["the limit of 0.3 s was reached in phase wait", "queued={'limit': 4}"],
    "httptrace as aiohttp": ["was idle for 0.", "200 [{'id': 1, "],
}
"""What the examples of the README print, by something that stands in them."""


def blocks(language: str, *pages: str) -> Iterator[tuple[str, str]]:
    """The code blocks of some pages in a language: the page, and the code."""
    for page in pages:
        for found in BLOCK.finditer((ROOT / page).read_text()):
            if found[1] == language:
                yield page, found[2]


def programs() -> list[tuple[str, str]]:
    """Every block that is a complete program."""
    return [block for block in blocks("python", *PAGES) if "asyncio.run(" in block[1]]


@pytest.fixture
async def port() -> AsyncIterator[str]:
    """The address of the bundled servers."""
    async with BundledServers() as servers:
        yield servers.http.rpartition(":")[2]


@on_asyncio
@pytest.mark.parametrize("number", range(len(programs())))
async def test_program(number: int, port: str, tmp_path: Path) -> None:
    """A program ends without an error, and prints something on standard output only."""
    page, code = programs()[number]
    ran = await run([sys.executable, "-c", code.replace(":8080", f":{port}")], cwd=tmp_path)
    assert (ran.code, ran.err) == (0, ""), page
    assert ran.out
    if page == "docs/why.md":
        assert [found for found in findings_of(code) if found not in ran.out] == []
    if page == "README.md":
        (said,) = [texts for mark, texts in SAID.items() if mark in code]
        assert [text for text in said if text not in ran.out] == []


def findings_of(code: str) -> list[str]:
    """The findings in the heading above a program of the page about them."""
    page = (ROOT / "docs" / "why.md").read_text()
    heading = page[: page.index(code)].rpartition("\n#")[2].partition("\n")[0]
    return re.findall(r"`(\w+)`", heading)


def test_every_finding_has_its_section() -> None:
    """The page about findings has a heading for each of them, and for no other."""
    rules = (ROOT / "src" / "httptrace" / "trace" / "why").glob("*.py")
    known = {found for rule in rules for found in FINDING.findall(rule.read_text())}
    headings = re.findall(r"^### (.*)$", (ROOT / "docs" / "why.md").read_text(), re.MULTILINE)
    told = [found for heading in headings for found in re.findall(r"`(\w+)`", heading)]
    assert sorted(told) == sorted(known)


def fragments() -> list[tuple[str, str]]:
    """Every block that is neither a complete program nor a test."""
    found = [block for block in blocks("python", *PAGES) if "asyncio.run(" not in block[1]]
    return [block for block in found if "import pytest" not in block[1]]


@on_asyncio
@pytest.mark.parametrize("number", range(len(fragments())))
async def test_fragment(number: int, tmp_path: Path) -> None:
    """A part of a program can be executed."""
    page, code = fragments()[number]
    ran = await run([sys.executable, "-c", code], cwd=tmp_path)
    assert ran.code == 0, (page, ran.err)


def test_readme_has_five_examples() -> None:
    """The README shows five programs, and all of its Python is in them."""
    assert len(list(blocks("python", "README.md"))) == 5
    assert sum(page == "README.md" for page, _ in programs()) == 5


def commands() -> list[str]:
    """Every line that calls the command."""
    lines = [line for _, code in blocks("sh", *PAGES) for line in code.splitlines()]
    return [line for line in lines if line.startswith("httptrace ")]


@on_asyncio
@pytest.mark.parametrize("line", commands())
async def test_command(line: str, port: str, tmp_path: Path) -> None:
    """The command accepts the line, and its request gets a response."""
    words = shlex.split(line.replace(":8080", f":{port}"), comments=True)
    ran = await run([*COMMAND, *words[1:]], cwd=tmp_path)
    assert ran.code == 0, ran.err


@pytest.mark.parametrize("page", PAGES)
def test_python_is_python(page: str) -> None:
    """Every block of Python is valid Python."""
    for _, code in blocks("python", page):
        compile(code, page, "exec", flags=0x2000)  # await outside of a function is allowed


def test_readme_links_to_every_page() -> None:
    """The README has a link to each page of the documentation."""
    linked = set(LINK.findall((ROOT / "README.md").read_text()))
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
    assert pages - linked == set()


@pytest.mark.parametrize("page", PAGES)
def test_links(page: str) -> None:
    """Links between the pages lead to files that exist."""
    targets: list[str] = LINK.findall((ROOT / page).read_text())
    assert [
        target for target in targets if not (ROOT / page).parent.joinpath(target).exists()
    ] == []
