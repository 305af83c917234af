"""Random multipart bodies and event streams, in any pieces."""

from __future__ import annotations

import re
from json import JSONDecodeError
from random import Random
from typing import Any

import pytest
from tests.body.collector import written
from tests.body.test_multipart_reader import HEADERS, TRICKY, Pieces

from httptrace.body.multipart import MultipartWriter
from httptrace.body.multipart_reader import MultipartError, MultipartReader
from httptrace.body.part_reader import BodyPartReader
from httptrace.body.sse import EventStreamParser, ServerSentEvent
from httptrace.errors import ClientPayloadError

from .campaign import Campaign
from .making import cut, mutated

HEADS = [
    *(b"A: b\r\n", b"Content-Length: 3\r\n", b"Content-Encoding: gzip\r\n", b": x\r\n", b"x\r\n"),
    *(b"Content-Transfer-Encoding: base64\r\n", b"Content-Type: multipart/mixed; boundary=x\r\n"),
    *(b"Content-Type: text/plain; charset=\xff\r\n", b"Content-Type: multipart/mixed\r\n"),
    *(b'Content-Disposition: form-data; name="_charset_"\r\n', b"Content-Disposition: ;;\r\n"),
]
SIGNS = [b"--:\r\n", b"--:--", b"--:", b"\r\n--", b"\r\n\r\n", b"\r\n", b"\n", b"\r", b"-", *HEADS]
"""What a multipart body is made of."""


async def contents(reader: MultipartReader, size: int) -> list[Any]:
    """The parts, each read to its end."""
    found: list[Any] = []
    async for part in reader:
        if isinstance(part, MultipartReader):
            found.append(await contents(part, size))
        else:
            pieces = []
            while piece := await part.read_chunk(size):
                pieces.append(piece)
            found.append((list(part.headers.items()), b"".join(pieces)))
    return found


async def seen(pieces: list[bytes], size: int) -> list[Any] | type[Exception]:
    """The parts of a body in these pieces, or the only documented error."""
    try:
        return await contents(MultipartReader(HEADERS, Pieces(*pieces)), size)
    except ClientPayloadError as exc:
        assert str(exc)
        return ClientPayloadError


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_parts(campaign: Campaign) -> None:
    """A changed multipart body has the same parts in any pieces, or is always an error."""
    for rng in campaign.cases(200):
        data = mutated(rng, TRICKY, rng.choice([0, 1, 2, 4]), SIGNS)
        if rng.random() < 0.3:
            data = b"--:\r\n" + b"".join(rng.choices(SIGNS, k=rng.randrange(12)))
        pieces, size = cut(rng, data), rng.choice([1, 3, 8192])
        campaign.notes.update(pieces=pieces, size=size)
        assert await seen(pieces, size) == await seen([data], 8192)


DOCUMENTED = {
    *(ClientPayloadError, MultipartError),
    *(UnicodeDecodeError, LookupError, JSONDecodeError, ValueError),  # text(), json(), form()
    RuntimeError,  # an unknown encoding
}


async def use(part: BodyPartReader, rng: Random) -> object:
    """Call a random method of a part."""
    assert isinstance(part.name, str | None) and isinstance(part.filename, str | None)
    match rng.randrange(8):
        case 0:
            return await part.text()
        case 1:
            return await part.json()
        case 2:
            return await part.form()
        case 3:
            return await part.read(decode=True)
        case 4:
            return await part.readline()
        case 5:
            return await part.release()
        case 6:
            return [piece async for piece in part.decode_iter(await part.read())]
        case _:
            return None  # the next one is asked for without a look at this one


@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.filterwarnings("ignore::httptrace.BadContentDispositionHeader")
@pytest.mark.filterwarnings("ignore::httptrace.BadContentDispositionParam")
async def test_uses_of_parts(campaign: Campaign) -> None:
    """Whatever is done with the parts of any body, the errors are the documented ones."""
    for rng in campaign.cases(200):
        data = mutated(rng, TRICKY, rng.choice([1, 3]), SIGNS + HEADS * 3)
        campaign.notes.update(data=data)
        readers: list[Any] = [MultipartReader(HEADERS, Pieces(*cut(rng, data)))]
        while readers:
            try:
                part = await readers[-1].next()
            except ClientPayloadError:
                break
            if part is None:
                readers.pop()
            elif isinstance(part, MultipartReader):
                readers.append(part)
            else:
                try:
                    await use(part, rng)
                except Exception as exc:
                    if type(exc) not in DOCUMENTED:
                        raise


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_there_and_back(campaign: Campaign) -> None:
    """The parts that are written are read back, with names and codings."""
    signs = "ab-:\"\\;=% é€'<>&"
    for rng in campaign.cases(150):
        writer = MultipartWriter(rng.choice(["mixed", "form-data", "related"]))
        sent = []
        for _ in range(rng.randrange(5)):
            data = b"".join(rng.choices([b"\r\n", b"--", b"x" * 70, b"\0", b"=", b"."], k=9))
            name = "".join(rng.choices(signs, k=4))
            headers = {"Content-Type": "application/octet-stream"}
            if writer.content_type.startswith("multipart/mixed"):
                headers["Content-Encoding"] = rng.choice(["gzip", "deflate", "identity"])
                headers["Content-Transfer-Encoding"] = rng.choice(
                    ["base64", "quoted-printable", "binary"]
                )
            payload = writer.append(data, headers)  # type: ignore[arg-type]
            payload.set_content_disposition("form-data", name=name)
            sent.append((name, data))
        body = await written(writer)
        campaign.notes.update(sent=sent, body=body)
        reader = MultipartReader({"Content-Type": writer.content_type}, Pieces(*cut(rng, body)))
        got = [(part.name, await part.read(decode=True)) async for part in reader]  # type: ignore[union-attr, call-arg]
        assert got == sent


def model(stream: bytes) -> list[ServerSentEvent]:
    """The events of a whole stream, as WHATWG HTML, section 9.2.6, defines them."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    *lines, _cut_off = re.split("\r\n|\r|\n", text)
    events, last = [], ""
    data: list[str] = []
    kind, retry = "", None
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "" if not line:
                if data:
                    events.append(ServerSentEvent("\n".join(data), kind or "message", last, retry))
                    retry = None  # one that came without data is told with the next event
                data, kind = [], ""
            case "data":
                data.append(value)
            case "event":
                kind = value
            case "id" if "\0" not in value:
                last = value
            case "retry" if re.fullmatch("[0-9]{1,18}", value):
                retry = int(value)
    return events


def test_events(campaign: Campaign) -> None:
    """An event stream in any pieces has the events that the standard defines."""
    words = [
        b"data",
        b"data: x",
        b"id: 1",
        b"id",
        b"event: e",
        b"retry: 5",
        b": c",
        b"\r\n",
        b"\n\n",
    ]
    words += [
        b"\r",
        b"\n",
        b"\n",
        b":",
        b" ",
        b"\xef\xbb\xbf",
        b"\xe2\x82\xac",
        b"\xff",
        b"\0",
        b"\x85",
    ]
    for rng in campaign.cases(400):
        stream = b"".join(rng.choices(words, k=rng.randrange(40)))
        pieces = cut(rng, stream)
        campaign.notes.update(pieces=pieces)
        parser = EventStreamParser()
        assert [event for piece in pieces for event in parser.feed(piece)] == model(stream)
