"""The public suite of HTTP caches, run with the client against a real server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import httptrace
from httptrace import MemoryCacheStore, SqliteCacheStore

from .running import run_case
from .suite import SuiteMissing, SuiteServer, cases

DOCS = Path(__file__).parent.parent.parent / "docs" / "cache.md"


def listed() -> set[str]:
    """The cases that do not pass: `docs/cache.md` lists them with the reasons."""
    rows = re.findall(
        r"^\| .+ \| (`.+`) \|$", DOCS.read_text().split("| reason |")[1], re.MULTILINE
    )
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def suite() -> list[dict[str, Any]]:
    """The cases; the test is skipped, aloud, where they cannot be had."""
    try:
        return cases()
    except SuiteMissing as exc:
        pytest.skip(f"http-cache-tests cannot be had: {exc}")


async def results(store: Any) -> dict[str, tuple[dict[str, Any], bool]]:
    """Each case, and whether it passes."""
    found = {}
    server = SuiteServer()
    await server.start()
    cache = httptrace.Cache(store, clock=lambda: server.now)
    async with httptrace.ClientSession(
        middlewares=(cache,), timeout=httptrace.ClientTimeout(total=20)
    ) as session:
        for number, case in enumerate(suite()):
            try:
                token = f"00000000-0000-4000-8000-{number:012}"
                await run_case(session, server, case, token)
                passed = True
            except (AssertionError, httptrace.ClientError):
                passed = False
            found[case["id"]] = case, passed
    await cache.close()
    await server.stop()
    return found


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_suite(kind: str, tmp_path: Path) -> None:
    """Every case passes, save those that are listed with the reason; the same in both stores."""
    store = MemoryCacheStore() if kind == "memory" else SqliteCacheStore(tmp_path / "cache")
    found = await results(store)
    failed = {name for name, (_case, passed) in found.items() if not passed}
    assert failed == listed()
    required = [
        passed
        for case, passed in found.values()
        if case.get("kind", "required") == "required" and not case.get("browser_skip")
    ]
    assert (sum(required), len(required)) == (140, 147)
