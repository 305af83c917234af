"""MultipartReader, fed with bytes that are split anywhere."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
import tracemalloc
import zlib
from typing import Any

import aiohttp
import pytest
from aiohttp.base_protocol import BaseProtocol
from hypothesis import given
from hypothesis import strategies as st

from httptrace.body.multipart import MultipartWriter
from httptrace.body.multipart_reader import MultipartReader, MultipartResponseWrapper
from httptrace.body.part_reader import BodyPartReader, BodyPartReaderPayload
from httptrace.body.payload import get_payload
from httptrace.errors import ClientPayloadError

from .collector import written

HEADERS = {"Content-Type": 'multipart/mixed; boundary=":"'}
FORM = {"Content-Type": "multipart/form-data; boundary=:"}


class Pieces:
    """A stream that returns these pieces, one for each read."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = [piece for piece in pieces if piece]

    async def read(self, n: int = -1) -> bytes:
        if not self.pieces:
            return b""
        piece = self.pieces.pop(0)
        if len(piece) > n:
            self.pieces.insert(0, piece[n:])
        return piece[:n]

    def at_eof(self) -> bool:
        return not self.pieces


async def parts_of(reader: MultipartReader, size: int | None = None) -> list[Any]:
    found: list[Any] = []
    async for part in reader:
        if isinstance(part, MultipartReader):
            found.append(await parts_of(part, size))
        elif size is None:
            found.append((dict(part.headers), await part.read()))
        else:
            chunks = []
            while chunk := await part.read_chunk(size):
                assert len(chunk) <= size
                chunks.append(chunk)
            found.append((dict(part.headers), b"".join(chunks)))
    assert reader.at_eof()
    return found


async def parts(body: bytes, headers: dict[str, str] = HEADERS) -> list[Any]:
    return await parts_of(MultipartReader(headers, Pieces(body)))


async def first(head: bytes, body: bytes, headers: dict[str, str] = HEADERS) -> BodyPartReader:
    data = b"--:\r\n" + head + b"\r\n" + body + b"\r\n--:--\r\n"
    part = await MultipartReader(headers, Pieces(data)).next()
    assert isinstance(part, BodyPartReader)
    return part


TRICKY = (
    b"the preamble\r\nof it\r\n"
    b"--:  \r\nA: 1\r\nB:\r\n\r\n-\r\n-\r\n--\r\n--:x\r\n--:-x\r\n\r\r\n--x\r\n"
    b"--:\r\n\r\n\r\n"
    b"--:\r\n\r\n"
    b"--:\r\nContent-Length: 7\r\n\r\n\r\n--:\r\n\r\n"
    b'--:\r\nContent-Type: multipart/mixed; boundary=":in"\r\n\r\n'
    b"--:in\r\n\r\none\r\n--:in\r\nX: y\r\n\r\ntwo\r\n--:in--\r\nepilogue of the inner\r\n"
    b"--:--\r\nthe epilogue"
)
EXPECTED = [
    ({"A": "1", "B": ""}, b"-\r\n-\r\n--\r\n--:x\r\n--:-x\r\n\r\r\n--x"),
    ({}, b""),
    ({}, b""),
    ({"Content-Length": "7"}, b"\r\n--:\r\n"),
    [({}, b"one"), ({"X": "y"}, b"two")],
]


async def test_every_split() -> None:
    """A body gives the same parts, however it is split."""
    assert await parts(TRICKY) == EXPECTED
    for at in range(1, len(TRICKY)):
        reader = MultipartReader(HEADERS, Pieces(TRICKY[:at], TRICKY[at:]))
        assert await parts_of(reader) == EXPECTED, at
    single = [TRICKY[at : at + 1] for at in range(len(TRICKY))]
    for size in (None, 1, 2, 5, 8192):
        assert await parts_of(MultipartReader(HEADERS, Pieces(*single)), size) == EXPECTED


async def test_every_cut() -> None:
    """A body that ends anywhere before its last boundary is an error."""
    end = TRICKY.index(b"--:--") + 5
    for at in range(end - 1):
        with pytest.raises(ClientPayloadError):
            await parts(TRICKY[:at])
    assert await parts(TRICKY[:end]) == EXPECTED


async def test_line_feeds_alone() -> None:
    """A body with line feeds as line ends, which many writers make, is read."""
    body = b"--:\nA: b\n\nx\r\ny\n--:\n\nz\n--:--\n"
    assert await parts(body) == [({"A": "b"}, b"x\r\ny"), ({}, b"z")]


