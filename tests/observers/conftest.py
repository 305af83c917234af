"""Fixtures of this room: a server that responds by the path."""

from __future__ import annotations

import gzip

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace.testing import Peer, ReceivedRequest
from httptrace.testing.scripted import ScriptedServer, per_request, response_bytes

JSON_BODY = b'{"order": "caf\xc3\xa9"}'


@per_request
async def by_path(peer: Peer, request: ReceivedRequest) -> None:
    """/moved redirects, /json is compressed, /binary is not text, /cut breaks off, /hang waits."""
    path = request.target.partition("?")[0]
    if path == "/moved":
        cookie = ("Set-Cookie", "session=secret-cookie")
        await peer.send(response_bytes(302, b"", ("Location", "/json?token=secret-token"), cookie))
    elif path == "/json":
        headers = (("Content-Type", "application/json"), ("Content-Encoding", "gzip"))
        await peer.send(response_bytes(200, gzip.compress(JSON_BODY), *headers))
    elif path == "/binary":
        await peer.send(response_bytes(200, b"\x00\xff", ("Content-Type", "image/png")))
    elif path == "/cut":
        await peer.send(response_bytes(200, b"x", ("Content-Length", "9"), length=False))
        peer.close()
    elif path == "/hang":
        await peer.until_closed()
    else:
        await peer.send(response_bytes(200, b"hello", ("Content-Type", "text/plain")))


@pytest.fixture
async def server(scripted: ScriptedFactory) -> ScriptedServer:
    """The server of this room's tests."""
    return await scripted(by_path)
