"""Several calls and a batch of JSON-RPC by the asynchronous provider, and its retries."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ecosystem.serving import serve

REQUIREMENTS = ["web3"]
WAY = "alias"

RESULTS = {"eth_chainId": "0x1", "eth_blockNumber": "0x10", "web3_clientVersion": "test"}


def answered(call: dict[str, Any]) -> dict[str, Any]:
    """The answer to one call."""
    return {"jsonrpc": "2.0", "id": call["id"], "result": RESULTS[call["method"]]}


async def rpc(request: web.Request) -> web.Response:
    """Answers one call or several."""
    calls = await request.json()
    if isinstance(calls, list):
        return web.json_response([answered(call) for call in calls])
    return web.json_response(answered(calls))


async def test_calls_are_answered() -> None:
    """One after another, over the session that the library keeps."""
    from web3 import AsyncHTTPProvider, AsyncWeb3

    async with serve({"/": rpc}) as url:
        provider = AsyncHTTPProvider(url)
        w3 = AsyncWeb3(provider)
        try:
            assert await w3.eth.chain_id == 1
            assert await w3.eth.block_number == 16
            assert await w3.client_version == "test"
            async with w3.batch_requests() as batch:
                batch.add(w3.eth.get_block_number())
                batch.add(w3.eth.get_block_number())
                assert await batch.async_execute() == [16, 16]
        finally:
            await provider.disconnect()


async def test_a_session_can_be_given() -> None:
    """It is kept for the provider's URL."""
    import aiohttp
    from web3 import AsyncHTTPProvider, AsyncWeb3

    async with serve({"/": rpc}) as url, aiohttp.ClientSession() as session:
        provider = AsyncHTTPProvider(url)
        await provider.cache_async_session(session)
        assert await AsyncWeb3(provider).eth.block_number == 16


async def test_a_call_is_tried_again() -> None:
    """An answer of 503 is aiohttp's error to the library, and calls for another try."""
    from web3 import AsyncHTTPProvider, AsyncWeb3

    tries = 0

    async def busy(request: web.Request) -> web.Response:
        nonlocal tries
        tries += 1
        return web.Response(status=503) if tries == 1 else await rpc(request)

    async with serve({"/": busy}) as url:
        provider = AsyncHTTPProvider(url)
        try:
            assert await AsyncWeb3(provider).eth.block_number == 16
        finally:
            await provider.disconnect()
    assert tries == 2
