"""Random responses over real sockets: each request ends, and the next one gets its own."""

from __future__ import annotations

import asyncio
import contextlib
from random import Random
from ssl import SSLContext
from typing import Any

import pytest
from tests.faults.walking import turns
from tests.http1.feeding import Result, received
from tests.servers.leaks import Leaks

from httptrace import ClientError, ClientResponse

from .campaign import Campaign
from .making import cut, stream
from .serving import Plan, Tried, trying

BODY = b"some text, and more of it\n" * 3


pytestmark = [
    pytest.mark.filterwarnings("ignore::httptrace.BadContentDispositionHeader"),
    pytest.mark.filterwarnings("ignore::httptrace.BadContentDispositionParam"),
]


@pytest.fixture(autouse=True)
def looked_at(leak_check: Leaks) -> None:
    """No campaign leaves a task or a socket behind."""


async def by_read(response: ClientResponse, rng: Random) -> bytes:
    return await response.read()


async def by_pieces(response: ClientResponse, rng: Random) -> bytes:
    return b"".join([piece async for piece in response.content.iter_any()])


async def by_chunks(response: ClientResponse, rng: Random) -> bytes:
    return b"".join([piece async for piece, _ in response.content.iter_chunks()])


async def by_size(response: ClientResponse, rng: Random) -> bytes:
    size = rng.choice([1, 7, 1000])
    return b"".join([piece async for piece in response.content.iter_chunked(size)])


async def by_line(response: ClientResponse, rng: Random) -> bytes:
    return b"".join([line async for line in response.content])


async def by_some(response: ClientResponse, rng: Random) -> bytes:
    found = b""
    while piece := await response.content.read(rng.choice([1, 3, 50])):
        found += piece
    return found


WHOLE = [by_read, by_pieces, by_chunks, by_size, by_line, by_some]
"""Ways to read a body to its end."""


async def not_at_all(response: ClientResponse, rng: Random) -> None:
    await turns(rng.choice([0, 3]))
    rng.choice([response.close, response.release, lambda: None])()


async def by_half(response: ClientResponse, rng: Random) -> None:
    await response.content.read(rng.choice([1, 5]))


async def as_text(response: ClientResponse, rng: Random) -> None:
    with contextlib.suppress(UnicodeDecodeError, LookupError):
        await response.text()


def shown(response: ClientResponse) -> list[Any]:
    """All properties of a response: none may raise."""
    return [
        *(response.headers, response.raw_headers, response.cookies, response.links),
        *(response.content_type, response.charset, response.content_disposition),
        *(response.version, response.reason, response.history, response.url, response.trailers),
        *(response.request_info, response.timeline.total_ns, str(response), repr(response)),
        *(response.ok, response.host, response.method),
    ]


Outcome = tuple[Any, ...]


async def ask(
    tried: Tried, plan: Plan, method: str, read: Any, rng: Random, *, redirects: bool = False
) -> Outcome:
    """Make one request: its response, or its documented exception."""
    tried.planned.plan = plan
    try:
        async with asyncio.timeout(10):
            async with tried.session.request(
                method, f"{tried.server.url}/case", allow_redirects=redirects
            ) as response:
                body = await read(response, rng)
                assert shown(response)
                return response.status, response.reason, response.raw_headers, body, None
    except ClientError as exc:
        assert str(exc) and repr(exc)
        return (type(exc),)
    finally:
        plan.done.set()
        if tried.server.requests:
            await plan.sent.wait()
        await turns(10)


def expected(result: Result) -> Outcome:
    """The result of the same bytes in one piece, without a socket."""
    if result.error is not None:
        return (result.error,)
    return result.status, result.reason, tuple(result.headers), result.body, None


async def run(tried: Tried, campaign: Campaign, few: int) -> None:
    """Unchanged bodies: each result is that of the same bytes in one piece."""
    for rng in campaign.cases(few):
        method = rng.choice(["GET", "GET", "GET", "HEAD", "POST"])
        data = stream(rng, BODY[: rng.choice([0, 1, 20, 75])])
        plan = Plan.of(rng, cut(rng, data))
        read = rng.choice(WHOLE)
        campaign.notes.update(method=method, plan=plan, read=read)
        outcome = await ask(tried, plan, method, read, rng)
        campaign.notes.update(outcome=outcome)
        if plan.ending != "reset":  # which may overtake what was sent
            assert outcome == expected(received([data], method=method, end=True))
        await tried.good_as_new()


async def test_responses(campaign: Campaign) -> None:
    """Any bytes in any pieces give their meaning, or the documented exception."""
    async with trying(auto_decompress=False) as tried:
        await run(tried, campaign, 150)


async def test_over_tls(campaign: Campaign, server_ssl: SSLContext, client_ssl: SSLContext) -> None:
    """The same over TLS."""
    async with trying(server_ssl, client_ssl, auto_decompress=False) as tried:
        await run(tried, campaign, 30)


async def test_as_a_caller_has_it(campaign: Campaign) -> None:
    """With redirects, cookies and content codings, read in any way or not at all."""
    async with trying() as tried:
        for rng in campaign.cases(150):
            where = rng.choice([b"/a", b"//x/", b"ftp://x/", b"http://[", b"\xff", b"?b=c"])
            data = stream(rng, BODY).replace(b"X:", b"Location: " + where)
            plan = Plan.of(rng, cut(rng, data))
            read = rng.choice([*WHOLE, not_at_all, by_half, as_text])
            campaign.notes.update(plan=plan, read=read)
            await ask(tried, plan, "GET", read, rng, redirects=True)
            await tried.good_as_new()
