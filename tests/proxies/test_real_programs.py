"""Requests through proxies of other projects: the same through each, for each kind of proxy."""

from __future__ import annotations

import ssl

import pytest
from tests.servers.aiohttp_app import AiohttpServer

import httptrace

from .conftest import MakeSession, Proxies
from .programs import PASSWORD, USER

LOGIN = f"{USER}:{PASSWORD}@"

WAYS = [
    ("tinyproxy", "http://"),
    ("tinyproxy with login", f"http://{LOGIN}"),
    ("proxy.py", "http://"),
    ("proxy.py over TLS", "https://"),
    ("microsocks", "socks5://"),
    ("microsocks", "socks5h://"),
    ("microsocks with login", f"socks5://{LOGIN}"),
    ("dante", "socks4://"),
    ("dante", "socks5://"),
    ("dante", "socks5h://"),
    ("pproxy", "http://"),
    ("pproxy", "socks4://"),
    ("pproxy", "socks5h://"),
]


@pytest.mark.parametrize(("name", "scheme"), WAYS, ids=[f"{n}-{s[:7]}" for n, s in WAYS])
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
async def test_each_way(
    name: str,
    scheme: str,
    secure: bool,
    proxies: Proxies,
    make_session: MakeSession,
    aiohttp_server: AiohttpServer,
    aiohttp_tls_server: AiohttpServer,
    client_ssl: ssl.SSLContext,
) -> None:
    """Small and large bodies, up and down, a redirect: all are received, for http and https."""
    origin = aiohttp_tls_server if secure else aiohttp_server
    proxy = f"{scheme}127.0.0.1:{proxies.port(name)}"

    def new_session() -> httptrace.ClientSession:
        connector = httptrace.TCPConnector(ssl=client_ssl, family=2)
        return make_session(proxy=proxy, connector=connector)

    url = f"{origin.url.rpartition(':')[0].replace('127.0.0.1', 'localhost')}:{origin.port}"
    session = new_session()
    for _ in range(2):
        async with session.get(f"{url}/") as response:
            assert await response.text() == "hello"
    # tinyproxy closes without announcing it, and a POST is not sent twice
    data, session = b"0123456789" * 20_000, new_session()
    async with session.post(f"{url}/echo", data=data) as response:
        assert await response.read() == data
    async with session.get(f"{url}/redirect/1") as response:
        assert await response.text() == "arrived"
    hop = response.timeline.hops[0].to_dict()
    assert hop["proxy"] == proxy.replace(LOGIN, "")


@pytest.mark.parametrize("login", ["", "user:wrong@"])
async def test_a_wrong_login_of_tinyproxy(
    login: str, proxies: Proxies, make_session: MakeSession, aiohttp_tls_server: AiohttpServer
) -> None:
    """Without credentials, tinyproxy's refusal is a ClientHttpProxyError."""
    port = proxies.port("tinyproxy with login")
    session = make_session(proxy=f"http://{login}127.0.0.1:{port}")
    with pytest.raises(httptrace.ClientHttpProxyError) as caught:
        await session.get(aiohttp_tls_server.url)
    assert caught.value.status in (401, 407)
    async with session.get("http://127.0.0.1:9/") as response:
        assert response.status == caught.value.status


@pytest.mark.parametrize("login", ["", "user:wrong@"])
async def test_a_wrong_login_of_microsocks(
    login: str, proxies: Proxies, make_session: MakeSession, aiohttp_server: AiohttpServer
) -> None:
    """Without credentials, the error of microsocks' refusal says that they are missing."""
    port = proxies.port("microsocks with login")
    session = make_session(proxy=f"socks5://{login}127.0.0.1:{port}")
    with pytest.raises(httptrace.ClientProxyConnectionError, match="authentication failed"):
        await session.get(aiohttp_server.url)


@pytest.mark.parametrize(
    ("name", "scheme"), [("microsocks", "socks5"), ("dante", "socks5h"), ("dante", "socks4")]
)
async def test_an_origin_that_refuses(
    name: str, scheme: str, proxies: Proxies, make_session: MakeSession
) -> None:
    """If a SOCKS proxy cannot reach the host, the error has its reply."""
    session = make_session(proxy=f"{scheme}://127.0.0.1:{proxies.port(name)}")
    with pytest.raises(httptrace.ClientProxyConnectionError, match=r"127.0.0.1:1 failed.*reply"):
        await session.get("http://127.0.0.1:1/")


async def test_an_origin_that_tinyproxy_cannot_reach(
    proxies: Proxies, make_session: MakeSession
) -> None:
    """If an HTTP proxy cannot reach the host: an error for a tunnel, else its response."""
    session = make_session(proxy=f"http://127.0.0.1:{proxies.port('tinyproxy')}")
    with pytest.raises(httptrace.ClientHttpProxyError) as caught:
        await session.get("https://127.0.0.1:1/")
    assert caught.value.status >= 500
    async with session.get("http://127.0.0.1:1/") as response:
        assert response.status >= 500