@given(
    st.lists(st.text("ab-:\r\n \t", max_size=20).map(str.encode), max_size=4),
    st.integers(1, 30),
)
def test_any_content_comes_back(contents: list[bytes], size: int) -> None:
    """The reader reads what the writer writes, in any pieces."""

    async def check() -> None:
        writer = MultipartWriter("form-data")
        for content in contents:
            writer.append(content)
        body = await written(writer)
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        reader = MultipartReader({"Content-Type": writer.content_type}, Pieces(*pieces))
        assert [content for _, content in await parts_of(reader)] == contents

    asyncio.run(check())


@given(st.text("-:\r\nA b;=", max_size=60), st.integers(1, 9))
def test_no_body_breaks_the_reader(text: str, size: int) -> None:
    """Any input gives parts or a ClientPayloadError."""

    async def check() -> None:
        body = b"--:\r\n" + text.encode()
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        try:
            await parts_of(MultipartReader(HEADERS, Pieces(*pieces)))
        except ClientPayloadError:
            pass

    asyncio.run(check())


async def test_reads_what_aiohttp_writes() -> None:
    """A body of aiohttp's MultipartWriter in aiohttp's StreamReader is read."""
    from .collector import Collector

    writer = aiohttp.MultipartWriter("related", boundary="a b")
    for encoding in ("gzip", "deflate"):
        for transfer in ("base64", "quoted-printable", "binary"):
            headers = {"Content-Encoding": encoding, "Content-Transfer-Encoding": transfer}
            writer.append(b"some \x00\xff content\r\n" * 50, headers)  # type: ignore[arg-type]
    inner = aiohttp.MultipartWriter("mixed")
    inner.append("inner")
    writer.append(inner)
    collector = Collector()
    await writer.write(collector)  # type: ignore[arg-type]
    stream = aiohttp.StreamReader(BaseProtocol(asyncio.get_running_loop()), 1 << 20)
    stream.feed_data(collector.body)
    stream.feed_eof()
    reader = MultipartReader({"Content-Type": writer.content_type}, stream)
    for _ in range(6):
        part = await reader.next()
        assert isinstance(part, BodyPartReader)
        assert await part.read(decode=True) == b"some \x00\xff content\r\n" * 50
    nested = await reader.next()
    assert isinstance(nested, MultipartReader)
    assert [content for _, content in await parts_of(nested)] == [b"inner"]
    assert await reader.next() is None


async def test_reads_forms_of_aiohttp() -> None:
    """Names and file names of aiohttp's FormData are read; paths are removed from file names."""
    from .collector import Collector

    form = aiohttp.FormData(quote_fields=False)
    names = ["plain", 'q"uo\\te', "h\xe9\u20ac", "a b"]
    for name in names:
        form.add_field(name, b"x", filename=f"{name}.txt")
    payload, collector = form(), Collector()
    await payload.write(collector)  # type: ignore[arg-type]
    reader = MultipartReader({"Content-Type": payload.content_type}, Pieces(collector.body))
    found = [(part.name, part.filename) async for part in reader]  # type: ignore[union-attr]
    files = ["plain.txt", "te.txt", "h\xe9\u20ac.txt", "a b.txt"]  # a backslash ends a folder
    assert found == list(zip(names, files, strict=True))


# --- one part --------------------------------------------------------------------------------


async def test_ways_to_read_a_part() -> None:
    """A part is read as bytes, text, JSON, a form, lines and chunks."""
    part = await first(b"", b"one\r\ntwo\nthree")
    assert [await part.readline() for _ in range(4)] == [b"one\r\n", b"two\n", b"three", b""]
    assert part.at_eof()
    assert await part.read() == await part.read_chunk() == b""
    part = await first(b"", b"one\ntwo")
    assert await part.readline() == b"one\n"
    assert (await part.read(), await part.text()) == (b"two", "")
    part = await first(b"Content-Type: text/plain; charset=latin-1\r\n", b"h\xe9")
    assert (part.get_charset("x"), await part.text()) == ("latin-1", "h\xe9")
    assert await (await first(b"", b"h\xc3\xa9")).text() == "h\xe9"
    assert await (await first(b"", b"h\xe9")).text(encoding="latin-1") == "h\xe9"
    assert await (await first(b"", b'{"a": [1]}')).json() == {"a": [1]}
    assert await (await first(b"", b"")).json() is None
    assert await (await first(b"", b"a=b+c&d=&e=%C3%A9\r\n")).form() == [
        ("a", "b c"), ("d", ""), ("e", "\xe9"),
    ]  # fmt: skip
    assert await (await first(b"", b"")).form() == []
    with pytest.raises(ValueError, match="utf-8"):
        await (await first(b"", b"\xe9")).form()
    assert [piece async for piece in await first(b"", b"abc")] == [b"abc"]


