"""Which proxy a request uses: parameters, environment, netrc; and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory
from yarl import URL

import httptrace
from httptrace.errors import InvalidURL
from httptrace.request.proxies import Proxies, Proxy, parse_proxy, proxies_of
from httptrace.request.target import target_of
from httptrace.testing import response_bytes

from .conftest import MakeSession

AUTH, OTHER = httptrace.BasicAuth("me", "secret"), httptrace.BasicAuth("you", "hidden")
HTTP, HTTPS = URL("http://origin.test/a?b=1"), URL("https://origin.test/a")


def chosen(url: URL = HTTP, default: Proxies | None = None, **options: Any) -> Proxy | None:
    proxies = proxies_of(options, default)
    return None if proxies is None else proxies.proxy_for(url)


# --- parameters -----------------------------------------------------------------------------------


def test_nothing_given() -> None:
    """Without parameters and environment nothing is looked up."""
    assert proxies_of({}, None) is None


@pytest.mark.parametrize("scheme", ["http", "https", "socks4", "socks4a", "socks5", "socks5h"])
def test_schemes(scheme: str) -> None:
    """Each kind of proxy is accepted as str and as URL, without path and credentials."""
    for given in (f"{scheme}://proxy.test:99/path?q#f", URL(f"{scheme}://u:p@proxy.test:99")):
        url, _auth = parse_proxy(given)
        assert str(url) == f"{scheme}://proxy.test:99"


@pytest.mark.parametrize(
    ("proxy", "error"),
    [
        (3128, TypeError),
        (b"http://proxy.test", TypeError),
        ("ftp://proxy.test", InvalidURL),
        ("proxy.test:3128", InvalidURL),
        ("//proxy.test", InvalidURL),
        ("http://", InvalidURL),
        ("http://proxy.test:0", InvalidURL),
        ("http://proxy.test:99999", InvalidURL),
    ],
)
def test_bad_proxies_are_refused(proxy: Any, error: type[Exception]) -> None:
    """An invalid proxy URL is refused before anything is sent."""
    with pytest.raises(error):
        chosen(proxy=proxy)


@pytest.mark.parametrize("empty", ["", URL("")])
def test_an_empty_proxy_is_none(empty: str | URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the place of the session's proxy, and of the environment's."""
    monkeypatch.setenv("http_proxy", "http://environment.test")
    assert chosen(default=Proxies(environment=True)) is not None
    for default in (None, Proxies(environment=True), Proxies(URL("http://session.test"))):
        assert chosen(default=default, proxy=empty) is None
        assert chosen(default=default, proxy=empty, proxy_auth=AUTH) is None


