"""Connectors that override how connections are opened, as aiohttp-socks and guards do."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import weakref
from hashlib import sha256
from typing import Any
from unittest import mock

import aiohttp
import pytest
from tests.client.conftest import MakeSession
from tests.proxies.scripts import OK, connecting, socks5
from tests.servers.aiohttp_app import AiohttpServer
from tests.servers.fixtures import ScriptedFactory
from tests.trace.sequences import ANSWERED, REUSED, SENT, SOCKET, START, TLS
from tests.ws.servers import aiohttp_echo

import httptrace
from httptrace.client_proto import ResponseHandler
from httptrace.testing import EventRecorder, Peer, response_bytes

CREATE = ("connection_create_start",)
CREATED = ("connection_create_end", "connection_acquired")


class LeftToProxy(httptrace.AbstractResolver):
    """Gives names as they are, with the family that it is asked for."""

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> Any:
        return [
            {"hostname": host, "host": host, "port": port, "family": family, "proto": 0, "flags": 0}
        ]

    async def close(self) -> None:
        """Nothing is open."""


class Held(ResponseHandler):
    """Keeps the writer, which closes the transport when it is deleted."""

    def __init__(self, loop: asyncio.AbstractEventLoop, writer: asyncio.StreamWriter) -> None:
        super().__init__(loop)
        self._writer = writer


class SocksConnector(httptrace.TCPConnector):
    """Goes through a SOCKS5 proxy in the way of aiohttp-socks: streams, TLS by itself."""

    def __init__(self, proxy_port: int, **kwargs: Any) -> None:
        super().__init__(resolver=LeftToProxy(), **kwargs)
        self._proxy_port = proxy_port

    async def _wrap_create_connection(
        self, *args: Any, addr_infos: Any, req: Any, timeout: Any, **kwargs: Any
    ) -> Any:
        host, port = addr_infos[0][4][:2]
        reader, writer = await asyncio.open_connection("127.0.0.1", self._proxy_port)
        writer.write(b"\x05\x01\x00")
        await reader.readexactly(2)
        name = host.encode()
        writer.write(b"\x05\x01\x00\x03%c%b%b" % (len(name), name, port.to_bytes(2, "big")))
        await reader.readexactly(10)
        if kwargs["ssl"] is not None:
            await writer.start_tls(kwargs["ssl"], server_hostname=kwargs["server_hostname"])
        handler = Held(self._loop, writer)
        writer.transport.set_protocol(handler)
        handler.connection_made(writer.transport)
        return writer.transport, handler


async def read(session: httptrace.ClientSession, url: Any, **options: Any) -> str:
    async with session.get(url, **options) as response:
        return await response.text()


# --- _wrap_create_connection ----------------------------------------------------------------------


async def test_by_a_proxy_of_ones_own(
    make_session: MakeSession, scripted: ScriptedFactory, recorder: EventRecorder
) -> None:
    """Requests go through what the override opens; the name is left to it; it is used again."""
    server, proxy = await scripted(OK), await scripted(socks5)
    session = make_session(connector=SocksConnector(proxy.port))
    for _ in range(2):
        assert await read(session, f"http://localhost:{server.port}/") == "hello"
        gc.collect()
    assert len(server.connections) == len(proxy.connections) == 1
    assert proxy.connections[0].events["asked for localhost"].is_set()
    first, second = recorder.requests
    dns = ("dns_cache_miss", "dns_resolvehost_start", "dns_resolvehost_end")
    assert recorder.names(first) == [*START, *CREATE, *dns, *CREATED, *SENT, *ANSWERED]
    assert recorder.names(second) == [*START, *REUSED, *SENT, *ANSWERED]
    hop = recorder.timelines()[0].hops[0]
    assert hop.address == f"127.0.0.1:{proxy.port}"
    assert hop.phases_ns["connect"] > hop.phases_ns["queue"]


async def test_tls_of_ones_own(
    make_session: MakeSession,
    aiohttp_tls_server: AiohttpServer,
    scripted: ScriptedFactory,
    client_ssl: ssl.SSLContext,
) -> None:
    """The override gets the context and the server's name; the timeline has the handshake."""
    proxy = await scripted(socks5)
    session = make_session(connector=SocksConnector(proxy.port, ssl=client_ssl))
    url = aiohttp_tls_server.url.replace("127.0.0.1", "localhost")
    data = bytes(1 << 20)
    for _ in range(2):
        async with session.post(f"{url}/echo", data=data) as response:
            assert await response.read() == data
            assert response.timeline.hops[0].tls is not None
    assert len(proxy.connections) == 1


