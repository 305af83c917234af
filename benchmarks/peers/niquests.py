"""niquests, the asynchronous session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import niquests

from .base import Peer


class Niquests(Peer):
    session: Any

    async def open(self) -> None:
        limit = self.setup.limit
        self.session = niquests.AsyncSession(pool_connections=limit, pool_maxsize=limit)
        self.session.trust_env = False

    async def close(self) -> None:
        await self.session.close()

    async def get(self, target: str) -> int:
        response = await self.session.get(target)
        return len(response.content)

    async def post_json(self, target: str, value: object) -> int:
        response = await self.session.post(target, json=value)
        return len(response.json())

    async def download(self, target: str) -> int:
        received = 0
        response = await self.session.get(target, stream=True)
        async for piece in await response.iter_content(-1):
            received += len(piece)
        return received

    async def upload(self, target: str, pieces: AsyncIterator[bytes]) -> int:
        response = await self.session.post(target, data=pieces)
        return len(response.content)


PEER = Niquests
