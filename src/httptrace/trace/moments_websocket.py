"""The moments of a WebSocket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .declare import Event, field
from .moments_call import RequestEvent

if TYPE_CHECKING:
    from collections.abc import Sequence


class TraceWebSocketHandshakeStartParams(
    RequestEvent,
    signal="on_websocket_handshake_start",
    group="websocket",
    span="websocket_handshake",
    edge="start",
):
    """A WebSocket is being opened: connecting, the request and redirects lie within its span."""

    protocols: Sequence[str] = field(
        "the subprotocols that the server may choose from, the preferred one first"
    )


class TraceWebSocketHandshakeEndParams(
    Event,
    signal="on_websocket_handshake_end",
    group="websocket",
    span="websocket_handshake",
    edge="end",
):
    """The WebSocket is open (RFC 6455 §4.1)."""

    protocol: str | None = field("the subprotocol that the server chose; None for none")
    compress: int = field(
        "bits (9 to 15) of the window that messages are compressed with; 0 if they are not"
    )


class TraceWebSocketHandshakeExceptionParams(
    Event,
    signal="on_websocket_handshake_exception",
    group="websocket",
    span="websocket_handshake",
    edge="exception",
):
    """No WebSocket could be opened, or it is no longer wanted; the request fails."""

    exception: BaseException = field("what went wrong")


class TraceWebSocketMessageSentParams(Event, signal="on_websocket_message_sent", group="websocket"):
    """A text or binary message was handed to the transport."""

    kind: str = field("'text' or 'binary'")
    size: int = field("bytes of the message, before compression")
    wire_size: int = field(
        "bytes of it as sent, without the frame's head: fewer if it was compressed"
    )
    data: bytes = field("the message")


class TraceWebSocketMessageReceivedParams(
    Event, signal="on_websocket_message_received", group="websocket"
):
    """A whole text or binary message has arrived; the caller may not have taken it yet."""

    kind: str = field("'text' or 'binary'")
    size: int = field("bytes of the message, after decompression")
    wire_size: int = field(
        "bytes of it as received, without frames' heads: fewer if it was compressed"
    )
    frames: int = field("how many frames it came in; 1 unless it was fragmented")
    data: str | bytes = field("the message")


class TraceWebSocketPingSentParams(Event, signal="on_websocket_ping_sent", group="websocket"):
    """A ping was sent, by the caller or by the heartbeat."""

    data: bytes = field("what it carries, at most 125 bytes")
    heartbeat: bool = field("whether the heartbeat sent it")


class TraceWebSocketPingReceivedParams(
    Event, signal="on_websocket_ping_received", group="websocket"
):
    """The server has sent a ping (RFC 6455 §5.5.2)."""

    data: bytes = field("what it carries, at most 125 bytes")
    answered: bool = field("whether it was answered at once (``autoping``)")


class TraceWebSocketPongReceivedParams(
    Event, signal="on_websocket_pong_received", group="websocket"
):
    """The server has sent a pong (RFC 6455 §5.5.3), asked for or not."""

    data: bytes = field("what it carries, at most 125 bytes")
    round_trip: float | None = field(
        "seconds since the ping that it answers; None if there is none"
    )


class TraceWebSocketClosedParams(Event, signal="on_websocket_closed", group="websocket"):
    """The WebSocket is over; every one that was opened has exactly one of these."""

    code: int = field(
        "the close code; 1006 if there was no close handshake, 1005 if it had no code"
    )
    reason: str = field("the reason that was given with the code; empty if none was")
    by: str = field("who ended it: 'client', 'server', or 'network' if the connection broke")
    clean: bool = field("whether both sides have sent a Close frame (RFC 6455 §7.1.4)")
    messages_sent: int = field("text and binary messages sent in all")
    messages_received: int = field("text and binary messages received in all")
