"""Clients with aiohttp's API: aiohttp itself, and httptrace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import ModuleType, SimpleNamespace
from typing import Any

from .base import Peer


async def listener(session: object, context: object, params: object) -> None:
    """An empty coroutine, to see what listening alone costs."""


class Moment:
    """An object with room for what an event holds."""

    __slots__ = ("source", "time_ns", "values")


class SessionPeer(Peer):
    """Drives `module.ClientSession`."""

    module: ModuleType
    session: Any

    def trace_configs(self) -> list[Any]:
        """Return a TraceConfig that listens to every signal the client has."""
        config = self.module.TraceConfig()
        for name in dir(config):
            if name.startswith("on_"):
                getattr(config, name).append(listener)
        return [config]

    def observing(self) -> dict[str, Any]:
        """Return the parameters of a session whose requests' ends are observed."""
        raise NotImplementedError

    async def open(self) -> None:
        connector = self.module.TCPConnector(limit=self.setup.limit)
        configs = self.trace_configs() if self.setup.signals else None
        options = self.observing() if self.setup.observer else {}
        self.session = self.module.ClientSession(
            connector=connector, trace_configs=configs, **options
        )
        if self.setup.moments:
            self.get = self.get_with_moments  # type: ignore[method-assign]

    async def close(self) -> None:
        await self.session.close()

    async def get(self, target: str) -> int:
        async with self.session.get(target) as response:
            return len(await response.read())

    async def get_with_moments(self, target: str) -> int:
        async with self.session.get(target) as response:
            received = len(await response.read())
        context = SimpleNamespace(trace_request_ctx=None)
        for _ in range(self.setup.moments):
            await listener(self.session, context, Moment())
        return received

    async def post_json(self, target: str, value: object) -> int:
        async with self.session.post(target, json=value) as response:
            return len(await response.json())

    async def download(self, target: str) -> int:
        received = 0
        async with self.session.get(target) as response:
            async for piece in response.content.iter_any():
                received += len(piece)
        return received

    async def upload(self, target: str, pieces: AsyncIterator[bytes]) -> int:
        async with self.session.post(target, data=pieces) as response:
            return len(await response.read())

    async def multipart(self, target: str, path: str) -> int:
        form = self.module.FormData()
        form.add_field("title", "a file")
        with open(path, "rb") as file:
            form.add_field("file", file, content_type="application/octet-stream")
            async with self.session.post(target, data=form) as response:
                return len(await response.read())

    async def pipe(self, source: str, target: str) -> int:
        async with (
            self.session.get(source) as incoming,
            self.session.post(target, data=incoming.content) as response,
        ):
            return len(await response.read())
