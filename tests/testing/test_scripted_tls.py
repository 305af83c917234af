"""TLS of a scripted server: early, late, truncated or refused."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from httptrace.testing.certificates import CertificateAuthority
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import ScriptedServer, hang, response_bytes

pytestmark = pytest.mark.usefixtures("leak_check")

OK = response_bytes(200, b"ok")
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


async def ask(server: ScriptedServer, context: ssl.SSLContext, *, name: str | None = None) -> bytes:
    """Send one request over TLS and read until the end."""
    reader, writer = await asyncio.open_connection(
        server.host, server.port, ssl=context, server_hostname=name
    )
    try:
        writer.write(GET)
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def once(peer: Peer) -> None:
    await peer.request()
    await peer.send(OK)


async def slowly(peer: Peer) -> None:
    await peer.request()
    await peer.send_slowly(OK)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("script", [once, slowly])
async def test_https(
    script: object, version: ssl.TLSVersion, ca: CertificateAuthority, server_ssl: ssl.SSLContext
) -> None:
    """With a server context the script sends and receives over TLS, in both versions."""
    context = ca.client_context()
    context.maximum_version = version
    async with ScriptedServer(script, ssl=server_ssl) as server:  # type: ignore[arg-type]
        assert server.url.startswith("https://127.0.0.1:")
        assert await ask(server, context) == OK
        assert server.connections[0].tls is not None
        assert server.requests[0].raw == GET


async def test_large_bodies_both_ways(
    server_ssl: ssl.SSLContext, client_ssl: ssl.SSLContext
) -> None:
    """Megabytes are transferred in both directions."""
    body = bytes(range(256)) * 4096

    async def script(peer: Peer) -> None:
        assert await peer.read(len(body)) == body
        await peer.send(body)
        # uvloop's TLS loses what it has buffered when the end comes while reading is paused.
        await peer.until_closed()

    async with ScriptedServer(script, ssl=server_ssl) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port, ssl=client_ssl)
        writer.write(body)
        assert await reader.readexactly(len(body)) == body
        writer.close()
        await writer.wait_closed()


async def test_client_that_refuses_the_certificate(server_ssl: ssl.SSLContext) -> None:
    """A client that does not trust the server closes the connection; the script does not run."""
    async with ScriptedServer(once, ssl=server_ssl) as server:
        with pytest.raises(ssl.SSLCertVerificationError):
            await ask(server, ssl.create_default_context())
        await server.finished()
        # Event loops close without the alert that would tell the reason.
        assert server.connections[0].tls_error is not None
        assert not server.requests


async def test_client_that_tells_why_it_refuses(server_ssl: ssl.SSLContext) -> None:
    """A client's alert is kept as the TLS error."""
    async with ScriptedServer(once, ssl=server_ssl) as server:
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.to_thread(
                _blocking_end, server.host, server.port, ssl.create_default_context()
            )
        await server.finished()
        assert isinstance(server.connections[0].tls_error, ssl.SSLError)


async def test_client_that_speaks_no_tls(server_ssl: ssl.SSLContext) -> None:
    """A plain request to a TLS server is kept as a TLS error."""
    async with ScriptedServer(once, ssl=server_ssl) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(GET)
        await reader.read()
        writer.close()
        await writer.wait_closed()
        assert server.connections[0].tls_error is not None


async def test_client_that_leaves_in_the_handshake(server_ssl: ssl.SSLContext) -> None:
    """A client that connects and closes ends the handshake."""
    async with ScriptedServer(once, ssl=server_ssl) as server:
        _, writer = await asyncio.open_connection(server.host, server.port)
        await server.connected()
        writer.close()
        await writer.wait_closed()
        await server.no_connections()


async def test_late_upgrade(server_ssl: ssl.SSLContext, client_ssl: ssl.SSLContext) -> None:
    """A script may begin without TLS and upgrade later, as a proxy's tunnel does."""

    async def script(peer: Peer) -> None:
        request = await peer.request()
        assert request.method == "CONNECT"
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        await peer.start_tls(server_ssl)
        await once(peer)

    async with ScriptedServer(script) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        await writer.start_tls(client_ssl, server_hostname="localhost")
        writer.write(GET)
        assert await reader.read() == OK
        writer.close()
        await writer.wait_closed()


async def test_no_answer_to_the_hello(client_ssl: ssl.SSLContext) -> None:
    """A server that never responds to the ClientHello leaves the client in its handshake."""
    async with ScriptedServer(hang) as server:
        asking = asyncio.create_task(ask(server, client_ssl))
        peer = await server.connected()
        assert (await peer.receive())[:1] == b"\x16"  # A handshake record.
        assert not asking.done()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking


@pytest.mark.parametrize("close_notify", [True, False])
async def test_end_of_tls(
    close_notify: bool, server_ssl: ssl.SSLContext, client_ssl: ssl.SSLContext
) -> None:
    """A close ends TLS with its alert, or without it if the script truncates."""

    async def script(peer: Peer) -> None:
        await peer.read(1)
        peer.close(close_notify=close_notify)

    async with ScriptedServer(script, ssl=server_ssl) as server:
        ended = await asyncio.to_thread(_blocking_end, server.host, server.port, client_ssl)
    assert ended == ("close_notify" if close_notify else "cut")


def _blocking_end(host: str, port: int, context: ssl.SSLContext) -> str:
    """Read with a blocking client, and return how TLS ended."""
    import socket

    with (
        socket.create_connection((host, port), timeout=5) as sock,
        context.wrap_socket(sock, server_hostname="localhost", suppress_ragged_eofs=False) as tls,
    ):
        tls.send(b"x")
        try:
            return "close_notify" if tls.recv(1) == b"" else "data"
        except ssl.SSLEOFError:
            return "cut"
