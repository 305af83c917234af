"""Content codings, with bodies that the libraries made."""

from __future__ import annotations

import gzip
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Iterator

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptrace.body import coding_engines
from httptrace.body.content_coding import available_codings, decoder_for, encoder_for
from httptrace.errors import ClientPayloadError

from .packing import PACK, zstd

MIB = 1 << 20


def unpack(coding: str, data: bytes, *, pieces: int = 65536, step: int = 65536) -> bytes:
    decoder = decoder_for(coding)
    assert decoder is not None
    out = []
    for start in range(0, len(data), pieces):
        out.append(decoder.feed(data[start : start + pieces], step))
        while decoder.pending:
            out.append(decoder.feed(b"", step))
    decoder.finish()
    return b"".join(out)


@pytest.fixture
def only_zstandard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    pytest.importorskip("zstandard")
    monkeypatch.setattr(coding_engines, "_zstd_names", lambda **_: ("zstandard",))
    coding_engines._find.cache_clear()
    yield
    coding_engines._find.cache_clear()


@pytest.mark.parametrize("name", PACK)
@given(data=st.binary(max_size=300), pieces=st.integers(1, 40), step=st.integers(1, 400))
def test_any_split_decodes(name: str, data: bytes, pieces: int, step: int) -> None:
    """However a coded body is split and however small the steps are, the result is the same."""
    coding = name.split()[-1]
    assert unpack(coding, PACK[name](data * 3), pieces=pieces, step=step) == data * 3


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@pytest.mark.parametrize("pieces", [1, 7, 65536])
def test_members_follow_each_other(coding: str, pieces: int) -> None:
    """Several gzip members or zstd frames in a row are one body."""
    data = PACK[coding](b"one,") + PACK[coding](b"") + PACK[coding](b"two")
    assert unpack(coding, data, pieces=pieces) == b"one,two"


@pytest.mark.parametrize("step", [1, 50, 65536])
def test_stacked_codings_are_undone_in_reverse_order(step: int) -> None:
    """`gzip, br` was encoded with gzip first, so br is decoded first (RFC 9110 section 8.4)."""
    data = brotli.compress(gzip.compress(b"hello " * 500))
    assert unpack("gzip, br", data, pieces=5, step=step) == b"hello " * 500


@pytest.mark.parametrize("header", ["", " ", "identity", "identity, identity", "sdch", "br, x"])
def test_unknown_codings_are_left_alone(header: str) -> None:
    """Without a coding, with identity and with unknown codings the body is not changed."""
    assert decoder_for(header) is None


@pytest.mark.parametrize("header", ["GZIP", " gzip ", "x-gzip", "gzip, identity", "gzip,"])
def test_names_are_read_as_headers_are(header: str) -> None:
    """Case, spaces, empty elements, identity and the old name x-gzip are accepted."""
    assert unpack(header, gzip.compress(b"hello")) == b"hello"


def test_too_many_layers_are_refused() -> None:
    """More than five content codings are an error."""
    with pytest.raises(ClientPayloadError, match="6 content codings"):
        decoder_for("gzip, gzip, gzip, gzip, gzip, gzip")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_bad_data_names_the_coding(coding: str) -> None:
    """Bytes that are not valid for the coding raise an error that names it."""
    with pytest.raises(ClientPayloadError, match=coding.split(", ")[0]):
        unpack(coding, b"\x1f\xffnot what it says " * 10)


@pytest.mark.parametrize("name", PACK)
def test_each_cut_is_noticed(name: str) -> None:
    """A coded body that is truncated anywhere is an error, not a shorter body."""
    data, coding = PACK[name](b"some text, some text"), name.split()[-1]
    for end in range(1, len(data)):
        with pytest.raises(ClientPayloadError, match=coding):
            unpack(coding, data[:end])


@pytest.mark.parametrize("name", PACK)
def test_no_bytes_are_no_cut(name: str) -> None:
    """A body without any bytes is complete: a response to HEAD names its coding too."""
    assert unpack(name.split()[-1], b"") == b""


@pytest.mark.parametrize("name", PACK)
def test_bytes_behind_the_end_are_an_error(name: str) -> None:
    """Bytes after the end of the coded stream are an error."""
    with pytest.raises(ClientPayloadError):
        unpack(name.split()[-1], PACK[name](b"hello") + b"garbage")


