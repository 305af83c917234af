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
    """A jar can be created without a running loop and is empty."""
    jar = CookieJar()
    assert len(jar) == 0 and not jar and list(jar) == []
    assert cookie_header(jar, URL_A) == ""
    assert (jar.unsafe, jar.quote_cookie, jar.treat_as_secure_origin) == (False, True, frozenset())


def test_cookie_goes_back_to_its_host_only() -> None:
    """Without Domain a cookie is sent only to the host that set it."""
    jar = jar_with("a=1; Path=/")
    assert cookie_header(jar, URL_A) == "a=1"
    assert cookie_header(jar, URL("https://sub.www.example.com/")) == ""
    assert cookie_header(jar, URL("https://example.com/")) == ""
    assert jar.host_only_cookies == {("www.example.com", "/", "a")}


@pytest.mark.parametrize("domain", ["example.com", ".example.com", "EXAMPLE.com"])
def test_domain_cookie_goes_to_all_hosts_below(domain: str) -> None:
    """With Domain a cookie is sent to that domain and its subdomains, and to no others."""
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
    """A host cannot set cookies for other hosts, its subdomains, or a top-level domain."""
    jar = jar_with(f"a=1; Domain={domain}")
    assert len(jar) == (1 if domain == "." else 0)


@pytest.mark.parametrize("domain", ["", "example.com."])
def test_domain_that_says_nothing_is_host_only(domain: str) -> None:
    """An empty domain, or one with a dot at its end, is ignored."""
    assert jar_with(f"a=1; Path=/; Domain={domain}").host_only_cookies


def test_single_label_host_can_name_itself() -> None:
    """localhost may say Domain=localhost: the cookie is host-only."""
    jar = jar_with("a=1; Domain=localhost", url="http://localhost/")
    assert jar.host_only_cookies == {("localhost", "/", "a")}


def test_public_suffixes_of_a_list() -> None:
    """A cookie for a domain that `is_public_suffix` accepts is rejected."""
    jar = CookieJar(is_public_suffix={"co.uk"}.__contains__)
    jar.update_cookies_from_headers(["a=1; Domain=co.uk"], URL("https://shop.co.uk/"))
    assert len(jar) == 0
    jar.update_cookies_from_headers(["a=1; Domain=shop.co.uk"], URL("https://shop.co.uk/"))
    jar.update_cookies_from_headers(["b=1; Domain=co.uk"], URL("https://co.uk/"))
    assert [m["domain"] for m in jar] == ["shop.co.uk", "co.uk"]
    assert jar.host_only_cookies == {("co.uk", "/", "b")}


def test_international_domain_in_both_spellings() -> None:
    """A domain in Unicode and the same in punycode are equal."""
    for spelling in ("éé.com", "xn--9caa.com"):
        jar = jar_with(f"a=1; Domain={spelling}", url="https://www.éé.com/")
        assert cookie_header(jar, URL("https://xn--9caa.com/")) == "a=1"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "10.0.0.1"])
def test_addresses_only_when_unsafe(host: str) -> None:
    """Cookies of an IP address are stored and sent only by an unsafe jar."""
    url = URL(f"http://{host}/")
    assert len(jar_with("a=1", url=url)) == 0
    jar = jar_with("a=1", url=url, unsafe=True)
    assert cookie_header(jar, url) == "a=1"
    assert cookie_header(jar, URL("http://127.0.0.2/")) == ""


def test_domains_of_addresses() -> None:
    """An address can name itself as the domain, but no part of itself."""
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
    """A cookie is sent to its path and below; the default is the directory that set it."""
    jar = jar_with(f"a=1{attribute}")
    assert bool(cookie_header(jar, URL_A.with_path(path))) is sent


def test_secure_cookies_need_a_secure_origin() -> None:
    """Secure cookies are set by and sent to https and wss only."""
    jar = jar_with("a=1; Secure; Path=/")
    assert cookie_header(jar, URL_A.with_scheme("wss")) == "a=1"
    assert cookie_header(jar, URL_A.with_scheme("http")) == ""
    assert len(jar_with("a=1; Secure", url=URL_A.with_scheme("http"))) == 0


@pytest.mark.parametrize("origin", ["http://h.com", URL("http://h.com/x"), ["http://h.com"]])
def test_origins_treated_as_secure(origin: Any) -> None:
    """A trusted origin may set and get secure cookies; its port matters."""
    jar = CookieJar(treat_as_secure_origin=origin)
    jar.update_cookies_from_headers(["a=1; Secure"], URL("http://h.com/"))
    assert jar.treat_as_secure_origin == {URL("http://h.com")}
    assert cookie_header(jar, URL("http://h.com/")) == "a=1"
    assert cookie_header(jar, URL("http://h.com:81/")) == ""


