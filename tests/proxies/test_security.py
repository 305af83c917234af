"""Attacks with proxies; each test is named after what it prevents."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

import httptrace
from httptrace.errors import ClientConnectorError, InvalidUrlClientError
from httptrace.testing import EventRecorder, per_request, response_bytes

from .conftest import MakeSession
from .scripts import ESTABLISHED, OK, connecting, socks5

AUTH = httptrace.BasicAuth("me", "secret")
BASIC = AUTH.encode()
ORIGIN_HEADERS = {"Authorization": "Bearer origin-token", "Cookie": "session=origin"}


def redirecting(location: str) -> Any:
    """A script that redirects each request."""
    return per_request(lambda peer, _: peer.send(response_bytes(302, b"", ("Location", location))))


async def read(session: httptrace.ClientSession, url: str, **options: Any) -> str:
    async with session.get(url, **options) as response:
        return await response.text()


# --- the proxy's credentials ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"proxy_auth": AUTH},
        {"headers": {"Proxy-Authorization": BASIC}, "proxy_auth": AUTH},
        {"headers": {"proxy-authorization": BASIC}},
        {"proxy_headers": {"Proxy-Authorization": BASIC, "X-Proxy-Token": "secret"}},
    ],
)
async def test_proxy_credentials_reach_the_origin_through_a_tunnel(
    options: dict[str, Any],
    scripted: Any,
    make_session: MakeSession,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """The origin behind a tunnel gets nothing that is for the proxy, however it was given."""
    origin, proxy = await scripted(OK, ssl=server_ssl), await scripted(connecting())
    session = make_session(proxy=proxy.url)
    await read(session, origin.url, ssl=client_ssl, **options)
    assert b"proxy" not in origin.requests[0].raw.lower()
    assert b"secret" not in origin.requests[0].raw
    if "headers" not in options or "proxy_auth" in options:
        assert proxy.requests[0].header("Proxy-Authorization") == BASIC


async def test_proxy_credentials_reach_the_origin_behind_socks(
    scripted: Any, make_session: MakeSession
) -> None:
    """A Proxy-Authorization header is not sent to the origin behind a SOCKS proxy."""
    origin, proxy = await scripted(OK), await scripted(socks5)
    session = make_session(proxy=f"socks5://127.0.0.1:{proxy.port}")
    await read(session, origin.url, headers={"Proxy-Authorization": BASIC})
    assert origin.requests[0].header("Proxy-Authorization") is None


async def test_proxy_credentials_follow_a_redirect_to_an_origin_reached_directly(
    scripted: Any, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A redirect to a host without proxy is not sent to the proxy, nor with its credentials."""
    origin = await scripted(OK)
    proxy = await scripted(redirecting(f"{origin.url}/direct"))
    monkeypatch.setenv("HTTP_PROXY", f"http://me:secret@127.0.0.1:{proxy.port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    session = make_session(trust_env=True)
    await read(session, "http://origin.test/", headers={"Proxy-Authorization": "Basic other"})
    assert proxy.requests[0].header("Proxy-Authorization") == BASIC
    assert origin.requests[0].header("Proxy-Authorization") is None
    assert origin.requests[0].target == "/direct"


async def test_one_proxys_credentials_reach_another_after_a_redirect(
    scripted: Any,
    make_session: MakeSession,
    monkeypatch: pytest.MonkeyPatch,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """If a redirect changes the scheme, the other proxy gets its own credentials only."""
    origin = await scripted(OK, ssl=server_ssl)
    plain, secure = await scripted(redirecting(origin.url)), await scripted(connecting())
    monkeypatch.setenv("HTTP_PROXY", f"http://me:secret@127.0.0.1:{plain.port}")
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{secure.port}")
    session = make_session(trust_env=True)
    await read(session, "http://origin.test/", ssl=client_ssl)
    assert plain.requests[0].header("Proxy-Authorization") == BASIC
    assert secure.requests[0].header("Proxy-Authorization") is None
    assert origin.requests[0].header("Proxy-Authorization") is None


async def test_a_connection_with_other_credentials_is_used_again(
    scripted: Any, make_session: MakeSession
) -> None:
    """Requests with other proxy credentials do not reuse a tunnel."""
    proxy = await scripted(OK)
    session = make_session(proxy=proxy.url)
    for auth in (AUTH, httptrace.BasicAuth("you", "x"), None, AUTH):
        await read(session, "http://origin.test/", proxy_auth=auth)
    connections = [request.connection for request in proxy.requests]
    assert connections == [0, 1, 2, 0]


# --- the origin's credentials ---------------------------------------------------------------------


async def test_origin_credentials_reach_the_proxy_in_connect(
    scripted: Any,
    make_session: MakeSession,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """CONNECT has neither Authorization nor Cookie, nor anything else of the request."""
    origin, proxy = await scripted(OK, ssl=server_ssl), await scripted(connecting())
    session = make_session(
        proxy=proxy.url, headers={"X-Session": "a"}, cookies={"jar": "b"}, auth=AUTH
    )
    await read(session, f"{origin.url}/path?q=1", ssl=client_ssl, headers={"X-Own": "c"})
    destination = f"127.0.0.1:{origin.port}"
    assert proxy.requests[0].raw == (
        f"CONNECT {destination} HTTP/1.1\r\nHost: {destination}\r\n\r\n".encode()
    )
    assert origin.requests[0].header("Authorization") == BASIC
    assert origin.requests[0].header("X-Session") == "a"


async def test_zone_ids_are_sent_to_the_proxy(
    scripted: Any,
    make_session: MakeSession,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
    recorder: EventRecorder,
) -> None:
    """CONNECT and its Host name an IPv6 address without its zone id (RFC 6874 §4)."""
    origin = await scripted(OK, ssl=server_ssl)
    proxy = await scripted(connecting(to=("127.0.0.1", origin.port)))
    session = make_session(proxy=proxy.url)
    for zone in ("%25lo", "%lo"):
        async with session.get(f"https://[::1{zone}]/", ssl=client_ssl) as response:
            response.close()
    assert [request.raw for request in proxy.requests] == [
        b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n"
    ] * 2
    assert [event.destination for event in recorder.of("proxy_connect_end")] == ["[::1]:443"] * 2


async def test_host_of_proxy_headers_names_another_destination(
    scripted: Any,
    make_session: MakeSession,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """The Host of a CONNECT request is its destination, even if proxy_headers has another one."""
    origin, proxy = await scripted(OK, ssl=server_ssl), await scripted(connecting())
    session = make_session(proxy=proxy.url, proxy_headers={"host": "other.test", "X-A": "b"})
    await read(session, origin.url, ssl=client_ssl)
    assert proxy.requests[0].values("Host") == [f"127.0.0.1:{origin.port}"]
    assert proxy.requests[0].header("X-A") == "b"


async def test_proxy_headers_replace_those_of_the_request(
    scripted: Any, make_session: MakeSession
) -> None:
    """Headers for the proxy do not change the request to the origin."""
    proxy = await scripted(OK)
    session = make_session(proxy=proxy.url, proxy_headers={"Authorization": "x", "X-A": "b"})
    await read(session, "http://origin.test/", headers=ORIGIN_HEADERS)
    (request,) = proxy.requests
    assert request.values("Authorization") == ["Bearer origin-token"]
    assert request.values("X-A") == ["b"]


async def test_the_origins_fingerprint_is_checked_at_the_proxy(
    scripted: Any, make_session: MakeSession, ca: Any
) -> None:
    """A fingerprint is the origin's: the certificate of an https proxy is verified."""
    certificate = ca.issue()
    proxy = await scripted(connecting(), ssl=certificate.server_context())
    session = make_session(proxy=proxy.url)
    fingerprint = httptrace.Fingerprint(certificate.fingerprint)
    with pytest.raises(httptrace.ClientConnectorCertificateError):
        await session.get("https://origin.test/", ssl=fingerprint)
    assert proxy.requests == []


async def test_an_unverified_proxy(
    scripted: Any, make_session: MakeSession, server_ssl: ssl.SSLContext
) -> None:
    """The certificate of an https proxy is verified before anything is sent to it."""
    proxy = await scripted(connecting(), ssl=server_ssl)
    for url in ("http://origin.test/", "https://origin.test/"):
        with pytest.raises(httptrace.ClientConnectorCertificateError) as caught:
            await make_session().get(url, proxy=proxy.url, proxy_auth=AUTH)
        assert (caught.value.host, caught.value.port) == ("127.0.0.1", proxy.port)
    assert proxy.requests == []


async def test_the_origin_is_not_verified_behind_a_tunnel(
    scripted: Any, make_session: MakeSession, server_ssl: ssl.SSLContext
) -> None:
    """A tunnel changes nothing about verifying the origin's certificate."""
    origin, proxy = await scripted(OK, ssl=server_ssl), await scripted(connecting())
    with pytest.raises(httptrace.ClientConnectorCertificateError) as caught:
        await make_session(proxy=proxy.url).get(origin.url)
    assert caught.value.port == origin.port
    assert origin.requests == []


# --- what a proxy may do --------------------------------------------------------------------------


async def test_a_proxy_answers_in_the_origins_name(
    scripted: Any, make_session: MakeSession, client_ssl: ssl.SSLContext
) -> None:
    """A refusal of CONNECT is an error of the proxy, never the origin's response."""
    page = response_bytes(403, b"<h1>Log in at evil.test</h1>", ("Set-Cookie", "a=b"))
    proxy = await scripted(page)
    session = make_session(proxy=proxy.url)
    with pytest.raises(httptrace.ClientHttpProxyError):
        await session.get("https://origin.test/", ssl=client_ssl)
    assert len(session.cookie_jar) == 0


async def test_a_proxy_smuggles_bytes_before_tls(
    scripted: Any, make_session: MakeSession, client_ssl: ssl.SSLContext
) -> None:
    """Bytes after the response to CONNECT are unexpected: the connection is not used."""
    proxy = await scripted(ESTABLISHED + OK)
    with pytest.raises(httptrace.ClientProxyConnectionError, match="more than its answer"):
        await make_session(proxy=proxy.url).get("https://origin.test/", ssl=client_ssl)


async def test_a_proxys_redirect_of_connect_is_followed(
    scripted: Any, make_session: MakeSession, client_ssl: ssl.SSLContext
) -> None:
    """A redirect in response to CONNECT is an error, and is not followed."""
    elsewhere = await scripted(OK)
    proxy = await scripted(response_bytes(302, b"", ("Location", elsewhere.url)))
    with pytest.raises(httptrace.ClientHttpProxyError) as caught:
        await make_session(proxy=proxy.url).get("https://origin.test/", ssl=client_ssl)
    assert caught.value.status == 302
    assert elsewhere.requests == []


async def test_secrets_in_messages(
    scripted: Any, make_session: MakeSession, recorder: EventRecorder
) -> None:
    """No error, event or timeline shows a proxy's password, whatever its source."""
    refusing = await scripted(response_bytes(407))
    ways: list[dict[str, Any]] = [
        {"proxy": f"http://me:secret@127.0.0.1:{refusing.port}"},
        {"proxy": refusing.url, "proxy_auth": AUTH},
        {"proxy": refusing.url, "proxy_headers": {"Proxy-Authorization": "Basic secret"}},
        {"proxy": "socks5://me:secret@127.0.0.1:1"},
        {"proxy": "http://me:secret@127.0.0.1:1"},
    ]
    for way in ways:
        with pytest.raises(httptrace.ClientError) as caught:
            await make_session(**way).get("https://origin.test/")
        for text in (str(caught.value), repr(caught.value), repr(caught.value.__cause__)):
            assert "secret" not in text
            assert BASIC not in text
    shown = repr(recorder.events) + "".join(map(str, recorder.timelines()))
    assert "secret" not in shown
    assert BASIC not in shown
    assert "secret" not in repr([timeline.to_dict() for timeline in recorder.timelines()])


# --- forged requests ------------------------------------------------------------------------------


def refuse_private(address: Any) -> bool:
    from ipaddress import ip_address

    return not ip_address(address["host"]).is_private


def public_only(**options: Any) -> httptrace.TCPConnector:
    return httptrace.TCPConnector(address_filter=refuse_private, **options)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "10.0.0.1"])
async def test_an_internal_address_is_dialled(host: str, make_session: MakeSession) -> None:
    """The filter is called for literals and for the addresses of names."""
    session = make_session(connector=public_only())
    with pytest.raises(ClientConnectorError, match="not allowed by address_filter"):
        await session.get(f"http://{host}:9/")


async def test_an_internal_address_is_dialled_after_a_redirect(
    scripted: Any, make_session: MakeSession
) -> None:
    """The filter is called at every hop."""
    inner = await scripted(OK)
    outer = await scripted(redirecting(f"http://localhost:{inner.port}/"))
    allowed = [outer.port]
    connector = httptrace.TCPConnector(address_filter=lambda to: to["port"] in allowed)
    with pytest.raises(ClientConnectorError, match="not allowed by address_filter"):
        await make_session(connector=connector).get(outer.url)
    assert inner.connections == []


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h", "socks4a"])
async def test_an_internal_literal_is_dialled_by_the_proxy(
    scheme: str, scripted: Any, make_session: MakeSession
) -> None:
    """An address in the URL is filtered also if a proxy would dial it."""
    proxy = await scripted(OK)
    session = make_session(connector=public_only(), proxy=f"{scheme}://127.0.0.1:{proxy.port}")
    for url in ("http://10.0.0.1/", "https://10.0.0.1/", "http://[::ffff:10.0.0.1]/"):
        with pytest.raises(ClientConnectorError, match="not allowed by address_filter"):
            await session.get(url)
    assert proxy.connections == []


async def test_an_internal_name_is_looked_up_for_socks(
    scripted: Any, make_session: MakeSession
) -> None:
    """With socks5 the client looks names up, so the filter is called for their addresses."""
    proxy = await scripted(socks5)
    session = make_session(connector=public_only(), proxy=f"socks5://127.0.0.1:{proxy.port}")
    with pytest.raises(ClientConnectorError, match="not allowed by address_filter"):
        await session.get("http://localhost:9/")
    assert proxy.connections == []


@pytest.mark.parametrize("url", ["http://127.1/", "http://2130706433/", "http://0x7f000001/"])
@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
async def test_an_old_spelling_of_an_address_misleads_the_filter(
    url: str, scheme: str, scripted: Any, make_session: MakeSession
) -> None:
    """Addresses in unusual notations are not sent to a proxy."""
    proxy = await scripted(OK)
    session = make_session(proxy=f"{scheme}://127.0.0.1:{proxy.port}")
    with pytest.raises(InvalidUrlClientError, match="canonical"):
        await session.get(url)
    assert proxy.connections == []


@pytest.mark.parametrize("host", ["o.test%0d%0aX-A:b", "o.test\r\nX-A: b", "o.test HTTP/1.1"])
async def test_a_request_is_injected_by_the_host(
    host: str, scripted: Any, make_session: MakeSession
) -> None:
    """Control characters and spaces of a host are not sent to the proxy."""
    proxy = await scripted(OK)
    session = make_session(proxy=proxy.url)
    for scheme in ("http", "https"):
        with pytest.raises(httptrace.ClientError):
            await session.get(f"{scheme}://{host}/")
    assert proxy.requests == []


async def test_a_proxy_from_the_environment_of_a_cgi_program(
    monkeypatch: pytest.MonkeyPatch, scripted: Any, make_session: MakeSession
) -> None:
    """In a CGI program HTTP_PROXY, which a Proxy header sets, is ignored."""
    origin, evil = await scripted(OK), await scripted(OK)
    monkeypatch.setenv("REQUEST_METHOD", "GET")
    monkeypatch.setenv("HTTP_PROXY", evil.url)
    await read(make_session(trust_env=True), origin.url)
    assert evil.connections == []


async def test_a_cached_target_forgets_the_proxy(scripted: Any, make_session: MakeSession) -> None:
    """Requests with and without a proxy do not share a connection, in either order."""
    origin, proxy = await scripted(OK), await scripted(OK)
    session = make_session()
    for by in (None, proxy.url, None, proxy.url):
        await read(session, origin.url, **({"proxy": by} if by else {}))
    assert [request.target for request in origin.requests] == ["/", "/"]
    assert [request.target for request in proxy.requests] == [f"{origin.url}/"] * 2


async def test_a_mapped_address_misleads_the_filter(make_session: MakeSession) -> None:
    """An IPv4 address that is mapped to IPv6 is passed to the filter as it will be dialled."""
    seen: list[str] = []

    def note(address: Any) -> bool:
        seen.append(address["host"])
        return False

    connector = httptrace.TCPConnector(address_filter=note)
    with pytest.raises(ClientConnectorError):
        await make_session(connector=connector).get("http://[::ffff:127.0.0.1]:9/")
    assert seen == ["::ffff:7f00:1"] or seen == ["::ffff:127.0.0.1"]
