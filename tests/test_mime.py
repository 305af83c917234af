from __future__ import annotations

import pytest

from httptrace.headers.mime import (
    charset_of,
    content_type_of,
    is_json,
    parse_mimetype,
    scan_parameters,
    text_encoding,
)


@pytest.mark.parametrize(
    ("header", "kind", "parameters"),
    [
        ("text/html", "text/html", {}),
        (" TEXT/HTML ; Charset=UTF-8", "text/html", {"charset": "UTF-8"}),
        ('text/html; charset="utf-8"; a', "text/html", {"charset": "utf-8", "a": ""}),
        ('text/html; a="b;c,d"; e=f', "text/html", {"a": "b;c,d", "e": "f"}),
        (r'text/html; a="b\"c\\d"', "text/html", {"a": r"b\"c\d".replace(r"\"", '"')}),
        ("text/html; charset=a; charset=b", "text/html", {"charset": "a"}),
        ("text/html;;; ;charset=x;", "text/html", {"charset": "x"}),
        ('text/html; a="never closed', "text/html", {"a": "never closed"}),
        ("text/html; =x; b=c", "text/html", {}),
        ("application/vnd.api+json;v=1", "application/vnd.api+json", {"v": "1"}),
    ],
)
def test_content_type_is_read(header: str, kind: str, parameters: dict[str, str]) -> None:
    """The type is in lower case, parameters have lower-case names and unquoted values."""
    assert content_type_of(header) == (kind, parameters)


@pytest.mark.parametrize(
    "header",
    [
        *("", " ", "text", "garbage", "/", "text/", "/html", "a/b/c", "te xt/html", "a/b, c/d"),
        *("é/b", "text/html charset=utf-8", "text/ht\x00ml", "; charset=utf-8", "text/html\n"),
    ],
)
def test_malformed_type_is_octet_stream(header: str) -> None:
    """An invalid media type counts as application/octet-stream."""
    assert content_type_of(header) == ("application/octet-stream", {})


def test_parameters_cannot_be_changed() -> None:
    """The result is shared, so it is read-only."""
    _, parameters = content_type_of("text/html; a=b")
    with pytest.raises(TypeError):
        parameters["a"] = "c"  # type: ignore[index]


@pytest.mark.parametrize(
    ("header", "charset"),
    [
        ("text/html; charset=UTF-8", "UTF-8"),
        ('text/html; charset="Latin1"', "Latin1"),
        ("text/html; charset='utf-8'", "utf-8"),
        ("text/html; charset=", None),
        ("text/html", None),
        ("nonsense; charset=utf-8", None),
    ],
)
def test_charset_is_read(header: str, charset: str | None) -> None:
    """The charset is returned as written, without quotes of either kind, or not at all."""
    assert charset_of(header) == charset


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("application/json", True),
        ("application/problem+json", True),
        ("application/vnd.api.v1+json", True),
        ("text/json", False),
        ("application/jsonp", False),
        ("application/json5", False),
    ],
)
def test_json_types_are_known(kind: str, expected: bool) -> None:
    """JSON is application/json and every type with the suffix +json."""
    assert is_json(kind) is expected


def test_mimetype_in_its_parts() -> None:
    """A media type is split into type, subtype, suffix and parameters."""
    parts = parse_mimetype('Application/vnd.Api+JSON; V="1;2"')
    assert parts[:3] == ("application", "vnd.api", "json")
    assert dict(parts.parameters) == {"v": "1;2"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ("", "", "")), ("*", ("*", "*", "")), ("text", ("text", "", ""))],
)
def test_mimetype_that_is_cut_short(text: str, expected: tuple[str, str, str]) -> None:
    """Missing parts are empty, and a single star is */*."""
    assert parse_mimetype(text)[:3] == expected


def test_scan_stops_at_a_comma() -> None:
    """Parameters end where the next element of a list begins."""
    text = '; a="1,2"; b=3, next'
    pairs, end = scan_parameters(text)
    assert pairs == [("a", "1,2"), ("b", "3")]
    assert text[end:] == ", next"


def test_scan_of_a_long_line_of_separators_is_quick() -> None:
    """A megabyte of invalid input is parsed in one pass."""
    pairs, end = scan_parameters("; " * 500_000 + ';a="' + "\\" * 1001)
    assert len(pairs) == 1
    assert end > 1_000_000


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("UTF8", "utf-8"),
        ("latin-1", "iso8859-1"),
        ("ISO_8859-1:1987", "iso8859-1"),
        ("us-ascii", "ascii"),
        ("windows-1252", "cp1252"),
        ("Shift_JIS", "shift_jis"),
        ("utf-7", "utf-7"),
    ],
)
def test_charsets_are_encodings(charset: str, encoding: str) -> None:
    """A charset that Python can decode has the name of Python's encoding."""
    assert text_encoding(charset) == encoding


@pytest.mark.parametrize(
    "charset",
    [
        *("base64", "BASE_64", "rot13", "hex", "zlib", "bz2", "uu", "quopri"),
        *("idna", "punycode", "unicode_escape", "Unicode-Escape", "raw_unicode_escape"),
        *("charmap", "undefined", "mbcs", "oem", "klingon", "none", "", " ", "a\0b", "ü", "\udce9"),
        *("x" * 41, "utf-8\n", "../utf-8", "encodings.utf_8"),
    ],
)
def test_what_is_no_charset(charset: str) -> None:
    """Codecs of Python that are not text encodings, and unknown names, are not charsets."""
    assert text_encoding(charset) is None
