"""On a terminal: colours, its width, and a progress bar for a long body."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import struct
import sys
import termios
from pathlib import Path
from unittest.mock import ANY

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace.demo.servers import BundledServers
from httptrace.testing.scripted import response_bytes

from .running import COMMAND, Ran, httptrace, run

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])

PLAIN = "import sys; sys.modules['rich'] = None; from httptrace.cli import main; sys.exit(main())"
"""The command as it is where rich is not installed."""


async def on_terminal(command: list[str], columns: int = 80, **environment: str) -> str:
    """What a terminal of this width receives, from standard output and standard error."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    clean = {key: os.environ[key] for key in os.environ if key not in ("NO_COLOR", "COLUMNS")}
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**clean, "TERM": "xterm-256color", **environment},
    )
    os.close(theirs)
    received = await asyncio.get_running_loop().run_in_executor(None, _all_of, ours)
    assert await process.wait() == 0, received
    return received


def _all_of(descriptor: int) -> str:
    data = b""
    try:
        while piece := os.read(descriptor, 65536):
            data += piece
    except OSError:  # Linux reports the end of a terminal like this
        pass
    os.close(descriptor)
    return data.decode()


async def test_colours(servers: BundledServers) -> None:
    """A terminal gets colours."""
    shown = await on_terminal([*COMMAND, f"{servers.http}/hello"])
    assert "\x1b[1;32m200 OK\x1b[0m" in shown


@pytest.mark.parametrize("how", ["--no-color", "NO_COLOR", "TERM", "no rich"])
async def test_no_colours(servers: BundledServers, how: str) -> None:
    """There are no colours if they are not wanted or not possible."""
    command, environment = [*COMMAND, f"{servers.http}/hello"], {}
    if how == "--no-color":
        command.append(how)
    elif how == "no rich":
        command = [sys.executable, "-c", PLAIN, f"{servers.http}/hello"]
    else:
        environment = {how: "dumb"}
    shown = await on_terminal(command, **environment)
    assert "\x1b" not in shown
    assert "→ 200 OK" in shown


PLAIN_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


async def test_streams_that_are_ascii(servers: BundledServers) -> None:
    """In the C locale the waterfall, the help and errors are drawn with plain signs."""
    ran = await httptrace("-L", f"{servers.http}/redirect/1", **PLAIN_LOCALE)
    assert ran.code == 0, ran.err
    assert "/hello -> 200 OK" in ran.out
    assert re.search(r"\n  wait +[0-9.]+ [mu]?s +#+\n", ran.out)
    assert "sent" in ran.out and "?" not in ran.out
    ran = await httptrace("--help", **PLAIN_LOCALE)
    assert (ran.code, ran.err) == (0, "")
    assert "type=..." in ran.out
    ran = await httptrace("-X", "→", f"{servers.http}/hello", **PLAIN_LOCALE)
    assert ran.code == 2
    assert ran.err.startswith("httptrace: Method cannot contain non-token characters")


async def test_width(servers: BundledServers) -> None:
    """The waterfall is as wide as the terminal, and no wider."""
    shown = await on_terminal([*COMMAND, "--no-color", f"{servers.http}/slow-start/0.05"], 60)
    assert 55 <= max(map(len, shown.splitlines())) <= 60


@pytest.mark.parametrize("rich", [True, False])
@pytest.mark.parametrize("kept", [True, False])
async def test_progress(servers: BundledServers, tmp_path: Path, rich: bool, kept: bool) -> None:
    """A body that takes long has a progress bar, in percent or bytes; it is removed at the end."""
    command = COMMAND if rich else [sys.executable, "-c", PLAIN]
    output = ["-o", str(tmp_path / "x")] if kept else []
    shown = await on_terminal([*command, *output, f"{servers.http}/slow-body/9"])
    assert ("━" if rich else "KiB, ") in shown
    assert re.search(r"[0-9] KiB/s", shown)
    assert "→" in shown


async def _answering(command: list[str], answer: bytes) -> Ran:
    """Run a command in a terminal, and answer if it asks for a password."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=theirs,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # with no other terminal to ask at
    )
    os.close(theirs)
    assert process.stderr is not None
    told = await process.stderr.readuntil(b": ")
    os.write(ours, answer)
    told += await process.stderr.read()
    os.close(ours)
    return Ran(await process.wait(), "", told.decode())


async def test_password(scripted: ScriptedFactory) -> None:
    """A missing password is asked for once, however many requests use the proxy."""
    proxy = await scripted(response_bytes(200, b"ok"))
    command = [*COMMAND, "-x", proxy.url, "-U", "me", "--repeat", "2", "http://any.example/"]
    ran = await _answering(command, b"secret\n")
    assert (ran.code, ran.err.count("Password of me at the proxy: ")) == (0, 1)
    sent = [request.header("Proxy-Authorization") for request in proxy.requests]
    assert sent == ["Basic bWU6c2VjcmV0"] * 2


async def test_no_password() -> None:
    """The end of input instead of a password is an error."""
    ran = await _answering([*COMMAND, "-u", "me", "http://127.0.0.1:1/"], b"\x04")
    assert ran.code == 2
    assert "httptrace: no password was entered for me\n" in ran.err


async def test_body_on_the_screen(servers: BundledServers) -> None:
    """A printed body is not mixed with a bar, and the report begins on its own line."""
    screen = [*COMMAND, "--no-color", "-o", "-"]
    assert "KiB/s" not in await on_terminal([*screen, f"{servers.http}/slow-body/9"])
    unended = await on_terminal([*screen, "-d", "tea", f"{servers.http}/echo"])
    assert unended.startswith("tea\r\nPOST http")
    ended = await on_terminal([*screen, f"{servers.http}/hello"])
    assert ended.startswith("Hello!\r\nGET http")


async def test_streams_that_are_closed(servers: BundledServers) -> None:
    """If the caller has closed standard streams, their output is discarded."""
    shell = ["sh", "-c", 'exec "$@" <&- >&-', "sh", *COMMAND]
    assert await run([*shell, f"{servers.http}/hello"]) == Ran(0, "", "")
    ran = await run([*shell, "-o", "-", "-d", "@-", f"{servers.http}/echo"])
    assert ran.code == 0
    assert "/echo → 200 OK" in ran.err
    silent = ["sh", "-c", 'exec "$@" 2>&-', "sh", *COMMAND]
    assert await run([*silent, "--json-timeline", servers.refused]) == Ran(7, ANY, "")


async def test_no_progress(servers: BundledServers, tmp_path: Path) -> None:
    """``-s`` hides the progress bar."""
    arguments = ["-s", "-o", str(tmp_path / "x"), f"{servers.http}/slow-body/9"]
    assert "KiB/s" not in await on_terminal([*COMMAND, *arguments])
