"""Transfer-Encoding in responses: its codings are tokens, and both parsers agree on them."""

from __future__ import annotations

import pytest

from httptrace.errors import ClientResponseError

from .feeding import Result, every_split, received

CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"


def results(version: str, codings: tuple[str, ...], *, end: bool) -> Result:
    """The result of a response with these fields; the same however it is split."""
    fields = "".join(f"Transfer-Encoding: {coding}\r\n" for coding in codings)
    data = f"HTTP/{version} 200 OK\r\n{fields}\r\n".encode("latin-1") + CHUNKS
    whole = received([data], end=end)
    for pieces in every_split(data):
        assert received(pieces, end=end) == whole, pieces
    return whole


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(
    "codings",
    [
        ("chunked",),
        ("CHUNKED ",),
        ("\tchunked",),
        (",chunked",),
        (", chunked",),
        ("gzip, chunked",),
        ("gzip,\tChunked",),
        ("gzip", "chunked"),
        ("xchunked", "chunked"),
    ],
)
def test_chunked_at_the_end(version: str, codings: tuple[str, ...]) -> None:
    """If the last coding is ``chunked``, in any case and any field, the last chunk is the end."""
    result = results(version, codings, end=False)
    assert (result.status, result.body, result.complete) == (200, b"hello", True)
    assert result.kept == (version == "1.1")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(
    "codings",
    [
        ("xchunked",),
        ("x-chunked",),
        ("chunkedx",),
        ("chunkedchunked",),
        ("gzip",),
        ("identity",),
        ("gzip chunked",),
        ("gzip, xchunked",),
        ("chunked, gzip",),
        ("chunked", "gzip"),
        ("chunked;q=1",),
        ('"chunked"',),
    ],
)
def test_another_coding_at_the_end(version: str, codings: tuple[str, ...]) -> None:
    """With any other last coding the body lasts until the connection ends (RFC 9112 §6.3)."""
    assert not results(version, codings, end=False).complete
    result = results(version, codings, end=True)
    assert (result.status, result.body, result.complete) == (200, CHUNKS, True)
    assert result.error is None and not result.kept


@pytest.mark.parametrize(
    "codings",
    [
        ("chunked\t",),
        ("chunked \t ",),
        ("gzip, chunked\t",),
        ("chunked,",),
        ("chunked, ",),
        ("chunked ,\t",),
        ("gzip,", "chunked,"),
        ("",),
        ("chunked", ""),
    ],
)
def test_ends_that_llhttp_reads_in_another_way(codings: tuple[str, ...]) -> None:
    """A tab or an empty element after ``chunked`` is an error at once: no wait, no wrong body."""
    result = results("1.1", codings, end=False)
    assert result.error is ClientResponseError
    assert (result.body, result.complete, result.kept) == (b"", False, False)
