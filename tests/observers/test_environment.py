"""Exporters that environment variables ask for, in programs of their own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from httptrace import har
from httptrace.testing.scripted import ScriptedServer

PROGRAM = """
import asyncio, sys
import httptrace

async def main():
    for _ in range(2):
        async with httptrace.ClientSession() as session:
            await (await session.get(sys.argv[1])).read()

asyncio.run(main())
"""


async def run(server: ScriptedServer, program: str = PROGRAM, **variables: str) -> str:
    """What a program that makes two requests writes to stderr."""
    ended = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, server.url),
        stderr=subprocess.PIPE,
        env={**os.environ, **variables},
    )
    _, stderr = await ended.communicate()
    assert ended.returncode == 0, stderr
    return stderr.decode()


async def test_nothing_asked_for(server: ScriptedServer) -> None:
    """Without variables nothing is written, and no exporter is imported."""
    check = "\nassert not [one for one in sys.modules if one.startswith('httptrace.observers')]\n"
    assert await run(server, PROGRAM + check) == ""


async def test_log(server: ScriptedServer) -> None:
    """HTTPTRACE_LOG=1 writes lines to stderr, =json objects."""
    lines = (await run(server, HTTPTRACE_LOG="1")).splitlines()
    assert len(lines) == 2 and all(line.startswith(f"GET {server.url}") for line in lines)
    lines = (await run(server, HTTPTRACE_LOG="json")).splitlines()
    assert [json.loads(line)["outcome"] for line in lines] == ["completed", "completed"]


async def test_log_of_a_program_with_logging(server: ScriptedServer) -> None:
    """If the program has handlers, these alone write the lines."""
    program = f"import logging\nlogging.basicConfig(format='own %(message)s')\n{PROGRAM}"
    lines = (await run(server, program, HTTPTRACE_LOG="1")).splitlines()
    assert len(lines) == 2 and all(line.startswith("own GET ") for line in lines)


async def test_har(server: ScriptedServer, tmp_path: Path) -> None:
    """HTTPTRACE_HAR=FILE writes the requests of every session; the rest at exit."""
    path = tmp_path / "a.har"
    assert await run(server, HTTPTRACE_HAR=str(path)) == ""
    assert len(har.load(path)) == 2


async def test_bad_values(server: ScriptedServer, tmp_path: Path) -> None:
    """A bad value is one clear warning, and the program runs."""
    missing = tmp_path / "no" / "a.har"
    lines = (await run(server, HTTPTRACE_LOG="yes", HTTPTRACE_HAR=str(missing))).splitlines()
    start = "The environment variable"
    assert lines == [
        f"{start} HTTPTRACE_LOG has no effect: it is 'yes', and should be 1 or json",
        f"{start} HTTPTRACE_HAR has no effect: [Errno 2] No such file or directory: '{missing}'",
    ]
