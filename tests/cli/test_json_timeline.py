"""The JSON that the command writes for programs."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace.demo.servers import BundledServers

from .running import INTERRUPTIBLE, httptrace

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])


async def test_a_line_for_each_request(servers: BundledServers) -> None:
    """Each request is one line of JSON, with its status, error and timeline."""
    ran = await httptrace(
        "--json-timeline", "-L", f"{servers.http}/redirect/1", servers.refused, "http://"
    )
    good, refused, malformed = ran.lines
    assert (good["status"], good["exit_code"], good["error"], good["body_size"]) == (
        200,
        0,
        None,
        7,
    )
    assert [hop["status"] for hop in good["timeline"]["hops"]] == [302, 200]
    assert (refused["status"], refused["exit_code"]) == (None, 7)
    assert refused["error"]["phase"] == "connect"
    assert refused["timeline"]["hops"][0]["addresses_failed"]
    assert (malformed["exit_code"], malformed["timeline"]) == (3, None)
    assert ran.code == 3


async def test_phases_sum_to_the_total(servers: BundledServers) -> None:
    """The phases are a partition of the time, to the nanosecond."""
    ran = await httptrace("--json-timeline", f"{servers.http}/slow-start/0.05")
    timeline = ran.lines[0]["timeline"]
    assert sum(timeline["phases_ns"].values()) == timeline["total_ns"]
    assert timeline["phases"]["wait"] > 0.04


async def test_heads(servers: BundledServers) -> None:
    """With ``-v`` the line has the heads too."""
    ran = await httptrace("--json-timeline", "-v", f"{servers.http}/hello")
    sent, received = ran.lines[0]["heads"]
    assert (sent["sent"], sent["line"]) == (True, "GET /hello HTTP/1.1")
    assert (received["sent"], received["line"]) == (False, "HTTP/1.1 200 OK")
    assert ["Content-Length", "7"] in received["headers"]


async def test_bytes_that_are_no_text(scripted: ScriptedFactory) -> None:
    """Bytes that are not UTF-8 are escaped, so that every program can parse the JSON."""
    server = await scripted(b"HTTP/1.1 200 OK\r\nX-Name: caf\xe9\r\nContent-Length: 0\r\n\r\n")
    ran = await httptrace("--json-timeline", "-v", server.url)
    assert ["X-Name", "caf\\xe9"] in ran.lines[0]["heads"][1]["headers"]
    assert "\\ud" not in ran.out
    ran = await httptrace("-v", server.url)
    assert "\n< X-Name: caf\\xe9\n" in ran.out


async def test_interrupt(servers: BundledServers, tmp_path: Path) -> None:
    """Ctrl-C: the line has the exit code of the command."""
    kept = tmp_path / "body"
    process = await asyncio.create_subprocess_exec(
        *(*INTERRUPTIBLE, "--json-timeline", "-o", str(kept), f"{servers.http}/slow-body/100"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(10):
        while not kept.exists():
            await asyncio.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert (process.returncode, err) == (130, b"")
    line = json.loads(out)
    assert (line["exit_code"], line["error"]["message"]) == (130, "receive: interrupted")


async def test_errors_are_on_stderr_too(servers: BundledServers) -> None:
    """The error is also printed on standard error, unless ``-s`` is given."""
    ran = await httptrace("--json-timeline", servers.refused)
    assert ran.err.startswith("httptrace: connect: ")
    ran = await httptrace("--json-timeline", "-s", servers.refused)
    assert ran.err == ""
    assert ran.lines[0]["exit_code"] == ran.code == 7
