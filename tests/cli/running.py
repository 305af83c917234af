"""Running the command as a person does: the installed script, in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

from httptrace.cli import main

SCRIPT = Path(sys.executable).parent / "httptrace"
COMMAND = [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-m", "httptrace"]

_INTERRUPTIBLE = """
import signal
import sys
from httptrace.cli import main

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main())
"""
INTERRUPTIBLE = [sys.executable, "-c", _INTERRUPTIBLE]
"""The command, for tests that send SIGINT.

A shell starts background jobs with SIGINT ignored, and their children inherit that.
"""


class Ran(NamedTuple):
    """What a run of the command came to."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of JSON on standard output."""
        return [json.loads(line) for line in self.out.splitlines()]


async def httptrace(
    *arguments: str, stdin: bytes = b"", cwd: Path | None = None, **environment: str
) -> Ran:
    """Run ``httptrace`` with these arguments."""
    return await run([*COMMAND, *arguments], stdin, cwd, **environment)


async def run(
    command: list[str], stdin: bytes = b"", cwd: Path | None = None, **environment: str
) -> Ran:
    """Run a command to its end; a traceback is never right."""
    inherited = {name: value for name, value in os.environ.items() if "_proxy" not in name.lower()}
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=cwd,
        env={**inherited, "PYTHONWARNINGS": "error", **environment},
    )
    out, err = await process.communicate(stdin)
    ran = Ran(process.returncode or 0, out.decode(), err.decode())
    assert "Traceback" not in ran.err, ran.err
    return ran


async def in_process(*arguments: str) -> Ran:
    """Run the command in a thread of this process: for what does not depend on a process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = await asyncio.to_thread(main, arguments)
    return Ran(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))
