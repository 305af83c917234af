from __future__ import annotations

from time import process_time

import pytest
from yarl import URL

from httptrace.response.links import parse_links

BASE = URL("http://host/a/b?q=1")


def test_absolute_and_relative_targets() -> None:
    """Targets are resolved against the URL of the response."""
    links = parse_links(["<http://x/y>; rel=next, </p>; rel=prev, <c>; rel=up, <>; rel=self"], BASE)
    assert links["next"]["url"] == URL("http://x/y")
    assert links["prev"]["url"] == URL("http://host/p")
    assert links["up"]["url"] == URL("http://host/a/c")
    assert links["self"]["url"] == BASE


def test_parameters_are_kept() -> None:
    """Parameters have lower-case names and unquoted values, commas and semicolons in quotes too."""
    links = parse_links([r'<a>; Rel="next"; TITLE="q, \"x\"; y"; foo'], BASE)
    assert dict(links["next"]) == {
        "rel": "next",
        "title": 'q, "x"; y',
        "foo": "",
        "url": URL("http://host/a/a"),
    }


def test_link_without_relation_stands_under_its_target() -> None:
    """As in aiohttp, a link without rel has its target as the key."""
    assert parse_links(["<a>; title=x"], BASE)["a"]["title"] == "x"


def test_several_relations_make_several_links() -> None:
    """rel="next last" is found as next and as last (RFC 8288, section 3.3)."""
    links = parse_links(['<a>; rel="next last"'], BASE)
    assert list(links) == ["next", "last"]
    assert links["last"]["rel"] == "next last"


def test_only_the_first_rel_counts() -> None:
    """A second rel parameter is ignored (RFC 8288, section 3.3)."""
    assert list(parse_links(["<a>; rel=n; rel=m"], BASE)) == ["n"]


def test_same_relation_twice() -> None:
    """Links of the same relation in several headers are all kept, in order."""
    links = parse_links(["<a>; rel=n", "<b>; rel=n"], BASE)
    assert [str(link["url"]) for link in links.getall("n")] == [
        "http://host/a/a",
        "http://host/a/b",
    ]


def test_parameter_named_url_is_not_the_target() -> None:
    """A parameter named url does not replace the target."""
    link = parse_links(["<a>; rel=n; url=http://evil/"], BASE)["n"]
    assert link.getall("url") == [URL("http://host/a/a")]


def test_comma_and_semicolon_in_a_target() -> None:
    """A target may contain the separators of the header."""
    assert parse_links(["<a,b;c>; rel=n"], BASE)["n"]["url"] == URL("http://host/a/a,b;c")


@pytest.mark.parametrize(
    "header",
    ["", "garbage", "<http://[bad>; rel=n", "a; rel=n", ",,,", '"x", y', "a<b>"],
)
def test_malformed_links_are_left_out(header: str) -> None:
    """A malformed link is ignored, and the links after it are parsed."""
    assert list(parse_links([header], BASE)) == []
    assert list(parse_links([f"{header}, <ok>; rel=good"], BASE)) == ["good"]


def test_target_that_is_never_closed() -> None:
    """A target without its closing bracket is no link."""
    assert list(parse_links(["<a", "<"], BASE)) == []


@pytest.mark.parametrize(
    "piece", ["<", ",", "<a>,", '"', "<a>;", ' ;"', "<a>;b=\\", "<,", '",', '"a",', " ", "a,"]
)
def test_long_header_is_quick(piece: str) -> None:
    """Parsing takes time in proportion to the length, for any bytes."""
    started = process_time()
    parse_links([piece * 50_000], BASE)
    assert process_time() - started < 3
