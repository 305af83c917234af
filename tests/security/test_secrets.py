"""Secrets must not be shown: each test is named after the place where one could be."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from tests.cli.running import in_process
from tests.client.conftest import MakeSession
from tests.servers.fixtures import ScriptedFactory
from tests.test_bad_input import dropping

import httptrace
from httptrace.auth.challenge import Answer, Challenge
from httptrace.net.tunnel import login_of
from httptrace.testing import EventRecorder, ScriptedServer, response_bytes
from httptrace.testing.scripted import responding

SECRET = "s3cr3t"
BASIC = httptrace.BasicAuth("me", SECRET).encode()
QUERY = f"sig={SECRET}&token={SECRET}&X-Amz-Signature={SECRET}&access_token={SECRET}"
HEADERS = {
    "Authorization": f"Bearer {SECRET}",
    "Proxy-Authorization": f"Basic {SECRET}",
    "Cookie": f"session={SECRET}",
    "X-Api-Key": SECRET,
    "Referer": f"https://me:{SECRET}@a.test/",
}
ANSWERED = (
    ("Set-Cookie", f"session={SECRET}; Path=/"),
    ("Content-Location", f"/?{QUERY}"),
    ("Link", f"</next?{QUERY}>; rel=next"),
)


def assert_hidden(*texts: str) -> None:
    """No text has the secret, nor the credentials made from it."""
    for text in texts:
        assert SECRET not in text
        assert BASIC.split()[1] not in text


@pytest.fixture
async def servers(scripted: ScriptedFactory) -> AsyncIterator[tuple[ScriptedServer, str]]:
    """A server that redirects with credentials in the Location, and a URL with many secrets."""
    last = await scripted(responding(response_bytes(200, SECRET.encode(), *ANSWERED)))
    location = f"http://me:{SECRET}@localhost:{last.port}/last?{QUERY}"
    first = await scripted(responding(response_bytes(302, b"", ("Location", location), *ANSWERED)))
    yield first, f"{first.url}/?{QUERY}#{QUERY}"


async def test_a_secret_in_the_repr_of_session_response_or_event(
    make_session: MakeSession, servers: tuple[ScriptedServer, str], recorder: EventRecorder
) -> None:
    """The repr of objects with headers, cookies and URLs is masked; events have the values."""
    session = make_session(
        headers=HEADERS, cookies={"own": SECRET}, cookie_jar=httptrace.CookieJar(unsafe=True)
    )
    call = session.get(servers[1], proxy_auth=httptrace.BasicAuth("me", SECRET))
    async with call as response:
        assert await response.text() == SECRET
    assert_hidden(repr(session), repr(session.cookie_jar), repr(call), repr(response))
    assert_hidden(repr(response.history), repr(response.request_info), str(response))
    assert_hidden(*map(repr, recorder.events), *map(repr, recorder.spans()))
    names = {event.name for event in recorder.events}
    assert {"request_start", "request_redirect", "request_headers_sent", "request_end"} <= names
    assert {"response_headers_received", "response_chunk_received", "request_finish"} <= names
    assert recorder.of("request_start")[0].headers["Authorization"] == HEADERS["Authorization"]
    assert recorder.of("request_end")[0].response.headers.getall("Set-Cookie")


async def test_a_secret_in_a_timeline(
    session: httptrace.ClientSession, servers: tuple[ScriptedServer, str]
) -> None:
    """Neither its drawing nor its JSON has a secret."""
    async with session.get(servers[1], headers=HEADERS) as response:
        await response.read()
    timeline = response.timeline
    assert len(timeline.hops) == 2
    assert_hidden(str(timeline), repr(timeline), json.dumps(timeline.to_dict()))


async def test_a_secret_in_the_error_of_a_timeline(session: httptrace.ClientSession) -> None:
    """Nor do those of a failed request."""
    with httptrace.record() as recording, pytest.raises(httptrace.ClientError):
        await session.get(f"http://me:{SECRET}@127.0.0.1:1/?{QUERY}")
    (timeline,) = recording.timelines
    assert_hidden(str(recording), json.dumps(timeline.to_dict()))


def test_a_secret_in_the_repr_of_credentials() -> None:
    """The repr of objects with a password does not show it: error trackers log local variables."""
    answer = Answer(Challenge("r", "n"), "me", SECRET, "GET", "/", 1, "c")
    auth = httptrace.BasicAuth("me", SECRET)
    kept = [auth, httptrace.DigestAuthMiddleware("me", SECRET), answer, login_of(auth)]
    assert_hidden(*map(repr, kept))


@pytest.mark.parametrize("sign", ["\x1b[2J", "\0", "\x07", "\x9b2J"])
async def test_a_servers_reason_controls_the_terminal(
    session: httptrace.ClientSession, scripted: ScriptedFactory, sign: str
) -> None:
    """The repr of a response has no control characters of the server's."""
    head = f"HTTP/1.1 404 a{sign}b\r\nContent-Length: 0\r\nX: \x9b2J\r\n\r\n"
    server = await scripted(responding(head.encode()))
    async with session.get(server.url) as response:
        assert response.reason == f"a{sign}b"
        with pytest.raises(httptrace.ClientResponseError) as caught:
            response.raise_for_status()
    shown = (repr(response), str(response.timeline), str(caught.value), repr(caught.value))
    for text in shown:
        assert all(line.isprintable() for line in text.splitlines()), repr(text)


