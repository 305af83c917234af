"""The benchmark programs run from start to end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import bars, loops, processes, scenarios

pytestmark = pytest.mark.skipif(
    loops.UVLOOP not in loops.available(), reason="the floor is defined on uvloop"
)


def program(*arguments: str) -> str:
    """Run a program in a process of its own, because it pins itself to a core."""
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=processes.ROOT, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_run_writes_table_bars_and_json(tmp_path: Path) -> None:
    """One scenario with two clients prints a table, its limits, and writes the JSON."""
    output = tmp_path / "results.json"
    options = ["--quick", "--rounds", "1", "--only", "get-32", "--output", str(output)]
    printed = program("benchmarks", *options, "--peers", "floor,httptrace")
    lines = json.loads(output.read_text())["tables"]["get-32"]["lines"]
    assert set(lines) == {"floor/uvloop", "httptrace/uvloop"}
    for key, line in lines.items():
        assert line["median"]["cpu_us"] > 0, (key, line["missing"])
    assert "GET x32: CPU of the floor's" in printed
    assert "import: CPU" not in printed


def test_profile_names_the_lines_that_run() -> None:
    """The profile shows the cost of a request and the lines that it is spent in."""
    printed = program("benchmarks.profile_get", "--count", "3000")
    assert "µs CPU per request" in printed
    assert "self time by line" in printed


def test_soak_ends_flat() -> None:
    """A short run of requests that end in every way leaves nothing behind."""
    assert "flat: nothing grew" in program("benchmarks.soak", "--seconds", "3")


def test_missing_peer_says_so() -> None:
    """A client that is not installed is shown as missing, and the run does not fail."""
    with processes.Server() as server, pytest.raises(processes.Missing, match="no_such_client"):
        processes.Client("no_such_client", loops.UVLOOP, server.port)


def test_failed_job_does_not_end_the_client() -> None:
    """A job that raises is reported with its reason, and the next job runs."""
    with processes.Server() as server:
        client = processes.Client("floor", loops.UVLOOP, server.port)
        with pytest.raises(processes.Failed, match="KeyError"):
            client.do("requests", kind="no such kind", count=1, concurrency=1)
        assert client.do("requests", kind="small", count=5, concurrency=2)["count"] == 5
        client.close()


def test_every_bar_has_its_scenario() -> None:
    """Each limit belongs to a scenario that exists."""
    assert {bar.table for bar in bars.ALL} <= {scenario.name for scenario in scenarios.ALL}
