"""pyreqwest: Rust's reqwest with a Python face; its I/O runs on a thread of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from pyreqwest.client import ClientBuilder

from .base import Peer


class Pyreqwest(Peer):
    client: Any

    async def open(self) -> None:
        self.client = ClientBuilder().max_connections(self.setup.limit).build()

    async def close(self) -> None:
        await self.client.close()

    async def get(self, target: str) -> int:
        response = await self.client.get(target).build().send()
        return len(await response.bytes())

    async def post_json(self, target: str, value: object) -> int:
        response = await self.client.post(target).body_json(value).build().send()
        return len(await response.json())

    async def download(self, target: str) -> int:
        received = 0
        async with self.client.get(target).build_streamed() as response:
            while piece := await response.body_reader.read_chunk():
                received += len(piece)
        return received

    async def upload(self, target: str, pieces: AsyncIterator[bytes]) -> int:
        response = await self.client.post(target).body_stream(pieces).build().send()
        return len(await response.bytes())


PEER = Pyreqwest
