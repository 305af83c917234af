"""Frames as bytes (RFC 6455 §5): those of a client written, those of a server read.

No I/O, no loop: `FrameReader` is fed what has arrived, cut anywhere, and tells its sink of whole
messages and control frames.
"""

from __future__ import annotations

import os
from struct import Struct
from typing import TYPE_CHECKING, Protocol

from .masking import mask
from .messages import NO_STATUS, WebSocketError, WSCloseCode

if TYPE_CHECKING:
    from .deflate import Inflater

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FIN, RSV1, _RSV, _OPCODE, _MASKED, _LENGTH = 0x80, 0x40, 0x70, 0x0F, 0x80, 0x7F
_CONTROL = 0x8
"""Set in the opcodes of control frames."""
_MOST_CONTROL = 125
_MOST_FRAMES = 1 << 17
"""Frames of one message: those of the largest in the smallest pieces that any test suite sends."""
_16_BITS, _64_BITS = Struct("!H"), Struct("!Q")
_HEAD_7, _HEAD_16, _HEAD_64 = Struct("!BB4s"), Struct("!BBH4s"), Struct("!BBQ4s")
_UNSENT = frozenset({1004, 1005, 1006, 1015})
"""Codes that no frame may carry (RFC 6455 §7.4.1)."""

_WHOLE_TEXT = FIN | TEXT
_ANY_SIZE = 1 << 63
_PROTOCOL_ERROR = WSCloseCode.PROTOCOL_ERROR


_keys: list[bytes] = []
"""Masking keys from the system's random numbers (RFC 6455 §5.3), fetched by the page."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keys.clear)


def _more_keys() -> bytes:
    page = os.urandom(4096)
    _keys.extend([page[at : at + 4] for at in range(4, 4096, 4)])
    return page[:4]


def frame(first: int, payload: bytes) -> bytes:
    """A client's frame, masked; `first` is its first byte: opcode, `FIN`, `RSV1`."""
    size = len(payload)
    try:
        key = _keys.pop()
    except IndexError:
        key = _more_keys()
    if size <= _MOST_CONTROL:
        head = _HEAD_7.pack(first, _MASKED | size, key)
    elif size < 1 << 16:
        head = _HEAD_16.pack(first, _MASKED | 126, size, key)
    else:
        head = _HEAD_64.pack(first, _MASKED | 127, size, key)
    return head + mask(payload, key)


def close_payload(code: int, reason: bytes) -> bytes:
    """What a Close frame carries.

    Raises
    ------
    ValueError
        For a code that may not be sent, or a reason of more than 123 bytes.
    """
    if not is_close_code(code):
        raise ValueError(f"{code} cannot be sent as a close code: use 1000 to 1014 or 3000 to 4999")
    if len(reason) > _MOST_CONTROL - 2:
        raise ValueError(f"The reason for closing has {len(reason)} bytes; 123 is the most")
    return _16_BITS.pack(code) + reason


def is_close_code(code: int) -> bool:
    """Whether a Close frame may have this code (RFC 6455 §7.4)."""
    return (1000 <= code <= 1014 and code not in _UNSENT) or 3000 <= code <= 4999


def parse_close(payload: bytes) -> tuple[int, str]:
    """Code and reason of a Close frame.

    Raises
    ------
    WebSocketError
        For a code that cannot be, or a reason that is not UTF-8.
    """
    if not payload:
        return NO_STATUS, ""
    if len(payload) == 1:
        raise WebSocketError(_PROTOCOL_ERROR, "A close frame of one byte")
    (code,) = _16_BITS.unpack_from(payload)
    if not is_close_code(code):
        raise WebSocketError(_PROTOCOL_ERROR, f"Invalid close code: {code}")
    try:
        return code, str(payload[2:], "utf-8")
    except UnicodeDecodeError as exc:
        raise WebSocketError(WSCloseCode.INVALID_TEXT, "The close reason is not UTF-8") from exc


class Sink(Protocol):
    """Where a `FrameReader` puts what it has read."""

    def on_message(
        self, opcode: int, data: str | bytes, size: int, wire_size: int, frames: int
    ) -> None:
        """A whole message: its bytes, and the bytes of payload that it came as."""

    def on_control(self, opcode: int, payload: bytes) -> None:
        """A ping, a pong or a close."""