def test_zeros_behind_gzip_are_padding() -> None:
    """Zeros after a gzip member are padding, as for gzip itself."""
    assert unpack("gzip", gzip.compress(b"hello") + bytes(100), pieces=9) == b"hello"


def bombs() -> dict[str, bytes]:
    flat = bytes(32 * MIB)
    return {
        "gzip": gzip.compress(flat, 9),
        "deflate": zlib.compress(flat, 9),
        "br": brotli.compress(flat, quality=5),
        "zstd": zstd.compress(flat),
        "gzip, gzip": gzip.compress(gzip.compress(flat)),
        "gzip, zstd": zstd.compress(gzip.compress(flat)),
        "br, br, br": brotli.compress(brotli.compress(brotli.compress(flat, quality=5))),
    }


def test_bombs_stay_flat_in_memory() -> None:
    """32 MiB from a few bytes are decoded in steps, with at most a mebibyte of memory."""
    for coding, bomb in bombs().items():
        decoder = decoder_for(coding)
        assert decoder is not None
        tracemalloc.start()
        size = len(decoder.feed(bomb, 65536))
        while decoder.pending:
            out = decoder.feed(b"", 65536)
            assert 0 < len(out) <= 4 * 65536
            size += len(out)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        decoder.finish()
        assert (coding, size) == (coding, 32 * MIB)
        assert peak < MIB, coding


def test_a_stack_that_decodes_to_nothing_is_refused() -> None:
    """Mebibytes of empty blocks inside another coding do not block the event loop."""
    empty = gzip.compress(b"")[:10] + b"\x00\x00\x00\xff\xff" * 1_000_000  # RFC 1951, 3.2.4
    with pytest.raises(ClientPayloadError, match="decode to nothing"):
        unpack("gzip, zstd", zstd.compress(empty))


def test_zstd_windows_over_8_mib_are_refused() -> None:
    """A zstd frame with a larger window than RFC 9659 allows is an error."""
    options = {zstd.CompressionParameter.window_log: 26}
    packer = zstd.ZstdCompressor(options=options)
    frame = packer.compress(bytes(range(256)) * 100_000) + packer.flush()
    with pytest.raises(ClientPayloadError, match="zstd"):
        unpack("zstd", frame)


@pytest.mark.usefixtures("only_zstandard")
@pytest.mark.parametrize("pieces", [1, 3, 65536])
@pytest.mark.parametrize("step", [1, 1000, 65536])
def test_zstandard_will_do(pieces: int, step: int) -> None:
    """If only the zstandard package is installed, it decodes zstd."""
    data = zstd.compress(b"hello " * 1000) + zstd.compress(b"there")
    assert unpack("zstd", data, pieces=pieces, step=step) == b"hello " * 1000 + b"there"
    with pytest.raises(ClientPayloadError, match="zstd"):
        unpack("zstd", data[:-2])
    assert unpack("zstd", encoder_for("zstd").flush()) == b""


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the library of a coding is not installed, the error says what to install."""
    monkeypatch.setattr(coding_engines, "_find", lambda coding: None)
    with pytest.raises(ClientPayloadError, match=r"brotli 1\.2 or newer"):
        unpack("br", brotli.compress(b"x"))
    with pytest.raises(ValueError, match=r"backports\.zstd"):
        encoder_for("zstd")


def test_the_default_codings() -> None:
    """The codings that can be decoded are offered in aiohttp's order."""
    assert available_codings() == ("gzip", "deflate", "br", "zstd")


def test_libraries_are_imported_at_first_use() -> None:
    """Importing httptrace imports neither brotli nor zstd."""
    code = "import httptrace, httptrace.body.content_coding, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"brotli", "_brotli", "backports.zstd", "zstandard"} & set(run.stdout.split())


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
@given(parts=st.lists(st.binary(max_size=200), max_size=5))
def test_what_is_encoded_decodes(coding: str, parts: list[bytes]) -> None:
    """A body that is encoded piece by piece decodes to the original."""
    encoder = encoder_for(coding)
    coded = b"".join([encoder.encode(part) for part in parts]) + encoder.flush()
    assert unpack(coding, coded) == b"".join(parts)


def test_unknown_encoders_are_refused() -> None:
    """compress= with an unknown name raises an error that lists the known ones."""
    with pytest.raises(ValueError, match=r"'lzma'.*gzip, deflate, br, zstd"):
        encoder_for("lzma")
