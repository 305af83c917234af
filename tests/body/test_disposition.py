"""Content-Disposition, parsed and written."""

from __future__ import annotations

import ntpath
import posixpath
import warnings
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptrace.body import disposition
from httptrace.body.disposition import (
    BadContentDispositionHeader,
    BadContentDispositionParam,
    content_disposition,
    content_disposition_filename,
    content_disposition_header,
    parse_content_disposition,
    without_path,
)

HEADERS = [
    None,
    "",
    "attachment",
    "ATTACHMENT; FILENAME=x",
    'attachment; filename="a b.txt"',
    "attachment; filename=a.txt",
    'attachment; filename= "x" ; a = b',
    'attachment; filename=""',
    'attachment; filename="a;b.txt"; x=y',
    'form-data; name="x"; filename="q\\"u.txt"',
    "attachment; filename=%e9%20.txt",
    # RFC 8187
    "inline; filename*=UTF-8''%e2%82%ac.txt",
    "attachment; filename=a; filename*=UTF-8''b",
    "attachment; filename*=iso-8859-1'en'%a3",
    "attachment; filename*=UTF-8''%ff",
    "attachment; filename*=\"UTF-8''x\"",
    "form-data; name*=utf-8''a%0D%0Ab",
    # RFC 2231
    "attachment; filename*0=a; filename*1=b",
    'attachment; filename*1="b"; filename*0="a"',
    "attachment; filename*0*=UTF-8''%e2; filename*1*=%82%ac",
    "attachment; filename*0*=x; filename*00=y",
    # malformed
    "attachment;",
    "attachment; filename",
    "attachment; filename=a; filename=b",
    "attachment; filename=a b.txt",
    "attachment; filename=\xe9.txt",
    'attachment; filename="unclosed',
    "attachment; file name=x",
    "attachment; /x=y",
    "attachment; a=b;;c=d",
    "foo bar; x=1",
    '"x"; a=b',
    "=x",
]


def told(library: Any, header: str | None) -> tuple[Any, ...]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        kind, params = library.parse_content_disposition(header)
        names = [library.content_disposition_filename(params, key) for key in ("filename", "name")]
    return kind, params, names, [warning.category.__name__ for warning in caught]


@pytest.mark.parametrize("header", HEADERS)
def test_headers_are_read_as_by_aiohttp(header: str | None) -> None:
    """Type, parameters, file name, name and warnings are aiohttp's."""
    assert told(disposition, header) == told(aiohttp, header)


def test_warnings_tell_what_is_bad() -> None:
    """The warning about a malformed header quotes it, that about a parameter the parameter."""
    with pytest.warns(BadContentDispositionHeader, match="foo bar"):
        assert parse_content_disposition("foo bar; x=1") == (None, {})
    with pytest.warns(BadContentDispositionParam, match="/x=y"):
        assert parse_content_disposition("inline; /x=y; a=b") == ("inline", {"a": "b"})
    with pytest.warns(BadContentDispositionParam, match="klingon"):
        assert parse_content_disposition("inline; a*=klingon''%ff") == ("inline", {})


@given(st.text() | st.text("abc*;=\"\\%' \t0"))
def test_nothing_breaks_the_reader(text: str) -> None:
    """Parsing any header returns or warns, and never raises."""
    told(disposition, "attachment; " + text)


def test_long_headers_are_read_in_linear_time() -> None:
    """Parsing adversarial headers does not take quadratic time."""
    for filler in (" ", '\\"', ";", "a ", "*", "\t="):
        told(disposition, "attachment; a" + filler * 100_000 + '"')


@given(st.dictionaries(st.sampled_from(["name", "filename"]), st.text(), min_size=1))
def test_what_is_written_is_read_back(params: dict[str, str]) -> None:
    """Names with any characters are read back; control characters and file names are encoded."""
    params = {name: "".join(c for c in value if c.isprintable()) for name, value in params.items()}
    header = content_disposition_header("form-data", **params)
    kind, read = parse_content_disposition(header)
    assert kind == "form-data"
    assert read.get("name") == params.get("name")
    unquoted = content_disposition_header("form-data", False, **params)
    if "filename" in params:
        params["filename"] = without_path(params["filename"])
    assert parse_content_disposition(unquoted) == ("form-data", params)


