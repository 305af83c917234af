"""What type checkers see of the context: locals, scopes, tasks and threads."""

from __future__ import annotations

import asyncio
from typing import assert_type

import httptrace


class State(httptrace.Local):
    """A Local with declared names."""

    user: str | None = None
    retries: int = 0


state = State()


async def text() -> str:
    """A coroutine function with a str result."""
    return ""


async def number() -> int:
    """A coroutine function with an int result."""
    return 0


async def values_have_their_declared_types() -> None:
    """In a scope that is opened with ``with`` or ``async with``."""
    with httptrace.Context() as context:
        assert_type(context, httptrace.Context)
        state.user = "ada"
        state.user = 1  # type: ignore[assignment]
    async with httptrace.Context() as context:
        assert_type(context, httptrace.Context)
        assert_type(state.retries, int)


async def wrap_async_keeps_the_result_type() -> None:
    """A future with the coroutine's result."""
    assert_type(httptrace.wrap_async(text()), asyncio.Future[str])
    assert_type(await httptrace.wrap_async(number(), name="number"), int)


async def wrap_gather_keeps_each_result_type() -> None:
    """As asyncio.gather, for up to six."""
    assert_type(await httptrace.wrap_gather(text()), tuple[str])
    assert_type(await httptrace.wrap_gather(text(), number()), tuple[str, int])
    assert_type(
        await httptrace.wrap_gather(text(), number(), text(), number(), text(), number()),
        tuple[str, int, str, int, str, int],
    )
    assert_type(
        await httptrace.wrap_gather(text(), number(), return_exceptions=True),
        tuple[str | BaseException, int | BaseException],
    )


async def wrap_gather_of_many_gives_a_list() -> None:
    """Of one type, with exceptions if return_exceptions is true."""
    coroutines = [text() for _ in range(9)]
    assert_type(await httptrace.wrap_gather(*coroutines), list[str])
    assert_type(
        await httptrace.wrap_gather(*coroutines, return_exceptions=True),
        list[str | BaseException],
    )


async def wrap_gather_of_requests(session: httptrace.ClientSession) -> None:
    """Requests keep their type too."""
    first, second = await httptrace.wrap_gather(session.get("/a"), session.get("/b"))
    assert_type(first, httptrace.ClientResponse)
    assert_type(second, httptrace.ClientResponse)


async def threads_keep_the_result_type() -> None:
    """`run_in_thread` takes the function's parameters and returns its result."""
    assert_type(await httptrace.run_in_thread(len, "text"), int)
