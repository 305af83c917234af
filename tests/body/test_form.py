"""FormData, read back by aiohttp's server."""

from __future__ import annotations

import enum
import io
import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from multidict import MultiDict

from httptrace.body.data import make_payload
from httptrace.body.form import FormData
from httptrace.body.multipart import MultipartWriter
from httptrace.body.payload import BytesPayload

from .collector import written


async def _tell(request: web.Request) -> web.Response:
    fields: list[Any] = []
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            fields.append([name, value.filename, value.content_type, value.file.read().hex()])
        else:
            fields.append([name, value])
    return web.json_response(fields)


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    app = web.Application()
    app.router.add_post("/", _tell)
    async with TestServer(app) as server:
        yield server


async def posted(server: TestServer, form: FormData) -> Any:
    payload = form()
    body = await written(payload)
    assert payload.size in (None, len(body))
    headers = {"Content-Type": payload.content_type}
    async with aiohttp.ClientSession() as session:
        async with session.post(server.make_url("/"), data=body, headers=headers) as response:
            assert response.status == 200
            return await response.json()


TEXTS = ["", "plain", "a b", 'q"uo\\te', "h\xe9\u20ac", "a\r\nb", "a&b=c;d", "%41", "--x"]


@pytest.mark.parametrize("multipart", [False, True])
@pytest.mark.parametrize("charset", [None, "utf-8"])
async def test_any_text_arrives(server: TestServer, multipart: bool, charset: str | None) -> None:
    """Text values are received as given, url-encoded and as multipart."""
    fields = [(f"field{i}", text) for i, text in enumerate(TEXTS)]
    form = FormData(fields, charset=charset, default_to_multipart=multipart)
    assert form.is_multipart == multipart
    assert await posted(server, form) == [list(field) for field in fields]


@pytest.mark.parametrize("multipart", [False, True])
@pytest.mark.parametrize("name", ["a b", 'q"uo\\te', "h\xe9\u20ac", "a;b=c"])
async def test_any_name_arrives(server: TestServer, multipart: bool, name: str) -> None:
    """Names of fields are received as given."""
    form = FormData({name: "x"}, default_to_multipart=multipart)
    assert await posted(server, form) == [[name, "x"]]


@pytest.mark.parametrize("bad", ["a\r\nX: y", "a\nb", "a\x00b"])
async def test_names_cannot_smuggle_headers(server: TestServer, bad: str) -> None:
    """Control characters in a name are percent-encoded, or raise ValueError without quoting."""
    encoded = "".join(f"%{ord(c):02X}" if c < " " else c for c in bad)
    form = FormData({bad: "x"}, default_to_multipart=True)
    assert await posted(server, form) == [[encoded, "x"]]
    with pytest.raises(ValueError, match="Control characters"):
        FormData({bad: "x"}, default_to_multipart=True, quote_fields=False)()
    form = FormData()
    form.add_field("x", b"data", filename=bad)
    assert b"\r\nX: y" not in await written(form())
    form = FormData(quote_fields=False)
    form.add_field("x", b"data", filename=bad)
    with pytest.raises(ValueError, match="filename"):
        form()


@pytest.mark.parametrize("bad", ["text/x\r\nX: y", "text/x\x00"])
async def test_types_cannot_smuggle_headers(bad: str) -> None:
    """Control characters in the content type of a field raise ValueError."""
    form = FormData()
    form.add_field("x", "y", content_type=bad)
    with pytest.raises(ValueError, match="Content-Type"):
        await written(form())


async def test_files_arrive(server: TestServer, tmp_path: Path) -> None:
    """Files, bytes and io objects are received with their names and types."""
    path = tmp_path / "some.png"
    path.write_bytes(b"\x89PNG\r\n--")
    with path.open("rb") as file:
        form = FormData({"file": file})
        form.add_field("bytes", b"\x00\x01")
        form.add_field("named", io.BytesIO(b"\x02"), filename="n.bin", content_type="x/y")
        form.add_field("text", "t", filename="t.txt")
        assert form.is_multipart
        assert await posted(server, form) == [
            ["file", "some.png", "image/png", "89504e470d0a2d2d"],
            ["bytes", "bytes", "application/octet-stream", "0001"],
            ["named", "n.bin", "x/y", "02"],
            ["text", "t.txt", "text/plain; charset=utf-8", "74"],
        ]


