"""A request that was not awaited lacks attributes of its response: the error says what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace import ClientResponse, ClientSession, ClientWebSocketResponse
from httptrace.testing import response_bytes

DEPRECATED = {"url_obj", "output_size", "upload_complete", "client_notakeover"}
OF_CALLS = {"close", "compress", "headers", "history", "method", "request_info", "url"}
"""What a call has itself: it describes the request."""


def public_names(response: type) -> list[str]:
    """The attributes that programs may look for."""
    names = [name for name in dir(response) if not name.startswith("_")]
    return [name for name in names if name not in DEPRECATED | OF_CALLS]


@pytest.fixture
async def call() -> AsyncIterator[Any]:
    """A request that is never sent."""
    async with ClientSession() as session:
        call = session.get("http://127.0.0.1:1/")
        yield call
        call.close()


@pytest.mark.parametrize("response", [ClientResponse, ClientWebSocketResponse])
async def test_what_responses_have(response: type, call: Any) -> None:
    """Each name that a response has and a call lacks raises an error that says to await."""
    for name in public_names(response):
        with pytest.raises(AttributeError) as caught:
            getattr(call, name)
        assert str(caught.value) == (
            f"'Call' object has no attribute '{name}': "
            "await the request first, or use it with 'async with'"
        )
        assert (caught.value.name, caught.value.obj) == (name, call)


@pytest.mark.parametrize("name", ["something", "__deepcopy__", "_private"])
async def test_other_names(name: str, call: Any) -> None:
    """Names that no response has raise Python's usual error."""
    with pytest.raises(AttributeError) as caught:
        getattr(call, name)
    assert str(caught.value) == f"'Call' object has no attribute '{name}'"
    assert getattr(call, name, None) is None


async def test_websockets() -> None:
    """A WebSocket that was not awaited has the same hint."""
    async with ClientSession() as session:
        call: Any = session.ws_connect("http://127.0.0.1:1/")
        with pytest.raises(AttributeError, match="'send_str': await the request first"):
            await call.send_str("hello")
        call.close()


async def test_it_still_works_as_a_coroutine(scripted: ScriptedFactory) -> None:
    """The hints change nothing else: a call is a coroutine, has a repr, and gives its response."""
    server = await scripted(response_bytes(200, b"hello"))
    async with ClientSession() as session:
        call: Any = session.get(server.url)
        assert issubclass(type(call), Coroutine) and not hasattr(call, "status")
        assert "Call" in repr(call)
        async with call as response:
            assert (response.status, await response.text()) == (200, "hello")
