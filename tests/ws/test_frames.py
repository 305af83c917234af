"""Frames without a loop: bytes in, messages out, however they are split; and errors."""

from __future__ import annotations

import random
import struct

import pytest

from httptrace.ws.deflate import Deflater, Inflater
from httptrace.ws.frames import FIN, FrameReader, close_payload, frame, is_close_code, parse_close
from httptrace.ws.masking import mask, mask_by_tables
from httptrace.ws.messages import WebSocketError

from .peers import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_frame, server_frame

Told = tuple[object, ...]


class Kept:
    """A sink that keeps its calls."""

    def __init__(self) -> None:
        self.told: list[Told] = []

    def on_message(
        self, opcode: int, data: str | bytes, size: int, wire_size: int, frames: int
    ) -> None:
        self.told.append((opcode, data))

    def on_control(self, opcode: int, payload: bytes) -> None:
        self.told.append((opcode, payload))


def read(
    pieces: list[bytes], most: int = 0, inflater: Inflater | None = None, as_bytes: bool = True
) -> list[Told]:
    """Return what a reader reads from these pieces, the error's code last if there is one."""
    kept = Kept()
    reader = FrameReader(kept, most, inflater)
    try:
        for piece in pieces:
            reader.feed(piece if as_bytes else memoryview(bytearray(piece)))
    except WebSocketError as exc:
        kept.told.append(("error", exc.code))
    return kept.told


def every_split(data: bytes) -> list[list[bytes]]:
    """Return the ways to split: whole, at each place in two, and byte by byte."""
    halves = [[data[:at], data[at:]] for at in range(1, len(data))]
    return [[data], *halves, [data[at : at + 1] for at in range(len(data))]]


SEQUENCES: list[tuple[bytes, list[Told]]] = [
    (server_frame(TEXT, b""), [(TEXT, "")]),
    (server_frame(BINARY, b""), [(BINARY, b"")]),
    (server_frame(TEXT, "grün 🌿".encode()), [(TEXT, "grün 🌿")]),
    (server_frame(TEXT, b"a") * 3, [(TEXT, "a")] * 3),
    (server_frame(BINARY, b"b" * 125), [(BINARY, b"b" * 125)]),
    (server_frame(BINARY, b"b" * 126), [(BINARY, b"b" * 126)]),
    (server_frame(TEXT, b"t" * 126), [(TEXT, "t" * 126)]),
    (
        server_frame(TEXT, b"he", fin=False) + server_frame(CONTINUATION, b"llo"),
        [(TEXT, "hello")],
    ),
    (
        server_frame(BINARY, b"", fin=False)
        + server_frame(CONTINUATION, b"", fin=False)
        + server_frame(CONTINUATION, b"x"),
        [(BINARY, b"x")],
    ),
    (
        server_frame(TEXT, b"\xe2", fin=False)
        + server_frame(PING, b"in between")
        + server_frame(CONTINUATION, b"\x82", fin=False)
        + server_frame(PONG)
        + server_frame(CONTINUATION, b"\xac"),
        [(PING, b"in between"), (PONG, b""), (TEXT, "€")],
    ),
    (server_frame(PING, b"p" * 125), [(PING, b"p" * 125)]),
    (
        close_frame(1000, b"bye") + server_frame(TEXT, b"never read") + b"\xff\xff\xff",
        [(CLOSE, b"\x03\xe8bye")],
    ),
]


@pytest.mark.parametrize(("data", "expected"), SEQUENCES)
def test_messages_however_they_are_cut(data: bytes, expected: list[Told]) -> None:
    """Every way to split the bytes gives the same messages and control frames."""
    for pieces in every_split(data):
        assert read(pieces) == expected, pieces
        assert read(pieces, as_bytes=False) == expected, pieces


def test_lengths_of_16_and_64_bits() -> None:
    """Messages on both sides of each form of length are complete, split at random places."""
    rng = random.Random(7)
    for size in (65_535, 65_536, 300_000):
        payload = rng.randbytes(size)
        data = server_frame(BINARY, payload) + server_frame(TEXT, b"next")
        cuts = sorted(rng.sample(range(len(data)), 20))
        pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        assert read(pieces) == [(BINARY, payload), (TEXT, "next")]
        assert read(pieces, as_bytes=False) == [(BINARY, payload), (TEXT, "next")]


