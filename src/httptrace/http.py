"""Names of ``aiohttp.http``, for programs that import them from there."""

from __future__ import annotations

from .aiohttp_names import RESPONSES, WS_KEY, HttpProcessingError
from .http_websocket import (
    WS_CLOSED_MESSAGE,
    WS_CLOSING_MESSAGE,
    WebSocketError,
    WSCloseCode,
    WSMessage,
    WSMessageDecodeText,
    WSMessageNoDecodeText,
    WSMessageTextBytes,
    WSMsgType,
)
from .session.session import USER_AGENT as SERVER_SOFTWARE
from .version import HttpVersion, HttpVersion10, HttpVersion11

__all__ = [
    "HttpProcessingError",
    "HttpVersion",
    "HttpVersion10",
    "HttpVersion11",
    "RESPONSES",
    "SERVER_SOFTWARE",
    "WSCloseCode",
    "WSMessage",
    "WSMessageDecodeText",
    "WSMessageNoDecodeText",
    "WSMessageTextBytes",
    "WSMsgType",
    "WS_CLOSED_MESSAGE",
    "WS_CLOSING_MESSAGE",
    "WS_KEY",
    "WebSocketError",
]
