"""httpx, on its asyncio back end."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

from .base import Peer


class Httpx(Peer):
    client: httpx.AsyncClient

    async def open(self) -> None:
        limits = httpx.Limits(
            max_connections=self.setup.limit, max_keepalive_connections=self.setup.limit
        )
        self.client = httpx.AsyncClient(limits=limits, timeout=300, trust_env=False)

    async def close(self) -> None:
        await self.client.aclose()

    async def get(self, target: str) -> int:
        response = await self.client.get(target)
        return len(response.content)

    async def post_json(self, target: str, value: object) -> int:
        response = await self.client.post(target, json=value)
        return len(response.json())

    async def download(self, target: str) -> int:
        received = 0
        async with self.client.stream("GET", target) as response:
            async for piece in response.aiter_bytes():
                received += len(piece)
        return received

    async def upload(self, target: str, pieces: AsyncIterator[bytes]) -> int:
        response = await self.client.post(target, content=pieces)
        return len(response.content)


PEER = Httpx
