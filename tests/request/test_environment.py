from __future__ import annotations

import os

import pytest
from yarl import URL

from httptrace.auth.basic import BasicAuth
from httptrace.errors import InvalidURL
from httptrace.request.environment import bypasses_proxy, proxy_from_env

HTTP = URL("http://example.com/")
HTTPS = URL("https://example.com/")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        if name.lower().endswith("_proxy") or name == "REQUEST_METHOD":
            monkeypatch.delenv(name)


def test_no_variable_means_no_proxy() -> None:
    """Without variables no URL has a proxy."""
    assert proxy_from_env(HTTP) is None


def test_variable_by_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each scheme has its variable; WebSockets share those of http and https."""
    monkeypatch.setenv("http_proxy", "http://plain:1")
    monkeypatch.setenv("https_proxy", "http://tls:2")
    assert proxy_from_env(HTTP) == (URL("http://plain:1"), None)
    assert proxy_from_env(HTTPS) == (URL("http://tls:2"), None)
    assert proxy_from_env(URL("ws://example.com")) == (URL("http://plain:1"), None)
    assert proxy_from_env(URL("wss://example.com")) == (URL("http://tls:2"), None)
    monkeypatch.setenv("wss_proxy", "http://sockets:3")
    assert proxy_from_env(URL("wss://example.com")) == (URL("http://sockets:3"), None)
    assert proxy_from_env(URL("ftp://example.com")) is None


def test_all_proxy_is_for_what_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """ALL_PROXY is used if the scheme has no variable of its own."""
    monkeypatch.setenv("ALL_PROXY", "socks5h://all:1080")
    monkeypatch.setenv("HTTP_PROXY", "http://plain:1")
    assert proxy_from_env(HTTPS) == (URL("socks5h://all:1080"), None)
    assert proxy_from_env(HTTP) == (URL("http://plain:1"), None)


def test_lower_case_counts_before_upper_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lower-case variable has precedence, even an empty one, which means no proxy."""
    monkeypatch.setenv("HTTPS_PROXY", "http://upper:1")
    assert proxy_from_env(HTTPS) == (URL("http://upper:1"), None)
    monkeypatch.setenv("https_proxy", "http://lower:1")
    assert proxy_from_env(HTTPS) == (URL("http://lower:1"), None)
    monkeypatch.setenv("https_proxy", "")
    assert proxy_from_env(HTTPS) is None


def test_upper_case_http_proxy_in_cgi(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a CGI program HTTP_PROXY may come from a Proxy header and is ignored."""
    monkeypatch.setenv("HTTP_PROXY", "http://evil:1")
    monkeypatch.setenv("REQUEST_METHOD", "GET")
    assert proxy_from_env(HTTP) is None
    monkeypatch.setenv("http_proxy", "http://good:1")
    assert proxy_from_env(HTTP) == (URL("http://good:1"), None)


def test_credentials_are_taken_out_of_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user info of the proxy is decoded and removed from its URL."""
    monkeypatch.setenv("http_proxy", "http://me:p%40w@proxy:1")
    assert proxy_from_env(HTTP) == (URL("http://proxy:1"), BasicAuth("me", "p@w"))


def test_proxy_without_a_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    """host:port alone is an HTTP proxy."""
    monkeypatch.setenv("http_proxy", " proxy:3128 ")
    assert proxy_from_env(HTTP) == (URL("http://proxy:3128"), None)


@pytest.mark.parametrize(
    "value", ["ftp://proxy:1", "http://", "http://[bad", "http://me:se/cret@h"]
)
def test_broken_proxy_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """An invalid proxy raises an error that names the variable and shows no credentials."""
    monkeypatch.setenv("http_proxy", value)
    with pytest.raises(InvalidURL, match="HTTP_PROXY") as caught:
        proxy_from_env(HTTP)
    assert "cret" not in str(caught.value)


def test_no_proxy_excludes(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_PROXY applies to every scheme, in either spelling."""
    monkeypatch.setenv("ALL_PROXY", "http://all:1")
    monkeypatch.setenv("NO_PROXY", "other.com, example.com")
    assert proxy_from_env(HTTP) is None
    assert proxy_from_env(URL("https://else.com")) is not None
    monkeypatch.setenv("no_proxy", "")
    assert proxy_from_env(HTTP) is not None


@pytest.mark.parametrize(
    ("entry", "host", "excluded"),
    [
        ("example.com", "example.com", True),
        ("example.com", "www.example.com", True),
        ("example.com", "badexample.com", False),
        (".example.com", "www.example.com", True),
        (".example.com", "example.com", True),
        ("*.example.com", "www.example.com", True),
        ("EXAMPLE.com", "www.Example.COM", True),
        ("example.com", "example.com.", True),
        ("example.com.", "example.com", True),
        ("*", "anything", True),
        ("a.com *", "b.com", True),
        ("localhost", "localhost", True),
        ("localhost", "127.0.0.1", False),
        ("example.com:80", "example.com", True),
        ("example.com:8080", "example.com", False),
        ("example.com:8080", "example.com:8080", True),
        ("*:8080", "any.com:8080", True),
        ("*:8080", "any.com", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("0.0.1", "127.0.0.1", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.7/8", "10.1.2.3", True),
        ("10.0.0.0/8", "host10.com", False),
        ("10.0.0.0/8", "[::ffff:10.1.2.3]", True),
        ("127.0.0.1:80", "127.0.0.1", True),
        ("::1", "[::1]", True),
        ("[::1]", "[::1]", True),
        ("[::1]:80", "[::1]", True),
        ("[::1]:81", "[::1]", False),
        ("fe80::/10", "[fe80::1]", True),
        ("2001:db8::/32", "[2001:db9::1]", False),
        ("", "example.com", False),
        (", ,", "example.com", False),
    ],
)
def test_entries_of_no_proxy(entry: str, host: str, excluded: bool) -> None:
    """Hosts, suffixes, addresses, networks, ports and the star match what they name."""
    assert bypasses_proxy(URL(f"http://{host}/"), entry) is excluded
