"""The table of results: in the terminal and in ``docs/ecosystem.md``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from .library import WAYS, Library
from .result import Result
from .venvs import ROOT

PAGE = ROOT / "docs" / "ecosystem.md"
BEGIN = "<!-- The table is written by `make ecosystem`. -->\n"
END = "<!-- End of the table. -->\n"
HEAD = "| library | version | how | what is done | result |\n| --- | --- | --- | --- | --- |\n"


def terminal(results: Sequence[Result]) -> str:
    """The table for a person at a terminal."""
    rows = [
        (r.library.project, r.version, "failed" if r.failure else "passed", r.library.shows)
        for r in results
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True))
        for row in rows
    ]
    for position, result in reversed([*enumerate(results)]):
        if result.failure:
            lines.insert(position + 1, f"    {result.failure}")
    return "\n".join(lines)


def cells(library: Library) -> tuple[str, str, str]:
    """The parts of a row that come from the script's head: library, how and what is done."""
    link = f"[{library.project}](https://pypi.org/project/{library.project}/)"
    return link, WAYS[library.way], library.shows


def write(results: Iterable[Result], known: Iterable[Library], page: Path = PAGE) -> None:
    """Put the results in the page. Rows of other known libraries stay as they are."""
    before, rows, after = read(page)
    new = {result.library.project: _row(result) for result in results}
    kept = {link.project: rows[link.project] for link in known if link.project in rows}
    text = "".join(row for _, row in sorted((kept | new).items(), key=lambda item: item[0].lower()))
    page.write_text(f"{before}{BEGIN}\n{HEAD}{text}\n{END}{after}")


def read(page: Path = PAGE) -> tuple[str, dict[str, str], str]:
    """What stands before the table, its rows by library, and what stands after it."""
    before, _, rest = page.read_text().partition(BEGIN)
    table, _, after = rest.partition(END)
    lines = [line for line in table.splitlines() if line.startswith("| [")]
    return before, {line[3 : line.index("]")]: f"{line}\n" for line in lines}, after


def _row(result: Result) -> str:
    link, how, shows = cells(result.library)
    failure = result.failure.replace("|", "\\|").replace("`", "'")
    outcome = f"failed: `{failure}`" if failure else "passed"
    return f"| {link} | {result.version} | {how} | {shows} | {outcome} |\n"
