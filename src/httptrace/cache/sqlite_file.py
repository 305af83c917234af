"""The file of a `SqliteCacheStore`, as its one thread uses it."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import stat
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from .entry import Entry, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

logger = logging.getLogger("httptrace")

VERSION = 1
APPLICATION = 0x68747463  # "httc"
_SHORT = 64 << 10
"""Bodies up to this size come with their entries."""
_PAGE = 4096
_LOCKED_SECONDS = 0.5
"""How long another process may hold the file before a request is a miss."""
_ABANDONED_SECONDS = 600.0
"""After so long what a process has begun to store, and did not finish, is removed."""
_TOUCH_SECONDS = 60.0
"""How precise the time of the last use is kept: each change of it is a write."""
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL, vary TEXT NOT NULL, head TEXT NOT NULL,
    size INTEGER NOT NULL, used REAL NOT NULL, whole INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS by_key ON entries (key);
CREATE INDEX IF NOT EXISTS by_use ON entries (used);
CREATE TABLE IF NOT EXISTS pieces (
    entry INTEGER NOT NULL, place INTEGER NOT NULL, data BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS by_entry ON pieces (entry, place);
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
COMMIT;
"""


class UnusableError(Exception):
    """The file is no cache of this version. The text says what it is."""


def encoded(entry: Entry) -> tuple[str, str, str]:
    """The key, the selecting fields and the head of an entry, as they stand in the file."""
    fields = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in entry.fields]
    times = entry.request_time, entry.response_time
    head = (entry.status, entry.reason, entry.version, fields, *times, entry.span)
    return entry.key, json.dumps(entry.vary, sort_keys=True), json.dumps(head)


def _decoded(key: str, vary: str, head: str, size: int, number: int) -> Entry:
    status, reason, version, pairs, asked, answered, span = json.loads(head)
    fields = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in pairs]
    part = None if span is None else Span(*span)
    entry = Entry(key, status, reason, version, fields, asked, answered, json.loads(vary), part)
    entry.size, entry.number = size, number
    return entry


