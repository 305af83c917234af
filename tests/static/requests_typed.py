"""What type checkers see of requests: every way to run one gives a ClientResponse."""

from __future__ import annotations

import asyncio
from typing import assert_type

import httptrace

URL = "http://localhost"


async def a_request_can_be_awaited(session: httptrace.ClientSession) -> None:
    """The verbs and `request`, awaited."""
    assert_type(await session.get(URL), httptrace.ClientResponse)
    assert_type(await session.post(URL, json={"a": 1}), httptrace.ClientResponse)
    assert_type(await session.put(URL, data=b"x"), httptrace.ClientResponse)
    assert_type(await session.delete(URL), httptrace.ClientResponse)
    assert_type(await session.head(URL), httptrace.ClientResponse)
    assert_type(await session.request("PATCH", URL), httptrace.ClientResponse)


async def a_request_can_be_a_context_manager(session: httptrace.ClientSession) -> None:
    """The verbs and `request`, with ``async with``."""
    async with session.get(URL) as got:
        assert_type(got, httptrace.ClientResponse)
    async with session.post(URL, data={"a": "b"}) as posted:
        assert_type(posted, httptrace.ClientResponse)
    async with session.request("PATCH", URL) as patched:
        assert_type(patched, httptrace.ClientResponse)


async def a_request_can_be_a_task(session: httptrace.ClientSession) -> None:
    """``create_task``, ``TaskGroup`` and ``ensure_future`` keep the result's type."""
    task = asyncio.create_task(session.get(URL))
    assert_type(task, asyncio.Task[httptrace.ClientResponse])
    assert_type(await task, httptrace.ClientResponse)
    async with asyncio.TaskGroup() as group:
        assert_type(group.create_task(session.get(URL)), asyncio.Task[httptrace.ClientResponse])
    assert_type(await asyncio.ensure_future(session.get(URL)), httptrace.ClientResponse)


async def requests_can_be_gathered(session: httptrace.ClientSession) -> None:
    """``gather`` keeps the type of each result."""
    first, second = await asyncio.gather(session.get(URL), session.get(URL))
    assert_type(first, httptrace.ClientResponse)
    assert_type(second, httptrace.ClientResponse)
    many = await asyncio.gather(*[session.get(URL) for _ in range(9)])
    assert_type(many, list[httptrace.ClientResponse])
    outcomes = await asyncio.gather(
        *[session.get(URL) for _ in range(9)],
        return_exceptions=True,
    )
    assert_type(outcomes, list[httptrace.ClientResponse | BaseException])


async def a_request_can_be_limited_in_time(session: httptrace.ClientSession) -> None:
    """``wait_for`` and ``shield`` return the request's result."""
    assert_type(await asyncio.wait_for(session.get(URL), 1), httptrace.ClientResponse)
    assert_type(await asyncio.shield(session.get(URL)), httptrace.ClientResponse)


async def a_single_request_has_the_same_types() -> None:
    """`httptrace.request`, which creates its own session."""
    assert_type(await httptrace.request("GET", URL), httptrace.ClientResponse)
    async with httptrace.request("GET", URL) as response:
        assert_type(response, httptrace.ClientResponse)