PATHS = [
    ("/etc/passwd", "passwd"),
    ("../../etc/passwd", "passwd"),
    ("..\\..\\boot.ini", "boot.ini"),
    ("C:\\Users\\me\\report.pdf", "report.pdf"),
    ("C:report.pdf", "report.pdf"),
    ("C:D:report.pdf", "report.pdf"),
    ("\\\\server\\share\\x", "x"),
    ("a/b\\c", "c"),
    ("..", ""),
    (".", ""),
    (". .. ", ""),
    ("/", ""),
    ("a/", ""),
    ("a/..", ""),
    ("C:", ""),
    ("C:..", ""),
    ("..\0", ""),
    ("C\0:x", "x"),
    ("a\0b.txt", "ab.txt"),
    ("a\x85\r\nb.txt", "ab.txt"),
    ("invoice\u202efdp.exe", "invoicefdp.exe"),
    (".profile", ".profile"),
    ("a..b", "a..b"),
    ("~", "~"),
    ("a b:c.txt", "a b:c.txt"),
    ("h\xe9\u20ac.txt", "h\xe9\u20ac.txt"),
]


@pytest.mark.parametrize(("given_name", "name"), PATHS)
def test_file_names_have_no_path(given_name: str, name: str) -> None:
    """Folders, drives and control characters are removed from a file name in every encoding."""
    encoded = quote(given_name, safe="")
    half = len(given_name) // 2
    first, rest = (quote(piece, safe="") for piece in (given_name[:half], given_name[half:]))
    escaped = given_name.replace("\\", "\\\\")
    for header in (
        f'attachment; filename="{escaped}"',
        f"attachment; filename*=UTF-8''{encoded}",
        f"attachment; filename*0*=UTF-8''{first}; filename*1*={rest}",
    ):
        found = content_disposition(header)
        assert found is not None
        assert found.filename == name
        decoded = [found.parameters.get(key, name) for key in ("filename", "filename*")]
        assert decoded == [name, name]


@given(st.text() | st.text("./\\:C \0\n"))
def test_no_file_name_leads_out_of_a_folder(text: str) -> None:
    """The path of a folder joined with a file name from a header never leaves the folder."""
    name = content_disposition_filename({"filename": text})
    assert name is not None
    for path in (posixpath, ntpath):
        joined = path.normpath(path.join("folder", name))
        assert joined == "folder" or path.dirname(joined) == "folder"
        assert path.splitdrive(joined)[0] == ""


def test_names_of_fields_keep_their_path() -> None:
    """The name of a field is not a file name and is not changed."""
    found = content_disposition('form-data; name="a/../b\\\\c"')
    assert found is not None
    assert found.parameters["name"] == "a/../b\\c"


@pytest.mark.parametrize(
    "charset", ["base64", "rot13", "idna", "unicode_escape", "zlib", "klingon"]
)
def test_names_in_codecs_that_are_no_charsets(charset: str) -> None:
    """A parameter in a codec that is no charset is malformed."""
    with pytest.warns(BadContentDispositionParam):
        assert parse_content_disposition(f"inline; a*={charset}''QQ") == ("inline", {})
    assert content_disposition_filename({"filename*0*": f"{charset}''QQ"}) is None


@pytest.mark.parametrize("bad", ["", "a b", "\xe9", "a;b", "a\n"])
def test_names_must_be_tokens(bad: str) -> None:
    """Types and parameter names that are not tokens raise ValueError."""
    with pytest.raises(ValueError, match="type"):
        content_disposition_header(bad)
    with pytest.raises(ValueError, match="parameter"):
        content_disposition_header("inline", **{bad: "x"})


@pytest.mark.parametrize("bad", ["a\rb", "a\nb", "a\x00b", "a\x7fb"])
def test_control_characters_do_not_get_through(bad: str) -> None:
    """Control characters are percent-encoded, and raise ValueError without quote_fields."""
    for name in ("name", "filename"):
        header = content_disposition_header("form-data", **{name: bad})
        assert header == f'form-data; {name}="a%{ord(bad[1]):02X}b"'
        with pytest.raises(ValueError, match=f"Control characters.*{name}"):
            content_disposition_header("form-data", False, **{name: bad})


def test_of_a_response() -> None:
    """`content_disposition` of a response has type, parameters and file name, or is None."""
    found = content_disposition("attachment; filename=a; filename*=UTF-8''%e9%9b%aa")
    assert found is not None
    assert (found.type, found.filename) == ("attachment", "\u96ea")
    assert found.parameters["filename"] == "a"
    assert content_disposition(None) is None


def test_pieces_that_cannot_be_decoded() -> None:
    """A name in pieces that cannot be decoded in their charset counts as missing."""
    assert content_disposition_filename({"filename*0*": "utf-8''%ff"}) is None