@pytest.mark.parametrize("quote_fields", [True, False])
async def test_file_names_are_quoted(server: TestServer, quote_fields: bool) -> None:
    """A file name is percent-encoded with quote_fields, and unchanged without."""
    form = FormData(quote_fields=quote_fields)
    form.add_field("x", b"", filename="h\xe9 u.txt")
    name = "h%C3%A9%20u.txt" if quote_fields else "h\xe9 u.txt"
    assert f'filename="{name}"'.encode() in await written(form())


async def test_async_values_arrive(server: TestServer) -> None:
    """The content of an async generator or a payload can be a field."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    form = FormData()
    form.add_field("pieces", pieces(), content_type="text/plain")
    form.add_field("payload", BytesPayload(b"three"), content_type="text/plain")
    payload = form()
    assert payload.size is None
    assert payload.can_resend
    assert await posted(server, form) == [["pieces", "onetwo"], ["payload", "three"]]
    assert not payload.can_resend


@pytest.mark.parametrize(
    "fields",
    [
        {"a": "1", "b": "2"},
        [("a", "1"), ["b", "2"]],
        MultiDict({"a": "1", "b": "2"}),
        [MultiDict({"a": "1"}), ("b", "2")],
    ],
)
async def test_ways_to_give_fields(fields: Any) -> None:
    """Fields can be given as mappings, pairs, or a list of both."""
    assert await written(FormData(fields)()) == b"a=1&b=2"


@pytest.mark.parametrize("bad", ["abc", b"x", 5, [1], [("a",)], [("a", "b", "c")]])
def test_what_is_no_field(bad: Any) -> None:
    """Anything else raises a TypeError that shows it."""
    with pytest.raises(TypeError, match="allowed, use"):
        FormData(bad)


def test_lone_files_are_named_after_themselves(tmp_path: Path) -> None:
    """A file without a given name has its own name; other io objects have the name unknown."""
    path = tmp_path / "f.txt"
    path.touch()
    with path.open("rb") as file:
        parts = list(FormData([file, io.BytesIO()])())  # type: ignore[call-overload]
        names = [part.headers["Content-Disposition"] for part, _, _ in parts]
    assert names == [
        'form-data; name="f.txt"; filename="f.txt"',
        'form-data; name="unknown"; filename="unknown"',
    ]


@pytest.mark.parametrize("option", ["filename", "content_type", "content_transfer_encoding"])
def test_options_must_be_text(option: str) -> None:
    """Options of a field that are not text raise a TypeError that names them."""
    with pytest.raises(TypeError, match=rf"{option} must be an instance of str. Got: 3"):
        FormData().add_field("x", "y", **{option: 3})  # type: ignore[arg-type]


@pytest.mark.parametrize("option", ["filename", "content_type", "content_transfer_encoding"])
def test_options_make_a_form_multipart(option: str) -> None:
    """A field with any option is sent as multipart."""
    form = FormData()
    form.add_field("x", "y", **{option: "base64"})  # type: ignore[arg-type]
    assert form.is_multipart


def test_values_that_cannot_be_sent() -> None:
    """A value without a payload class raises a TypeError with the field and the type."""
    with pytest.raises(TypeError, match=r"form field 'x' cannot be a int"):
        FormData({"x": 1}, default_to_multipart=True)()


@pytest.mark.parametrize("multipart", [False, True])
async def test_charsets(multipart: bool) -> None:
    """Text is encoded in the form's charset, which the content type names."""
    form = FormData({"a": "\xe9"}, charset="latin-1", default_to_multipart=multipart)
    body = await written(form())
    assert (b"charset=latin-1\r\n" in body and b"\xe9" in body) if multipart else body == b"a=%E9"


