"""Real servers in their own processes, at Unix sockets."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
STARTING_S = 30.0


def need(*modules: str) -> None:
    """Skip the test if a server is not installed, and say which."""
    for name in modules:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed: this server is not tested")


def gunicorns_worker_for_uvicorn() -> str:
    """uvicorn's own worker class, or that of the package that replaces it."""
    need("gunicorn")
    own = importlib.util.find_spec("uvicorn.workers") is not None
    if not own:
        need("uvicorn_worker")
    return "uvicorn.workers.UvicornWorker" if own else "uvicorn_worker.UvicornWorker"


class Answer(NamedTuple):
    """The parts of a response that these tests read."""

    status: int
    head: str
    body: bytes


class Client:
    """A keep-alive connection to a server; the test controls what is sent."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(30)
        self._socket.connect(path)
        self._stream = self._socket.makefile("rb")

    def send(self, method: str, target: str, body: bytes = b"", headers: str = "") -> None:
        head = f"{method} {target} HTTP/1.1\r\nHost: a.example\r\n{headers}"
        if body:
            head += f"Content-Length: {len(body)}\r\n"
        self._socket.sendall(head.encode() + b"\r\n" + body)

    def receive(self) -> Answer:
        status = int(self._stream.readline().split()[1])
        lines = []
        while (line := self._stream.readline()) not in (b"\r\n", b""):
            lines.append(line.decode())
        head = "".join(lines)
        lengths = [line for line in lines if line.lower().startswith("content-length:")]
        body = self._stream.read(int(lengths[0].partition(":")[2])) if lengths else b""
        return Answer(status, head, body)

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


@contextlib.contextmanager
def serving(command: list[str], path: str, log: Path, **environment: str) -> Iterator[None]:
    """Run ``python -m command`` until the block ends; its output goes to `log`."""
    variables = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src"), *sys.path]),
        "PYTHONUNBUFFERED": "1",
        **environment,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=variables,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_for(path, process, log)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait_for(path: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + STARTING_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)
            return
        time.sleep(0.02)
    pytest.fail(f"the server did not start:\n{log.read_text()}")
