"""Proxies as scripts: their requests are kept, and they can be made to fail."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from httptrace.testing import Peer, response_bytes

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
OK = response_bytes(200, b"hello")


async def relay(peer: Peer, host: str, port: int) -> None:
    """Relay bytes in both directions until one side closes."""
    reader, writer = await asyncio.open_connection(host, port)

    async def back() -> None:
        while data := await reader.read(1 << 16):
            await peer.send(data)
        peer.half_close()

    returning = asyncio.create_task(back(), name="back, of a script")
    try:
        while data := await peer.receive():
            writer.write(data)
    finally:
        returning.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await returning
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def connecting(
    answer: bytes = ESTABLISHED, to: tuple[str, int] | None = None
) -> Callable[[Peer], Awaitable[None]]:
    """An HTTP proxy: relays after CONNECT, and responds to other requests itself."""

    async def script(peer: Peer) -> None:
        request = await peer.request()
        while request.method != "CONNECT":
            await peer.send(OK)
            request = await peer.request()
        await peer.send(answer)
        host, _, port = request.target.rpartition(":")
        await relay(peer, *(to or (host.strip("[]"), int(port))))

    return script


async def socks5(peer: Peer) -> None:
    """A SOCKS5 proxy without authentication that relays to addresses and names."""
    _version, count = await peer.read(2)
    await peer.read(count)
    await peer.send(b"\x05\x00")
    *_, kind = await peer.read(4)
    if kind == 3:
        host = (await peer.read((await peer.read(1))[0])).decode()
    else:
        host = ".".join(map(str, await peer.read(4)))
    peer.events[f"asked for {host}"].set()
    port = int.from_bytes(await peer.read(2), "big")
    await peer.send(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
    await relay(peer, host, port)


async def socks4a(peer: Peer) -> None:
    """A SOCKS4a proxy that relays to the given name."""
    header = await peer.read(8)
    await peer.read_until(b"\x00")
    host = (await peer.read_until(b"\x00")).rstrip(b"\x00").decode()
    peer.events[f"asked for {host}"].set()
    await peer.send(b"\x00\x5a" + bytes(6))
    await relay(peer, host, int.from_bytes(header[2:4], "big"))
