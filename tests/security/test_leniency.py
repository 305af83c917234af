"""Real servers that bend the grammar of RFC 9112, and the page that says what comes of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.http1.feeding import received
from tests.http1.leniency import ACCEPTED, REFUSED_BODIES, REFUSED_HEADS
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace.testing import EventRecorder, Peer, ScriptedServer, response_bytes

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
ROW = re.compile(r"^\| (.+?) \| (accepted|refused) \| (.+?) \|", re.MULTILINE)
NEXT = response_bytes(200, b"next")


def sending(responses: list[bytes], in_pieces: bool) -> Any:
    """Send the responses to the requests that name them, and the same one to all others."""

    async def script(peer: Peer) -> None:
        while True:
            request = await peer.request()
            number = request.target[1:]
            if not number.isdigit():
                await peer.send(NEXT)
            elif in_pieces:
                response = responses[int(number)]
                await peer.send_pieces([response[at : at + 1] for at in range(len(response))])
            else:
                await peer.send(responses[int(number)])

    return script


async def own(session: httptrace.ClientSession, server: ScriptedServer) -> None:
    """The next request gets its own response."""
    async with session.get(f"{server.url}/next") as response:
        assert await response.read() == b"next"


@pytest.mark.parametrize("in_pieces", [False, True])
@pytest.mark.parametrize("row", ACCEPTED)
async def test_accepted(
    session: httptrace.ClientSession, scripted: ScriptedFactory, row: str, in_pieces: bool
) -> None:
    """The program gets what the response means, and the connection serves the next request."""
    server = await scripted(sending([data for data, _ in ACCEPTED[row]], in_pieces))
    for number, (_data, meaning) in enumerate(ACCEPTED[row]):
        expected = received([meaning])
        async with session.get(f"{server.url}/{number}") as response:
            assert await response.read() == expected.body
        assert (response.status, response.raw_headers) == (
            expected.status,
            tuple(expected.headers),
        )
        await own(session, server)
    assert len(server.connections) == 1


@pytest.mark.parametrize("in_pieces", [False, True])
@pytest.mark.parametrize("row", [*REFUSED_HEADS, *REFUSED_BODIES])
async def test_refused(
    session: httptrace.ClientSession,
    scripted: ScriptedFactory,
    recorder: EventRecorder,
    row: str,
    in_pieces: bool,
) -> None:
    """The program gets an error, and the next request another connection."""
    error: type[Exception]
    if row in REFUSED_HEADS:
        responses, error = REFUSED_HEADS[row], httptrace.ClientResponseError
    else:
        responses, error = REFUSED_BODIES[row], httptrace.ClientPayloadError
    server = await scripted(sending(responses, in_pieces))
    for number in range(len(responses)):
        with pytest.raises(error):
            async with session.get(f"{server.url}/{number}") as response:
                await response.read()
        await own(session, server)
    assert len(server.connections) == len(responses) + 1
    closed = recorder.of("connection_closed")
    assert [event.reason for event in closed] == ["malformed response"] * len(responses)


def test_the_page_has_every_row() -> None:
    """The table of the docs has these rows and no others, each with the section of its RFC."""
    rows = {what: (verdict, source) for what, verdict, source in ROW.findall(PAGE.read_text())}
    refused = {*REFUSED_HEADS, *REFUSED_BODIES}
    assert {what for what, (verdict, _) in rows.items() if verdict == "accepted"} == {*ACCEPTED}
    assert {what for what, (verdict, _) in rows.items() if verdict == "refused"} == refused
    assert all(re.match(r"RFC \d+ §\d|no RFC", source) for _, source in rows.values())
