"""The demo: it shows every phase, quickly, and fails if one is missing."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from httptrace.demo.scenes import SCENES
from httptrace.trace.record import PHASES

BROKEN = """
import sys
import httptrace.demo.__main__ as demo

demo.SCENES = (demo.SCENES[0]._replace(is_right=lambda timeline: False), demo.SCENES[1])
sys.exit(demo.main())
"""

WITHOUT_THE_EXTRA = """
import sys
sys.modules["cryptography"] = None
import httptrace.demo.__main__ as demo
sys.exit(demo.main())
"""

SERVING = """
import signal
import sys
import httptrace.demo.__main__ as demo

signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it
sys.exit(demo.main(["--serve", "0"]))
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments; a warning is an error."""
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False
    )


def test_every_scene() -> None:
    """All scenes run as expected, within 15 seconds, and every phase is seen."""
    began = time.monotonic()
    ran = run("-m", "httptrace.demo")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert time.monotonic() - began < 15
    for number, scene in enumerate(SCENES, 1):
        assert f"── {number}. {scene.title} ──" in ran.stdout
        assert scene.look in ran.stdout
    assert all(f"\n  {phase:8}" in ran.stdout for phase in PHASES)


def test_a_scene_that_is_wrong() -> None:
    """A scene whose timeline is not as expected is named, and the exit code is 1."""
    ran = run("-c", BROKEN)
    assert ran.returncode == 1
    assert ran.stderr == f"not as expected: 1. {SCENES[0].title}\n"


def test_serving() -> None:
    """``--serve`` prints the URLs, and ends with Ctrl-C."""
    command = [sys.executable, "-u", "-c", SERVING]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        told = []
        for line in process.stdout or ():
            told.append(line.strip())
            if told[-1].startswith("--unix-socket "):
                break
        process.send_signal(signal.SIGINT)
        process.communicate()  # it may not have written the last empty line yet
    assert process.returncode == 130
    assert re.fullmatch(r"http://localhost:\d+ answers, until Ctrl-C:", told[0])
    for text in ("the same over TLS, with --cacert /", "a certificate that has expired"):
        assert any(re.match(rf"https://127.0.0.1:\d+ +{text}", line) for line in told)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_that_is_taken(host: str) -> None:
    """A port that is in use is named in one line."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as taken:
        port = taken.getsockname()[1]
        ran = run("-m", "httptrace.demo", "--serve", str(port))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == f"httptrace.demo: port {port}: Address already in use\n"


def test_what_is_missing() -> None:
    """If the demo cannot run, one line says what is missing."""
    ran = run("-c", WITHOUT_THE_EXTRA)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("httptrace.demo: ")
    assert ran.stderr.endswith("pip install 'httptrace[testing]'\n")
