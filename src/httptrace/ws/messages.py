"""Messages of a WebSocket, their types, and close codes, with aiohttp's names."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "WSCloseCode",
    "WSMessage",
    "WSMessageTextBytes",
    "WSMsgType",
    "WS_CLOSED_MESSAGE",
    "WS_CLOSING_MESSAGE",
    "WebSocketError",
]


class WSCloseCode(IntEnum):
    """Why a WebSocket was closed (RFC 6455 §7.4.1 and IANA's registry)."""

    OK = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    ABNORMAL_CLOSURE = 1006
    INVALID_TEXT = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014


NO_STATUS = 1005
"""The code of a Close frame that has none (RFC 6455 §7.4.1). It is never sent."""


class WSMsgType(IntEnum):
    """The type of a message: an opcode (RFC 6455 §11.8), or from 256 on one that has no frame."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    PING = 0x9
    PONG = 0xA
    CLOSE = 0x8
    CLOSING = 0x100
    CLOSED = 0x101
    ERROR = 0x102

    text = TEXT
    binary = BINARY
    ping = PING
    pong = PONG
    close = CLOSE
    closing = CLOSING
    closed = CLOSED
    error = ERROR


class WSMessage(NamedTuple):
    """A message as `ClientWebSocketResponse.receive` returns it.

    `data` is a str for TEXT, bytes for BINARY, PING and PONG, the close code for CLOSE, the
    exception for ERROR, and None for CLOSING and CLOSED. `extra` is the reason for CLOSE, an empty
    str for other frames, and None for ERROR, CLOSING and CLOSED.
    """

    type: WSMsgType
    data: Any
    extra: str | None

    def json(self, *, loads: Callable[[Any], Any] = json.loads) -> Any:
        """Parse `data` as JSON."""
        return loads(self.data)


class WSMessageTextBytes(NamedTuple):
    """The same with ``decode_text=False``: `data` is bytes for TEXT."""

    type: WSMsgType
    data: Any
    extra: str | None

    def json(self, *, loads: Callable[[Any], Any] = json.loads) -> Any:
        """Parse `data` as JSON."""
        return loads(self.data)


WS_CLOSED_MESSAGE = WSMessage(WSMsgType.CLOSED, None, None)
WS_CLOSING_MESSAGE = WSMessage(WSMsgType.CLOSING, None, None)


class WebSocketError(Exception):
    """The server violated the protocol; `code` is the close code that the client sent."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(code, message)

    def __str__(self) -> str:
        return str(self.args[1])
