"""The command sends what curl sends."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace import __version__
from httptrace.demo.servers import BundledServers
from httptrace.testing.received import ReceivedRequest
from httptrace.testing.scripted import response_bytes

from .running import httptrace, in_process

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])

FORM = "application/x-www-form-urlencoded"


class Sent:
    """A server that keeps the requests that it receives."""

    def __init__(self, scripted: ScriptedFactory) -> None:
        self._scripted = scripted

    async def __call__(self, *arguments: str, path: str = "/") -> ReceivedRequest:
        server = await self._scripted(response_bytes(200, b"ok"))
        ran = await in_process(*arguments, server.url + path)
        assert ran.code == 0, ran.err
        (request,) = server.requests
        return request


@pytest.fixture
def sent(scripted: ScriptedFactory) -> Sent:
    """`await sent(*arguments)`: the request that the command sends."""
    return Sent(scripted)


async def test_plain(sent: Sent) -> None:
    """A plain request has the headers that curl sends, and no others."""
    request = await sent()
    assert request.method == "GET"
    assert sorted(name for name, _ in request.headers) == [b"Accept", b"Host", b"User-Agent"]
    assert request.header("User-Agent") == f"httptrace/{__version__}"
    assert request.header("Accept") == "*/*"


async def test_method(sent: Sent) -> None:
    """``-X`` sets the method."""
    assert (await sent("-XDELETE")).method == "DELETE"


async def test_headers(sent: Sent, tmp_path: Path) -> None:
    """``-H`` adds, replaces, removes and empties headers, and reads them from a file."""
    (tmp_path / "headers").write_text("X-File: 1\n\nX-Other: 2\n")
    request = await sent(
        *("-H", "X-One: 1", "-H", "X-One: 2", "-H", "User-Agent: me", "-H", "Accept:"),
        *("-H", "X-Empty;", "-H", f"@{tmp_path / 'headers'}", "-H", "Host: example.org"),
    )
    assert request.values("X-One") == ["1", "2"]
    assert request.values("User-Agent") == ["me"]
    assert request.values("Accept") == []
    assert request.values("X-Empty") == [""]
    assert (request.header("X-File"), request.header("X-Other")) == ("1", "2")
    assert request.values("Host") == ["example.org"]


async def test_options_that_are_headers(sent: Sent) -> None:
    """``-A``, ``-e``, ``-b``, ``-u`` and ``--compressed`` send their headers."""
    request = await sent(
        "-A", "me", "-e", "http://r/", "-b", "a=1; b=2", "-u", "me:x:y", "--compressed"
    )
    assert request.header("User-Agent") == "me"
    assert request.header("Referer") == "http://r/"
    assert request.header("Cookie") == "a=1; b=2"
    assert request.header("Authorization") == "Basic bWU6eDp5"
    assert "gzip" in (request.header("Accept-Encoding") or "")


async def test_options_given_twice(sent: Sent) -> None:
    """All ``-b`` and ``-H`` are sent; of options with one value the last one applies."""
    request = await sent("-b", "a=b", "-b", "c=d; e=f;", "-b", "", "-b", "g=h")
    assert request.values("Cookie") == ["a=b; c=d; e=f; g=h"]
    request = await sent("-A", "x", "-A", "y", "-e", "z", "-e", "http://r/", "-X", "PUT", "-XGET")
    assert (request.method, request.values("User-Agent")) == ("GET", ["y"])
    assert request.values("Referer") == ["http://r/"]


async def test_empty_options(sent: Sent) -> None:
    """An empty ``-A``, ``-e`` or ``-b`` sends no header, and keeps one of ``-H``."""
    request = await sent("-A", "", "-e", "", "-b", "")
    assert sorted(name for name, _ in request.headers) == [b"Accept", b"Host"]
    request = await sent("-A", "", "-H", "User-Agent: mine")
    assert request.values("User-Agent") == ["mine"]


async def test_data(sent: Sent) -> None:
    """``-d`` posts a form; several are joined with ``&``."""
    request = await sent("-d", "a=1", "-d", "b=2")
    assert (request.method, request.body) == ("POST", b"a=1&b=2")
    assert request.header("Content-Type") == FORM
    assert request.header("Content-Length") == "7"


async def test_data_from_files(sent: Sent, tmp_path: Path) -> None:
    """``-d @FILE`` drops line ends, ``--data-binary`` keeps them, ``--data-raw`` reads no file."""
    path = tmp_path / "data"
    path.write_bytes(b"one\r\ntwo\n")
    request = await sent("-d", f"@{path}", "--data-binary", f"@{path}", "--data-raw", "@raw")
    assert request.body == b"onetwo&one\r\ntwo\n&@raw"


async def test_data_from_standard_input(scripted: ScriptedFactory) -> None:
    """``@-`` reads standard input."""
    server = await scripted(response_bytes(200, b"ok"))
    await httptrace("--data-binary", "@-", server.url, stdin=b"in\n")
    assert [request.body for request in server.requests] == [b"in\n"]


async def test_data_urlencode(sent: Sent) -> None:
    """``--data-urlencode`` encodes the text after the name."""
    request = await sent("--data-urlencode", "q=a b&c", "--data-urlencode", "ü")
    assert request.body == b"q=a+b%26c&%C3%BC"


async def test_get(sent: Sent) -> None:
    """``-G`` puts the data into the query."""
    request = await sent("-G", "-d", "b=2", "-d", "c=3", path="/p?a=1#f")
    assert (request.method, request.target, request.body) == ("GET", "/p?a=1&b=2&c=3", b"")
    assert request.header("Content-Type") is None


async def test_json(sent: Sent) -> None:
    """``--json`` posts JSON with its headers; several are joined without a separator."""
    request = await sent("--json", '{"a":', "--json", "1}")
    assert (request.method, request.body) == ("POST", b'{"a":1}')
    assert request.header("Content-Type") == request.header("Accept") == "application/json"


async def test_form(sent: Sent, tmp_path: Path) -> None:
    """``-F`` posts a multipart form: text, files, types and file names."""
    file = tmp_path / "a.txt"
    file.write_text("file")
    request = await sent(
        *("-F", 'plain="x;y=1"', "-F", f"file=@{file}", "-F", f"text=<{file};type=text/x"),
        *("-F", "named=v;filename=n.bin;type=a/b;charset=c", "-F", f"as=@{file};filename=b.html"),
    )
    assert request.method == "POST"
    kind, _, boundary = (request.header("Content-Type") or "").partition("; boundary=")
    assert kind == "multipart/form-data"
    parts = request.body.decode().split(f"--{boundary}")[1:-1]
    found = [part.strip("\r\n").split("\r\n\r\n") for part in parts]
    told = [(*sorted(head.split("\r\n")), body) for head, body in found]
    disposition, utf8 = "Content-Disposition: form-data; name=", "; charset=utf-8"
    assert told == [
        (f'{disposition}"plain"', f"Content-Type: text/plain{utf8}", "x;y=1"),
        (f'{disposition}"file"; filename="a.txt"', "Content-Type: text/plain", "file"),
        (f'{disposition}"text"', "Content-Type: text/x", "file"),
        (f'{disposition}"named"; filename="n.bin"', "Content-Type: a/b;charset=c", "v"),
        (f'{disposition}"as"; filename="b.html"', "Content-Type: text/html", "file"),
    ]


DISPOSITION = "Content-Disposition: form-data; name="


async def form_parts(sent: Sent, *fields: str) -> list[tuple[list[str], str]]:
    """The header fields of each part of a form, and its content."""
    request = await sent("-s", *[word for field in fields for word in ("-F", field)])
    boundary = (request.header("Content-Type") or "").partition("boundary=")[2]
    parts = request.body.decode().split(f"--{boundary}\r\n")[1:]
    split = [part.partition("\r\n\r\n") for part in parts]
    contents = [content.rpartition("\r\n--")[0] for _, _, content in split[-1:]]
    contents = [content.removesuffix("\r\n") for _, _, content in split[:-1]] + contents
    heads = [sorted(head.split("\r\n")) for head, _, _ in split]
    return list(zip(heads, contents, strict=True))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("a=b;c", "b"),
        ("a= b ", "b"),
        ('a="b;c"', "b;c"),
        ('a=" b "', " b "),
        (r'a="b\"c\\d\e"x', r'b"c\d\e'),
        ('a="b', '"b'),
        ("a=x'y\"z", "x'y\"z"),
        ("a=", ""),
        ('a=""', ""),
        ("a=b;", "b"),
        ("a=b=c", "b=c"),
    ],
)
async def test_text_in_forms(sent: Sent, field: str, value: str) -> None:
    """The text of ``-F`` ends at ``;`` and has no spaces around it, unless it is quoted."""
    ((_, content),) = await form_parts(sent, field)
    assert content == value


async def test_options_of_form_fields(sent: Sent) -> None:
    """Types may have parameters, names may be quoted or empty, and options may be in any order."""
    found = await form_parts(
        sent,
        "a=b;type=text/x;charset=utf-8;filename=x",
        'b=c;filename="x; y" ; type= text/z ',
        "c=d ; filename= q ",
        "d=e;filename=",
        "e=f;TYPE=text/x",
    )
    assert [head for head, _ in found] == [
        [f'{DISPOSITION}"a"; filename="x"', "Content-Type: text/x;charset=utf-8"],
        [f'{DISPOSITION}"b"; filename="x; y"', "Content-Type: text/z"],
        [f'{DISPOSITION}"c"; filename="q"', "Content-Type: text/plain; charset=utf-8"],
        [f'{DISPOSITION}"d"; filename=""', "Content-Type: text/plain; charset=utf-8"],
        [f'{DISPOSITION}"e"', "Content-Type: text/x"],
    ]
    assert [content for _, content in found] == ["b", "c", "d", "e", "f"]


async def test_headers_of_form_fields(sent: Sent, tmp_path: Path) -> None:
    """``;headers=`` adds header fields to a part, also those of a file."""
    (tmp_path / "head").write_text("A: 1\n# no field\nB: 2\n  folded\n\n")
    found = await form_parts(
        sent,
        'a=b;headers="X-One: b; c";headers=X-Two: d',
        f"b=c;headers=@{tmp_path / 'head'}",
        'c=d;type=a/b;headers="Content-Type: x/y"',
    )
    text = "Content-Type: text/plain; charset=utf-8"
    assert [head for head, _ in found] == [
        [f'{DISPOSITION}"a"', text, "X-One: b; c", "X-Two: d"],
        ["A: 1", "B: 2 folded", f'{DISPOSITION}"b"', text],
        [f'{DISPOSITION}"c"', "Content-Type: x/y"],
    ]


async def test_files_in_forms(sent: Sent, tmp_path: Path) -> None:
    """File names may be quoted, empty or several; a given name replaces the local name."""
    for name in ("a.txt", "b;c,d.txt", 'q"t.png'):
        (tmp_path / name).write_text(name)
    quoted = str(tmp_path / 'q"t.png').replace('"', '\\"')
    found = await form_parts(
        sent,
        f'a=@"{tmp_path}/b;c,d.txt"',
        f'b=@"{quoted}";type="text/x"',
        f"c=@{tmp_path}/a.txt;filename=",
        f"d=@{tmp_path}/a.txt;filename=x,{tmp_path}/a.txt;type=a/b",
        f"e=<{tmp_path}/a.txt",
    )
    assert [head for head, _ in found] == [
        [f'{DISPOSITION}"a"; filename="b;c,d.txt"', "Content-Type: text/plain"],
        [f'{DISPOSITION}"b"; filename="q\\"t.png"', 'Content-Type: "text/x"'],
        [f'{DISPOSITION}"c"; filename=""', "Content-Type: text/plain"],
        [f'{DISPOSITION}"d"; filename="x"', "Content-Type: application/octet-stream"],
        [f'{DISPOSITION}"d"; filename="a.txt"', "Content-Type: a/b"],
        [f'{DISPOSITION}"e"', "Content-Type: text/plain; charset=utf-8"],
    ]
    assert [content for _, content in found] == [
        *("b;c,d.txt", 'q"t.png', "a.txt", "a.txt", "a.txt", "a.txt"),
    ]


async def test_what_a_form_ignores(scripted: ScriptedFactory) -> None:
    """Ignored options of a field print a warning, which ``-s`` hides."""
    server = await scripted(response_bytes(200, b"ok"))
    for field in ("a=b;c", 'a="b"c'):
        told, silent = [
            await in_process(*options, "-F", field, server.url) for options in ((), ("-s",))
        ]
        assert (told.code, silent.code, silent.err) == (0, 0, "")
        assert told.err.startswith("httptrace: warning: -F ") and "'c'" in told.err


async def test_form_of_bytes(sent: Sent, tmp_path: Path) -> None:
    """Text is sent as the given bytes, whatever charset is named."""
    file = tmp_path / "latin"
    file.write_bytes(b"caf\xe9")
    request = await sent("-F", f"a=<{file}", "-F", "b=ü;type=text/plain;charset=latin-1")
    assert b'name="a"\r\n\r\ncaf\xe9\r\n' in request.body
    assert b"Content-Type: text/plain\r\n" in request.body
    assert b"\r\n\r\n\xc3\xbc\r\n" in request.body


async def test_form_is_sent_to_every_url(servers: BundledServers) -> None:
    """Each URL gets the complete form."""
    ran = await in_process("-F", "a=b", "-o", "-", "-o", "-", *[f"{servers.http}/echo"] * 2)
    assert ran.code == 0, ran.err
    assert ran.out.count('name="a"') == 2


async def test_range(sent: Sent) -> None:
    """``-r`` requests a range of bytes."""
    assert (await sent("-r", "0-99")).header("Range") == "bytes=0-99"


async def test_headers_go_before_what_is_implied(sent: Sent) -> None:
    """A given content type is sent, and a removed one is not."""
    request = await sent("-d", "x", "-H", "Content-Type: text/x")
    assert request.values("Content-Type") == ["text/x"]
    assert (await sent("-d", "x", "-H", "Content-Type:")).values("Content-Type") == []


@pytest.mark.parametrize(
    ("path", "target"),
    [("/a%2Fb/%7e?q=%20+&x", "/a%2Fb/%7e?q=%20+&x"), ("/a b?ü", "/a%20b?%C3%BC"), ("", "/")],
)
async def test_url_is_sent_as_written(sent: Sent, path: str, target: str) -> None:
    """A valid URL is sent unchanged; otherwise it is percent-encoded."""
    assert (await sent(path=path)).target == target


async def test_password_goes_before_the_urls(sent: Sent) -> None:
    """``-u`` precedes credentials in the URL, which are never sent in the Host field."""
    request = await sent("-u", "me:secret", path="/x@y")
    assert request.header("Authorization") == "Basic bWU6c2VjcmV0"
    assert "@" not in (request.header("Host") or "")


async def test_proxy(scripted: ScriptedFactory) -> None:
    """``-x`` uses a proxy, ``-U`` sends it credentials, and the environment can name one too."""
    proxy = await scripted(response_bytes(200, b"ok"))
    await httptrace("-x", proxy.url, "-U", "me:secret", "http://any.example/p")
    await httptrace("http://any.example/q", http_proxy=proxy.url)
    first, second = proxy.requests
    assert (first.target, second.target) == ("http://any.example/p", "http://any.example/q")
    assert first.header("Proxy-Authorization") == "Basic bWU6c2VjcmV0"


async def test_noproxy(scripted: ScriptedFactory) -> None:
    """``--noproxy`` and ``NO_PROXY`` name hosts that need no proxy; ``-x ''`` means all."""
    server = await scripted(response_bytes(200, b"ok"))
    by_option = await httptrace(
        "--noproxy", "127.0.0.1", server.url, http_proxy="http://127.0.0.1:1"
    )
    by_name = await httptrace(server.url, http_proxy="http://127.0.0.1:1", no_proxy="127.0.0.1")
    by_empty = await httptrace("-x", "", server.url, http_proxy="http://127.0.0.1:1")
    assert (by_option.code, by_name.code, by_empty.code) == (0, 0, 0)
