from __future__ import annotations

import pytest
from yarl import URL

from httptrace.local import Baggage, Propagation, RequestContext, TraceContext, job_context, request


def allowed(to, url: str) -> bool:
    return Propagation(to).allows(URL(url))


@pytest.mark.parametrize(
    ("to", "url"),
    [
        (["api.example"], "http://api.example/x"),
        (["api.example"], "https://API.example.:8443/"),
        ("api.example", "http://api.example"),
        (["API.Example."], "http://api.example"),
        ([".internal.example"], "http://a.internal.example"),
        (["*.internal.example"], "http://a.b.internal.example"),
        (["api.example:8443"], "https://api.example:8443"),
        (["api.example:443"], "https://api.example"),
        ([".internal.example:80"], "http://a.internal.example"),
        (["127.0.0.1"], "http://127.0.0.1:5000"),
        (["::1"], "http://[::1]:5000"),
        (["[::1]:5000"], "http://[::1]:5000"),
        (["münchen.example"], "http://xn--mnchen-3ya.example"),
        (["xn--mnchen-3ya.example"], "http://münchen.example"),
        (lambda url: url.path == "/ok", "http://anything/ok"),
        (["other", "api.example"], "http://api.example"),
    ],
)
def test_named_hosts_are_allowed(to, url):
    """Names, subdomains, ports, addresses and functions allow the hosts that they name."""
    assert allowed(to, url)


@pytest.mark.parametrize(
    ("to", "url"),
    [
        ([], "http://api.example"),
        (["api.example"], "http://evil-api.example"),
        (["api.example"], "http://api.example.evil.test"),
        (["api.example"], "http://api.example@evil.test"),
        (["api.example"], "http://sub.api.example"),
        ([".internal.example"], "http://internal.example"),
        ([".internal.example"], "http://evilinternal.example"),
        ([".internal.example"], "http://internal.example.evil.test"),
        (["api.example:8443"], "http://api.example:8080"),
        ([".internal.example:80"], "https://a.internal.example"),
        (["127.0.0.1"], "http://2130706433"),
        (lambda url: None, "http://anything"),
    ],
)
def test_hosts_that_are_not_named_are_not_allowed(to, url):
    """Similar names, other ports, the bare domain of a suffix and user info are not allowed."""
    assert not allowed(to, url)


def test_an_allowed_host_gets_the_id_of_the_running_work():
    """Inside of a request or job the header has its id, outside there is none."""
    propagation = Propagation(["api.example"])
    url = URL("http://api.example")
    assert propagation.headers_for(url) == []
    with job_context("job", id="abc"):
        assert propagation.headers_for(url) == [("X-Request-ID", "abc")]
        assert propagation.headers_for(URL("http://other.example")) == []


def test_the_function_is_not_asked_where_nothing_is_to_be_sent():
    """Outside of any work the function of the URL is not called."""
    asked = []
    assert Propagation(lambda url: asked.append(url)).headers_for(URL("http://a")) == []
    assert asked == []


def test_trace_headers_go_out_on_request():
    """traceparent, tracestate and baggage are sent if the configuration says so."""
    propagation = Propagation("api.example", header="X-Correlation-ID", trace=True, baggage=True)
    trace = TraceContext("a" * 32, "b" * 16, "c" * 16, 1, "v=1")
    with RequestContext("abc", "/", trace=trace, baggage=Baggage({"user": "ann"})):
        assert propagation.headers_for(URL("http://api.example")) == [
            ("X-Correlation-ID", "abc"),
            ("traceparent", f"00-{'a' * 32}-{'b' * 16}-01"),
            ("tracestate", "v=1"),
            ("baggage", "user=ann"),
        ]


def test_empty_state_and_baggage_are_not_sent():
    """No header is sent without a value."""
    propagation = Propagation("api.example", trace=True, baggage=True)
    with job_context("job"):
        names = [name for name, _ in propagation.headers_for(URL("http://api.example"))]
    assert names == ["X-Request-ID", "traceparent"]


@pytest.mark.parametrize("text", ["a\r\nX-Evil: 1", "a b", "é", "x" * 2000, ""])
def test_an_id_that_would_break_a_header_is_not_sent(text):
    """Whatever id the program sets, no header is injected."""
    with job_context("job"):
        request.id = text
        assert Propagation("a").headers_for(URL("http://a")) == []


@pytest.mark.parametrize(
    ("baggage", "header"),
    [
        ({"user": "ann,\r\n"}, "user=ann%2C%0D%0A"),
        ("user=ann, b a d=1, x=\r\nX-Evil: 1", "user=ann"),
        (5, None),
    ],
)
def test_baggage_of_another_type_breaks_no_header(baggage, header):
    """A mapping is sent as baggage, text if it is valid, anything else is not sent."""
    with job_context("job"):
        request.baggage = baggage
        sent = dict(Propagation("a", baggage=True).headers_for(URL("http://a")))
        assert sent.get("baggage") == header


def test_a_function_that_gives_an_awaitable_allows_nothing():
    """A function that returns an awaitable is refused, because an awaitable is always true."""

    async def decide(url: URL) -> bool:
        return False

    with pytest.raises(TypeError, match="must return a bool, not an awaitable"):
        Propagation(lambda url: decide(url)).allows(URL("http://a"))


def test_what_a_session_takes_becomes_a_propagation():
    """None and False mean no ids; hosts, functions and Propagation are accepted."""
    assert Propagation.of(None) is None
    assert Propagation.of(False) is None
    made = Propagation(["a"])
    assert Propagation.of(made) is made
    assert Propagation.of(["a"]).allows(URL("http://a"))
    assert Propagation.of(lambda url: True).allows(URL("http://a"))


async def _coroutine_function(url):
    return True


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "would send ids to every host"),
        (5, "not int"),
        (b"api.example", "not bytes"),
        ([b"api.example"], "a host name must be a str, not bytes"),
        (_coroutine_function, "must not be a coroutine function"),
        (Propagation, "give an object, not the class Propagation"),
    ],
)
def test_what_is_no_choice_of_hosts_is_refused(value, text):
    """A value of the wrong type raises an error that says what would be right."""
    with pytest.raises(TypeError, match=text):
        Propagation.of(value)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "*",
        "*.",
        "..a",
        "a..b",
        "http://api.example",
        "api.example/x",
        "u@api.example",
        "a b",
        "a:99999",
        "a:x",
        "a,b",
        "[::1",
        "a\n",
        "a?b",
        "a#b",
        "%61",
        "*.*.a",
        "a*",
    ],
)
def test_a_name_that_is_no_host_is_refused(name):
    """URLs, lists in one string, wildcards in the middle and bad ports raise at once."""
    with pytest.raises(ValueError, match="is not a host name; write"):
        Propagation([name])


@pytest.mark.parametrize(
    "name", ["", "X Id", "X-Id:", "X-Id\r\n", "é", "Host", "content-length", "Cookie"]
)
def test_an_unusable_header_name_is_refused(name):
    """A name that is not a token, or has another meaning, is refused."""
    with pytest.raises(ValueError, match="header"):
        Propagation("a", header=name)


def test_a_header_name_must_be_text():
    """A header name of another type raises TypeError."""
    with pytest.raises(TypeError, match="header must be a str, not bytes"):
        Propagation("a", header=b"X-Id")


def test_the_repr_tells_who_sees_what():
    """The repr shows the allowed hosts."""
    assert repr(Propagation(["b:80", ".a"])) == "<Propagation of X-Request-ID to .a, b:80>"