async def test_a_charset_that_cannot_be() -> None:
    """A charset that is no text encoding of Python counts as none, also as the form's default."""
    for charset in (b"\xff", b"nonsense", b"base64", b"idna", b"unicode_escape"):
        head = b"Content-Type: text/plain; charset=%b\r\n" % charset
        part = await first(head, b"h\xc3\xa9")
        assert (part.get_charset("utf-8"), await part.text()) == ("utf-8", "h\xe9")
        assert await (await first(head, b"a=%C3%A9")).form() == [("a", "\xe9")]
        field = b'--:\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
        if charset.isascii():
            form = field % (b"_charset_", charset) + field % (b"x", b"h\xc3\xa9") + b"--:--"
            text = await MultipartReader(FORM, Pieces(form)).next()
            assert isinstance(text, BodyPartReader)
            assert await text.text() == "h\xe9"


async def test_json_that_cannot_be_parsed() -> None:
    """A part that is not JSON raises a JSONDecodeError with its name, type and beginning."""
    head = b'Content-Disposition: form-data; name="order"\r\nContent-Type: text/html\r\n'
    part = await first(head, b"<html>" + b"x" * 100)
    with pytest.raises(json.JSONDecodeError) as caught:
        await part.json()
    assert (caught.value.pos, caught.value.doc[:6]) == (0, "<html>")
    assert str(caught.value) == (
        "Expecting value: line 1 column 1 (char 0); the part 'order', of type 'text/html', "
        f"begins with '<html>{'x' * 54}'…"
    )


@pytest.mark.parametrize("name", ["..", "/", "C:", "..\\\\.."])
async def test_file_names_of_parts_have_no_path(name: str) -> None:
    """The file name of a part has no path, or is empty; the part is still a file."""
    head = f'Content-Disposition: form-data; name="x"; filename="{name}"\r\n'.encode()
    assert (await first(head, b"")).filename == ""
    head = f'Content-Disposition: form-data; name="x"; filename="{name}/a.txt"\r\n'.encode()
    assert (await first(head, b"")).filename == "a.txt"


@pytest.mark.parametrize("size", [1, 3, 4, 10])
async def test_chunks_of_base64_decode_by_themselves(size: int) -> None:
    """Each chunk of a base64 part can be decoded by itself, wherever its lines break."""
    head = b"Content-Transfer-Encoding: base64\r\n"
    part = await first(head, b"c29t\r\nZSBj\r\nb250\r\nZW50\r\ncw==")
    decoded = b""
    while chunk := await part.read_chunk(size):
        decoded += part.decode(chunk)
    assert decoded == b"some contents"


@pytest.mark.parametrize("size", [1, 3, 5, 64, 8192])
async def test_chunks_of_base64_are_the_part(size: int) -> None:
    """Characters outside of the base64 alphabet stay in the chunks, whatever their size."""
    body = b"c29t\r\nZ--S:Bj\r\n\r\nb250\r\n \tZW50\r\ncw=="
    part = await first(b"Content-Transfer-Encoding: base64\r\n", body)
    read = b""
    while chunk := await part.read_chunk(size):
        read += chunk
    assert read == body


