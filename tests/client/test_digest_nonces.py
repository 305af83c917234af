"""Digest authentication with servers that repeat a nonce, or send text that is not UTF-8."""

from __future__ import annotations

import asyncio
from hashlib import md5

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks

import httptrace
from httptrace.auth.challenge import parse_challenges
from httptrace.testing.peer import Peer
from httptrace.testing.received import ReceivedRequest
from httptrace.testing.scripted import Script, per_request, response_bytes


def challenging(challenge: str) -> Script:
    """Return a script that challenges each request without an answer in the same way."""

    async def handle(peer: Peer, request: ReceivedRequest) -> None:
        answered = request.header("Authorization") is not None
        refusal = response_bytes(401, b"", ("WWW-Authenticate", challenge))
        await peer.send(response_bytes(200, b"yes") if answered else refusal)

    return per_request(handle)


def answers(requests: list[ReceivedRequest]) -> list[dict[str, str]]:
    """The parameters of the answers that the server received."""
    headers = [header for request in requests if (header := request.header("Authorization"))]
    return [parse_challenges([header])[0][1] for header in headers]


@pytest.mark.parametrize("preemptive", [True, False])
async def test_a_nonce_that_is_handed_out_again_is_counted_on(
    leak_check: Leaks, scripted: ScriptedFactory, preemptive: bool
) -> None:
    """Concurrent and sequential requests never use the same count of a nonce twice."""
    server = await scripted(challenging('Digest realm="r", nonce="n", qop="auth"'))
    digest = httptrace.DigestAuthMiddleware("me", "pw", preemptive)
    async with httptrace.ClientSession(middlewares=[digest]) as session:
        responses = await asyncio.gather(*(session.get(server.url) for _ in range(3)))
        responses.append(await session.get(server.url))
    assert [response.status for response in responses] == [200] * 4
    assert sorted(answer["nc"] for answer in answers(server.requests)) == [
        f"{count:08x}" for count in range(1, 5)
    ]


async def test_a_realm_that_is_not_utf_8_is_answered_as_it_came(
    leak_check: Leaks, scripted: ScriptedFactory
) -> None:
    """A realm in Latin-1 is sent back with the same bytes, and hashed as these bytes."""
    server = await scripted(challenging('Digest realm="caf\xe9", nonce="n", qop="auth"'))
    digest = httptrace.DigestAuthMiddleware("me", "pw")
    async with httptrace.ClientSession(middlewares=[digest]) as session:
        assert (await session.get(server.url)).status == 200
    (answer,) = answers(server.requests)
    assert answer["realm"] == "caf\xe9"
    key, subject = md5(b"me:caf\xe9:pw").hexdigest(), md5(b"GET:/").hexdigest()
    once = f"n:00000001:{answer['cnonce']}:auth"
    assert answer["response"] == md5(f"{key}:{once}:{subject}".encode()).hexdigest()
