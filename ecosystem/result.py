"""Runs a library's script in a Python that has the library, and keeps how it ended."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .library import Library
from .venvs import ROOT

SECONDS = 240
"""How long one script may take."""


@dataclass(frozen=True)
class Result:
    """How a library's script ended."""

    library: Library
    version: str
    failure: str = ""
    """The first line of the first failure; empty if all steps passed."""
    details: str = ""
    """What a person needs to find the cause: tracebacks, or what was printed."""

    @property
    def outcome(self) -> str:
        """What the table says."""
        return f"failed: {self.failure}" if self.failure else "passed"


def run(library: Library, python: Path, on: str) -> Result:
    """Run the script on ``httptrace`` or on ``aiohttp``."""
    command = [str(python), "-m", "ecosystem.child", library.name, on]
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    try:
        process = subprocess.run(
            command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=SECONDS
        )
    except subprocess.TimeoutExpired as error:
        return Result(library, "?", f"did not end within {SECONDS} s", str(error.stderr or ""))
    try:
        return _read(library, json.loads(process.stdout.splitlines()[-1]))
    except (IndexError, ValueError):
        lines = process.stderr.strip().splitlines() or [f"exit code {process.returncode}"]
        return Result(library, "?", _general(lines[-1]), process.stdout + process.stderr)


def _read(library: Library, said: dict[str, Any]) -> Result:
    failures = said["failures"]
    first = failures[0][1] if failures else ""
    details = "\n".join(f"-- {step}\n{text}" for step, _, text in failures)
    return Result(library, said["version"], _general(first), details)


def _general(line: str) -> str:
    """A line without ports, which are others in each run."""
    return re.sub(r"(127\.0\.0\.1|localhost):\d+", r"\1:PORT", line)
