"""permessage-deflate without a loop: round trips, context takeover, and bombs."""

from __future__ import annotations

import random
import tracemalloc
import zlib

import pytest

from httptrace.ws.deflate import Deflater, Inflater
from httptrace.ws.messages import WebSocketError

MESSAGES = [b"hello " * 30, b"", b"hello " * 30, random.Random(1).randbytes(70_000), b"", b"", b"x"]


@pytest.mark.parametrize("bits", [9, 12, 15])
@pytest.mark.parametrize("takeover", [True, False])
def test_round_trips(bits: int, takeover: bool) -> None:
    """Messages are restored, with every window and with or without context takeover."""
    deflater, inflater = Deflater(bits, takeover), Inflater(takeover)
    for message in MESSAGES * 2:
        assert inflater.inflate(deflater.deflate(message), 0) == message


def test_history_is_used_only_if_it_is_kept() -> None:
    """The second of two equal messages is tiny with context takeover, and not without."""
    noise = random.Random(2).randbytes(2000)
    keeping, forgetting = Deflater(15, True), Deflater(15, False)
    assert len(keeping.deflate(noise)) > 2000 > 100 > len(keeping.deflate(noise))
    assert forgetting.deflate(noise) == forgetting.deflate(noise)


def test_a_message_with_a_window_of_its_own() -> None:
    """A smaller window for one message does not affect the other messages."""
    deflater, inflater = Deflater(15, True), Inflater(True)
    noise = random.Random(3).randbytes(3000)
    for bits in (None, 9, None, 15, None):
        assert inflater.inflate(deflater.deflate(noise, bits), 0) == noise


def test_messages_as_another_implementation_writes_them() -> None:
    """The examples of RFC 7692 §7.2.3 are read: one block, context, no compression, a final one."""
    inflater = Inflater(True)
    assert inflater.inflate(bytes.fromhex("f248cdc9c90700"), 0) == b"Hello"
    assert inflater.inflate(bytes.fromhex("f200110000"), 0) == b"Hello"
    assert inflater.inflate(bytes.fromhex("000500faff48656c6c6f00"), 0) == b"Hello"
    assert inflater.inflate(bytes.fromhex("f348cdc9c9070000"), 0) == b"Hello"
    assert inflater.inflate(bytes.fromhex("f248050000 00ffff cac9c90700"), 0) == b"Hello"


def test_a_bomb_is_refused_with_flat_memory() -> None:
    """A quarter of a gigabyte of zeros is refused at the limit, and needs no more memory."""
    maker = zlib.compressobj(1, zlib.DEFLATED, -15)
    bomb = b"".join(maker.compress(bytes(1 << 20)) for _ in range(256))
    bomb += maker.flush(zlib.Z_SYNC_FLUSH)
    tracemalloc.start()
    try:
        with pytest.raises(WebSocketError) as caught:
            Inflater(True).inflate(bomb, 1 << 20)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert caught.value.code == 1009


def test_the_limit_is_exact() -> None:
    """A message of exactly the limit is accepted, one byte more is not."""
    deflated = Deflater(15, False).deflate(b"a" * 1000)
    assert Inflater(True).inflate(deflated, 1000) == b"a" * 1000
    with pytest.raises(WebSocketError):
        Inflater(True).inflate(deflated, 999)


def test_garbage_and_endless_streams_are_refused() -> None:
    """Invalid deflate data is an error, and so are streams that end again and again."""
    with pytest.raises(WebSocketError) as caught:
        Inflater(True).inflate(b"\xff\xff\xff\xff", 0)
    assert caught.value.code == 1007
    ended = zlib.compressobj(9, zlib.DEFLATED, -15)
    member = ended.compress(b"a") + ended.flush()
    with pytest.raises(WebSocketError) as caught:
        Inflater(True).inflate(member * 1000, 0)
    assert caught.value.code == 1007