async def test_requests_without_the_proxy(
    make_session: MakeSession, scripted: ScriptedFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty proxy of a request or a session sends requests directly, one with a proxy by it."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server = await scripted(response_bytes(204))
    with_proxy = make_session(proxy="http://127.0.0.1:1", trust_env=True)
    without = make_session(proxy="", trust_env=True)
    for call in (with_proxy.get(server.url, proxy=""), without.get(server.url)):
        assert (await call).status == 204
    with pytest.raises(httptrace.WSServerHandshakeError, match="204"):
        await with_proxy.ws_connect(server.url, proxy="")
    proxy = await scripted(response_bytes(200))
    assert (await without.get("http://origin.test/x", proxy=proxy.url)).status == 200
    assert proxy.requests[0].target == "http://origin.test/x"


def test_a_bad_proxy_does_not_show_its_password() -> None:
    """The error of an invalid proxy has no credentials in it, nor has its cause."""
    for proxy in ("ftp://me:secret@proxy.test", "http://me:sec/ret@proxy.test:x", "http://u:p@:1"):
        with pytest.raises(InvalidURL) as caught:
            chosen(proxy=proxy)
        assert "sec" not in str(caught.value)
        assert "sec" not in repr(caught.value)
        assert caught.value.__cause__ is None


def test_credentials_in_the_url() -> None:
    """User and password in the URL become credentials, decoded."""
    proxy = chosen(proxy="http://m%40e:p%3Aw@proxy.test")
    assert proxy is not None
    assert proxy.auth == httptrace.BasicAuth("m@e", "p:w")
    wide = chosen(proxy="http://%E2%82%AC:x@proxy.test")
    assert wide is not None
    assert wide.auth is not None
    assert httptrace.BasicAuth.decode(wide.auth.encode(), "utf-8").login == "€"


def test_precedence_of_credentials() -> None:
    """The order of precedence: request's parameter, its URL, session's parameter, its URL."""
    session = proxies_of({"proxy": "http://url:pw@one.test", "proxy_auth": AUTH}, None)
    assert chosen(default=session).auth == AUTH  # type: ignore[union-attr]
    assert chosen(default=session, proxy_auth=OTHER).auth == OTHER  # type: ignore[union-attr]
    named = chosen(default=session, proxy="http://own:pw@two.test")
    assert named == Proxy(URL("http://two.test"), httptrace.BasicAuth("own", "pw"), ())
    assert chosen(default=session, proxy="http://two.test").auth == AUTH  # type: ignore[union-attr]


def test_credentials_in_a_url_belong_to_that_proxy() -> None:
    """Credentials in the URL of the session's proxy are not sent to another proxy."""
    session = proxies_of({"proxy": "http://url:pw@one.test"}, None)
    assert chosen(default=session, proxy="http://two.test").auth is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "options",
    [
        {"proxy_auth": ("me", "secret")},
        {"proxy_headers": 5},
        {"proxy_headers": {"X-A": 5}},
        {"proxy_headers": {"X A": "b"}},
        {"proxy_headers": {"X-A": "b\r\nX-C: d"}},
        {"proxy_headers": {"X-A": "b\0"}},
        {"proxy_headers": {"Content-Length": "5"}},
        {"proxy_headers": {"transfer-encoding": "chunked"}},
    ],
)
async def test_bad_options_are_refused_by_session_and_request(
    options: dict[str, Any], make_session: MakeSession
) -> None:
    """Credentials and headers that cannot be used are refused in both places."""
    with pytest.raises((TypeError, ValueError)):
        make_session(proxy="http://proxy.test", **options)
    session = make_session()
    with pytest.raises((TypeError, ValueError)):
        await session.get("http://origin.test", proxy="http://proxy.test", **options)


@pytest.mark.parametrize(
    ("proxy", "options"),
    [
        ("socks5://proxy.test", {"proxy_headers": {"X-A": "b"}}),
        ("socks4://me:secret@proxy.test", {}),
        (f"socks5://{'a' * 256}:p@proxy.test", {}),
        (f"socks5://u:{'a' * 256}@proxy.test", {}),
    ],
)
def test_what_socks_has_no_room_for(proxy: str, options: dict[str, Any]) -> None:
    """Credentials that SOCKS cannot send are refused, and the error shows no password."""
    with pytest.raises(ValueError, match="SOCKS") as caught:
        chosen(proxy=proxy, **options)
    assert "secret" not in str(caught.value)


def test_an_authorization_header_takes_the_place_of_a_login() -> None:
    """Proxy-Authorization in proxy_headers is sent."""
    proxy = chosen(
        proxy="http://u:p@proxy.test", proxy_headers={"proxy-authorization": "Bearer token"}
    )
    assert proxy is not None
    assert proxy.auth is None


# --- environment ----------------------------------------------------------------------------------

ENVIRONMENT = Proxies(environment=True)


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's proxy for the URL's scheme is used, unless NO_PROXY has its host."""
    monkeypatch.setenv("HTTP_PROXY", "http://u:p@one.test")
    monkeypatch.setenv("ALL_PROXY", "socks5h://two.test")
    monkeypatch.setenv("NO_PROXY", ".local, 10.0.0.0/8, other.test:8080")
    first = chosen(HTTP, ENVIRONMENT)
    assert first == Proxy(URL("http://one.test"), httptrace.BasicAuth("u", "p"), ())
    second = chosen(HTTPS, ENVIRONMENT)
    assert second is not None
    assert (str(second.url), second.tunnels(True)) == ("socks5h://two.test", True)
    for direct in ("http://a.local", "http://10.1.2.3", "http://other.test:8080"):
        assert chosen(URL(direct), ENVIRONMENT) is None
    monkeypatch.setenv("NO_PROXY", "*")
    assert chosen(HTTP, ENVIRONMENT) is None


def test_a_named_proxy_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_PROXY does not apply to a proxy that the program gives."""
    monkeypatch.setenv("HTTP_PROXY", "http://one.test")
    monkeypatch.setenv("NO_PROXY", "*")
    proxy = chosen(HTTP, ENVIRONMENT, proxy="http://two.test")
    assert proxy is not None
    assert proxy.url.host == "two.test"


