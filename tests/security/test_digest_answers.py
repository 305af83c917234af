"""Attacks of a server on Digest; `tests/test_digest.py` has the answers themselves."""

from __future__ import annotations

import hashlib
import logging
import re
from typing import Any

import pytest
from tests.client.conftest import MakeSession
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace.testing import response_bytes
from httptrace.testing.peer import Peer
from httptrace.testing.received import ReceivedRequest
from httptrace.testing.scripted import per_request

LOGIN, PASSWORD = "me", "s3cr3t"
GOOD = 'rspauth="{rspauth}", cnonce="{cnonce}", nc={nc}, qop=auth, nextnonce="next"'


def h(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def fields(header: str) -> dict[str, str]:
    return dict(re.findall(r'(\w+)="?([^",]*)"?', header))


def proof(given: dict[str, str], password: str = PASSWORD, *, session: bool = False) -> str:
    """rspauth as RFC 7616, section 3.5, defines it."""
    key = h(f"{LOGIN}:r:{password}")
    if session:
        key = h(f"{key}:{given['nonce']}:{given['cnonce']}")
    once = ":".join(given[name] for name in ("nonce", "nc", "cnonce", "qop"))
    return h(f"{key}:{once}:{h(':' + given['uri'])}")


async def nonces(
    make_session: MakeSession,
    scripted: ScriptedFactory,
    info: str,
    password: str = PASSWORD,
    algorithm: str = "SHA-256",
) -> list[tuple[str, str]]:
    """Nonce and count of two requests, of which the first gets this Authentication-Info."""
    seen: list[tuple[str, str]] = []

    async def answer(peer: Peer, request: ReceivedRequest) -> None:
        header = request.header("Authorization")
        if header is None:
            challenge = f'Digest realm="r", nonce="first", qop="auth", algorithm={algorithm}'
            await peer.send(response_bytes(401, b"", ("WWW-Authenticate", challenge)))
            return
        given = fields(header)
        seen.append((given["nonce"], given["nc"]))
        right = proof(given, password, session=algorithm.endswith("sess"))
        told = info.format(rspauth=right, cnonce=given["cnonce"], nc=given["nc"])
        await peer.send(response_bytes(200, b"ok", ("Authentication-Info", told)))

    server = await scripted(per_request(answer))
    digest = httptrace.DigestAuthMiddleware(LOGIN, PASSWORD)
    session = make_session(middlewares=(digest,))
    for _ in range(2):
        async with session.get(server.url + "/a?b=c") as response:
            assert (response.status, await response.text()) == (200, "ok")
    return seen


WRONG: list[tuple[str, dict[str, Any]]] = [
    (GOOD, {"password": "another"}),
    (GOOD.replace('cnonce="{cnonce}"', 'cnonce="of another"'), {}),
    (GOOD.replace("nc={nc}", "nc=00000002"), {}),
    (GOOD.replace("{rspauth}", ""), {}),
    ('cnonce="of another", nextnonce="next"', {}),
]


@pytest.mark.parametrize(("info", "options"), WRONG)
async def test_a_nonce_of_one_who_does_not_know_the_password(
    make_session: MakeSession,
    scripted: ScriptedFactory,
    caplog: pytest.LogCaptureFixture,
    info: str,
    options: dict[str, Any],
) -> None:
    """A wrong rspauth is logged once per response, and its nonce is not used (RFC 7616 §3.5)."""
    with caplog.at_level(logging.WARNING, "httptrace.auth"):
        seen = await nonces(make_session, scripted, info, **options)
    assert seen == [("first", "00000001"), ("first", "00000002")]
    assert "does not prove" in caplog.text and PASSWORD not in caplog.text


@pytest.mark.parametrize("algorithm", ["SHA-256", "SHA-256-sess"])
@pytest.mark.parametrize("info", [GOOD, 'nextnonce="next"'])
async def test_a_right_proof_is_not_taken_for_a_wrong_one(
    make_session: MakeSession,
    scripted: ScriptedFactory,
    caplog: pytest.LogCaptureFixture,
    info: str,
    algorithm: str,
) -> None:
    """With a correct rspauth, or with none, the next nonce is used, counted from one."""
    seen = await nonces(make_session, scripted, info, algorithm=algorithm)
    assert seen == [("first", "00000001"), ("next", "00000001")]
    assert caplog.text == ""


async def test_a_challenge_of_another_port_is_answered(
    make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A server that a redirect leads to gets no answer to its challenges."""
    challenge = ("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256')
    evil = await scripted(response_bytes(401, b"", challenge))

    async def answer(peer: Peer, request: ReceivedRequest) -> None:
        if request.header("Authorization") is None:
            await peer.send(response_bytes(401, b"", challenge))
        else:
            await peer.send(response_bytes(307, b"", ("Location", evil.url + "/away")))

    server = await scripted(per_request(answer))
    digest = httptrace.DigestAuthMiddleware(LOGIN, PASSWORD)
    session = make_session(middlewares=(digest,))
    async with session.post(server.url, data=b"x") as response:
        assert response.status == 401
    async with session.get(evil.url) as response:
        assert response.status == 401
    assert len(evil.requests) == 2
    assert [request.header("Authorization") for request in evil.requests] == [None, None]
