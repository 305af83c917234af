"""A clock that tests set, a cache with either store, and prepared responses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.client.conftest import clean, make_session, serve, session

import httptrace
from httptrace import MemoryCacheStore, SqliteCacheStore
from httptrace.testing import response_bytes

__all__ = ["clean", "make_session", "serve", "session"]

MakeCached = Callable[..., httptrace.ClientSession]


class Clock:
    """Seconds since 1970, as a test sets them."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The clock of the caches of a test."""
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
async def cache(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock
) -> AsyncIterator[httptrace.Cache]:
    """A cache with each of the stores; they hold 8 MiB."""
    store: Any = MemoryCacheStore(8 << 20)
    if request.param == "sqlite":
        store = SqliteCacheStore(tmp_path / "cache", max_bytes=8 << 20)
    cache = httptrace.Cache(store, clock=clock)
    yield cache
    await cache.close()


def made(
    status: int = 200, body: bytes = b"one", /, *, length: bool = True, **fields: str
) -> bytes:
    """A response; ``_`` in the names of fields stands for ``-``."""
    pairs = [(name.replace("_", "-"), value) for name, value in fields.items()]
    return response_bytes(status, body, *pairs, length=length)


async def got(call: Any) -> tuple[int, bytes, str]:
    """The status and the body of a request, and what the cache did."""
    async with call as response:
        body = await response.read()
        return response.status, body, response.cache.state
