"""The events of a WebSocket."""

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
    """A WebSocket is being opened: its span encloses connecting, request and redirects."""

    protocols: Sequence[str] = field("the subprotocols that are offered, the preferred one first")


class TraceWebSocketHandshakeEndParams(
    Event,
    signal="on_websocket_handshake_end",
    group="websocket",
    span="websocket_handshake",
    edge="end",
):
    """The WebSocket is open (RFC 6455 §4.1)."""

    protocol: str | None = field("the subprotocol that the server chose; None if it chose none")
    compress: int = field(
        "bits (9 to 15) of the compression window; 0 if messages are not compressed"
    )


class TraceWebSocketHandshakeExceptionParams(
    Event,
    signal="on_websocket_handshake_exception",
    group="websocket",
    span="websocket_handshake",
    edge="exception",
):
    """No WebSocket was opened: the handshake failed or was cancelled."""

    exception: BaseException = field("the error")


class TraceWebSocketMessageSentParams(Event, signal="on_websocket_message_sent", group="websocket"):
    """A text or binary message was written to the transport."""

    kind: str = field("'text' or 'binary'")
    size: int = field("bytes of the message, before compression")
    wire_size: int = field("bytes sent, without the frame's header: fewer if it was compressed")
    data: bytes = field("the message")


class TraceWebSocketMessageReceivedParams(
    Event, signal="on_websocket_message_received", group="websocket"
):
    """A text or binary message was received; the caller may not have read it yet."""

    kind: str = field("'text' or 'binary'")
    size: int = field("bytes of the message, after decompression")
    wire_size: int = field("bytes received, without frame headers: fewer if it was compressed")
    frames: int = field("the number of its frames; 1 unless it was fragmented")
    data: str | bytes = field("the message")


class TraceWebSocketPingSentParams(Event, signal="on_websocket_ping_sent", group="websocket"):
    """A ping was sent (RFC 6455 §5.5.2)."""

    data: bytes = field("its payload, at most 125 bytes")
    heartbeat: bool = field("whether the heartbeat sent it")


class TraceWebSocketPingReceivedParams(
    Event, signal="on_websocket_ping_received", group="websocket"
):
    """A ping was received (RFC 6455 §5.5.2)."""

    data: bytes = field("its payload, at most 125 bytes")
    answered: bool = field("whether it was answered automatically (``autoping``)")


class TraceWebSocketPongReceivedParams(
    Event, signal="on_websocket_pong_received", group="websocket"
):
    """A pong was received (RFC 6455 §5.5.3); it need not answer a ping."""

    data: bytes = field("its payload, at most 125 bytes")
    round_trip: float | None = field(
        "seconds since the ping that it answers; None if it answers none"
    )


class TraceWebSocketClosedParams(Event, signal="on_websocket_closed", group="websocket"):
    """The WebSocket is closed. Every one that was opened has exactly one such event."""

    code: int = field(
        "the close code; 1006 without a closing handshake, 1005 if the Close frame had no code"
    )
    reason: str = field("the reason in the Close frame; may be empty")
    by: str = field("who closed it: 'client', 'server', or 'network' if the connection was lost")
    clean: bool = field("whether both sides sent a Close frame (RFC 6455 §7.1.4)")
    messages_sent: int = field("number of text and binary messages sent")
    messages_received: int = field("number of text and binary messages received")