# --- errors ---------------------------------------------------------------------------------------

Use = Callable[[httptrace.ClientSession, str], Awaitable[Any]]


async def _json(session: httptrace.ClientSession, url: str) -> Any:
    async with session.get(url, headers=HEADERS) as response:
        return await response.json()


async def _sent_twice(session: httptrace.ClientSession, url: str) -> Any:
    async def generator() -> AsyncIterator[bytes]:
        yield b"once"

    return await session.post(url, data=generator(), headers=HEADERS)


async def _fails(session: httptrace.ClientSession, url: str) -> Any:
    return await session.get(url, headers=HEADERS, raise_for_status=True)


async def _websocket(session: httptrace.ClientSession, url: str) -> Any:
    return await session.ws_connect(url, headers=HEADERS)


ANSWERS: list[tuple[Use, bytes, type[Exception]]] = [
    (_json, response_bytes(200, b"{}", *ANSWERED), httptrace.ContentTypeError),
    (_fails, response_bytes(403, b"", *ANSWERED), httptrace.ClientResponseError),
    (_fails, b"rubbish\r\n\r\n", httptrace.ClientResponseError),
    (_fails, b"", httptrace.ServerDisconnectedError),
    (_websocket, response_bytes(403, b"", *ANSWERED), httptrace.WSServerHandshakeError),
    *(
        (use, response_bytes(307, b"", ("Location", location), *ANSWERED), kind)
        for use, location, kind in (
            (_fails, f"/?{QUERY}", httptrace.TooManyRedirects),
            (_sent_twice, f"http://me:{SECRET}@a.test/?{QUERY}", httptrace.ClientPayloadError),
            (_fails, f"ftp://me:{SECRET}@a.test/?{QUERY}", httptrace.NonHttpUrlRedirectClientError),
            *(
                (_fails, text, httptrace.InvalidUrlRedirectClientError)
                for text in (
                    f"http://me:{SECRET}@a.test:99999/?{QUERY}",
                    f"http://me:{SECRET}@a.test:0/?{QUERY}",
                    f"http://me:{SECRET}@/?{QUERY}",
                    f"http://a%3Ab:{SECRET}@a.test/?{QUERY}",
                    f"http:///?{QUERY}",
                )
            ),
        )
    ),
]


@pytest.mark.parametrize(("use", "answer", "kind"), ANSWERS)
async def test_a_secret_in_an_error_of_a_response(
    make_session: MakeSession,
    scripted: ScriptedFactory,
    caplog: pytest.LogCaptureFixture,
    use: Use,
    answer: bytes,
    kind: type[Exception],
) -> None:
    """Text, repr and traceback of an error have no secrets."""

    async def close(peer: Any) -> None:
        await peer.request()

    server = await scripted(responding(answer) if answer else close)
    session = make_session(cookies={"own": SECRET})
    with pytest.raises(kind) as caught:
        await use(session, f"{server.url}/?{QUERY}")
    assert caught.type is kind
    assert_told_hidden(caught.value, caplog)


