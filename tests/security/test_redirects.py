"""What must not cross an origin; `client/test_redirect_origins.py` has a request's own headers."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from tests.client.conftest import MakeSession
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace.testing import response_bytes
from httptrace.testing.peer import Peer
from httptrace.testing.received import ReceivedRequest
from httptrace.testing.scripted import per_request

OK = response_bytes(200, b"ok")
SECRET = "s3cr3t"
HEADERS = [
    ("Authorization", SECRET),
    ("AUTHORIZATION", SECRET),
    ("authorization", f"Bearer {SECRET}"),
    ("Proxy-Authorization", SECRET),
    ("proxy-authorization", SECRET),
    ("Cookie", f"a={SECRET}"),
    ("cookie", f"b={SECRET}"),
    ("Cookie2", SECRET),
]


@pytest.mark.parametrize("where", ["host", "port", "scheme"])
@pytest.mark.parametrize("given", ["session", "request", "websocket", "back and forth"])
async def test_credentials_do_not_cross_an_origin_in_a_redirect(
    make_session: MakeSession,
    scripted: ScriptedFactory,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
    where: str,
    given: str,
) -> None:
    """No secret crosses an origin, in every spelling and number, however often origins change."""
    leads: dict[str, str] = {}

    async def answer(peer: Peer, request: ReceivedRequest) -> None:
        to = leads.get(request.target)
        await peer.send(OK if to is None else response_bytes(302, b"", ("Location", to)))

    other = await scripted(per_request(answer), ssl=server_ssl if where == "scheme" else None)
    server = await scripted(per_request(answer))
    to = other.url.replace("127.0.0.1", "localhost") if where == "host" else other.url
    leads["/"] = f"{to}/away"
    if given == "back and forth":
        leads["/away"] = f"{server.url}/back"
    session = make_session(headers=HEADERS if given == "session" else None)
    options: dict[str, Any] = {"ssl": client_ssl}
    if given != "session":
        options["headers"] = HEADERS
    if given == "websocket":
        with pytest.raises(httptrace.WSServerHandshakeError):
            await session.ws_connect(server.url, **options)
    else:
        async with session.get(server.url, **options) as response:
            assert await response.read() == b"ok"
    first, *later = server.requests
    assert first.raw.count(SECRET.encode()) >= 7
    assert len(later) == (given == "back and forth")
    for request in (*other.requests, *later):
        assert SECRET.encode() not in request.raw
    assert len(other.requests) == 1
