from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from http.cookies import BaseCookie, Morsel, SimpleCookie
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from httptrace.cookies.jar import (
    AbstractCookieJar,
    CookieJar,
    DummyCookieJar,
    cookie_header,
    length_counts,
    request_cookies,
)

URL_A = URL("https://www.example.com/dir/page")


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def jar_with(*headers: str, url: URL | str = URL_A, **options: Any) -> CookieJar:
    jar = CookieJar(**options)
    jar.update_cookies_from_headers(headers, URL(url))
    return jar


def names(jar: CookieJar) -> list[str]:
    return [morsel.key for morsel in jar]


def test_works_without_a_loop_and_is_empty() -> None:
    """A jar can be made outside of a running loop and is empty."""
    jar = CookieJar()
    assert len(jar) == 0 and not jar and list(jar) == []
    assert cookie_header(jar, URL_A) == ""
    assert (jar.unsafe, jar.quote_cookie, jar.treat_as_secure_origin) == (False, True, frozenset())


def test_cookie_goes_back_to_its_host_only() -> None:
    """Without Domain a cookie goes to the very host that set it."""
    jar = jar_with("a=1; Path=/")
    assert cookie_header(jar, URL_A) == "a=1"
    assert cookie_header(jar, URL("https://sub.www.example.com/")) == ""
    assert cookie_header(jar, URL("https://example.com/")) == ""
    assert jar.host_only_cookies == {("www.example.com", "/", "a")}


@pytest.mark.parametrize("domain", ["example.com", ".example.com", "EXAMPLE.com"])
def test_domain_cookie_goes_to_all_hosts_below(domain: str) -> None:
    """With Domain a cookie goes to that domain and all below it, and to no other."""
    jar = jar_with(f"a=1; Path=/; Domain={domain}")
    for host in ("example.com", "www.example.com", "x.y.example.com"):
        assert cookie_header(jar, URL(f"https://{host}/")) == "a=1"
    for host in ("badexample.com", "com", "example.com.evil.org", "1.2.3.4"):
        assert cookie_header(jar, URL(f"https://{host}/")) == ""
    assert jar.host_only_cookies == frozenset()


@pytest.mark.parametrize(
    "domain", ["other.com", "sub.www.example.com", "ww.example.com", "com", "xample.com", "."]
)
def test_foreign_domain_is_refused(domain: str) -> None:
    """A host cannot set cookies for other hosts, hosts below it, or a top-level domain."""
    jar = jar_with(f"a=1; Domain={domain}")
    assert len(jar) == (1 if domain == "." else 0)


@pytest.mark.parametrize("domain", ["", "example.com."])
def test_domain_that_says_nothing_is_host_only(domain: str) -> None:
    """An empty domain, or one with a dot at its end, is as good as none."""
    assert jar_with(f"a=1; Path=/; Domain={domain}").host_only_cookies


def test_single_label_host_can_name_itself() -> None:
    """localhost may say Domain=localhost: the cookie is host-only."""
    jar = jar_with("a=1; Domain=localhost", url="http://localhost/")
    assert jar.host_only_cookies == {("localhost", "/", "a")}


def test_public_suffixes_of_a_list() -> None:
    """No cookie is set for a domain that the user's hook calls a public suffix."""
    jar = CookieJar(is_public_suffix={"co.uk"}.__contains__)
    jar.update_cookies_from_headers(["a=1; Domain=co.uk"], URL("https://shop.co.uk/"))
    assert len(jar) == 0
    jar.update_cookies_from_headers(["a=1; Domain=shop.co.uk"], URL("https://shop.co.uk/"))
    jar.update_cookies_from_headers(["b=1; Domain=co.uk"], URL("https://co.uk/"))
    assert [m["domain"] for m in jar] == ["shop.co.uk", "co.uk"]
    assert jar.host_only_cookies == {("co.uk", "/", "b")}


def test_international_domain_in_both_spellings() -> None:
    """A domain in Unicode and the same in punycode are one."""
    for spelling in ("éé.com", "xn--9caa.com"):
        jar = jar_with(f"a=1; Domain={spelling}", url="https://www.éé.com/")
        assert cookie_header(jar, URL("https://xn--9caa.com/")) == "a=1"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "10.0.0.1"])