def assert_told_hidden(exc: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """A logged error has no secrets."""
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("of.a.program").error("It failed: %r", exc)
    told = "".join(traceback.format_exception(exc, chain=True))
    told = "\n".join(line for line in told.splitlines() if not line.startswith("    "))
    assert_hidden(str(exc), repr(exc), told, caplog.text)


ASKED: list[tuple[str, dict[str, Any]]] = [
    (f"http://me:{SECRET}@a.test:99999/?{QUERY}", {}),
    (f"http://me:{SECRET}/{SECRET}@a.test/?{QUERY}", {}),
    (f"http://me:{SECRET}@/?{QUERY}", {}),
    (f"http://a%3Ab:{SECRET}@a.test/?{QUERY}", {}),
    (f"http://me:{SECRET}@a.test/\n?{QUERY}", {}),
    (f"http://me:{SECRET}@127.0.0.1:1/?{QUERY}", {}),
    (f"http://me:{SECRET}@127.1/?{QUERY}", {}),
    (f"ftp://me:{SECRET}@a.test/?{QUERY}", {}),
    (f"/?{QUERY}", {}),
    ("http://127.0.0.1:1/", {"headers": {"Authorization": f"{SECRET}\x01"}}),
    ("http://127.0.0.1:1/", {"headers": {"Authorization": f"{SECRET}\n"}}),
    ("http://127.0.0.1:1/", {"headers": {"Authorization": SECRET.encode()}}),
    ("http://127.0.0.1:1/", {"headers": f"Authorization: {SECRET}"}),
    ("http://127.0.0.1:1/", {"cookies": {"session": f"{SECRET}\n"}}),
    ("http://127.0.0.1:1/", {"cookies": [SECRET]}),
    ("http://127.0.0.1:1/", {"cookies": SECRET}),
    ("http://127.0.0.1:1/", {"params": {"token": SECRET, "other": object()}}),
    ("http://127.0.0.1:1/", {"auth": ("me", SECRET)}),
    ("http://127.0.0.1:1/", {"proxy": f"ftp://me:{SECRET}@a.test"}),
    ("http://127.0.0.1:1/", {"proxy": f"http://me:{SECRET}@127.0.0.1:1"}),
    ("http://127.0.0.1:1/", {"proxy": f"socks5://me:{SECRET}@127.0.0.1:1"}),
    ("https://127.0.0.1:1/", {"proxy": f"http://me:{SECRET}@a.test:99999"}),
]


@pytest.mark.parametrize(("url", "options"), ASKED)
async def test_a_secret_in_an_error_of_a_request(
    session: httptrace.ClientSession,
    caplog: pytest.LogCaptureFixture,
    url: str,
    options: dict[str, Any],
) -> None:
    """The error of an invalid argument names it without its secret."""
    with pytest.raises((httptrace.ClientError, TypeError, ValueError)) as caught:
        await session.get(url, **options)
    assert_told_hidden(caught.value, caplog)


# --- logs and the command -------------------------------------------------------------------------


async def test_a_secret_in_a_log(
    make_session: MakeSession,
    servers: tuple[ScriptedServer, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing that is logged, at any level and in debug mode, has a secret."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    with caplog.at_level(logging.DEBUG):
        async with make_session(headers=HEADERS).get(servers[1]) as response:
            await response.read()
        with pytest.raises(httptrace.ClientError):
            await make_session().get(f"http://me:{SECRET}@127.0.0.1:1/?{QUERY}")
    loop.set_debug(False)
    assert_hidden(caplog.text)


async def test_a_secret_in_the_warning_of_an_unclosed_response(
    make_session: MakeSession, scripted: ScriptedFactory, recorder: EventRecorder
) -> None:
    """The warning about a dropped response names it without secrets."""
    server = await scripted(responding(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"))
    session = make_session(headers=HEADERS)

    async def forget() -> None:
        response = await session.get(f"{server.url}/?{QUERY}")
        assert response.status == 200

    httptrace.uninstall(recorder)  # which keeps what is to be forgotten
    messages, told = await dropping(forget)
    assert len(messages) == 1 and "Unclosed response" in messages[0]
    assert_hidden(*messages, str(told))
    await server.no_connections()
    recorder.clear()


@pytest.mark.parametrize("option", ["-v", "--json-timeline"])
async def test_a_secret_in_what_the_command_tells(
    servers: tuple[ScriptedServer, str], option: str
) -> None:
    """``httptrace -v URL`` and ``--json-timeline`` mask heads and URLs; the body is not changed."""
    url = servers[1].replace("//", f"//me:{SECRET}@")
    options = ["-L", option, "-H", f"X-Api-Key: {SECRET}", "-H", f"Cookie: a={SECRET}"]
    done = await in_process(*options, "-v", "-o", os.devnull, url)
    assert done.code == 0, done
    assert "Set-Cookie" in done.out + done.err and "***" in done.out + done.err
    assert_hidden(done.out, done.err)
