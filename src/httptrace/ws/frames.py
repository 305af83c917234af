"""Frames (RFC 6455 §5): writing those of a client, reading those of a server.

There is no I/O here. `FrameReader` gets bytes in pieces of any size, and passes complete messages
and control frames to its sink.
"""

from __future__ import annotations

import os
from codecs import utf_8_decode
from struct import Struct
from typing import TYPE_CHECKING, Protocol

from .masking import mask
from .messages import NO_STATUS, WebSocketError, WSCloseCode

if TYPE_CHECKING:
    from .deflate import Inflater

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FIN, RSV1, _RSV, _OPCODE, _MASKED = 0x80, 0x40, 0x70, 0x0F, 0x80
_MASKED_16, _MASKED_64 = _MASKED | 126, _MASKED | 127
_CONTROL = 0x8
"""This bit is set in the opcodes of control frames."""
MAX_CONTROL = 125
"""The maximum size of the payload of a control frame (RFC 6455 §5.5)."""
_MAX_FRAMES = 1 << 17
"""The maximum number of frames of a message. Autobahn's test suite sends half as many."""
_16_BITS, _64_BITS = Struct("!H"), Struct("!Q")
_KEYS = Struct("4s" * 1024)
_HEAD_7, _HEAD_16, _HEAD_64 = Struct("!BB4s"), Struct("!BBH4s"), Struct("!BBQ4s")
_UNSENT = frozenset({1004, 1005, 1006, 1015})
"""Close codes that must not be in a frame (RFC 6455 §7.4.1)."""

_WHOLE_TEXT, _WHOLE_BINARY = FIN | TEXT, FIN | BINARY
_NO_LIMIT = 1 << 63
_PROTOCOL_ERROR = WSCloseCode.PROTOCOL_ERROR


