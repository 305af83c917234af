"""The file of a cache: shared, bounded, and harmless when it cannot be used."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.client.conftest import MakeSession
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace import SqliteCacheStore

from .conftest import got, made

LASTING = "max-age=3600"
CHILD = """
import asyncio, sys
import httptrace

async def main():
    cache = httptrace.Cache(httptrace.SqliteCacheStore(sys.argv[1]))
    async with httptrace.ClientSession(middlewares=[cache]) as session:
        async with session.get(sys.argv[2]) as response:
            print(response.cache.state, flush=True)
            if len(sys.argv) > 3:
                await response.content.readexactly(int(sys.argv[3]))
                await cache.store._ask(lambda: None, None)  # what was passed on is written
                print("read", flush=True)
                await asyncio.sleep(60)
            print(len(await response.read()), flush=True)
    await cache.close()

asyncio.run(main())
"""


async def child(*arguments: str) -> asyncio.subprocess.Process:
    """Another process that makes a request with a cache in a file."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, *arguments, stdout=subprocess.PIPE
    )


async def said(*arguments: str) -> list[bytes]:
    """What it prints."""
    process = await child(*arguments)
    output, _ = await process.communicate()
    return output.split()


on_asyncio = pytest.mark.asyncio(loop_factories=["asyncio"])


@on_asyncio
async def test_processes_share(tmp_path: Path, scripted: ScriptedFactory) -> None:
    """What one process has stored answers the requests of another one, and the mode is 0600."""
    path, body = tmp_path / "cache", b"x" * 200_000
    server = await scripted(made(200, body, Cache_Control=LASTING))
    url = str(server.url)
    assert await said(str(path), url) == [b"miss", b"200000"]
    assert await said(str(path), url) == [b"hit", b"200000"]
    assert os.stat(path).st_mode & 0o777 == 0o600


@on_asyncio
async def test_processes_at_once(tmp_path: Path, scripted: ScriptedFactory) -> None:
    """Processes that use one file at the same time disturb each other in nothing."""
    path = str(tmp_path / "cache")
    server = await scripted(made(200, b"x" * 900_000, Cache_Control=LASTING))
    urls = [f"{server.url}/{n % 2}" for n in range(4)]
    found = await asyncio.gather(*(said(path, url) for url in urls))
    assert {state for state, _size in found} <= {b"miss", b"hit"}
    assert {size for _state, size in found} == {b"900000"}
    found = await asyncio.gather(*(said(path, url) for url in urls))
    assert found == [[b"hit", b"900000"]] * 4


@on_asyncio
async def test_killed_while_writing(
    tmp_path: Path, scripted: ScriptedFactory, make_session: MakeSession
) -> None:
    """A process that is killed while it stores leaves a file that others use, without its part."""
    path, body = tmp_path / "cache", b"x" * 5_000_000
    server = await scripted(made(200, body, Cache_Control=LASTING))
    process = await child(str(path), str(server.url), "3000000")
    assert process.stdout is not None
    assert await process.stdout.readline() == b"miss\n"
    assert await process.stdout.readline() == b"read\n"
    process.send_signal(signal.SIGKILL)
    await process.wait()
    with sqlite3.connect(path) as db:
        (unfinished,) = db.execute("SELECT count(*) FROM entries WHERE whole = 0").fetchone()
    db.close()
    assert unfinished == 1
    cache = httptrace.Cache(SqliteCacheStore(path))
    session = make_session(middlewares=[cache])
    for state in ("miss", "hit"):
        assert await got(session.get(server.url)) == (200, body, state)
    await cache.close()


def damaged(path: Path) -> None:
    """Overwrite the pages of a file, but its first bytes."""
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xa5" * (path.stat().st_size - 100))


def other_version(path: Path) -> None:
    """Make it the file of a later version."""
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()


def other_program(path: Path) -> None:
    """Make it the database of another program."""
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (a)")
    db.close()


def no_database(path: Path) -> None:
    """Make it a text."""
    path.write_text("This is a letter and no database. " * 100)


