"""The report about requests that succeed."""

from __future__ import annotations

import sys

import pytest

from httptrace import __version__
from httptrace.demo.servers import BundledServers

from .running import httptrace, run

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])


async def test_waterfall(servers: BundledServers) -> None:
    """A request is shown with its status, its connection, its phases and the size of its body."""
    ran = await httptrace(f"{servers.http}/hello")
    assert ran.code == 0
    assert ran.err == ""
    lines = ran.out.splitlines()
    assert lines[0] == f"GET {servers.http}/hello → 200 OK"
    assert lines[1].startswith(f"  new connection 1 to {servers.http.removeprefix('http://')} · ↑")
    rows = [line.split()[0] for line in lines[2:] if line[2:].strip() and line[2] != " "]
    once = [row for row in rows if row not in ("queue", "why")]  # on a busy machine there is more
    assert once == ["connect", "send", "wait", "receive", "total", "body"]
    assert rows[0] == "queue"
    assert lines[-2] == "  body      7 bytes of text/plain"
    assert max(map(len, lines)) <= 80


async def test_module(servers: BundledServers) -> None:
    """``python -m httptrace`` runs the command."""
    ran = await run([sys.executable, "-m", "httptrace", f"{servers.http}/hello"])
    assert ran.code == 0
    assert "→ 200 OK" in ran.out


async def test_scheme_is_assumed(servers: BundledServers) -> None:
    """A URL without a scheme is http, as in curl."""
    ran = await httptrace(f"{servers.http.removeprefix('http://')}/hello")
    assert ran.out.startswith(f"GET {servers.http}/hello → 200 OK\n")


async def test_any_status_is_a_response(servers: BundledServers) -> None:
    """The exit code is 0 if there is a response, whatever its status."""
    ran = await httptrace(f"{servers.http}/status/503")
    assert ran.code == 0
    assert "→ 503 Service Unavailable" in ran.out


async def test_verbose(servers: BundledServers) -> None:
    """``-v`` shows the heads of every hop as they were sent and received."""
    ran = await httptrace("-v", "-L", f"{servers.http}/redirect/1", "-A", "me")
    assert "> GET /redirect/1 HTTP/1.1\n" in ran.out
    assert "< HTTP/1.1 302 Found\n< Location: /hello\n" in ran.out
    assert "> GET /hello HTTP/1.1\n" in ran.out
    assert ran.out.count("> User-Agent: me\n") == 2


async def test_early_hints(servers: BundledServers) -> None:
    """``-v`` shows informational responses before the final one."""
    ran = await httptrace("-v", f"{servers.http}/early-hints")
    assert ran.out.index("< HTTP/1.1 103\n< Link: ") < ran.out.index("< HTTP/1.1 200 OK\n")


async def test_include(servers: BundledServers) -> None:
    """``-i`` shows only the head of the response."""
    ran = await httptrace("-i", f"{servers.http}/hello")
    assert ran.out.startswith("< HTTP/1.1 200 OK\n< Content-Type: text/plain\n")
    assert "> GET" not in ran.out


async def test_head(servers: BundledServers) -> None:
    """``-I`` sends HEAD and shows the head of the response."""
    ran = await httptrace("-I", f"{servers.http}/hello")
    assert "< Content-Length: 7\n" in ran.out
    assert "HEAD " in ran.out
    assert "  body" not in ran.out


async def test_redirects_are_followed_only_when_asked(servers: BundledServers) -> None:
    """Without ``-L`` a redirect is the response; with it every hop has a waterfall."""
    ran = await httptrace(f"{servers.http}/redirect/2")
    assert ran.out.count(" → ") == 1
    ran = await httptrace("-L", f"{servers.http}/redirect/2")
    assert ran.out.count(" → 302 Found") == 2
    assert ran.out.count(" → 200 OK") == 1
    assert "2 redirects" in ran.out