async def test_a_body_that_ends_with_its_connection(
    make_session: MakeSession,
    scripted: ScriptedFactory,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """Of a body over such TLS nothing is lost if it is read slowly and the server closes."""
    size = 4 << 20

    async def until_close(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(size))

    server = await scripted(until_close, ssl=server_ssl)
    proxy = await scripted(socks5)
    session = make_session(connector=SocksConnector(proxy.port, ssl=client_ssl), read_bufsize=4096)
    received = 0
    async with session.get(f"https://localhost:{server.port}/") as response:
        async for chunk in response.content.iter_chunked(1 << 15):
            received += len(chunk)
            await asyncio.sleep(0)
    assert received == size


@pytest.mark.parametrize(
    ("raised", "seen"),
    [
        (LookupError("not to this host"), LookupError),
        (PermissionError("not to this host"), httptrace.ClientOSError),
        (TimeoutError("too long"), httptrace.ConnectionTimeoutError),
        (httptrace.ClientPayloadError("not to this host"), httptrace.ClientPayloadError),
    ],
    ids=repr,
)
async def test_errors_of_an_override(
    raised: Exception, seen: type[Exception], make_session: MakeSession
) -> None:
    """What it raises reaches the caller as in aiohttp, and no place stays taken."""

    class Refusing(httptrace.TCPConnector):
        async def _wrap_create_connection(self, *args: Any, **kwargs: Any) -> Any:
            raise raised

    session = make_session(connector=Refusing(limit=1))
    for _ in range(2):
        with pytest.raises(seen) as caught:
            await session.get("http://127.0.0.1:1/")
        assert type(caught.value) is seen
        assert raised in (caught.value, caught.value.__cause__)
    assert session.connector is not None
    assert session.connector.stats().open == 0


async def test_the_next_address(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """If the override fails for one address, it is asked for the others."""
    server = await scripted(OK)
    asked: list[str] = []

    class FirstOnly(httptrace.TCPConnector):
        async def _resolve_host(self, host: str, port: int, traces: Any = None) -> Any:
            return [{"host": one, "port": port, "family": 0} for one in ("127.0.0.2", "127.0.0.1")]

        async def _wrap_create_connection(
            self, *args: Any, addr_infos: Any, req: Any, **kwargs: Any
        ) -> Any:
            asked.append(addr_infos[0][4][0])
            if asked == ["127.0.0.2"]:
                raise httptrace.ClientConnectorError(req.connection_key, OSError(None, "no"))
            return await super()._wrap_create_connection(
                *args, addr_infos=addr_infos[:1], req=req, **kwargs
            )

    session = make_session(connector=FirstOnly())
    assert await read(session, f"http://origin.test:{server.port}/") == "hello"
    assert asked == ["127.0.0.2", "127.0.0.1"]


async def test_changed_arguments(
    make_session: MakeSession, aiohttp_tls_server: AiohttpServer, client_ssl: ssl.SSLContext
) -> None:
    """What an override passes on instead is used: addresses, and the server's name."""

    class Elsewhere(httptrace.TCPConnector):
        async def _wrap_create_connection(
            self, *args: Any, addr_infos: Any, server_hostname: Any = None, **kwargs: Any
        ) -> Any:
            assert server_hostname == "origin.test"
            there = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
            return await super()._wrap_create_connection(
                *args, addr_infos=[there], server_hostname="localhost", **kwargs
            )

    port = int(aiohttp_tls_server.url.rpartition(":")[2])
    session = make_session(connector=Elsewhere(ssl=client_ssl, resolver=LeftToProxy()))
    assert await read(session, "https://origin.test/inspect")


async def test_the_filter_comes_first(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """`address_filter` is asked before the override, but cannot be about names."""
    server, proxy = await scripted(OK), await scripted(socks5)
    connector = SocksConnector(proxy.port, address_filter=lambda address: False)
    session = make_session(connector=connector)
    with pytest.raises(httptrace.ClientConnectorError, match="not allowed by address_filter"):
        await session.get(f"http://127.0.0.1:{server.port}/")
    assert proxy.connections == []
    assert await read(session, f"http://localhost:{server.port}/") == "hello"


async def test_the_fingerprint_is_compared(
    make_session: MakeSession,
    aiohttp_tls_server: AiohttpServer,
    scripted: ScriptedFactory,
    server_ssl: ssl.SSLContext,
) -> None:
    """A fingerprint is compared though the override does TLS."""
    proxy = await scripted(socks5)
    url = aiohttp_tls_server.url.replace("127.0.0.1", "localhost")
    session = make_session(connector=SocksConnector(proxy.port))
    with pytest.raises(httptrace.ServerFingerprintMismatch) as caught:
        await session.get(f"{url}/inspect", ssl=httptrace.Fingerprint(sha256(b"other").digest()))
    assert await read(session, f"{url}/inspect", ssl=httptrace.Fingerprint(caught.value.got))


async def test_a_websocket(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """A WebSocket takes over the transport that the override has opened."""
    proxy = await scripted(socks5)
    session = make_session(connector=SocksConnector(proxy.port))
    async with aiohttp_echo() as url:
        async with session.ws_connect(url.replace("127.0.0.1", "localhost")) as websocket:
            await websocket.send_str("there and back")
            assert await websocket.receive_str() == "there and back"
    assert len(proxy.connections) == 1


async def test_by_an_http_proxy_and_an_override(
    make_session: MakeSession,
    aiohttp_tls_server: AiohttpServer,
    scripted: ScriptedFactory,
    client_ssl: ssl.SSLContext,
) -> None:
    """The override opens the connection to an HTTP proxy too, on which a tunnel is asked for."""
    socks, proxy = await scripted(socks5), await scripted(connecting())
    session = make_session(connector=SocksConnector(socks.port, ssl=client_ssl))
    asked = f"http://localhost:{proxy.port}"
    for _ in range(2):
        assert await read(session, f"{aiohttp_tls_server.url}/inspect", proxy=asked)
        gc.collect()
    assert await read(session, "http://origin.test/", proxy=asked) == "hello"
    assert len(socks.connections) == len(proxy.connections) == 2


# --- _create_connection, _create_direct_connection ------------------------------------------------


async def test_around_the_original(
    make_session: MakeSession,
    aiohttp_tls_server: AiohttpServer,
    client_ssl: ssl.SSLContext,
    recorder: EventRecorder,
) -> None:
    """An override that calls the original gets its protocol; the events are those without it."""
    seen: list[Any] = []

    class Looking(httptrace.TCPConnector):
        async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
            handler = await super()._create_connection(req, traces, timeout)
            assert handler.transport is not None
            seen.append((req.url.path, traces, timeout.total, handler.is_connected()))
            return handler

    timeout = httptrace.ClientTimeout(total=7)
    session = make_session(connector=Looking(ssl=client_ssl), timeout=timeout)
    assert await read(session, f"{aiohttp_tls_server.url}/inspect")
    assert seen == [("/inspect", [], 7, True)]
    made = [*START, *CREATE, *SOCKET, *TLS, *CREATED, *SENT, *ANSWERED]
    assert recorder.names() == made


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
async def test_by_the_loop(
    secure: bool,
    make_session: MakeSession,
    aiohttp_server: AiohttpServer,
    aiohttp_tls_server: AiohttpServer,
    client_ssl: ssl.SSLContext,
) -> None:
    """An override may open the transport by the event loop, with the connector's factory."""

    class ByLoop(httptrace.TCPConnector):
        async def _create_direct_connection(
            self, req: Any, traces: Any, timeout: Any, **kwargs: Any
        ) -> Any:
            tls = {"ssl": client_ssl, "server_hostname": "localhost"} if req.is_ssl() else {}
            return await self._loop.create_connection(self._factory, req.host, req.port, **tls)

    server = aiohttp_tls_server if secure else aiohttp_server
    session = make_session(connector=ByLoop())
    for _ in range(2):
        assert await read(session, f"{server.url}/inspect")
    assert session.connector is not None
    assert session.connector.stats().created == 1


async def test_a_connector_without_a_dialer(
    make_session: MakeSession, scripted: ScriptedFactory, tmp_path: Any
) -> None:
    """A subclass of BaseConnector needs nothing but `_create_connection`."""
    path = str(tmp_path / "socket")
    await scripted(OK, unix_path=path)

    class Pipe(httptrace.BaseConnector):
        async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
            return (await self._loop.create_unix_connection(self._factory, path))[1]

    assert await read(make_session(connector=Pipe()), "http://docker/version") == "hello"


async def test_a_unix_connector(
    make_session: MakeSession, scripted: ScriptedFactory, tmp_path: Any
) -> None:
    """`UnixConnector` calls `_create_connection` as well."""
    path = str(tmp_path / "socket")
    await scripted(OK, unix_path=path)
    seen: list[str] = []

    class Looking(httptrace.UnixConnector):
        async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
            seen.append(req.host)
            return await super()._create_connection(req, traces, timeout)

    assert await read(make_session(connector=Looking(path)), "http://docker/") == "hello"
    assert seen == ["docker"]


async def test_headers_that_an_override_sets(
    make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """Headers that `connect` or `_create_connection` sets on the request are sent."""
    server = await scripted(OK)

    class Signing(httptrace.TCPConnector):
        async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
            req.headers["X-Connect"] = "1"
            return await super().connect(req, traces, timeout)

        async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
            req.headers["X-Create"] = "2"
            return await super()._create_connection(req, traces, timeout)

    session = make_session(connector=Signing())
    assert await read(session, server.url) == "hello"
    (request,) = server.requests
    assert (request.header("X-Connect"), request.header("X-Create")) == ("1", "2")


# --- what an override may not return --------------------------------------------------------------


def returning(made: Any) -> type[httptrace.TCPConnector]:
    """A connector whose `_create_connection` gives what `made` makes of its transport."""

    class Own(httptrace.TCPConnector):
        async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
            return made(await super()._create_connection(req, traces, timeout))

    return Own


async def test_no_protocol(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """Something without a transport is refused by name."""
    server = await scripted(OK)
    session = make_session(connector=returning(lambda handler: handler.abort())())
    with pytest.raises(TypeError, match="must return a protocol that has a transport, not None"):
        await session.get(server.url)


@pytest.mark.parametrize("lost", [False, True], ids=["closing", "lost"])
async def test_a_closed_transport(
    lost: bool, make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A transport that is closed is an error of the connection."""
    server = await scripted(OK)

    def closed(handler: Any) -> Any:
        (handler if lost else handler.transport).abort()
        return handler

    session = make_session(connector=returning(closed)())
    with pytest.raises(httptrace.ClientConnectorError, match="the connection was closed"):
        await session.get(server.url)


async def test_a_protocol_that_wants_data(
    make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A protocol that would handle data itself is refused: it would never get any."""
    server = await scripted(OK)

    class Eager(ResponseHandler):
        def data_received(self, data: bytes) -> None:
            raise AssertionError

    def eager(handler: Any) -> Any:
        own = Eager(asyncio.get_running_loop())
        own.connection_made(handler.transport)
        return own

    session = make_session(connector=returning(eager)())
    with pytest.raises(TypeError, match=r"Eager overrides ResponseHandler\.data_received"):
        await session.get(server.url)
    await server.no_connections()


async def test_an_early_answer(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """Bytes that arrive while the override still works begin the first response."""

    async def early(peer: Peer) -> None:
        await peer.send(response_bytes(503, b"busy", ("Connection", "close")))
        await peer.until_closed()

    server = await scripted(early)

    class Slow(httptrace.TCPConnector):
        async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
            handler: Any = await super()._create_connection(req, traces, timeout)
            while not handler._tail:
                await asyncio.sleep(0)
            return handler

    async with make_session(connector=Slow()).get(server.url) as response:
        assert (response.status, await response.text()) == (503, "busy")


# --- proxies --------------------------------------------------------------------------------------


async def test_tls_with_a_proxy_of_its_own(
    make_session: MakeSession,
    scripted: ScriptedFactory,
    aiohttp_tls_server: AiohttpServer,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """A context that is set on the request to the proxy is used for TLS with it alone."""

    class ProxyTLS(httptrace.TCPConnector):
        def _update_proxy_auth_header_and_build_proxy_req(self, req: Any) -> Any:
            proxy_req = super()._update_proxy_auth_header_and_build_proxy_req(req)
            assert (str(proxy_req.url.origin()), proxy_req.proxy) == (proxy_url, None)
            assert proxy_req.is_ssl() and proxy_req.ssl is untrusting
            proxy_req._ssl = client_ssl
            return proxy_req

    untrusting = ssl.create_default_context()
    proxy = await scripted(connecting(), ssl=server_ssl)
    proxy_url = f"https://localhost:{proxy.port}"
    session = make_session(connector=ProxyTLS())
    url = f"{aiohttp_tls_server.url}/inspect"
    with pytest.raises(httptrace.ClientConnectorCertificateError, match=r"127\.0\.0\.1"):
        await session.get(url, proxy=proxy_url, ssl=untrusting)
    assert proxy.requests[0].method == "CONNECT"
    with pytest.raises(httptrace.ClientConnectorCertificateError):
        await session.get(url, ssl=untrusting)


@pytest.mark.parametrize("tunnel", [False, True], ids=["http", "https"])
async def test_headers_for_a_proxy(
    tunnel: bool,
    make_session: MakeSession,
    scripted: ScriptedFactory,
    aiohttp_tls_server: AiohttpServer,
    client_ssl: ssl.SSLContext,
) -> None:
    """The override sees the proxy's headers; those that it adds are sent with CONNECT."""

    class Tokens(httptrace.TCPConnector):
        def _update_proxy_auth_header_and_build_proxy_req(self, req: Any) -> Any:
            proxy_req = super()._update_proxy_auth_header_and_build_proxy_req(req)
            auth = httptrace.BasicAuth("user", "secret").encode()
            assert proxy_req.headers["Proxy-Authorization"] == auth
            proxy_req.headers["X-Token"] = req.headers["X-For-Proxy"] = "new"
            return proxy_req

    proxy = await scripted(connecting())
    session = make_session(connector=Tokens(ssl=client_ssl))
    url = f"{aiohttp_tls_server.url}/inspect" if tunnel else "http://origin.test/"
    options = {"proxy": f"http://user:secret@127.0.0.1:{proxy.port}"}
    assert await read(session, url, proxy_headers={"X-Own": "1"}, **options)
    (request,) = proxy.requests
    assert request.method == ("CONNECT" if tunnel else "GET")
    sent = [request.header(name) for name in ("X-Own", "X-Token", "X-For-Proxy")]
    assert sent == (["1", "new", None] if tunnel else ["1", None, "new"])
    assert request.header("Proxy-Authorization") == httptrace.BasicAuth("user", "secret").encode()


# --- as in aiohttp --------------------------------------------------------------------------------


def noting(package: Any, calls: list[Any]) -> type[Any]:
    """A connector that notes each call, and calls the original."""

    class Noting(package.TCPConnector):  # type: ignore[misc, name-defined]
        async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
            calls.append(("connect", str(req.url), req.is_ssl(), str(req.proxy), timeout.total))
            return await super().connect(req, traces, timeout)

        async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
            calls.append(("_create_connection", str(req.url), traces, timeout.total))
            return await super()._create_connection(req, traces, timeout)

        async def _create_proxy_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
            calls.append(("_create_proxy_connection", str(req.url), traces, timeout.total))
            transport, handler = await super()._create_proxy_connection(req, traces, timeout)
            calls.append(("to proxy", handler.transport is transport))
            return transport, handler

        def _update_proxy_auth_header_and_build_proxy_req(self, req: Any) -> Any:
            made = super()._update_proxy_auth_header_and_build_proxy_req(req)
            calls.append(("proxy req", made.method, str(made.url), made.headers["Host"]))
            return made

        async def _create_direct_connection(
            self, req: Any, traces: Any, timeout: Any, **kwargs: Any
        ) -> Any:
            error = kwargs.get("client_error", package.ClientConnectorError).__name__
            calls.append(("_create_direct_connection", str(req.url), traces, error))
            return await super()._create_direct_connection(req, traces, timeout, **kwargs)

        async def _resolve_host(self, host: str, port: int, traces: Any = None) -> Any:
            found = await super()._resolve_host(host, port, traces=traces)
            calls.append(("_resolve_host", host, port, traces, found[0]["host"]))
            return found

        async def _wrap_create_connection(self, *args: Any, **kwargs: Any) -> Any:
            (factory,) = args
            given = {**kwargs, "req": str(kwargs["req"].url), "timeout": kwargs["timeout"].total}
            given["client_error"] = given["client_error"].__name__
            calls.append(("_wrap_create_connection", given))
            transport, handler = await super()._wrap_create_connection(*args, **kwargs)
            calls.append(("wrapped", handler.transport is transport, type(factory()).__name__))
            return transport, handler

    return Noting


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("proxied", [False, True], ids=["direct", "proxied"])
async def test_called_as_in_aiohttp(
    secure: bool,
    proxied: bool,
    aiohttp_server: AiohttpServer,
    aiohttp_tls_server: AiohttpServer,
    scripted: ScriptedFactory,
    client_ssl: ssl.SSLContext,
) -> None:
    """Every override is called with what aiohttp gives it, in the same order.

    aiohttp also makes the request to a proxy when it uses a connection again.
    """
    server, noted = aiohttp_tls_server if secure else aiohttp_server, []
    proxy = f"http://127.0.0.1:{(await scripted(connecting())).port}" if proxied else None
    for package in (aiohttp, httptrace):
        calls: list[Any] = []
        async with package.ClientSession(
            connector=noting(package, calls)(ssl=client_ssl),
            timeout=package.ClientTimeout(total=7),
        ) as session:
            for _ in range(2):
                async with session.get(f"{server.url}/inspect", proxy=proxy) as response:
                    assert response.status == 200
        noted.append(calls)
    theirs, ours = noted
    assert [one[0] for one in theirs[-1:]] == (["proxy req"] if proxied else ["connect"])
    assert ours == (theirs[:-1] if proxied else theirs)


# --- patches --------------------------------------------------------------------------------------


async def test_patched_on_the_class(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """A patch of the class counts for connectors that exist, and is undone with it."""
    server = await scripted(OK)
    session = make_session(connector=httptrace.TCPConnector(force_close=True))
    for name in ("connect", "_create_connection", "_resolve_host"):
        patched = mock.AsyncMock(side_effect=PermissionError("patched"))
        with mock.patch.object(httptrace.TCPConnector, name, patched):
            with pytest.raises(OSError, match="patched"):
                await session.get(server.url)
        patched.assert_awaited_once()
        assert await read(session, server.url) == "hello"


async def test_assigned_to_the_connector(
    make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A method that is assigned to a connector is called until it is deleted."""
    server = await scripted(OK)
    session = make_session(connector=httptrace.TCPConnector(force_close=True))
    connector: Any = session.connector
    connector._create_connection = mock.AsyncMock(side_effect=LookupError("assigned"))
    with pytest.raises(LookupError, match="assigned"):
        await session.get(server.url)
    del connector._create_connection
    assert await read(session, server.url) == "hello"


async def test_a_patch_closes_nothing(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """A patch leaves the connections alone that another override has opened."""
    server, proxy = await scripted(OK), await scripted(socks5)
    session = make_session(connector=SocksConnector(proxy.port))
    for _ in range(2):
        assert await read(session, f"http://localhost:{server.port}/") == "hello"
        with mock.patch.object(httptrace.TCPConnector, "connect", None):
            gc.collect()
    assert len(proxy.connections) == 1


async def test_a_dropped_connector(scripted: ScriptedFactory, recorder: EventRecorder) -> None:
    """Overrides do not keep a connector that was dropped."""
    server, proxy = await scripted(OK), await scripted(socks5)
    async with httptrace.ClientSession(connector=SocksConnector(proxy.port)) as session:
        assert await read(session, f"http://localhost:{server.port}/") == "hello"
        gone = weakref.ref(session.connector)
    del session
    recorder.clear()
    gc.collect()
    assert gone() is None