async def test_blanks_in_base64_do_not_swell_a_chunk() -> None:
    """Many spaces between two base64 characters hardly make a chunk longer than requested."""
    body = b"A" + b" " * 500_000 + b"BBB" + b"\n" * 500_000 + b"Q0ND"
    part = await first(b"Content-Transfer-Encoding: base64\r\n", body)
    decoded = b""
    while chunk := await part.read_chunk(8192):
        assert len(chunk) <= 8192 + 3
        decoded += part.decode(chunk)
    assert decoded == base64.b64decode("ABBBQ0ND")


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Content-Encoding: gzip\r\n", gzip.compress(b"some text", mtime=0)),
        (b"Content-Encoding: deflate\r\n", zlib.compress(b"some text")),
        (b"Content-Encoding: deflate\r\n", zlib.compress(b"some text")[2:-4]),
        (b"Content-Encoding: identity\r\n", b"some text"),
        (b"Content-Transfer-Encoding: base64\r\n", b"c29tZSB0\r\nZXh0"),
        (b"Content-Transfer-Encoding: Quoted-Printable\r\n", b"some=20te=\r\nxt"),
        (b"Content-Transfer-Encoding: 8BIT\r\n", b"some text"),
    ],
)
async def test_encodings_are_undone(head: bytes, body: bytes) -> None:
    """read(decode=True), decode() and decode_iter() decode the encodings of a part."""
    assert await (await first(head, body)).read(decode=True) == b"some text"
    part = await first(head, body)
    data = await part.read()
    assert data == body
    assert part.decode(data) == b"some text"
    assert b"".join([piece async for piece in part.decode_iter(data)]) == b"some text"
    assert await written(get_payload(await first(head, body))) == b"some text"


@pytest.mark.parametrize("head", [b"Content-Encoding: br\r\n", b"Content-Transfer-Encoding: x\r\n"])
async def test_unknown_encodings(head: bytes) -> None:
    """An unknown encoding raises RuntimeError, unless the part is read without decoding."""
    with pytest.raises(RuntimeError, match="unknown content"):
        await (await first(head, b"x")).read(decode=True)
    assert await (await first(head, b"x")).read() == b"x"


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Content-Encoding: gzip\r\n", b"nonsense"),
        (b"Content-Encoding: gzip\r\n", gzip.compress(b"x", mtime=0)[:-1]),
        (b"Content-Transfer-Encoding: base64\r\n", b"x!!"),
    ],
)
async def test_bad_encodings(head: bytes, body: bytes) -> None:
    """A part that does not match its encoding raises ClientPayloadError."""
    with pytest.raises(ClientPayloadError):
        await (await first(head, body)).read(decode=True)


async def test_bombs() -> None:
    """A compressed part that decodes to very much is stopped or read with constant memory."""
    head = b"Content-Encoding: gzip\r\n"
    bomb = gzip.compress(bytes(1 << 26))
    part = await first(head, bomb)
    data = await part.read()
    with pytest.raises(ClientPayloadError, match="more than 262144"):
        part.decode(data)
    tracemalloc.start()
    size = sum([len(piece) async for piece in part.decode_iter(data)])
    assert (size, tracemalloc.get_traced_memory()[1] < 1 << 21) == (1 << 26, True)
    tracemalloc.stop()
    reader = MultipartReader(
        HEADERS,
        Pieces(b"--:\r\n" + head + b"\r\n" + bomb + b"\r\n--:--"),
        client_max_size=1 << 20,
        max_size_error_cls=OverflowError,
    )
    part_of = await reader.next()
    assert isinstance(part_of, BodyPartReader)
    with pytest.raises(OverflowError, match="1048576"):
        await part_of.read(decode=True)


async def test_names() -> None:
    """name and filename are those of the Content-Disposition, or None."""
    head = b"Content-Disposition: form-data; name=x; filename*=utf-8''h%C3%A9\r\n"
    part = await first(head, b"")
    assert (part.name, part.filename) == ("x", "h\xe9")
    part = await first(b"", b"")
    assert (part.name, part.filename) == (None, None)


async def test_raw_utf8_in_headers() -> None:
    """Names in plain UTF-8, as browsers send them, are read."""
    head = 'Content-Disposition: form-data; name="h\xe9"\r\n'.encode()
    assert (await first(head, b"")).name == "h\xe9"


async def test_the_default_charset_of_a_form() -> None:
    """A first field _charset_ sets the charset of the others and is not returned as a part."""
    head = b'--:\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
    body = head % (b"_charset_", b"latin-1") + head % (b"x", b"\xe9") + b"--:--"
    for at in range(len(body)):  # wherever it is cut on its way
        reader = MultipartReader(FORM, Pieces(body[:at], body[at:]))
        part = await reader.next()
        assert isinstance(part, BodyPartReader)
        assert (part.name, await part.text()) == ("x", "\xe9")
    body = head % (b"_charset_", b"x" * 33) + b"--:--"
    with pytest.raises(ClientPayloadError, match="charset"):
        await MultipartReader(FORM, Pieces(body)).next()