@pytest.mark.parametrize(("origin", "error"), [("h.com", ValueError), (5, TypeError)])
def test_bad_secure_origin(origin: Any, error: type[Exception]) -> None:
    """A trusted origin that is not an absolute URL raises when the jar is created."""
    with pytest.raises(error):
        CookieJar(treat_as_secure_origin=origin)


def test_insecure_origin_cannot_touch_secure_cookies() -> None:
    """Over http a secure cookie cannot be replaced, deleted or shadowed."""
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
    """A name that begins with __Host- or __Secure- requires the attributes of its prefix."""
    assert bool(jar_with(header)) is kept


def test_samesite_is_kept_but_ignored() -> None:
    """SameSite applies to pages in a browser: it is stored and has no effect."""
    jar = jar_with("a=1; SameSite=Strict; Path=/")
    assert cookie_header(jar, URL_A) == "a=1"
    assert next(iter(jar))["samesite"] == "Strict"


def test_expiry_by_max_age_and_expires() -> None:
    """A cookie expires; Max-Age has precedence over Expires; without both it stays."""
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
    """A cookie that is already expired deletes the existing one."""
    jar = jar_with("a=1; Path=/", f"a=; Path=/; {deletion}")
    assert len(jar) == 0


def test_replaced_cookie_keeps_its_place() -> None:
    """A new value keeps the place of the old one in the order, and has its own expiry."""
    clock = Clock()
    jar = jar_with("a=1; Max-Age=5", "b=1", "a=2", clock=clock)
    clock.now += 6
    assert cookie_header(jar, URL_A) == "a=2; b=1"


def test_order_of_the_header() -> None:
    """Longer paths are sent first, then older cookies; a name may occur twice (RFC 6265, 5.4)."""
    jar = jar_with("a=root; Path=/", "b=1; Path=/", "a=dir; Path=/dir", "c=1; Path=/dir/page")
    assert cookie_header(jar, URL_A) == "c=1; a=dir; a=root; b=1"
    assert jar.filter_cookies(URL_A)["a"].value == "dir"


def test_filter_cookies_is_a_base_cookie_of_plain_morsels() -> None:
    """filter_cookies returns names and values as aiohttp's jar does, without attributes."""
    cookies = jar_with("a=1; HttpOnly; Path=/", 'b="x y"').filter_cookies(URL_A)
    assert isinstance(cookies, BaseCookie)
    assert cookies.output(header="", sep=";") == ' a=1; b="x y"'
    assert cookies["b"].value == "x y"


def test_received_value_goes_back_as_it_came() -> None:
    """Quotes, spaces and JSON in a server's value are sent back unchanged."""
    headers = ['a="x y"', "b=x y", 'c={"k": [1]}', "d=é", "e=a=b=", "f=", r'g="\"\054"', "h[i]=1"]
    jar = jar_with(*headers)
    assert cookie_header(jar, URL_A) == "; ".join(headers)
    assert {m.key: m.value for m in jar}["g"] == '",'


def test_given_value_is_quoted_where_needed() -> None:
    """A value of the user is quoted as http.cookies does it."""
    jar = CookieJar()
    jar.update_cookies({"a": "x y", "b": "plain", "c": "x;y"})
    assert cookie_header(jar, URL_A) == r'a="x y"; b=plain; c="x\073y"'


def test_no_quotes_when_switched_off() -> None:
    """With quote_cookie=False values are not quoted, and those that need quotes raise an error."""
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
    """Cookies without a URL, in any form, are sent to every host, also to IP addresses."""
    jar = CookieJar()
    jar.update_cookies(given)
    for url in ("http://a.com/x", "https://b.org", "http://127.0.0.1/"):
        assert cookie_header(jar, URL(url)) == "m=1"
    assert jar.filter_cookies()["m"].value == "1"


def test_given_morsel_keeps_its_scope() -> None:
    """The domain, path, secure and max-age of a Morsel apply without a URL too."""
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
    """A name that would change the header raises an error that names it."""
    with pytest.raises(ValueError, match="Invalid cookie name"):
        CookieJar().update_cookies({name: "1"})


@pytest.mark.parametrize("value", ["x\r\ny: z", "x\ny", "x\x00", "x\x7f"])
def test_given_value_that_cannot_be_sent(value: str) -> None:
    """CR, LF, NUL and other control characters in a value raise an error with the cookie's name."""
    with pytest.raises(ValueError, match="'a'"):
        CookieJar().update_cookies({"a": value})


