"""Parts of multipart bodies in base64 that is not canonical."""

from __future__ import annotations

import pytest

from httptrace import BodyPartReader, ClientPayloadError, MultipartReader

from .test_multipart_reader import HEADERS, Pieces

HEAD = b"--:\r\nContent-Transfer-Encoding: base64\r\n\r\n"


async def part_of(body: bytes) -> BodyPartReader:
    part = await MultipartReader(HEADERS, Pieces(HEAD + body + b"\r\n--:--")).next()
    assert isinstance(part, BodyPartReader)
    return part


@pytest.mark.parametrize(
    ("body", "decoded"),
    [
        (b"QU!JDQUJD", b"ABCABC"),
        (b"QUJD\r\n-QUJD\r\n", b"ABCABC"),
        (b"\x00Q\xffQ==\x00", b"A"),
        (b"QQ==QUJD", b"A"),
    ],
)
async def test_other_signs_are_ignored_and_padding_is_the_end(body: bytes, decoded: bytes) -> None:
    """RFC 2045, section 6.8, is followed, also if the part is read and decoded in small pieces."""
    assert await (await part_of(body)).read(decode=True) == decoded
    if body.endswith(b"QUJD") and b"=" in body:  # of pieces nobody knows what came before
        return
    for size in range(1, len(body)):
        part, found = await part_of(body), b""
        while chunk := await part.read_chunk(size):
            found += part.decode(chunk)
        assert found == decoded


async def test_padding_that_is_missing() -> None:
    """Base64 that ends within a group of four characters is an error."""
    with pytest.raises(ClientPayloadError, match="base64"):
        await (await part_of(b"QU!I")).read(decode=True)
