"""What a client must be able to do to be measured."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Setup:
    """How a client is opened.

    `host` and `port` name the server, `limit` is the most connections at a time, and `signals`
    asks for an empty coroutine on each of the client's trace signals. `observer` asks for an
    observer of each request's end, which does nothing. With `moments` so many empty objects are
    made and empty coroutines awaited after each request, and nothing else: no signals can cost less
    than that.
    """

    host: str
    port: int
    limit: int = 100
    signals: bool = False
    moments: int = 0
    observer: bool = False


class Peer(ABC):
    """One client, opened on the running loop.

    Each operation takes a target made once by `target()`, so that what is measured is the request
    and not the building of a string, and returns the number of body bytes it read.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    def target(self, path: str) -> Any:
        """Return what the operations take for that path: for most clients the whole URL."""
        return f"http://{self.setup.host}:{self.setup.port}{path}"

    @abstractmethod
    async def open(self) -> None:
        """Make the session or client."""

    @abstractmethod
    async def close(self) -> None:
        """Close it with its connections."""

    @abstractmethod
    async def get(self, target: Any) -> int:
        """GET, and read the whole body as bytes."""

    @abstractmethod
    async def post_json(self, target: Any, value: object) -> int:
        """POST `value` as JSON and decode the JSON that comes back."""

    @abstractmethod
    async def download(self, target: Any) -> int:
        """GET, and read the body piece by piece, keeping none."""

    @abstractmethod
    async def upload(self, target: Any, pieces: AsyncIterator[bytes]) -> int:
        """POST a body that is made while it is sent, and read the answer."""

    async def multipart(self, target: Any, path: str) -> int:
        """POST the file at `path` within a form, and read the answer."""
        raise NotImplementedError

    async def pipe(self, source: Any, target: Any) -> int:
        """POST to `target` what comes from `source` while it comes, and read the answer."""
        raise NotImplementedError