class CacheFile:
    """The file and its connection."""

    def __init__(self, path: str, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._db: sqlite3.Connection | None = None
        self._told = False
        self._unusable = False

    def guarded(self, work: Callable[[], T], otherwise: T) -> T:
        """The result of some work, or `otherwise` with one warning if the file cannot be used."""
        if self._unusable:
            return otherwise
        try:
            return work()
        except (sqlite3.Error, OSError, UnusableError, ValueError, TypeError, KeyError) as exc:
            self._failed(exc)
            return otherwise

    def _failed(self, exc: Exception) -> None:
        if self._db is not None and self._db.in_transaction:
            with suppress(sqlite3.Error):
                self._db.rollback()
        passing = isinstance(exc, sqlite3.OperationalError) and _code(exc) in _PASSING
        if not passing:
            self._unusable = True
            self.close()
        if not self._told:
            self._told = True
            logger.warning(
                "The cache file %s cannot be used, and requests go on without it: %s",
                self._path,
                _described(exc),
            )

    def close(self) -> None:
        """Close the file."""
        db, self._db = self._db, None
        if db is not None:
            with suppress(sqlite3.Error):
                db.close()

    def find(self, key: str) -> tuple[Entry, ...]:
        """The entries of a key, with short bodies."""
        db = self._opened()
        rows = db.execute(
            "SELECT key, vary, head, size, number, used FROM entries WHERE key = ? AND whole = 1"
            " ORDER BY number",
            (key,),
        ).fetchall()
        found = []
        for *columns, used in rows:
            entry = _decoded(*columns)
            if entry.size > _SHORT or self._load(db, entry):
                found.append(entry)
                self._touch(db, entry, used)
        return tuple(found)

    def _load(self, db: sqlite3.Connection, entry: Entry) -> bool:
        rows = db.execute(
            "SELECT data FROM pieces WHERE entry = ? ORDER BY place", (entry.number,)
        ).fetchall()
        entry.body = b"".join(data for (data,) in rows)
        return len(entry.body) == entry.size

    def _touch(self, db: sqlite3.Connection, entry: Entry, used: float) -> None:
        now = time.time()
        if now - used > _TOUCH_SECONDS:
            with suppress(sqlite3.OperationalError):  # somebody else writes: no matter
                db.execute("UPDATE entries SET used = ? WHERE number = ?", (now, entry.number))

    def pieces(self, entry: Entry) -> Pieces | None:
        """The body of an entry; None if it has been removed."""
        db = self._connect()
        try:
            db.execute("BEGIN")  # the pieces stay readable even if others remove them
            row = db.execute(
                "SELECT sum(length(data)) FROM pieces WHERE entry = ?", (entry.number,)
            ).fetchone()
        except BaseException:
            db.close()
            raise
        if row[0] != entry.size:
            db.close()
            return None
        return Pieces(db, entry)

    def writing(self, entry: Entry) -> Writing:
        """The state of an entry that is being stored."""
        return Writing(self, entry)

    def update(self, entry: Entry) -> None:
        """Replace the head of an entry."""
        _key, _vary, head = encoded(entry)
        self._opened().execute(
            "UPDATE entries SET head = ?, used = ? WHERE number = ?",
            (head, time.time(), entry.number),
        )

    def remove(self, key: str) -> None:
        """Remove the entries of a key."""
        db = self._opened()
        db.execute("BEGIN IMMEDIATE")
        numbers = db.execute("SELECT number FROM entries WHERE key = ? AND whole = 1", (key,))
        _delete(db, [number for (number,) in numbers.fetchall()])
        db.commit()

    def clear(self) -> None:
        """Remove everything."""
        db = self._opened()
        db.execute("BEGIN IMMEDIATE")
        db.execute("DELETE FROM pieces")
        db.execute("DELETE FROM entries")
        db.commit()

    def make_room(self, db: sqlite3.Connection) -> None:
        """Inside of a transaction: remove what was not used for the longest time, if too much."""
        before = time.time() - _ABANDONED_SECONDS
        rows = db.execute("SELECT number FROM entries WHERE whole = 0 AND used < ?", (before,))
        _delete(db, [number for (number,) in rows.fetchall()])
        (total,) = db.execute(
            "SELECT coalesce(sum(size + length(head)), 0) FROM entries"
        ).fetchone()
        gone = []
        if total > self._max_bytes:
            rows = db.execute(
                "SELECT number, size + length(head) FROM entries WHERE whole = 1"
                " ORDER BY used, number"
            )
            for number, size in rows:
                if total <= self._max_bytes:
                    break
                gone.append(number)
                total -= size
        _delete(db, gone)

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            self._create()
            self._db = self._connect()
            self._prepare(self._db)
        return self._db

    def _create(self) -> None:
        """Make the file with mode 0600: SQLite gives the files beside it the same mode."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(self._path, flags, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UnusableError("it is not a regular file")
        finally:
            os.close(descriptor)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self._path, timeout=_LOCKED_SECONDS, isolation_level=None, check_same_thread=False
        )

    def _prepare(self, db: sqlite3.Connection) -> None:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and application != APPLICATION:
            raise UnusableError("it is an SQLite file of another program")
        if tables and version != VERSION:
            raise UnusableError(f"its version is {version}, not {VERSION}: remove it")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(f"PRAGMA journal_size_limit = {16 << 20}")
        db.execute(f"PRAGMA max_page_count = {max(64, self._max_bytes * 5 // 4 // _PAGE)}")
        if not tables:
            db.executescript(_SCHEMA)


class Writing:
    """An entry that is being stored: its pieces are in the file before it is whole."""

    def __init__(self, file: CacheFile, entry: Entry) -> None:
        self._file = file
        self._number: int | None = None
        self._count = self._size = 0
        self._failed = False
        self.waiting = 0
        """Pieces that were passed on and are not yet written."""
        self.passed = False
        """Whether a piece was passed on."""

    def add(self, piece: bytes, names: tuple[str, str, str]) -> None:
        """Write a piece of a body that is not yet whole."""
        self.waiting -= 1
        if self._failed:
            return
        self._failed = True  # until it has gone well
        db = self._file._opened()
        db.execute("BEGIN IMMEDIATE")
        self._insert(db, piece, names)
        self._file.make_room(db)
        db.commit()
        self._failed = False

    def commit(self, rest: bytes, names: tuple[str, str, str]) -> None:
        """Write the rest, and put the entry in the place of what it replaces."""
        if self._failed:
            self.drop()
            return
        db = self._file._opened()
        db.execute("BEGIN IMMEDIATE")
        self._insert(db, rest, names)
        key, vary, _head = names
        rows = db.execute(
            "SELECT number FROM entries WHERE key = ? AND vary = ? AND number != ? AND whole = 1",
            (key, vary, self._number),
        )
        _delete(db, [number for (number,) in rows.fetchall()])
        db.execute("UPDATE entries SET whole = 1 WHERE number = ?", (self._number,))
        self._file.make_room(db)
        db.commit()

    def drop(self) -> None:
        """Remove what was written."""
        if self._number is not None:
            db = self._file._opened()
            db.execute("BEGIN IMMEDIATE")
            _delete(db, [self._number])
            db.commit()

    def _insert(self, db: sqlite3.Connection, piece: bytes, names: tuple[str, str, str]) -> None:
        if self._number is None:
            cursor = db.execute(
                "INSERT INTO entries (key, vary, head, size, used, whole) VALUES (?,?,?,0,?,0)",
                (*names, time.time()),
            )
            self._number = cursor.lastrowid
        if piece:
            db.execute(
                "INSERT INTO pieces (entry, place, data) VALUES (?,?,?)",
                (self._number, self._count, piece),
            )
        self._count += 1
        self._size += len(piece)
        values = (self._size, time.time(), self._number)
        db.execute("UPDATE entries SET size = ?, used = ? WHERE number = ?", values)


class Pieces:
    """A body in the file. Its connection sees the file as it was when reading began."""

    def __init__(self, db: sqlite3.Connection, entry: Entry) -> None:
        self._db = db
        self._number = entry.number
        self._place = -1
        self._left = entry.size
        self._lock = threading.Lock()

    def next(self) -> bytes:
        """The next piece; ``b""`` at the end. OSError if the file cannot be read any more."""
        try:
            with self._lock:
                row = self._db.execute(
                    "SELECT place, data FROM pieces WHERE entry = ? AND place > ?"
                    " ORDER BY place LIMIT 1",
                    (self._number, self._place),
                ).fetchone()
        except sqlite3.Error as exc:
            raise OSError(f"the cache file cannot be read: {exc}") from exc
        if row is None:
            self.close()
            if self._left:
                raise OSError(f"{self._left} bytes of the body are missing in the cache file")
            return b""
        self._place, data = row
        self._left -= len(data)
        return bytes(data)

    def close(self) -> None:
        """Close the connection."""
        with self._lock, suppress(sqlite3.Error):
            self._db.close()

    def __del__(self) -> None:
        self.close()


def _delete(db: sqlite3.Connection, numbers: Iterable[int]) -> None:
    for number in numbers:
        db.execute("DELETE FROM pieces WHERE entry = ?", (number,))
        db.execute("DELETE FROM entries WHERE number = ?", (number,))


_PASSING = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL"})
"""Errors that may be over by the next request."""


def _code(exc: BaseException) -> str:
    name: Any = getattr(exc, "sqlite_errorname", "")
    return "_".join(str(name).split("_")[:2])


def _described(exc: Exception) -> str:
    code = _code(exc)
    said = {
        "SQLITE_BUSY": f"another process has locked it for longer than {_LOCKED_SECONDS} s",
        "SQLITE_NOTADB": "it is not an SQLite file",
        "SQLITE_CORRUPT": "it is damaged: remove it",
        "SQLITE_FULL": "it, or the disk, is full",
        "SQLITE_READONLY": "it cannot be written",
    }.get(code)
    return said or f"{exc}"
