"""Requests, by name, over TLS and one after another, go through a SOCKS5 proxy."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

from ecosystem.serving import answering, serve

REQUIREMENTS = ["aiohttp-socks", "cryptography"]
WAY = "alias"


class SocksServer:
    """A SOCKS5 proxy without passwords that notes where connections were to go."""

    def __init__(self) -> None:
        self.destinations: list[str] = []
        self._clients: set[asyncio.Task[None] | None] = set()

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Serve; gives the proxy's URL."""
        server = await asyncio.start_server(self._client, "127.0.0.1", 0)
        async with server:
            yield f"socks5://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.gather(*filter(None, self._clients))

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(asyncio.current_task())
        _version, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        *_, kind = await reader.readexactly(4)
        if kind == 3:
            (size,) = await reader.readexactly(1)
            host = (await reader.readexactly(size)).decode()
        else:
            host = ".".join(map(str, await reader.readexactly(4)))
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.destinations.append(host)
        further = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        await asyncio.gather(_copy(reader, further[1]), _copy(further[0], writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


async def test_requests_go_through_the_proxy() -> None:
    """The name is left to the proxy, and the connection is used again."""
    from aiohttp import ClientSession
    from aiohttp_socks import ProxyConnector

    socks = SocksServer()
    async with serve({"/": answering({"hello": "world"})}) as url, socks.serve() as proxy:
        connector = ProxyConnector.from_url(proxy, rdns=True)
        async with ClientSession(connector=connector) as session:
            for _ in range(2):
                async with session.get(url.replace("127.0.0.1", "example.test")) as response:
                    assert await response.json() == {"hello": "world"}
    assert socks.destinations == ["example.test"]


async def test_https_goes_through_the_proxy() -> None:
    """TLS is with the server behind the proxy, whose certificate is verified."""
    from aiohttp import ClientError, ClientSession, web
    from aiohttp_socks import ProxyConnector

    from httptrace.testing import TestServer
    from httptrace.testing.certificates import CertificateAuthority

    authority, socks, app = CertificateAuthority(), SocksServer(), web.Application()
    app.router.add_get("/{name}", answering({"secret": True}))
    served = authority.issue("localhost").server_context()
    async with TestServer(app, ssl=served) as server, socks.serve() as proxy:
        url = str(server.make_url("/one")).replace("127.0.0.1", "localhost")
        trusting = ProxyConnector.from_url(proxy, rdns=True, ssl=authority.client_context())
        async with ClientSession(connector=trusting) as session:
            for _ in range(2):
                async with session.get(url) as response:
                    assert await response.json() == {"secret": True}
        assert socks.destinations == ["localhost"]
        async with ClientSession(connector=ProxyConnector.from_url(proxy, rdns=True)) as session:
            try:
                await session.get(url)
            except ClientError as error:
                assert isinstance(error.__cause__, ssl.SSLCertVerificationError)
            else:
                raise AssertionError("the certificate was not verified")


async def test_a_proxy_that_is_not_there_is_its_error() -> None:
    """The library's own error reaches the caller."""
    from aiohttp import ClientSession
    from aiohttp_socks import ProxyConnectionError, ProxyConnector

    connector = ProxyConnector.from_url("socks5://127.0.0.1:1")
    async with ClientSession(connector=connector) as session:
        try:
            await session.get("http://example.test/")
        except ProxyConnectionError:
            return
    raise AssertionError("the request did not fail")