REFUSED: list[tuple[str, bytes, int]] = [
    ("reserved bit 1 without an extension", server_frame(TEXT, b"a", rsv=4), 1002),
    ("reserved bit 2", server_frame(TEXT, b"a", rsv=2), 1002),
    ("reserved bit 3", server_frame(BINARY, b"a", rsv=1), 1002),
    ("reserved bits of a ping", server_frame(PING, rsv=4), 1002),
    ("opcode 3", server_frame(3), 1002),
    ("opcode 7", server_frame(7, b"a"), 1002),
    ("opcode 11", server_frame(11), 1002),
    ("opcode 15", server_frame(15, b"a"), 1002),
    ("a masked frame", server_frame(TEXT, b"a", masked=True), 1002),
    ("a masked long frame", server_frame(TEXT, b"a" * 200, masked=True), 1002),
    ("a fragmented ping", server_frame(PING, b"a", fin=False), 1002),
    ("a fragmented close", server_frame(CLOSE, fin=False), 1002),
    ("a ping of 126 bytes", server_frame(PING, b"a" * 126), 1002),
    ("a close of 126 bytes", server_frame(CLOSE, b"\x03\xe8" + b"a" * 124), 1002),
    ("continuation of nothing", server_frame(CONTINUATION, b"a"), 1002),
    ("a second beginning", server_frame(TEXT, b"a", fin=False) + server_frame(TEXT, b"b"), 1002),
    (
        "a reserved bit in a continuation",
        server_frame(TEXT, b"a", fin=False) + server_frame(CONTINUATION, b"b", rsv=4),
        1002,
    ),
    ("16 bits for a length below 126", server_frame(TEXT, b"a", form=16), 1002),
    ("64 bits for a length below 65,536", server_frame(TEXT, b"a" * 300, form=64), 1002),
    ("a length with its highest bit", b"\x82\x7f" + struct.pack("!Q", 1 << 63), 1002),
    ("text that is not UTF-8", server_frame(TEXT, b"\xce\xba\xff"), 1007),
    ("text that is cut in a character", server_frame(TEXT, b"\xe2\x82"), 1007),
    ("a surrogate in UTF-8", server_frame(TEXT, b"\xed\xa0\x80"), 1007),
    ("an overlong character", server_frame(TEXT, b"\xc0\xaf"), 1007),
    (
        "fragments that are not UTF-8 together",
        server_frame(TEXT, b"\xe2", fin=False) + server_frame(CONTINUATION, b"a"),
        1007,
    ),
]


@pytest.mark.parametrize(("data", "code"), [case[1:] for case in REFUSED], ids=lambda v: None)
def test_violations_however_they_are_cut(data: bytes, code: int) -> None:
    """What RFC 6455 forbids is an error with its code, wherever it is split."""
    for pieces in every_split(data):
        assert read(pieces)[-1] == ("error", code), pieces


