"""The public suite of HTTP caches (npm ``http-cache-tests``) as data, and its server.

Nobody but npm has the suite: `cases` fetches it once for each environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from email.utils import formatdate
from pathlib import Path
from time import gmtime, strftime
from typing import Any

VERSION = "0.4.5"
_EXPORT = "import t from './tests/index.mjs'; console.log(JSON.stringify(t))"
_DATES = frozenset({"date", "expires", "last-modified", "if-modified-since", "if-unmodified-since"})
_LOCATIONS = frozenset({"location", "content-location"})


class SuiteMissing(Exception):
    """The suite cannot be had; the text says why."""


def cases() -> list[dict[str, Any]]:
    """Every case of the suite.

    Raises
    ------
    SuiteMissing
        If npm, node or the registry is not there.
    """
    path = Path(sys.prefix) / f"http-cache-tests-{VERSION}.json"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=path.parent) as directory:
            made = Path(directory) / "cases.json"
            made.write_text(_fetched(directory))
            made.replace(path)
    return [case for group in json.loads(path.read_text()) for case in group["tests"]]


def _fetched(directory: str) -> str:
    _run(["npm", "pack", "--silent", f"http-cache-tests@{VERSION}"], directory)
    with tarfile.open(Path(directory) / f"http-cache-tests-{VERSION}.tgz") as archive:
        archive.extractall(directory, filter="data")
    (Path(directory) / "package" / "export-all.mjs").write_text(_EXPORT)
    return _run(["node", "--no-warnings", "export-all.mjs"], os.path.join(directory, "package"))


def _run(command: list[str], directory: str) -> str:
    try:
        done = subprocess.run(
            command, cwd=directory, capture_output=True, text=True, timeout=50, check=True
        )
    except (OSError, subprocess.SubprocessError) as exc:
        raise SuiteMissing(f"{command[0]}: {exc}") from exc
    return done.stdout


def header(pair: list[Any], now: float, base: str, config: dict[str, Any]) -> tuple[str, str]:
    """A field of a case, with its relative date or its place filled in."""
    name, value = pair[0], pair[1]
    lower = name.lower()
    if lower in _DATES and isinstance(value, int):
        return name, date(now + value, lower in config.get("rfc850date", ()))
    if lower in _LOCATIONS and config.get("magic_locations"):
        return name, f"{base}/{value}" if value else base
    return name, str(value)


def date(seconds: float, rfc850: bool = False) -> str:
    """A date as HTTP writes it."""
    if rfc850:
        return strftime("%A, %d-%b-%y %H:%M:%S GMT", gmtime(seconds))
    return formatdate(int(seconds), usegmt=True)


class SuiteServer:
    """Answers the requests of one case after the other by its configuration."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        """Seconds since 1970; pauses of cases advance it."""
        self.requests: list[dict[str, Any]] = []
        self.seen: list[dict[str, Any]] = []
        """What has arrived: number, method, headers, and the fields that were answered."""
        self.token = ""
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening."""
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *lines = head.decode("latin-1").strip().split("\r\n")
                method, target, _version = line.split(" ")
                fields = [one.split(":", 1) for one in lines]
                headers = {name.lower(): value.strip() for name, value in fields}
                await reader.readexactly(int(headers.get("content-length", 0)))
                if not self._answer(writer, method, target, headers):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(
        self, writer: asyncio.StreamWriter, method: str, target: str, headers: dict[str, str]
    ) -> bool:
        number = int(headers["req-num"])
        config = self.requests[number - 1]
        status, reason = self._status(config, number, headers)
        fields = [
            ("Server-Base-Url", target),
            ("Server-Request-Count", str(len(self.seen) + 1)),
            ("Server-Now", str(int(self.now * 1000))),
        ]
        told = [
            (header(pair, self.now, target, config), len(pair) < 3 or pair[2] is True)
            for pair in config.get("response_headers", ())
        ]
        fields += [pair for pair, _checked in told]
        names = {name.lower() for name, _value in fields}
        checked = {name.lower() for (name, _value), is_checked in told if is_checked}
        self.seen.append(
            {
                "number": number,
                "method": method,
                "headers": headers,
                "answered": [(n, v) for n, v in fields if n.lower() in checked],
            }
        )
        if config.get("disconnect"):
            return False
        body = b"" if status in (204, 304) else (config.get("response_body") or self.token).encode()
        is_chunked = ("transfer-encoding", "chunked") in [(n.lower(), v) for n, v in fields]
        for name, value in (
            ("Content-Type", "text/plain"),
            ("Date", date(self.now)),
            ("Content-Length", str(len(body))),
        ):
            if name.lower() not in names and not (
                name == "Content-Length" and (not body or is_chunked)
            ):
                fields.append((name, value))
        if not body and status not in (204, 304) and "content-length" not in names:
            fields.append(("Content-Length", "0"))
        if is_chunked:
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        numbers = " ".join(str(one["number"]) for one in self.seen)
        fields.append(("Request-Numbers", numbers))
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
        head = f"HTTP/1.1 {status} {reason}\r\n{lines}\r\n".encode("latin-1", "replace")
        writer.write(head + (b"" if method == "HEAD" else body))
        return True

    def _status(
        self, config: dict[str, Any], number: int, headers: dict[str, str]
    ) -> tuple[int, str]:
        status, reason = config.get("response_status", (200, "OK"))
        if not config.get("expected_type", "").endswith("validated"):
            return status, reason
        before = {n.lower(): v for n, v in self._answered(number - 1)}
        for condition, validator in (
            ("if-modified-since", "last-modified"),
            ("if-none-match", "etag"),
        ):
            if validator in before and headers.get(condition) == before[validator]:
                return 304, "Not Modified"
        return 999, "304 Not Generated"

    def _answered(self, number: int) -> list[tuple[str, str]]:
        """The validators of the request before: all fields that its configuration names."""
        config = self.requests[number - 1]
        base = f"/test/{self.token}"
        then = self.first_times.get(number, self.now)
        return [header(pair, then, base, config) for pair in config.get("response_headers", ())]

    first_times: dict[int, float] = {}
    """When each request of the case was sent first."""
