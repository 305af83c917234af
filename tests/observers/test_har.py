"""HAR files: what stands in them, that they are always whole, and reading them back."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.ws.servers import aiohttp_echo

import httptrace
from httptrace import HarFile, har
from httptrace.testing.scripted import ScriptedServer, responding, response_bytes

from .conftest import JSON_BODY

PHASES = ("blocked", "dns", "connect", "send", "wait", "receive")


def entries_of(path: Path) -> list[dict[str, Any]]:
    """The entries of a file, after the rules that hold for every one."""
    log = json.loads(path.read_bytes())["log"]
    assert (log["version"], log["pages"], log["creator"]["name"]) == ("1.2", [], "httptrace")
    for entry in log["entries"]:
        timings = entry["timings"]
        assert entry["time"] == sum(timings[phase] for phase in PHASES if timings[phase] != -1)
        assert all(timings[phase] == -1 or timings[phase] >= 0 for phase in (*PHASES, "ssl"))
        assert all(timings[phase] >= 0 for phase in ("send", "wait", "receive"))
        assert timings["ssl"] <= timings["connect"]
        assert entry["cache"] == {}
        hop_ns = sum(end - start for _, start, end in entry["_httptrace"]["hop"]["spans_ns"])
        assert entry["time"] == pytest.approx(hop_ns / 1e6, abs=1e-6)
    entries: list[dict[str, Any]] = log["entries"]
    return entries


async def get(server: ScriptedServer, file: HarFile, *paths: str, **options: Any) -> None:
    """Get these paths, one after the other; failures are expected."""
    async with httptrace.ClientSession(observers=[file]) as session:
        for path in paths:
            try:
                async with session.get(server.url + path, **options) as response:
                    await response.read()
            except httptrace.ClientError:
                pass


async def test_each_attempt(tmp_path: Path, server: ScriptedServer) -> None:
    """One entry for each hop, with its own timings and connection; phases that were not are -1."""
    with HarFile(tmp_path / "a.har") as file:
        await get(server, file, "/moved", "/")
    moved, followed, again = entries_of(file.path)
    assert [one["response"]["status"] for one in (moved, followed, again)] == [302, 200, 200]
    assert moved["timings"]["connect"] > 0 and moved["timings"]["ssl"] == -1
    assert (followed["timings"]["connect"], followed["timings"]["dns"]) == (-1, -1)
    assert {one["_connectionId"] for one in (moved, followed, again)} == {moved["connection"]}
    assert moved["serverIPAddress"] == "127.0.0.1"
    assert moved["startedDateTime"].endswith("Z")
    assert again["response"]["content"] == {"size": 5, "mimeType": "text/plain"}
    assert "_initiator" not in again and "postData" not in again["request"]


async def test_secrets(tmp_path: Path, server: ScriptedServer) -> None:
    """No secret reaches the file: headers, cookies, user info, query, redirect."""
    secret = {"Authorization": "Bearer secret-bearer", "Cookie": "sid=secret-sid"}
    with HarFile(tmp_path / "a.har") as file:
        await get(server, file, "/moved?X-Amz-Signature=secret-signature", headers=secret)
    assert "secret-" not in file.path.read_text()
    first, _ = entries_of(file.path)
    assert first["request"]["cookies"] == [{"name": "sid", "value": "***"}]
    assert first["response"]["cookies"] == [{"name": "session", "value": "***"}]
    assert first["response"]["redirectURL"] == "/json?token=***"
    assert file.path.stat().st_mode & 0o777 == 0o600


async def test_failures(tmp_path: Path, server: ScriptedServer, unused_tcp_port: int) -> None:
    """A failed request is an entry with `_error`; without a response its status is 0."""
    with HarFile(tmp_path / "a.har") as file:
        await get(server, file, "/cut")
        async with httptrace.ClientSession(observers=[file]) as session:
            with pytest.raises(httptrace.ClientConnectorError):
                await session.get(f"http://127.0.0.1:{unused_tcp_port}/")
    cut, refused = entries_of(file.path)
    assert cut["response"]["status"] == 200
    assert cut["response"]["_error"].startswith("ClientPayloadError: ")
    assert refused["response"]["status"] == 0
    assert refused["response"]["_error"].startswith("ClientConnectorError: Cannot connect")
    assert refused["timings"]["connect"] > 0 and refused["timings"]["wait"] == 0


async def test_bodies(tmp_path: Path, server: ScriptedServer) -> None:
    """Bodies are decoded, text where they are text, and cut at the limit."""
    with HarFile(tmp_path / "a.har", bodies=12) as file:
        await get(server, file, "/json", "/binary")
        async with httptrace.ClientSession(observers=[file]) as session:
            await (await session.post(server.url, data=b"0123456789abcdef")).read()
    compressed, binary, posted = entries_of(file.path)
    assert compressed["response"]["content"]["text"] == "{"  # all that 12 bytes of gzip tell
    assert "limit" in compressed["response"]["content"]["comment"]
    assert binary["response"]["content"]["encoding"] == "base64"
    assert binary["response"]["content"]["text"] == "AP8="
    assert posted["request"]["postData"]["text"] == "MDEyMzQ1Njc4OWFi"
    assert posted["response"]["content"]["text"] == "hello"
    with HarFile(tmp_path / "b.har", bodies=1000) as file:
        await get(server, file, "/json")
    (whole,) = entries_of(file.path)
    assert whole["response"]["content"]["text"] == JSON_BODY.decode()
    assert whole["response"]["content"]["size"] == len(JSON_BODY)


async def test_initiator(tmp_path: Path, server: ScriptedServer) -> None:
    """If asked for, the line that made the request stands in the file, as Chrome reads it."""
    with HarFile(tmp_path / "a.har", initiator=True) as file:
        await get(server, file, "/")
    (entry,) = entries_of(file.path)
    (frame,) = entry["_initiator"]["stack"]["callFrames"]
    assert (frame["functionName"], frame["url"]) == ("get", __file__)
    lines = Path(__file__).read_text().splitlines()
    assert "session.get(" in lines[frame["lineNumber"]]


async def test_websocket(tmp_path: Path) -> None:
    """The messages of a WebSocket, if bodies are asked for."""
    pytest.importorskip("aiohttp", reason="aiohttp is not installed")
    async with aiohttp_echo() as url:
        with HarFile(tmp_path / "a.har", bodies=100) as file:
            async with httptrace.ClientSession(observers=[file]) as session:
                async with session.ws_connect(url) as ws:
                    await ws.send_str("hello")
                    await ws.receive()
    (entry,) = entries_of(file.path)
    assert (entry["response"]["status"], entry["_resourceType"]) == (101, "websocket")
    sent, received = entry["_webSocketMessages"]
    assert (sent["type"], sent["opcode"], sent["data"]) == ("send", 1, "hello")
    assert (received["type"], received["opcode"]) == ("receive", 1)


async def test_load(tmp_path: Path, server: ScriptedServer) -> None:
    """The timelines come back as they were: hops, phases, and the drawing."""
    with httptrace.record() as recording, HarFile(tmp_path / "a.har") as file:
        await get(server, file, "/moved", "/", "/cut")
    loaded = har.load(file.path)
    assert len(loaded) == 3
    for one, before in zip(loaded, recording.timelines, strict=True):
        assert one.phases_ns == before.phases_ns and one.total_ns == before.total_ns
        assert one.request_id == before.request_id
        assert [hop.status for hop in one.hops] == [hop.status for hop in before.hops]
        assert [hop.error for hop in one.hops] == [hop.error for hop in before.hops]
        assert one.to_dict()["hops"] == before.to_dict()["hops"]
        assert str(one).splitlines()[:8] == str(before).splitlines()[:8]


async def test_load_of_a_cached_response(tmp_path: Path, scripted: ScriptedFactory) -> None:
    """What the cache did comes back as well."""
    fresh = response_bytes(200, b"hello", ("Cache-Control", "max-age=60"))
    server = await scripted(responding(fresh))
    with HarFile(tmp_path / "a.har") as file:
        cache = httptrace.Cache()
        async with httptrace.ClientSession(observers=[file], middlewares=[cache]) as session:
            for _ in range(2):
                await (await session.get(server.url)).read()
    _, cached = har.load(file.path)
    assert cached.hops[0].cache is not None and cached.hops[0].cache.state == "hit"
    assert entries_of(file.path)[1]["timings"]["send"] == 0


def test_load_of_a_browser(tmp_path: Path) -> None:
    """An entry of another program is a timeline; TLS is taken out of `connect`."""
    entry = {
        "startedDateTime": "2026-01-02T03:04:05.678Z",
        "time": 61,
        "request": {"method": "GET", "url": "https://example.org/", "bodySize": 0},
        "response": {
            "status": 200,
            "statusText": "OK",
            "bodySize": 10,
            "headers": [{"name": "Content-Type", "value": "text/html"}],
        },
        "timings": {
            "blocked": 1,
            "dns": 10,
            "connect": 30,
            "ssl": 20,
            "send": 0,
            "wait": 15,
            "receive": 5,
        },
    }
    path = tmp_path / "browser.har"
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": [entry]}}))
    (timeline,) = har.load(path)
    milliseconds = {phase: ns / 1e6 for phase, ns in timeline.phases_ns.items()}
    assert [*milliseconds.values()] == [1, 10, 10, 20, 0, 15, 5]
    assert (timeline.hops[0].status, timeline.hops[0].content_type) == (200, "text/html")


@pytest.mark.parametrize("text", ["", "[]", '{"log": {}}', '{"log": {"entries": [1]}}'])
def test_load_of_something_else(tmp_path: Path, text: str) -> None:
    """What is no HAR file is named as such."""
    path = tmp_path / "a.har"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"a\.har is not a HAR file: "):
        har.load(path)


async def test_always_whole(tmp_path: Path, server: ScriptedServer) -> None:
    """The file can be read after each batch, and at first."""
    with HarFile(tmp_path / "a.har") as file:
        assert entries_of(file.path) == []
        for number in (1, 2, 3):
            await get(server, file, "/")
            await asyncio.to_thread(file.flush)
            assert len(entries_of(file.path)) == number
    assert file.lost == 0


async def test_second_writer(tmp_path: Path, server: ScriptedServer) -> None:
    """Who writes a file that is being written gets one with the process id in its name."""
    with HarFile(tmp_path / "a.har") as first, HarFile(tmp_path / "a.har") as second:
        assert second.path == tmp_path / f"a-{os.getpid()}.har"
        await get(server, second, "/")
        await get(server, first, "/", "/")
    assert (len(entries_of(first.path)), len(entries_of(second.path))) == (2, 1)


async def test_closed(
    tmp_path: Path, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """What comes after the end is counted as lost and told once; requests go on."""
    with HarFile(tmp_path / "a.har") as file:
        pass
    await get(server, file, "/", "/")
    assert file.lost == 2
    (warning,) = [one.getMessage() for one in caplog.records if one.name == "httptrace"]
    assert warning == (
        "HarFile loses what it should export: it is closed. "
        "Later losses are counted in HarFile.lost only"
    )


KILLED = """
import asyncio, os, signal, sys
import httptrace

