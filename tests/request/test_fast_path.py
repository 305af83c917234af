"""The fast path and the general path prepare the same requests."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from httptrace import BasicAuth, ClientSession, HttpVersion10, TCPConnector
from httptrace.call.call import Call
from httptrace.local import job_context
from httptrace.request.prepare import prepare
from httptrace.session.session import core_of

URL = "http://host.test/path?own=1#fragment"
NAMES = ["Accept", "X-One", "x-one", "X-Two", "User-Agent", "Content-Type", "Authorization", "Host"]
MEANING = ["Connection", "Content-Length", "Cookie", "Expect", "Transfer-Encoding"]
VALUES = ["", "1", "close", "text/plain", "héader", " padded\t", "chunked", "100-continue", "\r\n"]
HEADERS = st.dictionaries(st.sampled_from(NAMES + MEANING), st.sampled_from(VALUES), max_size=3)
BODIES = st.sampled_from(
    [
        {},
        *({"data": data} for data in (b"", b"bytes", bytearray(b"array"), "text é", b"x" * 70_000)),
        *({"data": {"form": "field"}}, {"data": b"1", "json": 1}),
        *({"json": value} for value in ({"a": [1]}, "")),
    ]
)
PARAMS = st.sampled_from([None, {}, {"q": "a b"}, [("q", "1"), ("q", "2")], "raw=é#x", {"q": None}])
SESSIONS = st.sampled_from(
    [
        *({}, {"cookies": {"c": "1"}}, {"skip_auto_headers": ["Accept", "content-type"]}),
        {"headers": CIMultiDict([("X-One", "a"), ("X-One", "b")])},
        {"headers": {"X-Two": "session", "Accept": "text/html"}},
        *({"headers": {"Expect": "1"}}, {"headers": {"Content-Type": "a/b"}}),
        *({"auth": BasicAuth("session", "x")}, {"propagate": ["host.test"]}, {"propagate": ["b"]}),
        *({"version": HttpVersion10}, {"headers": {"Connection": "close"}}),
    ]
)


async def prepared(session_options: dict[str, Any], method: str, options: Any) -> Any:
    """What is sent, with the fields in any order, or that it is refused.

    Of several faults it does not matter which one is told.
    """
    async with ClientSession(**session_options) as session:
        call: Call[Any] = Call(session, core_of(session), method)
        try:
            prepare(call, URL, options)
        except (TypeError, ValueError):
            return "refused"
        assert call.head is not None
        line, *fields = call.head.split(b"\r\n")
        seen = sorted((name, value.strip(" \t")) for name, value in call.request_headers.items())
        payload = None if call.payload is None else (call.payload.size, call.payload.headers)
        kept = call.settings, call.closes, call.expect100, call.chunked, call.propagated
        kept += call.own_cookies, call.cookie_header
        return line, sorted(fields), seen, call.url, call.body, payload, kept


@given(
    session=SESSIONS,
    method=st.sampled_from(["GET", "POST", "DELETE", "OPTIONS", "purge"]),
    headers=st.one_of(st.none(), HEADERS, HEADERS.map(CIMultiDict)),
    body=BODIES,
    params=PARAMS,
    timeout=st.sampled_from([{}, {"timeout": 3}, {"timeout": None}, {"allow_redirects": False}]),
    personal=st.sampled_from([{}, {"auth": BasicAuth("a", "b")}, {"cookies": {"own": "2"}}]),
)
async def test_both_paths_make_the_same(
    session: dict[str, Any],
    method: str,
    headers: Any,
    body: dict[str, Any],
    params: Any,
    timeout: dict[str, Any],
    personal: dict[str, Any],
) -> None:
    """Both paths make the same request: ``skip_auto_headers=()`` selects the general one."""
    options = {**body, **timeout, **personal}
    if headers is not None:
        options["headers"] = headers
    if params is not None:
        options["params"] = params
    with job_context("test"):
        fast = await prepared(session, method, options)
        assert fast == await prepared(session, method, {**options, "skip_auto_headers": ()})


async def test_connections_that_are_not_kept() -> None:
    """A cached head also says that each connection is closed."""
    async with ClientSession(connector=TCPConnector(force_close=True)) as session:
        heads = []
        for options in ({}, {}, {"skip_auto_headers": ()}):
            call: Call[Any] = Call(session, core_of(session), "GET")
            prepare(call, URL, options)  # type: ignore[arg-type]
            assert not call.closes
            heads.append(call.head)
        first, second, general = heads
        assert first is second and first == general and b"\r\nConnection: close\r\n" in second


@pytest.mark.parametrize("changed", [False, True])
async def test_session_headers_that_change(changed: bool) -> None:
    """Cached lines are dropped when the session's headers change."""
    async with ClientSession(headers={"X-One": "1"}) as session:
        for value in ("1", "2" if changed else "1"):
            session.headers["X-One"] = value
            call: Call[Any] = Call(session, core_of(session), "GET")
            prepare(call, URL, {"headers": {"X-Two": "2"}})
            assert call.head is not None
            assert f"\r\nX-One: {value}\r\n".encode() in call.head
