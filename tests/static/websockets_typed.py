"""What type checkers see of a WebSocket: run by them, never by Python."""

from __future__ import annotations

from typing import assert_type

import httptrace


async def text_is_str_unless_bytes_were_asked_for(session: httptrace.ClientSession) -> None:
    """With ``decode_text=False`` receive_str returns bytes."""
    async with session.ws_connect("ws://localhost", compress=15) as ws:
        assert_type(await ws.receive_str(), str)
        assert_type(await ws.receive(), httptrace.WSMessage)
        await an_annotation_without_parameters(ws)
    async with session.ws_connect("ws://localhost", decode_text=False) as raw:
        assert_type(await raw.receive_str(), bytes)


async def an_annotation_without_parameters(ws: httptrace.ClientWebSocketResponse) -> str:
    """As in code that was written for aiohttp."""
    async for message in ws:
        assert_type(message, httptrace.WSMessage)
    return await ws.receive_str()
