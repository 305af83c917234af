"""The documentation of the command has every option and exit code, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from httptrace.cli import failures

from .running import httptrace

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_options() -> None:
    """Every option in ``--help`` is in the tables, with all its names."""
    ran = await httptrace("--help")
    described = ran.out.partition("\noptions:\n")[2]
    heads = re.findall(r"^  (-.*?)(?:  |$)", described, re.MULTILINE)
    options = {word for head in heads for word in re.findall(r"(?<![\w-])--?[\w.-]+", head)}
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `-")]
    told = [word for row in rows for word in re.findall(r"`(--?[\w.-]+)", row)]
    assert sorted(told) == sorted(options)
    assert "--json-timeline" in options and len(options) > 60


def test_exit_codes() -> None:
    """Every code that a failure can have is in the table, and in the module's description."""
    codes = {
        value for name, value in vars(failures).items() if name.isupper() and value.__class__ is int
    }
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}
    described = {
        int(code) for code in re.findall(r"^    (\d+) ", failures.__doc__ or "", re.MULTILINE)
    }
    assert told == codes == described - {0}
