"""The demo's servers respond as their description says, and leave nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
import pytest

from httptrace.demo.servers import BundledServers
from httptrace.testing.unreachable import refused_port

pytestmark = pytest.mark.usefixtures("leak_check")


@pytest.fixture
async def servers(leak_check: object) -> AsyncIterator[BundledServers]:
    async with BundledServers() as running:
        yield running


@pytest.fixture
async def session(servers: BundledServers) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(servers.http) as opened:
        yield opened


async def raw(url: str, request: bytes) -> bytes:
    """Send a request and read until the connection ends."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(request)
    try:
        return await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/hello", 200),
        ("/slow-start/0.01", 200),
        ("/slow-body/1", 200),
        ("/delay/0.01", 200),
        ("/status/204", 204),
        ("/status/304", 304),
        ("/status/503", 503),
        ("/status/99", 400),
        ("/status/x", 200),
        ("/gzip", 200),
        ("/early-hints", 200),
        ("/close", 200),
        ("/trailers", 200),
        ("/until-close", 200),
        ("/events/1", 200),
        ("/cookies", 200),
        ("/private", 401),
        ("/digest", 401),
        ("/nowhere", 404),
    ],
)
async def test_paths(session: aiohttp.ClientSession, path: str, status: int) -> None:
    """Each path responds with its status and a complete body, twice on a connection."""
    for _ in range(2):
        async with session.get(path) as response:
            await response.read()
            assert response.status == status


async def test_credentials(session: aiohttp.ClientSession, servers: BundledServers) -> None:
    """Basic and Digest accept the right password, and no other."""
    for password, status in (("secret", 200), ("wrong", 401)):
        basic = {"Authorization": aiohttp.encode_basic_auth("ann", password)}
        async with session.get("/private", headers=basic) as response:
            assert response.status == status
        digest = (aiohttp.DigestAuthMiddleware("ann", password),)
        async with session.get("/digest", middlewares=digest) as response:
            assert response.status == status


async def test_asked_as_a_proxy(session: aiohttp.ClientSession, servers: BundledServers) -> None:
    """A request to the servers as a proxy gets the response of its path."""
    async with session.get("http://shop.example/hello", proxy=servers.http) as response:
        assert (response.status, await response.text()) == (200, "Hello!\n")


async def test_cookies(servers: BundledServers) -> None:
    """The cookie counts the visits."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(servers.http, cookie_jar=jar) as session:
        for number in (1, 2):
            async with session.get("/cookies") as response:
                assert await response.text() == f"Visit {number}.\n"


async def test_redirects(session: aiohttp.ClientSession, servers: BundledServers) -> None:
    """Redirects are as many as requested, and one leads to the other origin."""
    async with session.get("/redirect/3") as response:
        assert len(response.history) == 3
        assert response.url.path == "/hello"
    async with session.get("/elsewhere") as response:
        assert str(response.url) == f"{servers.other}/hello"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/echo", "/continue"])
async def test_echo(session: aiohttp.ClientSession, method: str, path: str) -> None:
    """The request is echoed, with and without waiting for a 100."""
    async with session.request(
        method, path, data=b"abc", expect100=path == "/continue"
    ) as response:
        assert await response.read() == b"abc"


async def test_large(session: aiohttp.ClientSession) -> None:
    """Large bodies have the requested size."""
    async with session.get("/large/1000001") as response:
        assert len(await response.read()) == 1_000_001


async def test_head(session: aiohttp.ClientSession) -> None:
    """HEAD gets only the head, and the connection can be reused."""
    for _ in range(2):
        async with session.head("/hello") as response:
            assert response.headers["Content-Length"] == "7"


async def test_early_hints(servers: BundledServers) -> None:
    """The 103 is sent before the 200."""
    told = await raw(servers.http, b"GET /early-hints HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 103 Early Hints\r\n")
    assert b"\r\n\r\nHTTP/1.1 200 OK\r\n" in told


async def test_malformed_request(servers: BundledServers) -> None:
    """Garbage gets 400 and breaks nothing."""
    assert (await raw(servers.http, b"garbage\r\n\r\n")).startswith(b"HTTP/1.1 400 ")


async def test_cut(session: aiohttp.ClientSession) -> None:
    """The truncated body begins and ends with a reset."""
    async with session.get("/cut") as response:
        assert len(await response.content.readexactly(300)) == 300
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


@pytest.mark.parametrize("name", ["never", "hang"])
async def test_never(session: aiohttp.ClientSession, servers: BundledServers, name: str) -> None:
    """The path and the server that never respond let a client wait."""
    url = f"{servers.http}/never" if name == "never" else f"{servers.hang}/"
    with pytest.raises(TimeoutError):
        await session.get(url, timeout=aiohttp.ClientTimeout(total=0.05))


async def test_tls(session: aiohttp.ClientSession, servers: BundledServers) -> None:
    """The https origin is trusted by the bundled context, the expired one is refused."""
    async with session.get(f"{servers.https}/hello", ssl=servers.ssl_context) as response:
        assert await response.text() == "Hello!\n"
    with pytest.raises(aiohttp.ClientConnectorCertificateError, match="expired"):
        await session.get(f"{servers.expired}/hello", ssl=servers.ssl_context)


async def test_tls_that_hangs(servers: BundledServers) -> None:
    """The TLS ClientHello gets no response."""
    port = urlsplit(servers.hang_tls).port
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await asyncio.open_connection("127.0.0.1", port, ssl=servers.ssl_context)


async def test_port(leak_check: object) -> None:
    """At a given port, both addresses of `localhost` accept connections."""
    with refused_port() as port:
        pass
    async with BundledServers(port) as running, aiohttp.ClientSession() as session:
        assert running.http == f"http://127.0.0.1:{port}"
        for host in ("127.0.0.1", "[::1]"):
            async with session.get(f"http://{host}:{port}/hello") as response:
                assert await response.text() == "Hello!\n"


async def test_unix_socket(servers: BundledServers) -> None:
    """The Unix socket serves the same, and is removed afterwards."""
    connector = aiohttp.UnixConnector(str(servers.unix_path))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get("http://localhost/hello") as response,
    ):
        assert await response.text() == "Hello!\n"


async def test_dead_addresses(servers: BundledServers) -> None:
    """The first of two addresses is unreachable, the second is not; the refusing port refuses."""
    parts = urlsplit(servers.two_addresses)
    assert parts.hostname is not None
    first, second = servers.hosts[parts.hostname]
    for address in (first, *servers.hosts[urlsplit(servers.dead).hostname or ""]):
        with pytest.raises(TimeoutError):
            socket.create_connection((address, parts.port), timeout=0.05)
    socket.create_connection((second, parts.port or 0), timeout=5).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", urlsplit(servers.refused).port or 0), timeout=5)


async def test_nothing_is_left(servers: BundledServers) -> None:
    """A second instance beside the first works and stops independently."""
    async with BundledServers() as second:
        path = second.unix_path
        assert path.exists()
        assert isinstance(second.ssl_context, ssl.SSLContext)
    assert not path.parent.exists()
    assert servers.unix_path.exists()
