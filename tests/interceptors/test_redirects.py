"""Redirects as RFC 9110 §15.4 and browsers follow them, over real sockets."""

from __future__ import annotations

import asyncio
import io
import ssl
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.servers.aiohttp_app import AiohttpServer
from tests.servers.fixtures import ScriptedFactory
from tests.servers.nginx import Nginx, file_content

import httptrace
from httptrace.testing import response_bytes
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import responding

from .redirecting import OK, last, redirect

FROM, TO = "/from", "/to"


# --- method and body ------------------------------------------------------------------------------


TABLE = [
    # status, method, what follows, with the body
    *((status, "GET", "GET", False) for status in (301, 302, 303, 307, 308)),
    *((status, "HEAD", "HEAD", False) for status in (301, 302, 303, 307, 308)),
    *((status, "POST", "GET", False) for status in (301, 302, 303)),
    *((status, "POST", "POST", True) for status in (307, 308)),
    *((status, "PUT", "PUT", True) for status in (301, 302, 307, 308)),
    (303, "PUT", "GET", False),
    *((status, "DELETE", "DELETE", True) for status in (301, 302, 307, 308)),
    (303, "DELETE", "GET", False),
    (302, "PATCH", "PATCH", True),
]


@pytest.mark.parametrize(("status", "method", "then", "with_body"), TABLE)
async def test_method_and_body(
    session: httptrace.ClientSession,
    scripted: ScriptedFactory,
    status: int,
    method: str,
    then: str,
    with_body: bool,
) -> None:
    """301 to 303 turn a POST into a GET, 303 all but HEAD; 307 and 308 repeat the request."""
    head_only = method == "HEAD"
    moved = response_bytes(status, b"", ("Location", TO)) if head_only else redirect(TO, status)
    server = await scripted(responding(moved, response_bytes(200) if head_only else OK))
    body = None if method in ("GET", "HEAD") else b"some body"
    async with session.request(
        method, server.url + FROM, data=body, allow_redirects=True
    ) as response:
        assert response.status == 200
        assert response.method == then
    request = await last(server)
    assert (request.method, request.target) == (then, TO)
    assert request.body == (b"some body" if with_body else b"")
    for name in ("Content-Type", "Content-Length"):
        assert bool(request.header(name)) is with_body
    assert len(server.connections) == 1


def _bodies(path: Path) -> dict[str, Any]:
    form = httptrace.FormData({"a": "b"})
    form.add_field("file", io.BytesIO(b"file"), filename="f")
    return {
        "bytes": b"x" * 100_000,
        "text": "gr\xfc\xdfe",
        "mapping": {"a": "b"},
        "form": form,
        "BytesIO": io.BytesIO(b"content"),
        "file": path.open("rb"),
    }


@pytest.mark.parametrize("name", ["bytes", "text", "mapping", "form", "BytesIO", "file"])
@pytest.mark.parametrize("extra", [{}, {"chunked": True}, {"compress": "gzip"}])
async def test_bodies_are_sent_again(
    session: httptrace.ClientSession,
    scripted: ScriptedFactory,
    tmp_path: Path,
    name: str,
    extra: dict[str, Any],
) -> None:
    """A 307 brings the same body again, framed and encoded as before."""
    path = tmp_path / "file"
    path.write_bytes(b"from a file" * 1000)
    bodies = _bodies(path)
    server = await scripted(responding(redirect(TO, 307), OK))
    async with session.post(server.url + FROM, data=bodies[name], **extra) as response:
        assert response.status == 200
    first, second = server.requests
    assert second.body == first.body != b""
    for field in ("Content-Type", "Content-Length", "Transfer-Encoding", "Content-Encoding"):
        assert second.header(field) == first.header(field)
    bodies["file"].close()


