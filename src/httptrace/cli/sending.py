"""From arguments to a request: method, URL, headers and body as curl would have them."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote_plus

from yarl import URL

from ..errors import InvalidUrlClientError
from ..request.target import parse_url
from ..version import __version__
from .failures import NOT_READ, USAGE, Failure
from .forms import Field, field_of, form_of
from .proxying import credentials

if TYPE_CHECKING:
    from ..auth.basic import BasicAuth
    from ..body.form import FormData
    from .arguments import Arguments

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_UNSAFE = re.compile(r"[\s<>\"{}|\\^`]")
"""What may not stand in a URL as it is (RFC 3986 §2)."""
_USER_INFO = re.compile(r"(?<=://)[^/?#]*@")


class Request(NamedTuple):
    """What is to be sent, to each of the URLs alike."""

    method: str
    headers: list[tuple[str, str]]
    left_out: list[str]
    """Default headers that are not wanted."""
    body: bytes | None
    form: list[Field]
    query: str
    auth: BasicAuth | None

    @property
    def data(self) -> bytes | FormData | None:
        """The body; a form is made anew for each request."""
        return form_of(self.form) if self.form else self.body


def request_of(arguments: Arguments) -> Request:
    """What the arguments ask to be sent.

    Raises
    ------
    Failure
        If a file cannot be read, or a header is no header.
    """
    body = _body(arguments.data) if arguments.data else None
    form = [field_of(text) for text in arguments.form]
    given, left_out = _given_headers(arguments.headers)
    headers = _with_defaults(arguments, given, [name.lower() for name in left_out])
    if not arguments.compressed:
        left_out.append("Accept-Encoding")
    query = ""
    if arguments.get and body is not None:
        query, body = body.decode("utf-8", "surrogateescape"), None
    implied = "HEAD" if arguments.head else "POST" if form or body is not None else "GET"
    method = arguments.method or implied
    if not form and not given_content_type(headers):
        left_out.append("Content-Type")
    auth = None if arguments.user is None else credentials(arguments.user)
    return Request(method, headers, left_out, body, form, query, auth)


def url_of(text: str, request: Request) -> URL:
    """The URL, as it was written if it can be sent so.

    Raises
    ------
    InvalidUrlClientError
        If it is none.
    """
    if "://" not in text:
        text = f"http://{text}"
    if request.auth is not None:
        text = _USER_INFO.sub("", text, count=1)  # -u goes before
    if request.query:
        address, mark, fragment = text.partition("#")
        text = f"{address}{'&' if '?' in address else '?'}{request.query}{mark}{fragment}"
    try:
        url = parse_url(text, encoded=text.isascii() and not _UNSAFE.search(text))
        has_host = bool(url.raw_host and url.port)
    except InvalidUrlClientError:
        raise
    except ValueError as exc:
        raise InvalidUrlClientError(text, str(exc)) from exc
    if not has_host and url.scheme in ("http", "https"):
        raise InvalidUrlClientError(text, "it has no host")
    return url


# --- headers --------------------------------------------------------------------------------------


def _given_headers(lines: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """The headers of -H, and the names of those that are to be left out."""
    given, left_out = [], []
    for line in _without_files(lines):
        name, colon, value = line.partition(":")
        if colon and value.strip():
            given.append((name.strip(), value.strip()))
        elif colon:
            left_out.append(name.strip())
        elif line.rstrip().endswith(";"):
            given.append((line.rstrip()[:-1].strip(), ""))
        else:
            raise Failure(USAGE, "", f"-H {line!r} is no header: it has no colon")
    return given, left_out


def _without_files(lines: list[str]) -> list[str]:
    found: list[str] = []
    for line in lines:
        if line.startswith("@"):
            text = _read(line[1:], "-H").decode("utf-8", "surrogateescape")
            found.extend(part for part in text.splitlines() if part.strip())
        else:
            found.append(line)
    return found


def _with_defaults(
    arguments: Arguments, given: list[tuple[str, str]], left_out: list[str]
) -> list[tuple[str, str]]:
    """The given headers and those that other options stand for, given ones first."""
    taken = {name.lower() for name, _ in given}.union(left_out)
    return [*given, *(pair for pair in _implied(arguments) if pair[0].lower() not in taken)]


def _implied(arguments: Arguments) -> list[tuple[str, str]]:
    implied = [("User-Agent", arguments.user_agent or f"httptrace/{__version__}")]
    if any(name == "--json" for name, _ in arguments.data):
        implied += [("Content-Type", _JSON), ("Accept", _JSON)]
    elif arguments.data and not arguments.get:
        implied.append(("Content-Type", _FORM))
    if arguments.referer:
        implied.append(("Referer", arguments.referer))
    if arguments.range:
        implied.append(("Range", f"bytes={arguments.range}"))
    if arguments.cookie:
        if "=" not in arguments.cookie:
            text = f"-b {arguments.cookie!r} is no 'name=value'; files of cookies are not read"
            raise Failure(USAGE, "", text)
        implied.append(("Cookie", arguments.cookie))
    return implied


def given_content_type(headers: list[tuple[str, str]]) -> bool:
    """Whether the type of the body is told."""
    return any(name.lower() == "content-type" for name, _ in headers)


# --- the body -------------------------------------------------------------------------------------


def _body(parts: list[tuple[str, str]]) -> bytes:
    """All the parts in one, joined as the option asks: forms with ``&``, JSON without."""
    body = b""
    for option, value in parts:
        joint = b"&" if body and option != "--json" else b""
        body += joint + _part(option, value)
    return body


def _part(option: str, value: str) -> bytes:
    if option == "--data-raw":
        return os.fsencode(value)
    if option == "--data-urlencode":
        return _encoded(value)
    if not value.startswith("@"):
        return os.fsencode(value)
    read = _read(value[1:], option)
    return read.translate(None, b"\r\n\0") if option == "--data" else read


def _encoded(value: str) -> bytes:
    found = re.match(r"([^=@]*)([=@])(.*)", value, re.DOTALL)
    if found is None:
        return quote_plus(os.fsencode(value)).encode()
    name, mark, rest = found.groups()
    content = _read(rest, "--data-urlencode") if mark == "@" else os.fsencode(rest)
    return f"{name}={quote_plus(content)}".encode() if name else quote_plus(content).encode()


def _read(name: str, option: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as exc:
        text = f"{option}: {name} cannot be read: {exc.strerror or exc}"
        raise Failure(NOT_READ, "", text) from exc
