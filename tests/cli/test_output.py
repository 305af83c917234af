"""Where bodies are written."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from httptrace.demo.servers import BundledServers

from .running import COMMAND, httptrace

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])


async def test_file(servers: BundledServers, tmp_path: Path) -> None:
    """``-o FILE`` writes the body to the file, and the report names the file."""
    target = tmp_path / "body"
    ran = await httptrace("-o", str(target), f"{servers.http}/large/3000000")
    assert ran.code == 0
    assert target.stat().st_size == 3_000_000
    assert "  body      3,000,000 bytes, in " in ran.out


async def test_standard_output(servers: BundledServers) -> None:
    """``-o -`` writes the body to standard output, and the report to standard error."""
    ran = await httptrace("-o", "-", f"{servers.http}/hello")
    assert ran.out == "Hello!\n"
    assert "→ 200 OK" in ran.err


async def test_one_for_each_url(servers: BundledServers, tmp_path: Path) -> None:
    """The first ``-o`` is for the first URL, the second for the second."""
    await httptrace(
        *("-o", "a", f"{servers.http}/hello", "-o", "b", f"{servers.http}/status/404"),
        cwd=tmp_path,
    )
    assert (tmp_path / "a").read_bytes() == b"Hello!\n"
    assert (tmp_path / "b").read_bytes() == b"As you wish.\n"


async def test_more_outputs_than_urls(servers: BundledServers, tmp_path: Path) -> None:
    """An ``-o`` or ``-O`` without a URL prints a warning, and creates no file."""
    for extra in (("-o", "b"), ("-O",)):
        ran = await httptrace("-o", "a", *extra, f"{servers.http}/hello", cwd=tmp_path)
        assert ran.code == 0
        assert ran.err == (
            "httptrace: warning: there are more -o and -O than URLs; "
            "those at the end are not used\n"
        )
        assert [path.name for path in tmp_path.iterdir()] == ["a"]
    ran = await httptrace("-s", "-o", "a", "-o", "b", f"{servers.http}/hello", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")


async def test_remote_name(servers: BundledServers, tmp_path: Path) -> None:
    """``-O`` names the file after the end of the URL's path, never outside of the directory."""
    directory = tmp_path / "here"
    directory.mkdir()
    await httptrace("-O", f"{servers.http}/hello", cwd=directory)
    await httptrace("-O", f"{servers.http}/hello/..%2Fthere", cwd=directory)
    assert {path.name for path in directory.iterdir()} == {"hello", ".._there"}
    assert list(tmp_path.iterdir()) == [directory]


async def test_empty_body(servers: BundledServers, tmp_path: Path) -> None:
    """A body without bytes creates an empty file."""
    await httptrace("-o", "empty", f"{servers.http}/status/204", cwd=tmp_path)
    assert (tmp_path / "empty").read_bytes() == b""


async def test_no_response_no_file(servers: BundledServers, tmp_path: Path) -> None:
    """Without a response no file is created."""
    await httptrace("-o", "none", servers.refused, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


async def test_compressed(servers: BundledServers, tmp_path: Path) -> None:
    """``--compressed`` decodes the body; without it the body is written as received."""
    ran = await httptrace("--compressed", "-o", "plain", f"{servers.http}/gzip", cwd=tmp_path)
    await httptrace("-o", "coded", f"{servers.http}/gzip", cwd=tmp_path)
    assert (tmp_path / "plain").read_bytes().startswith(b"Every moment")
    assert (tmp_path / "coded").read_bytes().startswith(b"\x1f\x8b")
    assert " bytes as gzip" in ran.out


async def test_broken_pipe(servers: BundledServers) -> None:
    """If the reader of standard output closes it, the command exits with 23 without a traceback."""
    process = await asyncio.create_subprocess_exec(
        *(*COMMAND, "-s", "-o", "-", f"{servers.http}/large/50000000"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await process.stdout.read(1)
    process.stdout._transport.close()  # type: ignore[attr-defined]
    assert process.stderr is not None
    err = await process.stderr.read()
    assert await process.wait() == 23
    assert b"Traceback" not in err
    assert b"Exception ignored" not in err