def directory(path: Path) -> None:
    """Make it a directory."""
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("breaking", "words"),
    [
        (damaged, "damaged"),
        (other_version, "its version is 99, not 1: remove it"),
        (other_program, "an SQLite file of another program"),
        (no_database, "not an SQLite file"),
        (directory, "Is a directory"),
    ],
)
async def test_unusable_files(
    tmp_path: Path,
    scripted: ScriptedFactory,
    make_session: MakeSession,
    caplog: pytest.LogCaptureFixture,
    breaking: object,
    words: str,
) -> None:
    """A file that cannot be used makes every request a miss, with one warning; it is kept."""
    path = tmp_path / "cache"
    first = SqliteCacheStore(path)
    await first.find("made")
    await first.close()
    breaking(path)  # type: ignore[operator]
    before = path.read_bytes() if path.is_file() else b""
    server = await scripted(made(200, b"one", Cache_Control=LASTING))
    cache = httptrace.Cache(SqliteCacheStore(path))
    session = make_session(middlewares=[cache])
    for _ in range(3):
        assert await got(session.get(server.url)) == (200, b"one", "miss")
    await cache.close()
    (record,) = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert words in record.getMessage()
    assert str(path) in record.getMessage()
    assert (path.read_bytes() if path.is_file() else b"") == before


async def test_locked(
    tmp_path: Path,
    scripted: ScriptedFactory,
    make_session: MakeSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """While another process holds the file nothing is stored, with one warning; then it is."""
    path = tmp_path / "cache"
    store = SqliteCacheStore(path)
    await store.find("made")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    server = await scripted(made(200, b"one", Cache_Control=LASTING))
    session = make_session(middlewares=[httptrace.Cache(store)])
    for _ in range(2):
        assert await got(session.get(server.url)) == (200, b"one", "miss")
    await store.find("what was asked for before is done")
    holder.rollback()
    holder.close()
    assert [(await got(session.get(server.url)))[2] for _ in range(2)] == ["miss", "hit"]
    await store.close()
    (record,) = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert "another process has locked it" in record.getMessage()


async def test_bounded(
    tmp_path: Path, scripted: ScriptedFactory, make_session: MakeSession
) -> None:
    """The file does not grow beyond its bound, and keeps what was used last."""
    path, limit = tmp_path / "cache", 2 << 20
    server = await scripted(made(200, b"x" * 300_000, Cache_Control=LASTING))
    store = SqliteCacheStore(path, max_bytes=limit)
    session = make_session(middlewares=[httptrace.Cache(store)])
    for number in range(30):
        assert (await got(session.get(f"{server.url}/{number}")))[2] == "miss"
    assert (await got(session.get(f"{server.url}/29")))[2] == "hit"
    assert (await got(session.get(f"{server.url}/0")))[2] == "miss"
    await store.close()
    assert path.stat().st_size <= limit * 5 // 4


async def test_full(
    tmp_path: Path,
    scripted: ScriptedFactory,
    make_session: MakeSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A full file is a miss with one warning, and the request goes on."""
    store = SqliteCacheStore(tmp_path / "cache", max_bytes=8 << 20)
    await store.find("made")
    assert store._file._db is not None
    store._file._db.execute("PRAGMA max_page_count = 20")
    server = await scripted(made(200, b"x" * 500_000, Cache_Control=LASTING))
    session = make_session(middlewares=[httptrace.Cache(store)])
    for _ in range(2):
        assert (await got(session.get(server.url)))[2] == "miss"
    await store.close()
    (record,) = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert "it, or the disk, is full" in record.getMessage()


async def test_credentials_are_digests(
    tmp_path: Path, scripted: ScriptedFactory, make_session: MakeSession
) -> None:
    """The file does not have the credentials of the request that a response answered."""
    path = tmp_path / "cache"
    server = await scripted(made(200, b"one", Cache_Control=LASTING, Vary="Cookie"))
    cache = httptrace.Cache(SqliteCacheStore(path))
    session = make_session(middlewares=[cache])
    headers = {"Authorization": "Bearer s3cr3t-token", "Cookie": "id=s3cr3t-cookie"}
    assert (await got(session.get(server.url, headers=headers)))[2] == "miss"
    assert (await got(session.get(server.url, headers=headers)))[2] == "hit"
    await cache.close()
    assert b"s3cr3t" not in b"".join(each.read_bytes() for each in tmp_path.iterdir())
