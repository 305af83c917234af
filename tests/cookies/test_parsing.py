from __future__ import annotations

import calendar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptrace.cookies.morsels import response_cookies
from httptrace.cookies.parsing import (
    parse_cookie_date,
    parse_cookie_header,
    parse_set_cookie,
    quote_value,
    unquote_value,
)

MOMENT = calendar.timegm((1994, 11, 6, 8, 49, 37))


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "06 Nov 1994 8:49:37",
        "1994 November 6th 08:49:37",
        "Sun, 6-NOV-94 08:49:37.123 UTC",
        "08:49:37 06 Nov 1994 GMT+0000 (Coordinated Universal Time)",
        "Wrongday,06/nov/94;08:49:37",
    ],
)
def test_dates_in_every_form_of_browsers(text: str) -> None:
    """Every order and punctuation that RFC 6265, section 5.1.1, allows is parsed."""
    assert parse_cookie_date(text) == MOMENT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "never",
        "0",
        "Sun, 06 Nov 1994",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1600 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Xyz 1994 08:49:37 GMT",
        "Sun, 006 Nov 1994 08:49:37 GMT",
    ],
)
def test_what_is_no_date(text: str) -> None:
    """An incomplete or impossible date is ignored."""
    assert parse_cookie_date(text) is None


@pytest.mark.parametrize(("year", "full"), [("69", 2069), ("70", 1970), ("00", 2000), ("99", 1999)])
def test_years_of_two_digits(year: str, full: int) -> None:
    """Two digits mean the years from 1970 to 2069."""
    expected = calendar.timegm((full, 1, 2, 3, 4, 5))
    assert parse_cookie_date(f"02 Jan {year} 03:04:05") == expected


def test_attributes() -> None:
    """Attributes are parsed whatever their case and spaces; unknown ones are ignored."""
    header = "a = b ; PATH = /p;domain=.h.com ;Secure=no;httponly;Max-Age=5;Expires=x;foo=bar;;"
    cookie = parse_set_cookie(header)
    assert cookie is not None
    assert cookie[:3] == ("a", "b", "b")
    assert (cookie.path, cookie.domain, cookie.max_age) == ("/p", ".h.com", "5")
    assert (cookie.secure, cookie.httponly, cookie.expires) == (True, True, "x")


def test_quotes_around_attributes() -> None:
    """Attributes in quotes, as in RFC 2109, are parsed without them; there are no escapes."""
    cookie = parse_set_cookie('a="1"; Path="/p"; Domain="h.com"; Max-Age="5"; SameSite="\\015"')
    assert cookie is not None
    assert (cookie.coded, cookie.path, cookie.domain) == ('"1"', "/p", "h.com")
    assert (cookie.max_age, cookie.samesite) == ("5", "\\015")


def test_last_attribute_counts() -> None:
    """The last of several equal attributes applies; a malformed Max-Age is ignored."""
    cookie = parse_set_cookie("a=1; Path=/x; Path=/y; Max-Age=1; Max-Age=soon")
    assert cookie is not None
    assert (cookie.path, cookie.max_age) == ("/y", "1")


def test_oversized_attribute_is_ignored() -> None:
    """An attribute of more than 1024 characters is ignored, as in browsers."""
    cookie = parse_set_cookie("a=1; Path=/" + "x" * 1024)
    assert cookie is not None
    assert cookie.path == ""


@pytest.mark.parametrize(
    ("header", "name", "coded"),
    [
        ("a=b=c", "a", "b=c"),
        ("a=", "a", ""),
        ("a b=c d", "a b", "c d"),
        ('a="b;c"', "a", '"b'),
        ("a=1,b=2", "a", "1,b=2"),
        ("é=ü", "é", "ü"),
        ('"a"=1', '"a"', "1"),
        ("\ta\t=\tb\t", "a", "b"),
    ],
)
def test_lenient_as_browsers(header: str, name: str, coded: str) -> None:
    """Unusual names and values are kept as they are, up to the first semicolon."""
    cookie = parse_set_cookie(header)
    assert cookie is not None
    assert (cookie.name, cookie.coded) == (name, coded)


@pytest.mark.parametrize(
    "header", ["", "a", "=b", " = ", ";a=b", "a=b\r\nX: y", "a=\x00", "a\x01=b", "a=b; Path=/\x7f"]
)
def test_ignored_as_browsers(header: str) -> None:
    """Without a name or an equals sign, or with control characters, there is no cookie."""
    assert parse_set_cookie(header) is None


@given(st.text(max_size=80))
def test_any_text_is_read_without_an_error(text: str) -> None:
    """Parsing any header never raises and never accepts a control character."""
    cookie = parse_set_cookie(text)
    if cookie is not None:
        assert not set("\r\n\0;") & set(cookie.name + str(cookie.coded))
    parse_cookie_date(text)
    parse_cookie_header(text)


@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_quoting_there_and_back(value: str) -> None:
    """Quoting can be undone."""
    assert unquote_value(quote_value(value)) == value


def test_cookie_header() -> None:
    """The pairs of a Cookie header are read unchanged."""
    assert parse_cookie_header('a=1; b="x y";c=d=e; =f; ;g') == [
        ("a", "1"),
        ("b", '"x y"'),
        ("c", "d=e"),
        ("g", ""),
    ]


def test_response_cookies() -> None:
    """The cookies of a response are a SimpleCookie with all attributes, also of unusual names."""
    cookies = response_cookies(
        ["a=1; Path=/p; Max-Age=5; Secure; SameSite=Lax", 'b[0]="x y"', "junk", "a=2; HttpOnly"]
    )
    assert list(cookies) == ["a", "b[0]"]
    assert (cookies["a"].value, cookies["a"]["httponly"], cookies["a"]["path"]) == ("2", True, "")
    assert (cookies["b[0]"].value, cookies["b[0]"].coded_value) == ("x y", '"x y"')
    (only,) = response_cookies(["a=1; Max-Age=5; Secure; SameSite=Lax; Partitioned"]).values()
    assert (only["max-age"], only["secure"], only["samesite"]) == ("5", True, "Lax")