def test_the_environment_is_not_looked_at_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without trust_env the variables are ignored."""
    monkeypatch.setenv("HTTP_PROXY", "http://one.test")
    assert chosen(HTTP, None, proxy_auth=AUTH) is None


def test_netrc_for_the_environments_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A proxy of the environment without credentials gets those of netrc for its host."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine one.test login net password rc\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://one.test:3128")
    assert chosen(HTTP, ENVIRONMENT).auth == httptrace.BasicAuth("net", "rc")  # type: ignore[union-attr]
    assert chosen(HTTP, ENVIRONMENT, proxy_auth=AUTH).auth == AUTH  # type: ignore[union-attr]
    monkeypatch.setenv("HTTP_PROXY", "http://u:p@one.test:3128")
    assert chosen(HTTP, ENVIRONMENT).auth == httptrace.BasicAuth("u", "p")  # type: ignore[union-attr]
    assert chosen(HTTP, None, proxy="http://one.test").auth is None  # type: ignore[union-attr]


async def test_a_bad_environment_is_told(
    monkeypatch: pytest.MonkeyPatch, make_session: MakeSession
) -> None:
    """A variable with an invalid proxy is an error of the request, and not ignored."""
    monkeypatch.setenv("HTTP_PROXY", "gopher://u:secret@one.test")
    with pytest.raises(InvalidURL, match="HTTP_PROXY") as caught:
        await make_session(trust_env=True).get("http://origin.test")
    assert "secret" not in str(caught.value)


# --- what follows for the target ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "proxy", "tunnel", "path"),
    [
        ("http://o.test/a?b=1", "http://p.test", False, "http://o.test/a?b=1"),
        ("http://o.test:8080/", "https://p.test", False, "http://o.test:8080/"),
        ("http://[::1]/a", "http://p.test", False, "http://[::1]/a"),
        ("http://o.test", "socks5://p.test", True, "/"),
        ("https://o.test/a", "http://p.test", True, "/a"),
        ("https://o.test/a", "https://p.test", True, "/a"),
    ],
)
def test_form_of_the_target(url: str, proxy: str, tunnel: bool, path: str) -> None:
    """A proxy gets the whole URL for http (RFC 9112 §3.2.2) and opens a tunnel for https."""
    target = target_of(URL(url), True, None, proxies_of({"proxy": proxy}, None))
    assert (target.key.tunnel, target.path) == (tunnel, path)


def test_a_tunnel_can_be_asked_for() -> None:
    """A WebSocket uses a tunnel also without TLS."""
    proxies = proxies_of({"proxy": "http://p.test"}, None)
    target = target_of(HTTP, True, None, proxies, tunnel=True)
    assert (target.key.tunnel, target.path) == (True, "/a?b=1")


def test_the_proxy_is_part_of_the_pools_key() -> None:
    """Proxy, credentials and headers for it are part of the connection's key."""
    keys = {
        target_of(HTTPS, True, None, proxies_of(options, None)).key
        for options in (
            {},
            {"proxy": "http://p.test"},
            {"proxy": "http://q.test"},
            {"proxy": "socks5://p.test"},
            {"proxy": "http://u:p@p.test"},
            {"proxy": "http://p.test", "proxy_headers": {"A": "b"}},
            {"proxy": "http://p.test", "proxy_headers": {"A": "c"}},
        )
    }
    assert len(keys) == 7
    hashes = [key.proxy_headers_hash for key in keys]
    assert hashes.count(None) == 5


def test_a_key_shows_no_secret() -> None:
    """Errors contain keys: their text has no password and no header values."""
    options = {"proxy": "http://u:secret@p.test", "proxy_headers": {"X-Token": "secret"}}
    key = target_of(HTTPS, True, None, proxies_of(options, None)).key
    assert "secret" not in repr(key)
    assert "X-Token" in repr(key)
