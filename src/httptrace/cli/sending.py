"""Makes a request of the options: method, URL, headers and body, as curl does."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote_plus

from yarl import URL

from ..errors import InvalidUrlClientError
from ..request.target import parse_url
from ..version import __version__
from .failures import USAGE, Failure
from .forms import Field, fields_of, form_of
from .proxying import credentials
from .reading import read_bytes

if TYPE_CHECKING:
    from ..auth.basic import BasicAuth
    from ..body.form import FormData
    from .arguments import Arguments

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_UNSAFE = re.compile(r"[\s<>\"{}|\\^`]")
"""Characters that must be percent-encoded in a URL (RFC 3986 §2)."""
_USER_INFO = re.compile(r"(?<=://)[^/?#]*@")


class Request(NamedTuple):
    """The request that is sent to each of the URLs."""

    method: str
    headers: list[tuple[str, str]]
    left_out: list[str]
    """Names of default headers that are not sent."""
    body: bytes | None
    form: list[Field]
    query: str
    auth: BasicAuth | None

    @property
    def data(self) -> bytes | FormData | None:
        """The body. A form is made anew for each request."""
        return form_of(self.form) if self.form else self.body


def request_of(arguments: Arguments) -> Request:
    """The request that the options describe.

    Raises
    ------
    Failure
        If a file cannot be read, or an option is malformed.
    """
    body = _body(arguments.data) if arguments.data else None
    warn = arguments.warn
    form = [field for text in arguments.form for field in fields_of(text, warn)]
    given, left_out = _given_headers(arguments.headers)
    if arguments.user_agent == "":
        left_out.append("User-Agent")
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
    """The URL. It is sent as it was written, unless characters must be encoded.

    Raises
    ------
    InvalidUrlClientError
        If the text is not a URL.
    """
    if "://" not in text:
        text = f"http://{text}"
    if request.auth is not None:
        text = _USER_INFO.sub("", text, count=1)  # -u takes precedence
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
    """The headers of -H, and the names of the default headers that it removes."""
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
            raise Failure(USAGE, "", f"-H {line!r} is not a header: it has no colon")
    return given, left_out


def _without_files(lines: list[str]) -> list[str]:
    found: list[str] = []
    for line in lines:
        if line.startswith("@"):
            text = read_bytes(line[1:], "-H").decode("utf-8", "surrogateescape")
            found.extend(part for part in text.splitlines() if part.strip())
        else:
            found.append(line)
    return found


def _with_defaults(
    arguments: Arguments, given: list[tuple[str, str]], left_out: list[str]
) -> list[tuple[str, str]]:
    """The headers of -H, then those of other options that -H neither sets nor removes."""
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
    if cookies := _cookies(arguments.cookies):
        implied.append(("Cookie", cookies))
    return implied


def _cookies(given: list[str]) -> str:
    """All that -b gave, as one header value."""
    pairs = [text.strip().rstrip(";").rstrip() for text in given]
    for text in filter(None, pairs):
        if "=" not in text:
            hint = "a cookie is 'name=value', and files of cookies are not read"
            raise Failure(USAGE, "", f"-b {text!r}: {hint}")
    return "; ".join(filter(None, pairs))


def given_content_type(headers: list[tuple[str, str]]) -> bool:
    """Whether the headers have a Content-Type."""
    return any(name.lower() == "content-type" for name, _ in headers)


# --- the body -------------------------------------------------------------------------------------


def _body(parts: list[tuple[str, str]]) -> bytes:
    """All data in one body: forms are joined by ``&``, JSON is joined as it is."""
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
    read = read_bytes(value[1:], option)
    return read.translate(None, b"\r\n\0") if option == "--data" else read


def _encoded(value: str) -> bytes:
    found = re.match(r"([^=@]*)([=@])(.*)", value, re.DOTALL)
    if found is None:
        return quote_plus(os.fsencode(value)).encode()
    name, mark, rest = found.groups()
    content = read_bytes(rest, "--data-urlencode") if mark == "@" else os.fsencode(rest)
    return f"{name}={quote_plus(content)}".encode() if name else quote_plus(content).encode()