async def test_forms_know_no_encodings_or_lengths() -> None:
    """In a form, Content-Length and Content-Encoding of a part are ignored (RFC 7578)."""
    part = await first(b"Content-Encoding: gzip\r\nContent-Length: 1\r\n", b"hello", FORM)
    assert await part.read(decode=True) == b"hello"


@pytest.mark.parametrize("length", [b"3", b"9"])
async def test_lengths_that_do_not_fit(length: bytes) -> None:
    """A Content-Length that does not match the part is an error."""
    with pytest.raises(ClientPayloadError):
        await parts(b"--:\r\nContent-Length: " + length + b"\r\n\r\nabcdef\r\n--:--")


@pytest.mark.parametrize("length", [b"-1", b"x", b"", b"+6", b"6" * 30, "\u0663".encode()])
async def test_lengths_that_are_none(length: bytes) -> None:
    """A malformed Content-Length is ignored."""
    body = b"--:\r\nContent-Length: " + length + b"\r\n\r\nabcdef\r\n--:--"
    assert [content for _, content in await parts(body)] == [b"abcdef"]


# --- the body -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "multipart",
        "multipart/mixed",
        "multipart/mixed; boundary=",
        "multipart/mixed; boundary=" + "x" * 71,
    ],
)
def test_types_that_are_not_multipart(content_type: str) -> None:
    """A Content-Type that is not multipart or has no boundary raises a ValueError that shows it."""
    with pytest.raises(ValueError, match=r"multipart|boundary"):
        MultipartReader({"Content-Type": content_type}, Pieces())


@pytest.mark.parametrize(
    "head",
    [
        b"no colon",
        b": no name",
        b"a b: c",
        b"A : b",
        b"A: b\x00c",
        b"A: b\rc",
        b" folded: first",
        b"A: " + b"x" * 8190,
    ],
)
async def test_bad_headers(head: bytes) -> None:
    """Malformed and too long headers are errors."""
    with pytest.raises(ClientPayloadError):
        await parts(b"--:\r\n" + head + b"\r\n\r\nx\r\n--:--")


async def test_folded_headers() -> None:
    """A folded header is one header; several headers of the same name stay separate."""
    body = b"--:\r\nA: b\r\n\tc\r\nD: e\r\n\r\nx\r\n--:--"
    assert await parts(body) == [({"A": "b c", "D": "e"}, b"x")]
    body = b"--:\r\nA: 1\r\nA: 2\r\n 3\r\n\r\nx\r\n--:--"
    part = await MultipartReader(HEADERS, Pieces(body)).next()
    assert part is not None and list(part.headers.items()) == [("A", "1"), ("A", "2 3")]


async def test_limits_of_headers() -> None:
    """The limits for number and size of headers can be set; headers at the limit are accepted."""
    body = b"--:\r\nA: 1\r\nB: 2\r\n\r\nx\r\n--:--"
    assert await parts_of(MultipartReader(HEADERS, Pieces(body), max_headers=2, max_field_size=4))
    with pytest.raises(ClientPayloadError, match="more than 1 headers"):
        await parts_of(MultipartReader(HEADERS, Pieces(body), max_headers=1))
    with pytest.raises(ClientPayloadError, match="more than 2 bytes"):
        await parts_of(MultipartReader(HEADERS, Pieces(body), max_field_size=2))


async def test_the_next_part_drops_the_last() -> None:
    """Skipping a part that was not or only partly read does not affect the other parts."""
    body = b"--:\r\n\r\n" + b"one" * 50_000 + b"\r\n--:\r\n\r\ntwo\r\n--:\r\n\r\nthree\r\n--:--"
    reader = MultipartReader(HEADERS, Pieces(body))
    part = await reader.next()
    assert isinstance(part, BodyPartReader)
    assert await part.read_chunk(5) == b"oneon"
    assert await reader.next() is not None
    last = await reader.next()
    assert isinstance(last, BodyPartReader)
    assert await last.read() == b"three"
    assert await reader.next() is None
    assert await reader.next() is None
    reader = MultipartReader(HEADERS, Pieces(body))
    await reader.next()
    await reader.release()
    assert reader.at_eof()


