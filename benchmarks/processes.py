"""The server and the clients as processes, seen from the program that compares them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"


class Missing(Exception):
    """The client cannot be had here; the message says why."""


class Failed(Exception):
    """The client could not do its job; the message says why."""


class Server:
    """The benchmark's own server, alive inside a `with` block; `port` is where it listens."""

    def __enter__(self) -> Server:
        self.process = _start("benchmarks.server")
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        return self

    def __exit__(self, *exc: object) -> None:
        _end(self.process)


class Client:
    """A client process, opened and ready."""

    def __init__(self, peer: str, loop: str, port: int, **options: Any) -> None:
        order = {"peer": peer, "loop": loop, "host": HOST, "port": port, **options}
        self.process = _start("benchmarks.client", json.dumps(order))
        try:
            self._answer()
        except (Missing, Failed):
            self.close()
            raise

    def do(self, job: str, **options: Any) -> dict[str, Any]:
        """Have a job done and return its figures."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"job": job, **options}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        _end(self.process)

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"failed: the client ended with code {self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "missing" in answer:
            raise Missing(f"missing: {answer['missing']}")
        if "failed" in answer:
            raise Failed(f"failed: {answer['failed']}")
        return answer


def _start(module: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _end(process: subprocess.Popen[str]) -> None:
    """Close the pipe that keeps the process alive and wait for it to go."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.close()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