async def test_tls_facts(servers: BundledServers) -> None:
    """TLS is shown with its version, cipher, and the certificate's name and last day."""
    ran = await httptrace("--cacert", str(servers.ca_path), f"{servers.https}/hello")
    assert ran.code == 0
    assert "  TLSv1.3 TLS_" in ran.out
    assert "certificate of localhost valid to 2" in ran.out
    assert "\n  tls " in ran.out


async def test_insecure(servers: BundledServers) -> None:
    """``-k`` accepts any certificate."""
    ran = await httptrace("-k", f"{servers.expired}/hello")
    assert (ran.code, ran.err) == (0, "")


async def test_repeat_reuses_the_connection(servers: BundledServers) -> None:
    """``--repeat`` sends the request again in the same session; the connection is reused."""
    ran = await httptrace("--repeat", "3", f"{servers.http}/hello")
    assert ran.out.count("new connection 1 to") == 1
    assert ran.out.count("  connection 1 to") == ran.out.count(", reused") == 2


async def test_several_urls(servers: BundledServers) -> None:
    """Each URL is requested, wherever it is among the options."""
    ran = await httptrace(f"{servers.http}/hello", "-v", f"{servers.other}/hello", "-s")
    assert ran.out.count("→ 200 OK") == 2


async def test_unix_socket(servers: BundledServers) -> None:
    """``--unix-socket`` connects to the socket, whatever host the URL names."""
    ran = await httptrace("--unix-socket", str(servers.unix_path), "http://any.example/hello")
    assert "GET http://any.example/hello → 200 OK" in ran.out
    assert str(servers.unix_path) in ran.out.replace("\n  ", "")


async def test_resolve(servers: BundledServers) -> None:
    """``--resolve`` sets the addresses of a host; one that fails is reported."""
    host, _, port = servers.two_addresses.removeprefix("http://").partition(":")
    ran = await httptrace(
        "--resolve", f"{host}:{port}:127.0.0.2,127.0.0.1", f"{servers.two_addresses}/hello"
    )
    assert ran.code == 0
    assert f"127.0.0.2:{port} had not answered when another one did" in ran.out
    assert "\n  dns " in ran.out


async def test_http10(servers: BundledServers) -> None:
    """``--http1.0`` sends HTTP/1.0."""
    ran = await httptrace("--http1.0", "-v", f"{servers.http}/hello")
    assert "> GET /hello HTTP/1.0\n" in ran.out


async def test_version_and_help() -> None:
    """``--version`` and ``--help`` print the version and the options."""
    version, usage = await httptrace("--version"), await httptrace("--help")
    assert (version.code, version.out) == (0, f"httptrace {__version__}\n")
    assert usage.code == 0
    assert usage.out.startswith("usage: httptrace")


# --- secrets ------------------------------------------------------------------------------------


async def test_secrets_are_masked(servers: BundledServers) -> None:
    """The output has no credentials: not in URLs, not in headers, not in errors."""
    host = servers.http.removeprefix("http://")
    ran = await httptrace(
        *("-v", "-b", "session=s3cret", "-H", "X-Api-Key: s3cret"),
        f"http://user:s3cret@{host}/hello?token=s3cret",
        f"http://user:s3cret@{servers.refused.removeprefix('http://')}/?token=s3cret",
        "ftp://user:s3cret@host/",
    )
    assert "s3cret" not in ran.out + ran.err
    assert "> Authorization: Basic ***\n" in ran.out
    assert "> Cookie: session=***\n" in ran.out
    assert "> GET /hello?token=*** HTTP/1.1\n" in ran.out


async def test_secrets_are_masked_in_json(servers: BundledServers) -> None:
    """The JSON has no credentials either."""
    host = servers.http.removeprefix("http://")
    url = f"http://{host}/hello?password=s3cret"
    ran = await httptrace("--json-timeline", "-v", "-u", "user:s3cret", url)
    assert ran.code == 0
    assert "s3cret" not in ran.out