@pytest.mark.parametrize("given", ["a=1", 5, {"a": None}, {5: "1"}])
def test_given_cookies_of_a_wrong_type(given: Any) -> None:
    """What is not a mapping or pairs, and a missing value, raise TypeError."""
    with pytest.raises(TypeError):
        CookieJar().update_cookies(given)


def test_limit_per_domain() -> None:
    """A domain has a maximum number of cookies; the least recently sent one is removed."""
    jar = jar_with("a=1; Path=/a", "b=1", "c=1", max_cookies_per_domain=3)
    cookie_header(jar, URL_A.with_path("/a"))
    jar.update_cookies_from_headers(["d=1"], URL_A)
    assert names(jar) == ["a", "c", "d"]
    jar.update_cookies_from_headers(["a=1"], URL("https://other.com"))
    assert len(jar) == 4


def test_limit_in_all_spares_what_the_user_gave() -> None:
    """Too many cookies of a server remove the oldest ones, never the user's own."""
    jar = CookieJar(max_cookies=5)
    jar.update_cookies({"mine": "1"})
    for number in range(20):
        jar.update_cookies_from_headers(["a=1"], URL(f"https://h{number}.com"))
    assert len(jar) == 5
    assert [m["domain"] for m in jar] == ["", "h16.com", "h17.com", "h18.com", "h19.com"]


def test_secure_cookies_are_evicted_last() -> None:
    """If one must be removed, cookies that are not secure are removed first."""
    jar = jar_with("s=1; Secure", "b=1", "c=1", max_cookies_per_domain=2)
    assert names(jar) == ["s", "c"]


def test_oversized_cookie_is_ignored() -> None:
    """A cookie whose name and value exceed the limit is ignored; one at the limit is stored."""
    jar = jar_with("a=" + "x" * 4095, "b=" + "x" * 4096, "c=" + "é" * 2048)
    assert names(jar) == ["a"]
    assert len(jar_with("abc=1", max_cookie_size=3)) == 0


@pytest.mark.parametrize("limit", ["max_cookies", "max_cookies_per_domain", "max_cookie_size"])
def test_limits_must_be_positive(limit: str) -> None:
    """A limit of 0 is an error: `DummyCookieJar` stores nothing."""
    with pytest.raises(ValueError, match="positive"):
        CookieJar(**{limit: 0})


def test_flood_of_one_cookie_does_not_grow() -> None:
    """Setting a cookie again and again does not use more memory."""
    jar = CookieJar()
    for number in range(1000):
        jar.update_cookies_from_headers([f"a={number}; Max-Age={number + 10}"], URL_A)
    assert len(jar) == 1
    assert len(jar._store._expiring) < 100


def test_clear() -> None:
    """clear() removes all cookies, or those for which the predicate is true."""
    jar = jar_with("a=1; HttpOnly", "b=1; Domain=example.com")
    jar.clear(lambda morsel: bool(morsel["httponly"]))
    assert names(jar) == ["b"]
    jar.clear()
    assert len(jar) == 0


def test_clear_domain() -> None:
    """clear_domain() removes a domain and its subdomains, and keeps cookies for every host."""
    jar = jar_with("a=1", "b=1; Domain=example.com")
    jar.update_cookies({"c": "1"})
    jar.update_cookies_from_headers(["d=1"], URL("https://badexample.com"))
    jar.clear_domain("example.com")
    assert names(jar) == ["c", "d"]


def test_iteration_gives_morsels_with_attributes() -> None:
    """Each Morsel has domain, path, flags and expiry."""
    header = "a=1; Path=/p; Secure; HttpOnly; Max-Age=60"
    (found,) = jar_with(header, clock=Clock())
    assert (found.key, found.value, found["domain"]) == ("a", "1", "www.example.com")
    assert (found["path"], found["secure"], found["httponly"]) == ("/p", True, True)
    assert (found["max-age"], found["expires"]) == ("60", "Tue, 14 Nov 2023 22:14:20 GMT")


def test_jar_may_change_while_it_is_iterated() -> None:
    """Removing cookies while iterating over the jar is safe."""
    jar = jar_with("a=1", "b=1", "c=1")
    for _ in jar:
        jar.clear()
    assert not jar


def test_cookies_by_domain_and_path() -> None:
    """The cookies property groups them as aiohttp's does and is read-only."""
    jar = jar_with("a=1; Path=/", "b=1; Path=/; Domain=example.com")
    assert set(jar.cookies) == {("www.example.com", "/"), ("example.com", "/")}
    assert jar.cookies["example.com", "/"]["b"].value == "1"
    with pytest.raises(TypeError):
        jar.cookies["x", "/"] = SimpleCookie()  # type: ignore[index]