async def test_file_names_are_utf_8_in_any_charset() -> None:
    """The form's charset applies to text; file names may have any characters."""
    form = FormData(charset="latin-1")
    form.add_field("a", "\xe9", filename="\u20ac\xe9.txt")
    body = await written(form())
    assert b'filename="%E2%82%AC%C3%A9.txt"' in body and b"\r\n\xe9\r\n" in body


@pytest.mark.parametrize("multipart", [False, True])
async def test_a_form_without_fields(server: TestServer, multipart: bool) -> None:
    """A form without fields is an empty form."""
    assert await posted(server, FormData(default_to_multipart=multipart)) == []


async def test_a_form_can_be_sent_again(server: TestServer) -> None:
    """A form with values in memory or in files can be sent again, and extended."""
    form = FormData({"a": io.StringIO("text"), "b": "c"})
    assert await posted(server, form) == await posted(server, form)
    assert form().can_resend
    form.add_field("d", "e")
    assert (await posted(server, form))[1:] == [["b", "c"], ["d", "e"]]


async def test_bytes_that_are_no_file(server: TestServer) -> None:
    """Bytes with a content transfer encoding are a field without a file name, as in aiohttp."""
    form = FormData()
    form.add_field("x", b"abc", content_transfer_encoding="binary")
    form.add_field("y", b"abc", content_transfer_encoding="binary", filename="y.bin")
    body = await written(form())
    assert b'name="x"\r\n' in body and b'name="y"; filename="y.bin"\r\n' in body
    assert b"Transfer" not in body


async def test_an_empty_file_name_is_sent_as_it_is(tmp_path: Path) -> None:
    """If the program gives an empty file name, neither the local nor the field's name is sent."""
    path = tmp_path / "secret-name.txt"
    path.write_text("x")
    with path.open("rb") as file, path.open() as text:
        for value in (file, text, io.BytesIO(b"x"), b"x"):
            form = FormData()
            form.add_field("field", value, filename="")
            assert form.is_multipart
            body = await written(form())
            assert b'form-data; name="field"; filename=""\r\n' in body
            assert b"secret" not in body


class _Color(str, enum.Enum):  # noqa: UP042 - str() of it is not its text
    RED = "red"


@pytest.mark.parametrize("multipart", [False, True])
async def test_names_that_are_text_in_another_way(server: TestServer, multipart: bool) -> None:
    """Members of text enumerations and numbers can be names of fields."""
    form = FormData({_Color.RED: "a", 1: "b"}, default_to_multipart=multipart)
    assert await posted(server, form) == [["red", "a"], ["1", "b"]]


@pytest.mark.parametrize("name", [b"a", None, ("a",), 1.5, object()])
def test_names_that_are_no_text(name: Any) -> None:
    """A name that is not text, such as bytes, raises a TypeError that shows it."""
    with pytest.raises(TypeError, match="name of a form field must be text, not "):
        FormData({name: "x"})
    with pytest.raises(TypeError, match="name of a form field must be text, not "):
        make_payload({name: b"x"})


@pytest.mark.parametrize("value", [{"b": 1}, [{"b": 1}], [["b"]], {}, (x for x in "ab"), [set()]])
def test_values_that_a_form_cannot_hold(value: Any) -> None:
    """A mapping, a list in a list and an iterator raise a TypeError that names the field."""
    with pytest.raises(TypeError, match="The form field 'a' cannot have the value "):
        make_payload({"a": value})
    with pytest.raises(TypeError, match="'a'"):
        FormData({"a": value}, default_to_multipart=True)()
    with pytest.raises(TypeError, match="'a'"):
        MultipartWriter().append_form({"a": value})


async def test_values_that_are_several_fields() -> None:
    """A list, tuple or set of text and numbers becomes several fields with the same name."""
    network = ipaddress.ip_network("10.0.0.0/8")
    form = FormData({"a": ["x", 1], "b": (2.5,), "c": {"z"}, "d": [], "e": network})
    assert await written(form()) == b"a=x&a=1&b=2.5&c=z&e=10.0.0.0%2F8"