async def main(url):
    file = httptrace.HarFile(sys.argv[2])
    async with httptrace.ClientSession(observers=[file]) as session:
        for number in range(30):
            await (await session.get(url)).read()
            if number == 19:
                file.flush()
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(sys.argv[1]))
"""


async def test_killed(tmp_path: Path, server: ScriptedServer) -> None:
    """A program that is killed leaves a file that can be read, with all that was written."""
    path = tmp_path / "a.har"
    program = [sys.executable, "-c", KILLED, server.url, str(path)]
    ended = await asyncio.create_subprocess_exec(*program)
    assert await ended.wait() == -signal.SIGKILL
    assert len(entries_of(path)) >= 20


FULL = """
import asyncio, resource, signal, sys
import httptrace

async def main(url):
    file = httptrace.HarFile(sys.argv[2])
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    async with httptrace.ClientSession(observers=[file]) as session:
        for _ in range(30):
            await (await session.get(url)).read()
            file.flush()
    file.close()
    print(file.lost)

asyncio.run(main(sys.argv[1]))
"""


async def test_full_disk(tmp_path: Path, server: ScriptedServer) -> None:
    """On a full disk requests go on, the file stays readable, and the loss is counted."""
    path = tmp_path / "a.har"
    program = [sys.executable, "-c", FULL, server.url, str(path)]
    pipe = subprocess.PIPE
    ended = await asyncio.create_subprocess_exec(*program, stdout=pipe, stderr=pipe)
    stdout, stderr = await ended.communicate()
    assert ended.returncode == 0, stderr
    written = len(entries_of(path))
    assert written > 0 and int(stdout) == 30 - written > 0
    assert stderr.count(b"HarFile loses what it should export: OSError") == 1


def test_no_such_folder(tmp_path: Path) -> None:
    """A path that cannot be written is an error before anything is sent."""
    with pytest.raises(FileNotFoundError):
        HarFile(tmp_path / "no" / "a.har")
    with pytest.raises(ValueError, match="bodies must be above 0, got 0"):
        HarFile(tmp_path / "a.har", bodies=0)


async def test_huge_header(tmp_path: Path, server: ScriptedServer) -> None:
    """A header of many kilobytes is shortened."""
    with HarFile(tmp_path / "a.har") as file:
        await get(server, file, "/", headers={"X-Large": "x" * 60_000})
    (entry,) = entries_of(file.path)
    (large,) = [one for one in entry["request"]["headers"] if one["name"] == "X-Large"]
    assert large["value"] == "x" * 16_384


async def test_over_aiohttp(tmp_path: Path, server: ScriptedServer) -> None:
    """Requests of aiohttp's own sessions: what aiohttp does not tell is -1."""
    aiohttp = pytest.importorskip("aiohttp", reason="aiohttp is not installed")
    with HarFile(tmp_path / "a.har") as file:
        async with aiohttp.ClientSession(trace_configs=[file.trace_config()]) as session:
            async with session.get(f"{server.url}/moved") as response:
                await response.read()
    moved, followed = entries_of(file.path)
    assert (moved["response"]["status"], followed["response"]["status"]) == (302, 200)
    assert moved["timings"]["ssl"] == -1 and moved["response"]["bodySize"] == -1
    assert followed["request"]["headersSize"] == -1