def test_thousands_of_cookies_cost_a_request_nothing() -> None:
    """A request examines the cookies of its own domains only."""
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
    """The request's cookies precede the jar's, and these precede a given header."""
    jar = jar_with("a=jar", "b=jar")
    assert request_cookies(jar, URL_A) == "a=jar; b=jar"
    assert request_cookies(jar, URL_A, {"b": "own x"}) == 'b="own x"; a=jar'
    header = "c=header;a=header"
    assert request_cookies(jar, URL_A, {"b": "own"}, header) == "b=own; a=jar; c=header"
    assert request_cookies(CookieJar(), URL_A, None, header) == "c=header; a=header"
    assert request_cookies(DummyCookieJar(), URL_A) == ""


def test_dummy_jar_keeps_nothing() -> None:
    """The dummy jar accepts all cookies and has none."""
    jar = DummyCookieJar()
    jar.update_cookies({"a": "1"})
    jar.update_cookies_from_headers(["a=1"], URL_A)
    jar.clear()
    jar.clear_domain("example.com")
    assert len(jar) == 0 and list(jar) == [] and cookie_header(jar, URL_A) == ""
    assert not jar.filter_cookies(URL_A) and not jar.cookies and not jar.host_only_cookies
    assert (jar.unsafe, jar.quote_cookie) == (False, True)


class OwnJar(AbstractCookieJar):
    """A user's jar with only the abstract methods."""

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
    """A user's jar gets cookies from headers, and its cookies become the Cookie header."""
    jar = OwnJar()
    jar.update_cookies_from_headers(["a=1; Path=/x", 'b="x y"'], URL_A)
    assert jar.kept["a"]["path"] == "/x"
    assert cookie_header(jar, URL_A) == 'a=1; b="x y"'
    with pytest.raises(TypeError, match="abstract"):
        AbstractCookieJar()  # type: ignore[abstract]


def test_a_morsel_goes_by_its_own_name() -> None:
    """A Morsel is sent with its own name, not with its key."""
    jar = CookieJar()
    jar.update_cookies({"given": morsel()})
    assert cookie_header(jar, URL_A) == "m=1"
    assert names(jar) == ["m"]


def test_a_plain_value_has_what_its_name_promises() -> None:
    """A user's __Secure- cookie is stored for a site, and sent to it over TLS only."""
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
    """A secure cookie of a request is sent where the jar's secure cookies would be sent."""
    plain = URL_A.with_scheme("http")
    own = {"m": morsel(secure=True)}
    assert request_cookies(CookieJar(), plain, own) == ""
    assert request_cookies(CookieJar(treat_as_secure_origin=plain), plain, own) == "m=1"


def test_subclass_is_told_of_received_cookies() -> None:
    """A jar that overrides `update_cookies` gets the cookies of responses too."""
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
    """A jar that overrides `filter_cookies` is asked for each request, even if it is empty."""

    class Choosing(CookieJar):
        def filter_cookies(self, request_url: URL = URL_A) -> BaseCookie[str]:
            return SimpleCookie({"for": request_url.raw_host or ""})

    jar = Choosing()
    assert request_cookies(jar, URL_A) == "for=www.example.com"
    assert not length_counts(jar) and not length_counts(OwnJar())
    assert length_counts(CookieJar()) and length_counts(DummyCookieJar())


def test_time_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A jar without a clock of its own uses the current `time.time`."""
    jar = CookieJar()
    jar.update_cookies_from_headers(["a=1; Max-Age=60"], URL_A)
    later = time.time() + 61
    monkeypatch.setattr("time.time", lambda: later)
    assert len(jar) == 0


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_any_bytes_can_be_in_a_cookie(name: bytes, rest: bytes) -> None:
    """A cookie of a server never fails its response: it is stored and sent back, or ignored."""
    header = (name + b"=" + rest).decode("utf-8", "surrogateescape")
    jar = jar_with(header, header + "; Domain=" + header, header + "; Path=/" + header)
    sent = cookie_header(jar, URL_A).encode("utf-8", "surrogateescape")
    assert not sent or sent.startswith(name.strip(b" \t"))


def test_a_host_of_thousands_of_labels_is_no_trouble() -> None:
    """Each further label of a domain adds constant time and memory."""
    jar = jar_with("a=1")
    tracemalloc.start()
    try:
        assert cookie_header(jar, URL(f"https://{'a.' * 4000}example.com/")) == ""
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
