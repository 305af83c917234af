"""URLs that parsers may read differently."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.client.conftest import MakeSession
from tests.servers.fixtures import ScriptedFactory
from yarl import URL

import httptrace
from httptrace.testing import response_bytes
from httptrace.testing.scripted import responding

OK = response_bytes(200, b"ok")
GOOD = "good.test"
NETRC = f"machine {GOOD} login good password s3cr3t\n"


@pytest.fixture(autouse=True)
def netrc(no_environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials for a host that no test here uses."""
    path = tmp_path / "netrc"
    path.write_text(NETRC)
    monkeypatch.setenv("NETRC", str(path))


USER_INFO = [
    (f"{GOOD}@", f"{GOOD}:"),
    (f"{GOOD}:80@", f"{GOOD}:80"),
    (f"{GOOD}%40", None),
    (f"{GOOD}%2f@", f"{GOOD}/:"),
    (f"{GOOD}%23@", f"{GOOD}#:"),
    (f"a@{GOOD}@", f"a@{GOOD}:"),
    (f"a:b@{GOOD}@", None),
]


@pytest.mark.parametrize(("before", "sent"), USER_INFO)
@pytest.mark.parametrize("redirected", [False, True])
async def test_credentials_of_netrc_go_to_a_host_that_looks_like_another(
    make_session: MakeSession,
    scripted: ScriptedFactory,
    before: str,
    sent: str | None,
    redirected: bool,
) -> None:
    """The host follows the last at sign (RFC 3986 §3.2): only that is looked up in netrc."""
    evil = await scripted(OK)
    url = f"http://{before}localhost:{evil.port}/"
    first = await scripted(responding(response_bytes(302, b"", ("Location", url))))
    try:
        async with make_session(trust_env=True).get(first.url if redirected else url) as response:
            await response.read()
            assert response.url == URL(f"http://localhost:{evil.port}/")
    except httptrace.ClientError:
        assert evil.requests == []
        return
    for request in (*evil.requests, *first.requests):
        assert b"s3cr3t" not in request.raw
    (request,) = evil.requests
    assert request.header("Host") == f"localhost:{evil.port}"
    if sent is not None:
        login, _, password = sent.rpartition(":")
        header = httptrace.BasicAuth(login, password).encode()
        assert request.header("Authorization") == header


MISLEADING = [
    f"http://{GOOD}\\@evil.test/",
    f"http://{GOOD}:80\\@evil.test/",
    f"http://evil.test\\.{GOOD}/",
    f"http://evil.test%2f.{GOOD}/",
    f"http://evil.test%5c.{GOOD}/",
    f"http://evil.test%00.{GOOD}/",
    f"http://evil.test%23.{GOOD}/",
    f"http://evil.test%40{GOOD}/",
    f"http://evil.test|{GOOD}/",
    f"http://evil.test^{GOOD}/",
    f"http://evil<{GOOD}>/",
    f"http://evil.test\u2100.{GOOD}/",
    "http://%31%32%37.0.0.1/",
    "http://[::1]evil.test/",
    "http://[evil.test]/",
]


WAYS = [(way, url) for way in ("request", "redirect", "proxy") for url in MISLEADING]


@pytest.mark.parametrize(("way", "url"), [w for w in WAYS if w[0] != "redirect" or w[1].isascii()])
async def test_a_host_that_programs_read_in_two_ways(
    make_session: MakeSession, scripted: ScriptedFactory, way: str, url: str
) -> None:
    """A host with characters that no host can have is refused before anybody is asked for it.

    (WHATWG URL, "forbidden domain code point"; RFC 3986 §3.2.2.)
    """
    location = ("Location", url if way == "redirect" else "/")
    server = await scripted(responding(response_bytes(302, b"", location)))
    session = make_session()
    if way == "redirect":
        with pytest.raises(httptrace.InvalidUrlRedirectClientError):
            await session.get(server.url)
        assert len(server.requests) == 1
        return
    with pytest.raises(httptrace.InvalidURL):
        await session.get(url, **({"proxy": server.url} if way == "proxy" else {}))
    assert server.connections == []


LEADS_AWAY = [
    ("file:///etc/passwd", httptrace.NonHttpUrlRedirectClientError),
    ("javascript:alert(1)", httptrace.NonHttpUrlRedirectClientError),
    ("data:text/plain,hello", httptrace.NonHttpUrlRedirectClientError),
    ("gopher://127.0.0.1:25/_HELO", httptrace.NonHttpUrlRedirectClientError),
    ("unix:/run/docker.sock", httptrace.NonHttpUrlRedirectClientError),
    ("http://", httptrace.InvalidUrlRedirectClientError),
    ("http:///evil.test", httptrace.InvalidUrlRedirectClientError),
    ("http:\\\\evil.test", httptrace.InvalidUrlRedirectClientError),
    ("http:/\\evil.test", httptrace.InvalidUrlRedirectClientError),
]


@pytest.mark.parametrize(("location", "error"), LEADS_AWAY)
async def test_a_redirect_leads_out_of_http(
    session: httptrace.ClientSession,
    scripted: ScriptedFactory,
    location: str,
    error: type[Exception],
) -> None:
    """Only http and https are followed; a path that browsers read as a host is refused."""
    server = await scripted(responding(response_bytes(302, b"", ("Location", location))))
    with pytest.raises(error) as caught:
        await session.get(server.url)
    assert caught.type is error
    assert len(server.requests) == 1


async def test_two_slashes_keep_the_host(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """``//host/`` is another host, also for credentials (RFC 3986 §4.2)."""
    other = await scripted(OK)
    location = f"//localhost:{other.port}/x"
    server = await scripted(responding(response_bytes(302, b"", ("Location", location))))
    secrets = {"Authorization": "s3cr3t", "Cookie": "a=s3cr3t", "Proxy-Authorization": "s3cr3t"}
    async with session.get(server.url, headers=secrets, cookies={"b": "s3cr3t"}) as response:
        assert response.host == "localhost"
    assert b"s3cr3t" not in other.requests[0].raw
