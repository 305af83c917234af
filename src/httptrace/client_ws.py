"""Names of ``aiohttp.client_ws``, for programs that import them from there."""

from __future__ import annotations

from .body.queues import EofStream
from .errors import ClientError, ServerTimeoutError, WSMessageTypeError
from .http_websocket import (
    WS_CLOSED_MESSAGE,
    WS_CLOSING_MESSAGE,
    WebSocketError,
    WSCloseCode,
    WSMessage,
    WSMessageDecodeText,
    WSMessageNoDecodeText,
    WSMsgType,
)
from .response.response import ClientResponse
from .ws.response import ClientWebSocketResponse
from .ws.timeouts import DEFAULT_TIMEOUT as DEFAULT_WS_CLIENT_TIMEOUT
from .ws.timeouts import ClientWSTimeout

__all__ = [
    "ClientError",
    "ClientResponse",
    "ClientWSTimeout",
    "ClientWebSocketResponse",
    "DEFAULT_WS_CLIENT_TIMEOUT",
    "EofStream",
    "ServerTimeoutError",
    "WSCloseCode",
    "WSMessage",
    "WSMessageDecodeText",
    "WSMessageNoDecodeText",
    "WSMessageTypeError",
    "WSMsgType",
    "WS_CLOSED_MESSAGE",
    "WS_CLOSING_MESSAGE",
    "WebSocketError",
]
