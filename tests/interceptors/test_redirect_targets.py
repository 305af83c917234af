"""Where redirects lead: relative locations, fragments, other authorities, nowhere."""

from __future__ import annotations

import pytest
from tests.client.conftest import MakeSession
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace.testing import response_bytes
from httptrace.testing.scripted import responding

from .redirecting import OK, last, redirect

LOCATIONS = {
    "/other": "/other",
    "other": "/a/other",
    "../other": "/other",
    "./c?d": "/a/c?d",
    "?only=query": "/a/b?only=query",
    "": "/a/b?q=1",
    "#fragment": "/a/b?q=1",
    "/with space": "/with%20space",
    "/p%C3%BC/%2F?x=%26%20": "/p%C3%BC/%2F?x=%26%20",
    "/pü": "/p%C3%BC",
    "/[]|": "/%5B%5D%7C",
    "/a/../b/./c": "/b/c",
    "http:other": "/a/other",
    "/x?a=http://evil.example/": "/x?a=http://evil.example/",
}


@pytest.mark.parametrize("location", LOCATIONS)
async def test_relative_locations(
    session: httptrace.ClientSession, scripted: ScriptedFactory, location: str
) -> None:
    """A Location is resolved against the URL of the redirect, and quoted if necessary."""
    moved = redirect("X").replace(b"Location: X", f"Location: {location}".encode())
    server = await scripted(responding(moved, OK))
    if not location:  # an empty field leads nowhere: it is the answer
        async with session.get(f"{server.url}/a/b?q=1") as response:
            assert response.status == 302
        return
    async with session.get(f"{server.url}/a/b?q=1") as response:
        assert response.status == 200
    assert (await last(server)).target == LOCATIONS[location]


async def test_exact_locations(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """With requote_redirect_url=False the server's own quoting is kept."""
    server = await scripted(responding(redirect("/%7Euser/%2f"), OK))
    session = make_session(requote_redirect_url=False)
    async with session.get(server.url) as response:
        assert response.status == 200
    assert (await last(server)).target == "/%7Euser/%2f"


async def test_another_authority(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """``//host`` keeps the scheme and goes to the other host."""
    other = await scripted(OK)
    server = await scripted(redirect(f"//localhost:{other.port}/there"))
    async with session.get(server.url) as response:
        assert response.url.host == "localhost"
    request = await last(other, 1)
    assert request.target == "/there"
    assert request.header("Host") == f"localhost:{other.port}"


async def test_fragments(session: httptrace.ClientSession, scripted: ScriptedFactory) -> None:
    """The fragment of the first URL is kept, unless the Location has one (RFC 9110 §10.2.2)."""
    server = await scripted(responding(redirect("/b"), redirect("/c#theirs"), redirect("/d"), OK))
    async with session.get(f"{server.url}/a#ours") as response:
        fragments = [hop.real_url.fragment for hop in (*response.history, response)]
        assert fragments == ["ours", "ours", "theirs", "theirs"]
        assert response.url.fragment == ""
    assert all("#" not in request.target for request in server.requests)


async def test_uri_field(session: httptrace.ClientSession, scripted: ScriptedFactory) -> None:
    """The obsolete URI field is used if Location is missing, as in aiohttp."""
    moved = response_bytes(302, b"", ("URI", "/there"))
    server = await scripted(responding(moved, OK))
    async with session.get(server.url) as response:
        assert response.status == 200
    assert (await last(server)).target == "/there"


BAD_LOCATIONS = {
    "ftp://127.0.0.1/": httptrace.NonHttpUrlRedirectClientError,
    "mailto:a@example.org": httptrace.NonHttpUrlRedirectClientError,
    "javascript:alert(1)": httptrace.NonHttpUrlRedirectClientError,
    "file:///etc/passwd": httptrace.NonHttpUrlRedirectClientError,
    "data:text/plain,x": httptrace.NonHttpUrlRedirectClientError,
    "gopher://127.0.0.1:70/": httptrace.NonHttpUrlRedirectClientError,
    "http://": httptrace.InvalidUrlRedirectClientError,
    "http:///path": httptrace.InvalidUrlRedirectClientError,
    "HTTP:////evil.example/": httptrace.InvalidUrlRedirectClientError,
    "http:\\\\evil.example/": httptrace.InvalidUrlRedirectClientError,
    "http://:80/": httptrace.InvalidUrlRedirectClientError,
    "http://127.0.0.1:99999/": httptrace.InvalidUrlRedirectClientError,
    "http://127.0.0.1:0/": httptrace.InvalidUrlRedirectClientError,
    "http://127.0.0.1:port/": httptrace.InvalidUrlRedirectClientError,
    "http://[::1/": httptrace.InvalidUrlRedirectClientError,
    "http://a%3Ab:c@127.0.0.1/": httptrace.InvalidUrlRedirectClientError,
}


@pytest.mark.parametrize("location", BAD_LOCATIONS)
async def test_locations_that_lead_nowhere(
    session: httptrace.ClientSession, scripted: ScriptedFactory, location: str
) -> None:
    """A Location that is no http URL raises an error of its own, and nothing more is sent."""
    server = await scripted(redirect(location))
    with pytest.raises(BAD_LOCATIONS[location]) as caught:
        await session.get(server.url)
    assert isinstance(caught.value, httptrace.RedirectClientError)
    assert len(server.requests) == 1
