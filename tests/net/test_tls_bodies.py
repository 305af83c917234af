"""Bodies over TLS: what the loop reads into our buffer is not damaged."""

from __future__ import annotations

import ssl

from tests.servers.aiohttp_app import AiohttpServer

import httptrace


async def test_a_body_of_many_records(
    aiohttp_tls_server: AiohttpServer, client_ssl: ssl.SSLContext
) -> None:
    """A body that is much longer than a TLS record is not damaged, whatever is read at once."""
    data = bytes(range(256)) * (1 << 13)
    async with (
        httptrace.ClientSession() as session,
        session.post(f"{aiohttp_tls_server.url}/echo", data=data, ssl=client_ssl) as response,
    ):
        assert await response.read() == data