async def test_a_broken_inner_body_ends_with_its_part() -> None:
    """A nested body without its last boundary does not include the parts that follow it."""
    body = (
        b"--:\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\none"
        b"\r\n--:\r\n\r\ntwo\r\n--:--"
    )
    reader = MultipartReader(HEADERS, Pieces(body))
    nested = await reader.next()
    assert isinstance(nested, MultipartReader)
    inner = await nested.next()
    assert isinstance(inner, BodyPartReader)
    with pytest.raises(ClientPayloadError, match="middle of a part"):
        await inner.read()
    part = await reader.next()
    assert isinstance(part, BodyPartReader)
    assert await part.read() == b"two"


@pytest.mark.parametrize("parameter", [b"", b"; boundary=", b"; boundary=" + b"x" * 71])
async def test_an_inner_body_without_boundary(parameter: bytes) -> None:
    """A nested body with no boundary or an invalid one is malformed."""
    body = b"--:\r\nContent-Type: multipart/mixed" + parameter + b"\r\n\r\nx\r\n--:--"
    with pytest.raises(ClientPayloadError, match="boundary"):
        await parts(body)


async def test_a_boundary_that_is_not_utf_8() -> None:
    """A boundary of any bytes, as headers contain it, is found in the body."""
    headers = {"Content-Type": 'multipart/mixed; boundary="\udce9"'}
    assert await parts(b"--\xe9\r\n\r\nx\r\n--\xe9--", headers) == [({}, b"x")]


async def test_nesting_is_bounded() -> None:
    """Bodies that are nested too deeply are errors."""
    body = b"".join(
        b"--%d\r\nContent-Type: multipart/mixed; boundary=%d\r\n\r\n" % (i, i + 1)
        for i in range(100)
    )
    reader: Any = MultipartReader({"Content-Type": "multipart/mixed; boundary=0"}, Pieces(body))
    with pytest.raises(ClientPayloadError, match="16 levels deep"):
        while True:
            reader = await reader.next()


async def test_memory_stays_flat() -> None:
    """A part of 64 MiB is read in pieces with at most a mebibyte of memory."""

    class Zeros:
        left = 1 << 26
        head = b"--:\r\n\r\n"

        async def read(self, n: int = -1) -> bytes:
            head, self.head = self.head, b""
            if head:
                return head
            size = min(n, self.left)
            self.left -= size
            return bytes(size)

    part = await MultipartReader(HEADERS, Zeros()).next()
    assert isinstance(part, BodyPartReader)
    size = 0
    tracemalloc.start()
    with pytest.raises(ClientPayloadError):
        while chunk := await part.read_chunk(1 << 16):
            size += len(chunk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (size, peak < 1 << 20) == (1 << 26, True)


async def test_a_part_is_passed_on_once() -> None:
    """A part that is being read can be sent as a body, once, with its names."""
    head = b"Content-Disposition: form-data; name=x; filename=y\r\n"
    payload = get_payload(await first(head, b"content"))
    assert type(payload) is BodyPartReaderPayload
    assert payload.headers["Content-Disposition"] == 'attachment; name="x"; filename="y"'
    assert payload.can_resend
    assert await written(payload) == b"content"
    assert not payload.can_resend
    with pytest.raises(ClientPayloadError, match="already read"):
        await written(payload)
    with pytest.raises(TypeError, match="as_bytes"):
        payload.decode()
    assert await get_payload(await first(head, b"content")).as_bytes() == b"content"


async def test_own_reader_classes() -> None:
    """A subclass chooses the classes of its parts and nested bodies."""

    class Part(BodyPartReader):
        pass

    class Reader(MultipartReader):
        part_reader_cls = Part

    reader = Reader(HEADERS, Pieces(TRICKY))
    kinds = [type(part) async for part in reader]
    assert kinds == [Part] * 4 + [Reader]


async def test_responses() -> None:
    """from_response reads the parts of a response and releases it after the last one."""
    data = io.BytesIO(b"--:\r\n\r\none\r\n--:\r\n\r\ntwo\r\n--:--")

    async def released() -> None:
        response.released += 1

    class Response:
        headers = HEADERS
        content = Pieces(data.read())
        released = 0

        def release(self) -> Any:
            return released()

    response = Response()
    wrapper = MultipartReader.from_response(response)  # type: ignore[arg-type]
    assert isinstance(wrapper, MultipartResponseWrapper)
    found = [await part.read() async for part in wrapper]  # type: ignore[union-attr]
    assert found == [b"one", b"two"]
    assert wrapper.at_eof()
    assert response.released == 1