async def test_a_body_that_cannot_be_sent_again(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """A 307 after a generator's body raises an error that says so and suggests a remedy."""

    async def generator() -> AsyncIterator[bytes]:
        yield b"once"

    server = await scripted(responding(redirect(TO, 307), OK))
    with pytest.raises(httptrace.ClientPayloadError, match="cannot be sent twice"):
        await session.post(server.url + FROM, data=generator())
    assert len(server.requests) == 1


async def test_a_generator_is_not_needed_again(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """A 303 after a generator's body is followed, because it needs no body."""

    async def generator() -> AsyncIterator[bytes]:
        yield b"once"

    server = await scripted(responding(redirect(TO, 303), OK))
    async with session.post(server.url + FROM, data=generator()) as response:
        assert await response.read() == b"arrived"
    assert (await last(server)).header("Transfer-Encoding") is None


async def test_a_file_is_closed_when_its_body_is_not_sent_on(
    session: httptrace.ClientSession, scripted: ScriptedFactory, tmp_path: Path
) -> None:
    """A 303 leaves no file open."""
    (tmp_path / "file").write_bytes(b"content")
    file = (tmp_path / "file").open("rb")
    server = await scripted(responding(redirect(TO, 303), OK))
    async with session.post(server.url + FROM, data=file) as response:
        assert response.method == "GET"
    await session.close()
    assert file.closed


async def test_a_redirect_before_the_body_was_sent(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """A redirect that arrives while the body is sent is followed on a new connection."""

    async def early(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(redirect(TO, 307))
        await peer.until_closed()

    server = await scripted(early, OK)
    body = b"x" * 20_000_000
    async with session.post(server.url + FROM, data=body) as response:
        assert response.status == 200
    request = await last(server)
    assert len(request.body) == len(body)
    assert len(server.connections) == 2


# --- how far --------------------------------------------------------------------------------------


async def test_the_body_of_a_redirect(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """A redirect's body that was not completely kept raises an error, however it is read."""

    async def script(peer: Peer) -> None:
        await peer.request()
        data = response_bytes(302, b"moved there", ("Location", "/there"))
        await peer.send_pieces([data[:-6], data[-6:]])
        await peer.request()
        await peer.send(response_bytes(200, b"here"))
        await peer.until_closed()

    server = await scripted(script)
    async with session.get(server.url) as response:
        (moved,) = response.history
        for read in (moved.content.read, moved.content.readany, moved.read, moved.text):
            with pytest.raises(httptrace.ClientConnectionError):
                while await read():
                    pass
        assert await response.read() == b"here"
    assert len(server.connections) == 1


async def test_history(session: httptrace.ClientSession, aiohttp_server: AiohttpServer) -> None:
    """The redirects are in the history, in order, each with its own request."""
    async with session.get(f"{aiohttp_server.url}/redirect/3") as response:
        assert await response.text() == "arrived"
        assert [hop.url.path for hop in response.history] == [f"/redirect/{n}" for n in (3, 2, 1)]
        assert [hop.request_info.url.path for hop in response.history] == [
            f"/redirect/{n}" for n in (3, 2, 1)
        ]
        assert all(hop.closed and hop.status == 302 for hop in response.history)


async def test_loop(session: httptrace.ClientSession, scripted: ScriptedFactory) -> None:
    """A loop ends with TooManyRedirects, after ten by default."""
    server = await scripted(redirect("/again"))
    with pytest.raises(httptrace.TooManyRedirects) as caught:
        await session.get(server.url)
    assert len(server.requests) == 10
    assert len(caught.value.history) == 10
    assert caught.value.request_info.url.path == "/"


@pytest.mark.parametrize("most", [1, 2, 5])
async def test_max_redirects(
    session: httptrace.ClientSession, aiohttp_server: AiohttpServer, most: int
) -> None:
    """The redirect with the number max_redirects is an error, as in aiohttp."""
    url = aiohttp_server.url
    async with session.get(f"{url}/redirect/{most - 1}", max_redirects=most) as response:
        assert response.status == 200
    with pytest.raises(httptrace.TooManyRedirects):
        await session.get(f"{url}/redirect/{most}", max_redirects=most)


async def test_not_followed(
    session: httptrace.ClientSession, aiohttp_server: AiohttpServer
) -> None:
    """With allow_redirects=False, and for HEAD, the redirect is the response."""
    url = f"{aiohttp_server.url}/redirect/1"
    async with session.get(url, allow_redirects=False) as response:
        assert (response.status, response.history) == (302, ())
        assert response.headers["Location"] == "/redirect/0"
    async with session.head(url) as response:
        assert response.status == 302
    async with session.head(url, allow_redirects=True) as response:
        assert response.status == 200


@pytest.mark.parametrize("status", [300, 304, 305, 306, 399])
async def test_other_statuses(
    session: httptrace.ClientSession, scripted: ScriptedFactory, status: int
) -> None:
    """Other statuses of the 3xx class are not followed, whatever their Location says."""
    moved = response_bytes(status, b"", ("Location", TO))
    server = await scripted(moved)
    async with session.get(server.url) as response:
        assert response.status == status
    assert len(server.requests) == 1


async def test_real_servers(
    session: httptrace.ClientSession, nginx: Nginx, client_ssl: ssl.SSLContext
) -> None:
    """nginx's redirects are followed, over TLS too, on one connection."""
    for origin in (nginx.http, nginx.https):
        for status in (301, 302, 303, 307, 308):
            url = f"{origin}/redirect/{status}"
            async with session.get(url, ssl=client_ssl) as response:
                assert await response.read() == file_content(40)
                assert [hop.status for hop in response.history] == [status]


# --- the redirect's own body ----------------------------------------------------------------------


async def test_a_large_body_is_not_read(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """A redirect with a large body closes its connection, and nothing else."""

    async def endless(peer: Peer) -> None:
        await peer.request()
        await peer.send(
            b"HTTP/1.1 302 Found\r\nLocation: /to\r\nContent-Length: 1000000000\r\n\r\n"
        )
        await peer.send(b"x" * 100_000)
        await peer.until_closed()

    server = await scripted(endless, OK)
    async with session.get(server.url) as response:
        assert response.status == 200
    assert len(server.connections) == 2


async def test_a_bomb_in_a_redirect(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """A compressed body of a redirect is never decoded: memory stays constant."""
    deflater = zlib.compressobj(wbits=31)
    bomb = b"".join(deflater.compress(bytes(1 << 20)) for _ in range(30)) + deflater.flush()
    assert len(bomb) < 1 << 16
    moved = response_bytes(302, bomb, ("Location", TO), ("Content-Encoding", "gzip"))
    server = await scripted(responding(moved, OK))
    tracemalloc.start()
    try:
        async with session.get(server.url) as response:
            assert response.status == 200
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
    assert len(server.connections) == 1


async def test_the_total_timeout_counts_all_hops(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """A loop of slow redirects ends with the total timeout."""

    async def slow(peer: Peer) -> None:
        while True:
            await peer.request()
            await asyncio.sleep(0.03)
            await peer.send(redirect("/again"))

    server = await scripted(slow)
    timeout = httptrace.ClientTimeout(total=0.1)
    with pytest.raises(httptrace.TotalTimeoutError):
        await session.get(server.url, timeout=timeout, max_redirects=1000)
    assert 1 < len(server.requests) < 10
