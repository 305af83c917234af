"""The nginx fixture has every kind of framing in its description."""

from __future__ import annotations

import aiohttp
import pytest

from httptrace.testing.certificates import CertificateAuthority

from .nginx import FILE_SIZES, TEXT, Nginx, file_content


@pytest.mark.parametrize("name", FILE_SIZES)
async def test_static_files_have_a_length(leak_check: object, nginx: Nginx, name: str) -> None:
    """A static file is complete and has its Content-Length."""
    async with aiohttp.ClientSession() as session, session.get(f"{nginx.http}/files/{name}") as r:
        assert r.headers["Content-Length"] == str(FILE_SIZES[name])
        assert await r.read() == file_content(FILE_SIZES[name])


@pytest.mark.parametrize("way", ["chunked", "proxied"])
async def test_chunked_files_have_no_length(leak_check: object, nginx: Nginx, way: str) -> None:
    """The chunked and the proxied file come with chunked transfer coding."""
    async with aiohttp.ClientSession() as session, session.get(f"{nginx.http}/{way}/64k") as r:
        assert r.headers["Transfer-Encoding"] == "chunked"
        assert await r.read() == file_content(2**16)


async def test_until_close_has_neither(leak_check: object, nginx: Nginx) -> None:
    """A body delimited by the connection's end has neither length nor transfer coding."""
    async with aiohttp.ClientSession() as session, session.get(f"{nginx.http}/until-close/1k") as r:
        assert not {"Content-Length", "Transfer-Encoding"} & set(r.headers)
        assert r.headers["Connection"] == "close"
        assert await r.read() == file_content(2**10)


async def test_gzip(leak_check: object, nginx: Nginx) -> None:
    """Text is compressed for a client that accepts gzip."""
    async with aiohttp.ClientSession() as session, session.get(f"{nginx.http}/gzip/text") as r:
        assert r.headers["Content-Encoding"] == "gzip"
        assert await r.text() == TEXT


async def test_tls_with_the_authority_of_the_run(
    leak_check: object, nginx: Nginx, ca: CertificateAuthority
) -> None:
    """The https origin has a certificate of the run's authority."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{nginx.https}/files/40", ssl=ca.client_context()) as response,
    ):
        assert await response.read() == file_content(40)


async def test_keep_alive_on_and_off(leak_check: object, nginx: Nginx) -> None:
    """One origin keeps connections, the other closes them after each response."""
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{nginx.http}/files/40") as response:
            assert response.headers["Connection"] == "keep-alive"
        async with session.get(f"{nginx.no_keepalive}/files/40") as response:
            assert response.headers["Connection"] == "close"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects(leak_check: object, nginx: Nginx, status: int) -> None:
    """Each redirect status leads to the small file."""
    url = f"{nginx.http}/redirect/{status}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert [hop.status for hop in response.history] == [status]
        assert await response.read() == file_content(40)


@pytest.mark.parametrize("status", [204, 304, 404, 500])
async def test_statuses(leak_check: object, nginx: Nginx, status: int) -> None:
    """Each status in the list can be requested."""
    url = f"{nginx.http}/status/{status}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == status


async def test_uploads_are_stored(leak_check: object, nginx: Nginx) -> None:
    """A PUT creates the file on disk, and DELETE removes it."""
    url = f"{nginx.http}/upload/some"
    async with aiohttp.ClientSession() as session:
        async with session.put(url, data=b"x" * 100_000) as response:
            assert response.status == 201
        assert (nginx.directory / "upload" / "some").read_bytes() == b"x" * 100_000
        async with session.delete(url) as response:
            assert response.status == 204


async def test_hang_up_and_inspect(leak_check: object, nginx: Nginx) -> None:
    """/hang-up closes without a response, /inspect returns the request."""
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await session.get(f"{nginx.http}/hang-up")
        async with session.get(f"{nginx.http}/inspect?a=b") as response:
            assert (await response.text()).startswith("GET /inspect?a=b HTTP/1.1\n")