def test_addresses_only_when_unsafe(host: str) -> None:
    """A host that is an address sets and gets no cookies unless the jar is unsafe."""
    url = URL(f"http://{host}/")
    assert len(jar_with("a=1", url=url)) == 0
    jar = jar_with("a=1", url=url, unsafe=True)
    assert cookie_header(jar, url) == "a=1"
    assert cookie_header(jar, URL("http://127.0.0.2/")) == ""


def test_domains_of_addresses() -> None:
    """An address can name itself as the domain, never a part of itself."""
    jar = jar_with(
        "a=1; Domain=127.0.0.1", "b=1; Domain=0.0.1", url="http://127.0.0.1", unsafe=True
    )
    assert jar.host_only_cookies == {("127.0.0.1", "/", "a")}


@pytest.mark.parametrize(
    ("attribute", "path", "sent"),
    [
        ("", "/dir/other", True),
        ("", "/dir", True),
        ("", "/directory", False),
        ("", "/", False),
        ("; Path=/", "/anything", True),
        ("; Path=/a/", "/a/b", True),
        ("; Path=/a/", "/a", False),
        ("; Path=/a", "/ab", False),
        ("; Path=relative", "/dir/x", True),
        ("; Path=/a; Path=/b", "/b", True),
    ],
)
def test_paths(attribute: str, path: str, sent: bool) -> None:
    """A cookie goes to its path and below; without a proper path to the directory that set it."""
    jar = jar_with(f"a=1{attribute}")
    assert bool(cookie_header(jar, URL_A.with_path(path))) is sent


def test_secure_cookies_need_a_secure_origin() -> None:
    """Secure cookies are set by and sent to https and wss alone."""
    jar = jar_with("a=1; Secure; Path=/")
    assert cookie_header(jar, URL_A.with_scheme("wss")) == "a=1"
    assert cookie_header(jar, URL_A.with_scheme("http")) == ""
    assert len(jar_with("a=1; Secure", url=URL_A.with_scheme("http"))) == 0


@pytest.mark.parametrize("origin", ["http://h.com", URL("http://h.com/x"), ["http://h.com"]])
def test_origins_treated_as_secure(origin: Any) -> None:
    """An origin that the user trusts may set and get secure cookies; its port counts."""
    jar = CookieJar(treat_as_secure_origin=origin)
    jar.update_cookies_from_headers(["a=1; Secure"], URL("http://h.com/"))
    assert jar.treat_as_secure_origin == {URL("http://h.com")}
    assert cookie_header(jar, URL("http://h.com/")) == "a=1"
    assert cookie_header(jar, URL("http://h.com:81/")) == ""


@pytest.mark.parametrize(("origin", "error"), [("h.com", ValueError), (5, TypeError)])
def test_bad_secure_origin(origin: Any, error: type[Exception]) -> None:
    """What is no absolute URL is refused when the jar is made."""
    with pytest.raises(error):
        CookieJar(treat_as_secure_origin=origin)


def test_insecure_origin_cannot_touch_secure_cookies() -> None:
    """Over http a secure cookie can neither be replaced nor deleted nor hidden."""
    jar = jar_with("a=1; Secure; Path=/; Domain=example.com")
    http = URL("http://www.example.com/login")
    for header in ("a=2; Path=/; Domain=example.com", "a=2", "a=; Max-Age=0; Domain=example.com"):
        jar.update_cookies_from_headers([header], http)
    assert [(m.key, m.value) for m in jar] == [("a", "1")]
    jar.update_cookies_from_headers(["b=2"], http)
    assert names(jar) == ["a", "b"]


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ("__Host-a=1; Secure; Path=/", True),
        ("__Host-a=1; Path=/", False),
        ("__Host-a=1; Secure", False),
        ("__Host-a=1; Secure; Path=/; Domain=www.example.com", False),
        ("__host-a=1; Path=/", False),
        ("__Secure-a=1; Secure", True),
        ("__Secure-a=1", False),
    ],
)
def test_prefixes_of_names(header: str, kept: bool) -> None:
    """A name that begins with __Host- or __Secure- is taken only with what it promises."""
    assert bool(jar_with(header)) is kept


def test_samesite_is_kept_but_ignored() -> None:
    """SameSite is about pages in a browser: it is remembered and changes nothing."""
    jar = jar_with("a=1; SameSite=Strict; Path=/")
    assert cookie_header(jar, URL_A) == "a=1"
    assert next(iter(jar))["samesite"] == "Strict"