NOT_UTF8 = {  # the numbers are those of the Autobahn test suite
    "6.6 cut": ["κόσμε".encode()[:at] for at in range(1, 10, 2)],
    "6.8 first bytes alone": [bytes([first]) for first in range(0xC0, 0x100)],
    "6.10 first bytes with a blank": [bytes([first]) + b" " for first in range(0xC0, 0x100)],
    "6.11 five and six bytes": [b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"],
    "6.12 above the last character": [b"\xf4\x90\x80\x80", b"\xf7\xbf\xbf\xbf"],
    "6.13 continuations alone": [b"\x80" * size for size in range(1, 8)] + [b"\xbf"],
    "6.14 impossible bytes": [b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"],
    "6.15 overlong": [
        b"\xc0\xaf",
        b"\xc1\xbf",
        b"\xe0\x80\xaf",
        b"\xe0\x9f\xbf",
        b"\xf0\x80\x80\xaf",
    ],
    "6.19 overlong NUL": [b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80"],
    "6.20 surrogates": [
        b"\xed\xa0\x80",
        b"\xed\xad\xbf",
        b"\xed\xbf\xbf",
        b"\xed\xa0\x80\xed\xb0\x80",
    ],
}


@pytest.mark.parametrize("sequences", NOT_UTF8.values(), ids=NOT_UTF8)
def test_what_is_not_utf8(sequences: list[bytes]) -> None:
    """Text with such bytes is refused, in one frame, and in fragments of a byte."""
    for bad in sequences:
        for text in (bad, b"a" + bad, bad + b"z"):
            if text == bad or not is_utf8(text):
                assert read([server_frame(TEXT, text)]) == [("error", 1007)], text
                assert read([by_bytes(text)]) == [("error", 1007)], text


@pytest.mark.parametrize(
    "parts",
    [
        ["κόσμε".encode() + b"\xf4\x90"],  # 6.4.1
        ["κόσμε".encode() + b"\xf4", b"\x90"],  # 6.4.2
        [b"\xe2", b"\x82", b"a"],
        [b"", b"\xed", b"\xa0"],
    ],
)
@pytest.mark.parametrize("decode_text", [True, False])
def test_fragmented_text_is_refused_as_soon_as_it_is_invalid(
    parts: list[bytes], decode_text: bool
) -> None:
    """The bytes that make a fragment invalid are enough to refuse it."""
    kept = Kept()
    reader = FrameReader(kept, 0, None, decode_text)
    opcode = TEXT
    *valid, last = parts
    for part in valid:
        reader.feed(server_frame(opcode, part, fin=False) + server_frame(PING))
        opcode = CONTINUATION
    with pytest.raises(WebSocketError) as caught:
        reader.feed(server_frame(opcode, last + b"never arrives", fin=False)[: -len("arrives")])
    assert caught.value.code == 1007
    assert kept.told == [(PING, b"")] * len(valid)


def test_fragmented_text_that_ends_within_a_character_is_refused() -> None:
    """Only the last fragment shows that a character is incomplete."""
    data = server_frame(TEXT, b"a\xe2", fin=False)
    assert read([data]) == []
    assert read([data + server_frame(CONTINUATION, b"\x82")]) == [("error", 1007)]


def by_bytes(text: bytes) -> bytes:
    """Write a text message in fragments of a byte."""
    first, *rest, last = (text[at : at + 1] for at in range(max(len(text), 2)))
    middle = b"".join(server_frame(CONTINUATION, part, fin=False) for part in rest)
    return server_frame(TEXT, first, fin=False) + middle + server_frame(CONTINUATION, last)


def is_utf8(data: bytes) -> bool:
    """Decode with the standard library."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_a_message_over_the_limit_is_refused_at_its_head() -> None:
    """The length is enough for 1009: the payload need not arrive."""
    assert read([b"\x81\x0b"], most=10) == [("error", 1009)]
    assert read([b"\x82\x7f" + struct.pack("!Q", 1 << 40)], most=1 << 20) == [("error", 1009)]
    assert read([server_frame(TEXT, b"a" * 10)], most=10) == [(TEXT, "a" * 10)]


def test_fragments_over_the_limit_together_are_refused() -> None:
    """Fragments are counted together, and pings between them are not."""
    part = server_frame(CONTINUATION, b"a" * 4, fin=False)
    data = server_frame(TEXT, b"a" * 4, fin=False) + part + server_frame(PING, b"a" * 100)
    assert read([data], most=10) == [(PING, b"a" * 100)]
    assert read([data + part], most=10)[-1] == ("error", 1009)


def test_a_flood_of_empty_fragments_ends() -> None:
    """Empty fragments cannot continue without end, even without a size limit."""
    flood = server_frame(TEXT, fin=False) + server_frame(CONTINUATION, fin=False) * (1 << 17)
    assert read([flood]) == [("error", 1009)]


def test_65536_fragments_are_borne() -> None:
    """The largest number of fragments that common test suites send is accepted."""
    data = server_frame(TEXT, b"a", fin=False)
    data += server_frame(CONTINUATION, b"a", fin=False) * 65_534 + server_frame(CONTINUATION, b"a")
    assert read([data]) == [(TEXT, "a" * 65_536)]


def test_compressed_messages_however_they_are_cut() -> None:
    """Compressed messages, whole or in fragments, with a ping between, are restored."""
    deflater = Deflater(15, takeover=True)
    one, two = deflater.deflate(b"hello " * 20), deflater.deflate(b"hello " * 21)
    data = (
        server_frame(TEXT, one, rsv=4)
        + server_frame(BINARY, two[:3], rsv=4, fin=False)
        + server_frame(PING)
        + server_frame(CONTINUATION, two[3:])
        + server_frame(TEXT, b"plain")
    )
    expected = [(TEXT, "hello " * 20), (PING, b""), (BINARY, b"hello " * 21), (TEXT, "plain")]
    for pieces in every_split(data):
        assert read(pieces, inflater=Inflater(takeover=True)) == expected, pieces


def test_text_is_checked_where_it_stays_bytes() -> None:
    """With ``decode_text=False`` text is received as bytes, and must still be UTF-8."""
    kept = Kept()
    reader = FrameReader(kept, 0, None, False)
    data = server_frame(TEXT, "ä".encode()) + server_frame(TEXT, b"a", fin=False)
    reader.feed(data + server_frame(CONTINUATION, b"b"))
    assert kept.told == [(TEXT, "ä".encode()), (TEXT, b"ab")]
    with pytest.raises(WebSocketError):
        reader.feed(server_frame(TEXT, b"\xff"))


# --- what a client writes -----------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 125, 126, 127, 128, 129, 1000, 65_535, 65_536])
def test_a_client_frame_is_masked_and_minimal(size: int) -> None:
    """A frame has the shortest head, the mask bit, and a payload that unmasks to the data."""
    payload = random.Random(size).randbytes(size)
    data = frame(FIN | BINARY, payload)
    head = 2 if size < 126 else 4 if size < 1 << 16 else 10
    assert data[0] == 0x82 and data[1] & 0x80
    assert len(data) == head + 4 + size
    key, body = data[head : head + 4], data[head + 4 :]
    assert bytes(byte ^ key[at % 4] for at, byte in enumerate(body)) == payload


def test_every_frame_has_a_key_of_its_own() -> None:
    """Masking keys do not repeat (RFC 6455 §5.3)."""
    keys = {frame(FIN | TEXT, b"")[2:6] for _ in range(5000)}
    assert len(keys) > 4990


@pytest.mark.parametrize("function", [mask, mask_by_tables])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 7, 127, 128, 130, 4097])
def test_masking_is_xor(function: object, size: int) -> None:
    """Both ways to mask XOR each byte with that of the key, whatever the length."""
    data, key = random.Random(size).randbytes(size), b"\x00\xff\x5a\x13"
    expected = bytes(byte ^ key[at % 4] for at, byte in enumerate(data))
    assert bytes(function(data, key)) == expected  # type: ignore[operator]


# --- close frames -------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1014, 3000, 3999, 4000, 4999])
def test_close_codes_there_and_back(code: int) -> None:
    """Codes that may be sent are read as they were written."""
    assert parse_close(close_payload(code, "schön".encode())) == (code, "schön")


@pytest.mark.parametrize(
    "code", [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]
)
def test_close_codes_that_no_frame_may_have(code: int) -> None:
    """Other codes are refused in both directions (RFC 6455 §7.4)."""
    assert not is_close_code(code)
    with pytest.raises(WebSocketError) as caught:
        parse_close(struct.pack("!H", code))
    assert caught.value.code == 1002
    with pytest.raises(ValueError, match="cannot be sent"):
        close_payload(code, b"")


def test_close_frames_that_are_broken() -> None:
    """A code has two bytes, a reason is UTF-8 and short; without a code it is 1005."""
    with pytest.raises(WebSocketError) as caught:
        parse_close(b"\x03")
    assert caught.value.code == 1002
    with pytest.raises(WebSocketError) as caught:
        parse_close(b"\x03\xe8\xff")
    assert caught.value.code == 1007
    with pytest.raises(ValueError, match="123"):
        close_payload(1000, b"a" * 124)
    assert parse_close(b"") == (1005, "")