class FrameReader:
    """Reads a server's frames. `max_size` bounds a message in bytes, 0 leaves it unbounded.

    After a Close frame nothing more is read (RFC 6455 §5.5.1). A sink that has had enough calls
    `halt`: what was fed beyond that is kept until `go_on`.
    """

    __slots__ = (
        *("_sink", "_told", "_max_size", "_most", "_inflater", "_decode_text", "_done", "_halted"),
        *("_tail", "_missing", "_fin", "_control", "_payload"),
        *("_opcode", "_compressed", "_frames"),
    )

    def __init__(
        self, sink: Sink, max_size: int, inflater: Inflater | None = None, decode_text: bool = True
    ) -> None:
        self._sink = sink
        self._told = sink.on_message
        self._max_size = max_size
        self._most = max_size or _ANY_SIZE
        self._inflater = inflater
        self._decode_text = decode_text
        self._done = False
        self._halted = False
        self._tail = b""  # of a head that is not whole, or what came after a halt
        self._missing = 0  # bytes of a payload
        self._fin = False
        self._control: bytearray | None = None  # the control frame that is being read
        self._payload = bytearray()  # of the message
        self._opcode = 0  # of the message under way, 0 if there is none
        self._compressed = False
        self._frames = 0

    def feed(self, data: memoryview) -> None:
        """Read on.

        Raises
        ------
        WebSocketError
            If the server breaks the protocol; nothing may be fed after that.
        """
        if self._tail:
            data = memoryview(self._tail + data)
            self._tail = b""
        at = self._resume(data) if self._missing else 0
        end = len(data)
        while end - at >= 2 and not self._halted:
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
                length = self._long(length, data, at)
            at = start + length
            if first == _WHOLE_TEXT and at <= end and not self._opcode and length <= self._most:
                # what is most frequent, without a step more than it needs
                try:
                    text = str(data[start:at], "utf-8")
                except UnicodeDecodeError as exc:
                    raise _not_utf8() from exc
                whole = text if self._decode_text else bytes(data[start:at])
                self._told(TEXT, whole, length, length, 1)
            else:
                self._begin(first, length)
                self._take(data[start:at])
        if at < end and not self._done:
            self._tail = bytes(data[at:])

    def halt(self) -> None:
        """Read no further for now; to be called from within the sink."""
        self._halted = True

    def go_on(self) -> bool:
        """Read what is left since `halt`, if it was called; raises as `feed` does."""
        if self._done or not self._halted:
            return False
        self._halted = False
        rest, self._tail = self._tail, b""
        self.feed(memoryview(rest))
        return True

    # --- heads ----------------------------------------------------------------------------------

    def _long(self, length: int, data: memoryview, at: int) -> int:
        if length & _MASKED:
            raise WebSocketError(_PROTOCOL_ERROR, "Received a masked frame from the server")
        size: int = _64_BITS.unpack_from(data, at + 2)[0]
        if size >> 63:
            raise WebSocketError(_PROTOCOL_ERROR, "A frame's length has its highest bit set")
        if size < 1 << 16:
            raise _not_minimal(size)
        return size

    def _slack(self) -> int:
        """How much longer than its content a compressed message may be: by stored blocks."""
        return 64 + (self._most >> 8) if self._compressed else 0

    def _begin(self, first: int, length: int) -> None:
        """A frame's head is in: see whether such a frame may come now."""
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
        if self._frames > _MOST_FRAMES:
            raise WebSocketError(
                WSCloseCode.MESSAGE_TOO_BIG, f"A message in more than {_MOST_FRAMES} frames"
            )
        size = len(self._payload) + length
        if size > self._most + self._slack():
            raise WebSocketError(
                WSCloseCode.MESSAGE_TOO_BIG,
                f"Message size {size} exceeds limit {self._most}",
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

    def _begin_control(self, first: int, opcode: int, length: int) -> None:
        if opcode > PONG:
            raise WebSocketError(_PROTOCOL_ERROR, f"Unexpected opcode={opcode!r}")
        if first & _RSV:
            raise WebSocketError(_PROTOCOL_ERROR, "Received frame with non-zero reserved bits")
        if not self._fin:
            raise WebSocketError(_PROTOCOL_ERROR, "Received fragmented control frame")
        if length > _MOST_CONTROL:
            raise WebSocketError(
                _PROTOCOL_ERROR, "Control frame payload cannot be larger than 125 bytes"
            )
        self._control = bytearray((opcode,))
        self._missing = length

    # --- payloads -------------------------------------------------------------------------------

    def _resume(self, data: memoryview) -> int:
        """More of a payload that was cut; returns where it ends."""
        missing = self._missing
        self._take(data[:missing])
        return min(missing, len(data))

    def _take(self, piece: memoryview) -> None:
        """Some or all of what the frame under way lacks."""
        self._missing -= len(piece)
        control = self._control
        if control is not None:
            control += piece
            if not self._missing:
                self._control = None
                if control[0] == CLOSE:
                    self._done = self._halted = True
                self._sink.on_control(control[0], bytes(control[1:]))
            return
        if self._fin and not self._missing and not self._payload:
            self._end_message(piece)  # at once, without a copy
            return
        self._payload += piece
        if self._fin and not self._missing:
            payload, self._payload = self._payload, bytearray()
            self._end_message(memoryview(payload))

    def _end_message(self, payload: memoryview) -> None:
        opcode, self._opcode = self._opcode, 0
        wire_size = len(payload)
        if self._compressed and self._inflater is not None:
            payload = memoryview(self._inflater.inflate(payload, self._max_size))
        if opcode == TEXT:
            self._text(payload, wire_size, self._frames)
        else:
            data = bytes(payload)
            self._told(BINARY, data, len(data), wire_size, self._frames)

    def _text(self, payload: memoryview, wire_size: int, frames: int) -> None:
        try:
            text = str(payload, "utf-8")
        except UnicodeDecodeError as exc:
            raise WebSocketError(WSCloseCode.INVALID_TEXT, "Invalid UTF-8 text message") from exc
        self._told(
            TEXT, text if self._decode_text else bytes(payload), len(payload), wire_size, frames
        )


def _not_minimal(length: int) -> WebSocketError:
    return WebSocketError(_PROTOCOL_ERROR, f"The length {length} is not written minimally")


def _not_utf8() -> WebSocketError:
    return WebSocketError(WSCloseCode.INVALID_TEXT, "Invalid UTF-8 text message")