def test_expiry_by_max_age_and_expires() -> None:
    """A cookie is gone at its time; Max-Age counts before Expires; without both it stays."""
    clock = Clock()
    past = "Thu, 01 Jan 1970 00:00:00 GMT"
    jar = jar_with(
        f"a=1; Max-Age=10; Expires={past}",
        "b=1; Expires=Tue, 14 Nov 2023 22:13:40 GMT",
        "c=1",
        "d=1; Max-Age=99999999999999999999999999",
        "e=1; Expires=never",
        clock=clock,
    )
    assert names(jar) == ["a", "b", "c", "d", "e"]
    clock.now += 10
    assert cookie_header(jar, URL_A) == "b=1; c=1; d=1; e=1"
    clock.now += 10
    assert len(jar) == 3
    clock.now += 1e9
    assert names(jar) == ["c", "d", "e"]


@pytest.mark.parametrize(
    "deletion", ["Max-Age=0", "Max-Age=-5", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"]
)
def test_expired_cookie_deletes(deletion: str) -> None:
    """A cookie that has already expired takes away the one that is there."""
    jar = jar_with("a=1; Path=/", f"a=; Path=/; {deletion}")
    assert len(jar) == 0


def test_replaced_cookie_keeps_its_place() -> None:
    """A new value replaces the old one and goes out in the old one's place, with its own expiry."""
    clock = Clock()
    jar = jar_with("a=1; Max-Age=5", "b=1", "a=2", clock=clock)
    clock.now += 6
    assert cookie_header(jar, URL_A) == "a=2; b=1"


def test_order_of_the_header() -> None:
    """Longer paths go first, then what was set first; one name may go twice (RFC 6265, 5.4)."""
    jar = jar_with("a=root; Path=/", "b=1; Path=/", "a=dir; Path=/dir", "c=1; Path=/dir/page")
    assert cookie_header(jar, URL_A) == "c=1; a=dir; a=root; b=1"
    assert jar.filter_cookies(URL_A)["a"].value == "dir"


def test_filter_cookies_is_a_base_cookie_of_plain_morsels() -> None:
    """filter_cookies gives names and values as aiohttp's jar does, without attributes."""
    cookies = jar_with("a=1; HttpOnly; Path=/", 'b="x y"').filter_cookies(URL_A)
    assert isinstance(cookies, BaseCookie)
    assert cookies.output(header="", sep=";") == ' a=1; b="x y"'
    assert cookies["b"].value == "x y"


def test_received_value_goes_back_as_it_came() -> None:
    """Quotes, blanks and JSON in a value from a server are returned untouched."""
    headers = ['a="x y"', "b=x y", 'c={"k": [1]}', "d=é", "e=a=b=", "f=", r'g="\"\054"', "h[i]=1"]
    jar = jar_with(*headers)
    assert cookie_header(jar, URL_A) == "; ".join(headers)
    assert {m.key: m.value for m in jar}["g"] == '",'


def test_given_value_is_quoted_where_needed() -> None:
    """A value that the user gives is quoted as http.cookies does it."""
    jar = CookieJar()
    jar.update_cookies({"a": "x y", "b": "plain", "c": "x;y"})
    assert cookie_header(jar, URL_A) == r'a="x y"; b=plain; c="x\073y"'


def test_no_quotes_when_switched_off() -> None:
    """With quote_cookie=False values go without quotes, and what needs them is an error."""
    jar = jar_with('a="x y"', r'c="x\073y"', quote_cookie=False)
    jar.update_cookies({"b": "x y"})
    assert cookie_header(jar, URL_A) == r'a=x y; c="x\073y"; b=x y'
    with pytest.raises(ValueError, match="'d'"):
        jar.update_cookies({"d": "1; admin=1"})


def morsel(**attributes: Any) -> Morsel[str]:
    result: Morsel[str] = Morsel()
    result.set("m", "1", "1")
    for key, value in attributes.items():
        result[key] = value
    return result


@pytest.mark.parametrize(
    "given",
    [
        {"m": "1"},
        {"m": 1},
        [("m", "1")],
        SimpleCookie("m=1"),
        {"m": morsel()},
        [("m", morsel())],
        {"any": SimpleCookie("m=1")},
    ],
)
def test_given_cookies_go_everywhere(given: Any) -> None:
    """Cookies given without a URL, in any form, go to every host, addresses too."""
    jar = CookieJar()
    jar.update_cookies(given)
    for url in ("http://a.com/x", "https://b.org", "http://127.0.0.1/"):
        assert cookie_header(jar, URL(url)) == "m=1"
    assert jar.filter_cookies()["m"].value == "1"


def test_given_morsel_keeps_its_scope() -> None:
    """A Morsel's own domain, path, secure and max-age hold without a URL too."""
    clock = Clock()
    jar = CookieJar(clock=clock)
    jar.update_cookies(
        {"m": morsel(domain="example.com", path="/dir", secure=True, **{"max-age": 5})}
    )
    assert cookie_header(jar, URL_A) == "m=1"
    assert cookie_header(jar, URL_A.with_scheme("http")) == ""
    assert cookie_header(jar, URL_A.with_path("/")) == ""
    clock.now += 5
    assert len(jar) == 0


@pytest.mark.parametrize("name", ["", "a b", "a;b", "a=b", "a\r\n", "a\x00", "a,b"])
def test_given_name_that_cannot_be_sent(name: str) -> None:
    """A name that would change the header is an error that names it."""
    with pytest.raises(ValueError, match="Invalid cookie name"):
        CookieJar().update_cookies({name: "1"})


@pytest.mark.parametrize("value", ["x\r\ny: z", "x\ny", "x\x00", "x\x7f"])
def test_given_value_that_cannot_be_sent(value: str) -> None:
    """CR, LF, NUL and other control characters in a value are an error that names the cookie."""
    with pytest.raises(ValueError, match="'a'"):
        CookieJar().update_cookies({"a": value})


@pytest.mark.parametrize("given", ["a=1", 5, {"a": None}, {5: "1"}])
def test_given_cookies_of_a_wrong_type(given: Any) -> None:
    """What is no mapping or pairs, and a missing value, is a TypeError."""
    with pytest.raises(TypeError):
        CookieJar().update_cookies(given)


def test_limit_per_domain() -> None:
    """One domain keeps so many cookies; the one that was sent longest ago goes."""
    jar = jar_with("a=1; Path=/a", "b=1", "c=1", max_cookies_per_domain=3)
    cookie_header(jar, URL_A.with_path("/a"))
    jar.update_cookies_from_headers(["d=1"], URL_A)
    assert names(jar) == ["a", "c", "d"]
    jar.update_cookies_from_headers(["a=1"], URL("https://other.com"))
    assert len(jar) == 4


def test_limit_in_all_spares_what_the_user_gave() -> None:
    """A server that floods the jar evicts the oldest of all, never the user's own cookies."""
    jar = CookieJar(max_cookies=5)
    jar.update_cookies({"mine": "1"})
    for number in range(20):
        jar.update_cookies_from_headers(["a=1"], URL(f"https://h{number}.com"))
    assert len(jar) == 5
    assert [m["domain"] for m in jar] == ["", "h16.com", "h17.com", "h18.com", "h19.com"]


def test_secure_cookies_are_evicted_last() -> None:
    """Where one must go, a cookie that is not secure goes before one that is."""
    jar = jar_with("s=1; Secure", "b=1", "c=1", max_cookies_per_domain=2)
    assert names(jar) == ["s", "c"]


def test_oversized_cookie_is_ignored() -> None:
    """A cookie whose name and value exceed the limit is not stored; one at the limit is."""
    jar = jar_with("a=" + "x" * 4095, "b=" + "x" * 4096, "c=" + "é" * 2048)
    assert names(jar) == ["a"]
    assert len(jar_with("abc=1", max_cookie_size=3)) == 0


@pytest.mark.parametrize("limit", ["max_cookies", "max_cookies_per_domain", "max_cookie_size"])
def test_limits_must_be_positive(limit: str) -> None:
    """A limit of nothing is an error: DummyCookieJar keeps nothing."""
    with pytest.raises(ValueError, match="positive"):
        CookieJar(**{limit: 0})


def test_flood_of_one_cookie_does_not_grow() -> None:
    """One cookie set again and again, with an expiry each time, leaves no trace of the old ones."""
    jar = CookieJar()
    for number in range(1000):
        jar.update_cookies_from_headers([f"a={number}; Max-Age={number + 10}"], URL_A)
    assert len(jar) == 1
    assert len(jar._store._expiring) < 100


def test_clear() -> None:
    """clear() forgets all, or those of whom the predicate is true."""
    jar = jar_with("a=1; HttpOnly", "b=1; Domain=example.com")
    jar.clear(lambda morsel: bool(morsel["httponly"]))
    assert names(jar) == ["b"]
    jar.clear()
    assert len(jar) == 0


def test_clear_domain() -> None:
    """clear_domain() forgets a domain and all below it, and not what goes to every host."""
    jar = jar_with("a=1", "b=1; Domain=example.com")
    jar.update_cookies({"c": "1"})
    jar.update_cookies_from_headers(["d=1"], URL("https://badexample.com"))
    jar.clear_domain("example.com")
    assert names(jar) == ["c", "d"]


def test_iteration_gives_morsels_with_attributes() -> None:
    """Each Morsel tells domain, path, flags and when the cookie expires."""
    header = "a=1; Path=/p; Secure; HttpOnly; Max-Age=60"
    (found,) = jar_with(header, clock=Clock())
    assert (found.key, found.value, found["domain"]) == ("a", "1", "www.example.com")
    assert (found["path"], found["secure"], found["httponly"]) == ("/p", True, True)
    assert (found["max-age"], found["expires"]) == ("60", "Tue, 14 Nov 2023 22:14:20 GMT")


def test_jar_may_change_while_it_is_iterated() -> None:
    """Forgetting cookies inside a loop over the jar is safe."""
    jar = jar_with("a=1", "b=1", "c=1")
    for _ in jar:
        jar.clear()
    assert not jar


def test_cookies_by_domain_and_path() -> None:
    """The cookies property groups them as aiohttp's does and cannot be written to."""
    jar = jar_with("a=1; Path=/", "b=1; Path=/; Domain=example.com")
    assert set(jar.cookies) == {("www.example.com", "/"), ("example.com", "/")}
    assert jar.cookies["example.com", "/"]["b"].value == "1"
    with pytest.raises(TypeError):
        jar.cookies["x", "/"] = SimpleCookie()  # type: ignore[index]


def test_thousands_of_cookies_cost_a_request_nothing() -> None:
    """A request looks at the cookies of its own domains, not at all there are."""
    jar = CookieJar()
    for number in range(2999):
        jar.update_cookies_from_headers(["a=1"], URL(f"https://h{number}.com"))
    jar.update_cookies_from_headers(["b=1"], URL_A)
    seen: list[str] = []
    buckets = jar._store._buckets

    class Watched(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:  # type: ignore[override]
            seen.append(key)
            return super().get(key, default)

    jar._store._buckets = Watched(buckets)
    assert cookie_header(jar, URL_A) == "b=1"
    assert seen == ["www.example.com", "example.com", "com", ""]


def test_request_cookies_by_precedence() -> None:
    """The request's own cookies come before the jar's, and these before a header that was given."""
    jar = jar_with("a=jar", "b=jar")
    assert request_cookies(jar, URL_A) == "a=jar; b=jar"
    assert request_cookies(jar, URL_A, {"b": "own x"}) == 'b="own x"; a=jar'
    header = "c=header;a=header"
    assert request_cookies(jar, URL_A, {"b": "own"}, header) == "b=own; a=jar; c=header"
    assert request_cookies(CookieJar(), URL_A, None, header) == "c=header; a=header"
    assert request_cookies(DummyCookieJar(), URL_A) == ""


def test_dummy_jar_keeps_nothing() -> None:
    """The dummy jar takes everything and gives nothing."""
    jar = DummyCookieJar()
    jar.update_cookies({"a": "1"})
    jar.update_cookies_from_headers(["a=1"], URL_A)
    jar.clear()
    jar.clear_domain("example.com")
    assert len(jar) == 0 and list(jar) == [] and cookie_header(jar, URL_A) == ""
    assert not jar.filter_cookies(URL_A) and not jar.cookies and not jar.host_only_cookies
    assert (jar.unsafe, jar.quote_cookie) == (False, True)


class OwnJar(AbstractCookieJar):
    """A user's jar that has what is abstract and nothing else."""

    cookies = {}  # type: ignore[assignment]
    host_only_cookies = frozenset()  # type: ignore[assignment]
    unsafe = False  # type: ignore[assignment]
    quote_cookie = True  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: SimpleCookie = SimpleCookie()

    def __len__(self) -> int:
        return len(self.kept)

    def __iter__(self) -> Any:
        return iter(self.kept.values())

    def clear(self, predicate: Callable[[Morsel[str]], bool] | None = None) -> None:
        self.kept.clear()

    def clear_domain(self, domain: str) -> None:
        self.kept.clear()

    def update_cookies(self, cookies: Any, response_url: URL = URL_A) -> None:
        self.kept.update(cookies)

    def filter_cookies(self, request_url: URL) -> BaseCookie[str]:
        return self.kept


def test_own_jar_needs_the_abstract_methods_only() -> None:
    """A user's jar gets headers as cookies and has a Cookie header made of what it gives."""
    jar = OwnJar()
    jar.update_cookies_from_headers(["a=1; Path=/x", 'b="x y"'], URL_A)
    assert jar.kept["a"]["path"] == "/x"
    assert cookie_header(jar, URL_A) == 'a=1; b="x y"'
    with pytest.raises(TypeError, match="abstract"):
        AbstractCookieJar()  # type: ignore[abstract]


def test_a_morsel_goes_by_its_own_name() -> None:
    """A Morsel is sent by its name, not by the one under which it is given."""
    jar = CookieJar()
    jar.update_cookies({"given": morsel()})
    assert cookie_header(jar, URL_A) == "m=1"
    assert names(jar) == ["m"]


def test_a_plain_value_has_what_its_name_promises() -> None:
    """A user's own __Secure- cookie is taken for a site, and goes to it over TLS alone."""
    jar = CookieJar()
    jar.update_cookies({"__Secure-a": "1", "__Host-b": "2"}, URL_A.with_path("/x/y"))
    assert cookie_header(jar, URL_A) == "__Host-b=2"
    below = URL_A.with_path("/x/z")
    assert cookie_header(jar, below) == "__Secure-a=1; __Host-b=2"
    assert cookie_header(jar, below.with_scheme("http")) == ""
    jar = CookieJar()
    jar.update_cookies({"__Secure-a": "1"}, URL_A.with_scheme("http"))
    assert len(jar) == 0


def test_own_cookies_of_a_request_to_a_trusted_origin() -> None:
    """A secure cookie of one request goes where the jar's secure cookies would go."""
    plain = URL_A.with_scheme("http")
    own = {"m": morsel(secure=True)}
    assert request_cookies(CookieJar(), plain, own) == ""
    assert request_cookies(CookieJar(treat_as_secure_origin=plain), plain, own) == "m=1"


def test_subclass_is_told_of_received_cookies() -> None:
    """A jar with an `update_cookies` of its own is given the cookies of responses too."""
    told: list[tuple[str, str]] = []

    class Told(CookieJar):
        def update_cookies(self, cookies: Any, response_url: URL = URL_A) -> None:
            told.extend((name, cookie["path"]) for name, cookie in cookies)
            super().update_cookies(cookies, response_url)

    jar = Told()
    jar.update_cookies_from_headers(["a=1; Path=/x", "a=2; Path=/", "no cookie"], URL_A)
    assert told == [("a", "/x"), ("a", "/")]
    assert cookie_header(jar, URL_A.with_path("/x")) == "a=1; a=2"


def test_subclass_chooses_what_is_sent() -> None:
    """A jar with a `filter_cookies` of its own is asked for each request, even if it is empty."""

    class Choosing(CookieJar):
        def filter_cookies(self, request_url: URL = URL_A) -> BaseCookie[str]:
            return SimpleCookie({"for": request_url.raw_host or ""})

    jar = Choosing()
    assert request_cookies(jar, URL_A) == "for=www.example.com"
    assert not length_counts(jar) and not length_counts(OwnJar())
    assert length_counts(CookieJar()) and length_counts(DummyCookieJar())


def test_time_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A jar without a clock of its own goes by `time.time` as it is now."""
    jar = CookieJar()
    jar.update_cookies_from_headers(["a=1; Max-Age=60"], URL_A)
    later = time.time() + 61
    monkeypatch.setattr("time.time", lambda: later)
    assert len(jar) == 0


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_any_bytes_can_be_in_a_cookie(name: bytes, rest: bytes) -> None:
    """What a server sends never breaks its response: it is kept and sent back, or ignored."""
    header = (name + b"=" + rest).decode("utf-8", "surrogateescape")
    jar = jar_with(header, header + "; Domain=" + header, header + "; Path=/" + header)
    sent = cookie_header(jar, URL_A).encode("utf-8", "surrogateescape")
    assert not sent or sent.startswith(name.strip(b" \t"))


def test_a_host_of_thousands_of_labels_is_no_trouble() -> None:
    """Each label more costs time and memory by itself, not with all the others."""
    jar = jar_with("a=1")
    tracemalloc.start()
    try:
        assert cookie_header(jar, URL(f"https://{'a.' * 4000}example.com/")) == ""
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