_keys: list[bytes] = []
"""Masking keys for the next frames: random numbers of the operating system (RFC 6455 §5.3)."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keys.clear)


def _more_keys() -> bytes:
    _keys.extend(_KEYS.unpack(os.urandom(_KEYS.size)))
    return _keys.pop()


def frame(first: int, payload: bytes) -> bytes:
    """Write a masked frame; `first` is its first byte: the opcode with `FIN` and `RSV1`."""
    size = len(payload)
    try:
        key = _keys.pop()
    except IndexError:
        key = _more_keys()
    if size <= MAX_CONTROL:
        head = _HEAD_7.pack(first, _MASKED | size, key)
    elif size < 1 << 16:
        head = _HEAD_16.pack(first, _MASKED_16, size, key)
    else:
        head = _HEAD_64.pack(first, _MASKED_64, size, key)
    return head + mask(payload, key)


def close_payload(code: int, reason: bytes) -> bytes:
    """Write the payload of a Close frame.

    Raises
    ------
    ValueError
        If the code must not be sent, or the reason has more than 123 bytes.
    """
    if not is_close_code(code):
        raise ValueError(f"{code} cannot be sent as a close code: use 1000 to 1014 or 3000 to 4999")
    if len(reason) > MAX_CONTROL - 2:
        raise ValueError(f"The close reason has {len(reason)} bytes; the limit is 123")
    return _16_BITS.pack(code) + reason


def is_close_code(code: int) -> bool:
    """Whether a Close frame may carry this code (RFC 6455 §7.4)."""
    return (1000 <= code <= 1014 and code not in _UNSENT) or 3000 <= code <= 4999


def parse_close(payload: bytes) -> tuple[int, str]:
    """Read the code and the reason from the payload of a Close frame.

    Raises
    ------
    WebSocketError
        If the code is invalid, or the reason is not UTF-8.
    """
    if not payload:
        return NO_STATUS, ""
    if len(payload) == 1:
        raise WebSocketError(_PROTOCOL_ERROR, "The payload of a Close frame has one byte")
    (code,) = _16_BITS.unpack_from(payload)
    if not is_close_code(code):
        raise WebSocketError(_PROTOCOL_ERROR, f"Invalid close code: {code}")
    try:
        return code, str(payload[2:], "utf-8")
    except UnicodeDecodeError as exc:
        raise WebSocketError(WSCloseCode.INVALID_TEXT, "The close reason is not UTF-8") from exc


class Sink(Protocol):
    """Receives what a `FrameReader` has read."""

    def on_message(
        self, opcode: int, data: str | bytes, size: int, wire_size: int, frames: int
    ) -> None:
        """A complete message: its size in bytes, the size of its payloads, and its frames."""

    def on_control(self, opcode: int, payload: bytes) -> None:
        """A ping, a pong or a Close frame."""


class FrameReader:
    """Reads the frames of a server. `max_size` limits a message in bytes; 0 is no limit.

    Nothing is read after a Close frame (RFC 6455 §5.5.1). The sink may call `pause`: then the rest
    of what was fed is kept until `resume`.
    """

    __slots__ = (
        *("paused", "_sink", "_on_message", "_max_size", "_limit", "_inflater", "_decode_text"),
        *("_rest", "_missing", "_fin", "_control", "_payload"),
        *("_opcode", "_compressed", "_frames", "_undecoded"),
    )

    def __init__(
        self, sink: Sink, max_size: int, inflater: Inflater | None = None, decode_text: bool = True
    ) -> None:
        self.paused = False
        self._sink = sink
        self._on_message = sink.on_message
        self._max_size = max_size
        self._limit = max_size or _NO_LIMIT
        self._inflater = inflater
        self._decode_text = decode_text
        self._rest: bytes | None = b""  # an incomplete frame head, or all after a pause
        self._missing = 0  # bytes of the current frame's payload that have not arrived
        self._fin = False
        self._control: bytearray | None = None  # opcode and payload of the current control frame
        self._payload = bytearray()  # of the current message
        self._opcode = 0  # of the current message; 0 between messages
        self._compressed = False
        self._frames = 0
        self._undecoded: bytes | None = None  # the beginning of a character, in fragmented text

    def feed(self, data: bytes | memoryview) -> None:
        """Read more bytes.

        Raises
        ------
        WebSocketError
            If the server violates the protocol. The reader must not be used after that.
        """
        end, at = len(data), self._missing
        if at:
            self._add(memoryview(data)[:at])
            if at >= end:
                return
        if not isinstance(data, bytes):
            data = bytes(data)
        if self._rest:
            data = self._rest + data
            end, self._rest = len(data), b""
        while end - at >= 2 and not self.paused:
            first, length = data[at], data[at + 1]
            start = at + 2
            if length == 126:
                start = at + 4
                if start > end:
                    break
                length = data[at + 2] << 8 | data[at + 3]
                if length < 126:
                    raise _not_minimal(length)
            elif length > 126:
                start = at + 10
                if length == 127 and start > end:
                    break
                length = self._long_length(length, data, at)
            at = start + length
            # Most messages are one complete, uncompressed frame: they take the shortest path.
            if at > end or self._opcode or length > self._limit:
                self._begin_frame(first, length)
                self._add(memoryview(data)[start:at])
            elif first == _WHOLE_TEXT:
                payload = data[start:at]
                try:
                    text = payload.decode()
                except UnicodeDecodeError as exc:
                    raise _not_utf8() from exc
                self._on_message(TEXT, text if self._decode_text else payload, length, length, 1)
            elif first == _WHOLE_BINARY:
                self._on_message(BINARY, data[start:at], length, length, 1)
            else:
                self._begin_frame(first, length)
                self._add(memoryview(data)[start:at])
        if at < end and self._rest is not None:
            self._rest = data[at:]

    def pause(self) -> None:
        """Stop parsing until `resume`. The sink may call this."""
        self.paused = True

    def resume(self) -> bool:
        """Continue after `pause`; False if there was none. Raises as `feed` does."""
        if self._rest is None or not self.paused:
            return False
        self.paused = False
        rest, self._rest = self._rest, b""
        self.feed(rest)
        return True

    # --- heads of frames ------------------------------------------------------------------------

    def _long_length(self, length: int, data: bytes, at: int) -> int:
        if length & _MASKED:
            raise WebSocketError(_PROTOCOL_ERROR, "Received a masked frame from the server")
        size: int = _64_BITS.unpack_from(data, at + 2)[0]
        if size >> 63:
            raise WebSocketError(_PROTOCOL_ERROR, "The highest bit of a frame's length is set")
        if size < 1 << 16:
            raise _not_minimal(size)
        return size

    def _compression_overhead(self) -> int:
        """How much larger than its content a compressed message may be: by stored blocks."""
        return 64 + (self._limit >> 8) if self._compressed else 0

    def _begin_frame(self, first: int, length: int) -> None:
        """Check that a frame with this head is allowed here."""
        opcode = first & _OPCODE
        self._fin = first >= FIN
        if opcode & _CONTROL:
            self._begin_control(first, opcode, length)
            return
        rsv = first & _RSV
        if opcode == CONTINUATION:
            if rsv:
                raise WebSocketError(_PROTOCOL_ERROR, "Received frame with non-zero reserved bits")
            if not self._opcode:
                raise WebSocketError(_PROTOCOL_ERROR, "Continuation frame for non started message")
        else:
            self._begin_message(opcode, rsv)
        self._frames += 1
        if self._frames > _MAX_FRAMES:
            raise WebSocketError(
                WSCloseCode.MESSAGE_TOO_BIG, f"A message of more than {_MAX_FRAMES} frames"
            )
        size = len(self._payload) + length
        if size > self._limit + self._compression_overhead():
            raise WebSocketError(
                WSCloseCode.MESSAGE_TOO_BIG,
                f"Message size {size} exceeds limit {self._limit}",
            )
        self._missing = length

    def _begin_message(self, opcode: int, rsv: int) -> None:
        if self._opcode:
            raise WebSocketError(
                _PROTOCOL_ERROR,
                "The opcode in non-fin frame is expected to be zero: a message is not complete",
            )
        if opcode > BINARY:
            raise WebSocketError(_PROTOCOL_ERROR, f"Unexpected opcode={opcode!r}")
        if rsv and (rsv != RSV1 or self._inflater is None):
            raise WebSocketError(_PROTOCOL_ERROR, "Received frame with non-zero reserved bits")
        self._opcode, self._compressed, self._frames = opcode, bool(rsv), 0
        self._undecoded = b"" if opcode == TEXT and not rsv and not self._fin else None

    def _begin_control(self, first: int, opcode: int, length: int) -> None:
        if opcode > PONG:
            raise WebSocketError(_PROTOCOL_ERROR, f"Unexpected opcode={opcode!r}")
        if first & _RSV:
            raise WebSocketError(_PROTOCOL_ERROR, "Received frame with non-zero reserved bits")
        if not self._fin:
            raise WebSocketError(_PROTOCOL_ERROR, "Received fragmented control frame")
        if length > MAX_CONTROL:
            raise WebSocketError(
                _PROTOCOL_ERROR, "Control frame payload cannot be larger than 125 bytes"
            )
        self._control = bytearray((opcode,))
        self._missing = length

    # --- payloads -------------------------------------------------------------------------------

    def _add(self, piece: memoryview) -> None:
        """Add bytes to the payload of the current frame; pass it on when it is complete."""
        self._missing -= len(piece)
        control = self._control
        if control is not None:
            control += piece
            if not self._missing:
                self._end_control(control)
            return
        if self._undecoded is not None:
            self._check_utf8(self._undecoded, piece)
        if self._fin and not self._missing and not self._payload:
            self._end_message(piece)  # no copy is needed
            return
        self._payload += piece
        if self._fin and not self._missing:
            payload, self._payload = self._payload, bytearray()
            self._end_message(memoryview(payload))

    def _check_utf8(self, undecoded: bytes, piece: memoryview) -> None:
        """Refuse fragmented text as soon as it is known to be invalid (RFC 6455 §8.1)."""
        data = undecoded + piece
        try:
            _text, decoded = utf_8_decode(data, "strict", False)
        except UnicodeDecodeError as exc:
            raise _not_utf8() from exc
        self._undecoded = data[decoded:]

    def _end_control(self, control: bytearray) -> None:
        self._control = None
        if control[0] == CLOSE:
            self.paused, self._rest = True, None
        self._sink.on_control(control[0], bytes(control[1:]))

    def _end_message(self, payload: memoryview) -> None:
        opcode, self._opcode = self._opcode, 0
        self._undecoded = None
        wire_size = len(payload)
        if self._compressed and self._inflater is not None:
            payload = memoryview(self._inflater.inflate(payload, self._max_size))
        data: str | bytes
        if opcode == TEXT:
            try:
                data = str(payload, "utf-8")
            except UnicodeDecodeError as exc:
                raise _not_utf8() from exc
            if not self._decode_text:
                data = bytes(payload)
        else:
            data = bytes(payload)
        self._on_message(opcode, data, len(payload), wire_size, self._frames)


def _not_minimal(length: int) -> WebSocketError:
    return WebSocketError(
        _PROTOCOL_ERROR, f"The length {length} is not encoded in the fewest bytes (RFC 6455 §5.2)"
    )


def _not_utf8() -> WebSocketError:
    return WebSocketError(WSCloseCode.INVALID_TEXT, "Invalid UTF-8 text message")
