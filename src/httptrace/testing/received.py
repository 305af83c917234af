"""`ReceivedRequest`: a request that a test server received, and its parser.

The parser is strict on purpose: a bare LF, two Content-Length fields, or Content-Length together
with Transfer-Encoding raise `MalformedRequest`, even where real servers are lenient.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["MalformedRequest", "ReceivedRequest", "parse_head", "parse_headers"]

# RFC 9110 §5.6.2 (token), RFC 9112 §3 (request-line).
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e\x80-\xff]+) (HTTP/\d\.\d)")
# RFC 9110 §5.5: a value has no control characters except the tab.
_HEADER_LINE = re.compile(rb"(" + _TOKEN + rb"):[ \t]*((?:[^\x00-\x08\x0a-\x1f\x7f])*?)[ \t]*")


class MalformedRequest(ValueError):
    """The client sent a request that is not valid HTTP/1.1 (RFC 9112)."""


@dataclass
class ReceivedRequest:
    """A request that a test server received.

    Names and values in `headers` and `trailers` are the bytes on the wire, in order. `raw` is the
    whole request, including the framing of the body; it grows while the body is read. `connection`
    is the number of the connection, from 0.
    """

    method: str
    target: str
    version: str
    headers: list[tuple[bytes, bytes]]
    connection: int = 0
    body: bytes = b""
    raw: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        """All values of a header, in order. The case of the name does not matter."""
        wanted = name.lower().encode("latin-1")
        return [value.decode("latin-1") for key, value in self.headers if key.lower() == wanted]

    def header(self, name: str) -> str | None:
        """The first value of a header, or None if it was not sent."""
        return next(iter(self.values(name)), None)

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def is_chunked(self) -> bool:
        """Whether the body is framed by chunked transfer coding (RFC 9112 §7.1)."""
        codings = self.values("Transfer-Encoding")
        return bool(codings) and codings[-1].lower().rpartition(",")[2].strip() == "chunked"

    @property
    def content_length(self) -> int:
        """The value of Content-Length; 0 if it was not sent.

        Raises MalformedRequest for values that RFC 9112 §6.3 forbids.
        """
        lengths = self.values("Content-Length")
        if not lengths:
            return 0
        if self.values("Transfer-Encoding"):
            raise MalformedRequest("Content-Length and Transfer-Encoding in one request")
        if len(lengths) > 1 or not re.fullmatch(r"[0-9]+", lengths[0]):
            raise MalformedRequest(f"not one plain Content-Length: {lengths}")
        return int(lengths[0])

    @property
    def expects_continue(self) -> bool:
        """Whether the client expects a 100 before it sends the body (RFC 9110 §10.1.1)."""
        return (self.header("Expect") or "").lower() == "100-continue"

    @property
    def keeps_alive(self) -> bool:
        """Whether the client keeps the connection open after the response (RFC 9112 §9.3)."""
        options = ",".join(self.values("Connection")).lower().replace(" ", "").split(",")
        return "close" not in options and (self.version >= "HTTP/1.1" or "keep-alive" in options)


def parse_headers(block: bytes) -> list[tuple[bytes, bytes]]:
    """Parse header lines that each end in CRLF; raises MalformedRequest for an invalid line."""
    return [_parse_header(line) for line in block.split(b"\r\n")[:-1]]


def _parse_header(line: bytes) -> tuple[bytes, bytes]:
    match = _HEADER_LINE.fullmatch(line)
    if match is None:
        raise MalformedRequest(f"not a header line: {line!r}")
    return match[1], match[2]


def parse_head(head: bytes, connection: int = 0) -> ReceivedRequest:
    """Parse a request line and headers, including the empty line."""
    line, _, rest = head.partition(b"\r\n")
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise MalformedRequest(f"not a request line: {line!r}")
    method, target, version = (part.decode("latin-1") for part in match.groups())
    headers = parse_headers(rest.removesuffix(b"\r\n"))
    return ReceivedRequest(method, target, version, headers, connection, raw=head)
