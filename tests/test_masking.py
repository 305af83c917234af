from __future__ import annotations

from collections.abc import Iterator
from time import process_time

import pytest
from yarl import URL

from httptrace import masking
from httptrace.masking import Masker, extend_masking, mask_header, mask_headers, mask_url


@pytest.fixture
def own_names() -> Iterator[None]:
    yield
    masking._own_headers.clear()
    masking._own_parameters.clear()
    masking._masker = Masker()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/path?page=2#top", "https://host/path?page=2#top"),
        ("https://me:pw@host:1/", "https://***@host:1/"),
        ("https://ghp_token@host/", "https://***@host/"),
        ("https://a@b:c@host/x@y", "https://***@host/x@y"),
        ("//me:pw@host/", "//***@host/"),
        ("me:pw@proxy:3128", "***@proxy:3128"),
        ("http://me:p/w@host/", "http://***@host/"),
        ("http://me:p#w@host/", "http://***@host/"),
        ("http://host:80/x@y", "http://host:80/x@y"),
        ("http://[::1]:80/x@y", "http://[::1]:80/x@y"),
        ("/cb?code=1&state=2", "/cb?code=***&state=2"),
        ("/?X-Amz-Signature=1&X-Amz-Date=2", "/?X-Amz-Signature=***&X-Amz-Date=2"),
        ("/?sv=1&sig=a%3D", "/?sv=1&sig=***"),
        (
            "/?accessToken=1&access_token=2&api%5Fkey=3",
            "/?accessToken=***&access_token=***&api%5Fkey=***",
        ),
        ("/?a=1;token=b;c&d=2", "/?a=1;token=***&d=2"),
        ("/#access_token=1&expires_in=2", "/#access_token=***&expires_in=2"),
        ("/?token", "/?token"),
        ("/?a=b=token=3", "/?a=b=token=3"),
        ("http://[broken?key=1", "http://[broken?key=***"),
        ("", ""),
    ],
)
def test_url(url: str, shown: str) -> None:
    """User info and secret parameters of a URL are masked and nothing else is changed."""
    assert mask_url(url) == shown


def test_yarl_url() -> None:
    """A yarl URL is accepted as well as text."""
    assert mask_url(URL("http://u:p@h/?key=1")) == "http://***@h/?key=***"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Authorization", "Bearer abc", "Bearer ***"),
        ("authorization", "abc", "***"),
        ("Proxy-Authorization", "Basic abc", "Basic ***"),
        ("Cookie", "a=b; c=d=e; f", "a=***; c=***;***"),
        ("Set-Cookie", "sid=x=y; Path=/; HttpOnly", "sid=***; Path=/; HttpOnly"),
        ("Set-Cookie", "naked", "***"),
        ("X-Api-Key", "1 2", "***"),
        ("x-goog-api-key", "1", "***"),
        ("X-Amz-Security-Token", "1", "***"),
        ("X-CSRF-Token", "1", "***"),
        ("X-Session-Id", "1", "***"),
        ("Location", "https://u:p@h/?a=1,2&code=3", "https://***@h/?a=1,2&code=***"),
        ("Link", "<https://h/?token=1>; rel=next", "<https://h/?token=***>; rel=next"),
        ("Refresh", "0; URL=https://h/?token=1", "0; URL=https://h/?token=***"),
        ("Content-Type", "text/html", "text/html"),
        ("WWW-Authenticate", 'Digest nonce="x"', 'Digest nonce="x"'),
        ("ETag", '"token=1"', '"token=1"'),
    ],
)
def test_header(name: str, value: str, shown: str) -> None:
    """Credentials in headers are masked; scheme, cookie names and attributes stay readable."""
    assert mask_header(name, value) == shown


def test_headers_keep_order_and_number() -> None:
    """Headers are returned as pairs in their order, repeated ones too."""
    items = [("A", "1"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
    assert mask_headers(items) == [("A", "1"), ("Set-Cookie", "a=***"), ("Set-Cookie", "b=***")]


def test_own_names_for_the_process(own_names: None) -> None:
    """extend_masking adds names to the known ones, whatever their case and punctuation."""
    extend_masking(headers=["X-Tenant"], parameters=["customer_no"])
    extend_masking(parameters=["pin"])
    assert mask_header("x-tenant", "1") == "***"
    assert mask_url("/?customerNo=1&pin=2&key=3") == "/?customerNo=***&pin=***&key=***"


def test_own_masker_is_alone() -> None:
    """The names of a Masker are its own."""
    assert Masker(parameters=["pin"]).url("/?pin=1") == "/?pin=***"
    assert mask_url("/?pin=1") == "/?pin=1"


@pytest.mark.parametrize("piece", ["?", "&a", ";", "=", "@", "//", "a:", "%", "<", "#;a"])
def test_hostile_input_is_quick(piece: str) -> None:
    """Masking takes time in proportion to the length."""
    started = process_time()
    mask_url("http://" + piece * 50_000)
    mask_header("Link", piece * 50_000)
    mask_header("Cookie", piece * 50_000)
    assert process_time() - started < 3
