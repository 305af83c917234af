"""What is accepted beyond the grammar, and what is refused: the table in docs/security.md."""

from __future__ import annotations

OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: 5\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
HELLO = OK + LENGTH + b"\r\nhello"
END = b"5\r\nhello\r\n0\r\n"
"""A chunk and the last chunk; trailers and an empty line follow."""
IN_CHUNKS = CHUNKED + END + b"\r\n"


def folded(fold: bytes) -> tuple[bytes, bytes]:
    """A response with a fold in the middle of a field, and the same in one line."""
    lines = b"A: 1\r\nX: a%bb\r\n" + LENGTH + b"\r\nhello"
    return OK + lines % fold, OK + lines % b" "


ACCEPTED: dict[str, list[tuple[bytes, bytes]]] = {
    "LF alone ends a line of a head, or the head": [
        (HELLO.replace(b"\r\n", b"\n"), HELLO),
        (OK + LENGTH + b"\nhello", HELLO),
        (OK + LENGTH.replace(b"\r", b"") + b"\r\nhello", HELLO),
        (b"HTTP/1.1 200\n" + LENGTH + b"\nhello", b"HTTP/1.1 200\r\n" + LENGTH + b"\r\nhello"),
        (CHUNKED.replace(b"\r\n", b"\n") + END + b"\r\n", IN_CHUNKS),
        (b"HTTP/1.1 204 No\n\n", b"HTTP/1.1 204 No\r\n\r\n"),
        (b"HTTP/1.1 304 No\nX: y\n\r\n", b"HTTP/1.1 304 No\r\nX: y\r\n\r\n"),
        (
            b"HTTP/1.1 103 Hints\nLink: </a>\n\nHTTP/1.1 100 Go\n\n" + HELLO.replace(b"\r", b""),
            b"HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Go\r\n\r\n" + HELLO,
        ),
        (HELLO.replace(b"\r", b"").replace(b"hello", b"\n\r\n\r\n"), HELLO[:-5] + b"\n\r\n\r\n"),
    ],
    "a status line without the space before its reason": [
        (HELLO.replace(b" OK", b""), HELLO.replace(b"OK", b"")),
    ],
    "empty lines before the status line": [
        (b"\r\n" + HELLO, HELLO),
        (b"\n\r\n" + HELLO.replace(b"\r", b""), HELLO),
    ],
    "a folded field in a head": [
        folded(b"\r\n "),
        folded(b"\r\n\t"),
        folded(b"\r\n \t  "),
        folded(b"\n "),
        folded(b"\r\n \r\n\t\r\n "),
        (OK + b"X:\r\n y\r\n" + LENGTH + b"\r\nhello", OK + b"X: y\r\n" + LENGTH + b"\r\nhello"),
        (OK + b"X: y\r\n \r\n" + LENGTH + b"\r\nhello", OK + b"X: y\r\n" + LENGTH + b"\r\nhello"),
        (OK + LENGTH + b"X: y\r\n \r\n\r\nhello", OK + LENGTH + b"X: y\r\n\r\nhello"),
        (
            OK + b"X: a\r\n Content-Length: 9\r\n" + LENGTH + b"\r\nhello",
            OK + b"X: a Content-Length: 9\r\n" + LENGTH + b"\r\nhello",
        ),
        (
            b"HTTP/1.1 103 Hints\r\nLink: </a>;\r\n rel=b\r\n\r\n" + HELLO,
            b"HTTP/1.1 103 Hints\r\nLink: </a>; rel=b\r\n\r\n" + HELLO,
        ),
    ],
    "a folded field in trailers": [
        (CHUNKED + END + b"X: a\r\n b\r\n\r\n", CHUNKED + END + b"X: a b\r\n\r\n"),
        (
            CHUNKED + END + b"X: a\r\n\t\r\n b\r\nY: z\r\n\r\n",
            CHUNKED + END + b"X: a b\r\nY: z\r\n\r\n",
        ),
        (CHUNKED + END + b"Y: z\r\nX:\r\n b\r\n\r\n", CHUNKED + END + b"Y: z\r\nX: b\r\n\r\n"),
        (CHUNKED + b"0;a\r\nX: a\r\n b\r\n\r\n", CHUNKED + b"0\r\nX: a b\r\n\r\n"),
    ],
    "blanks after the size of a chunk": [
        (CHUNKED + b"5  \r\nhello\r\n0    \r\n\r\n", IN_CHUNKS),
        (CHUNKED + b"5\t\r\nhello\r\n0 \t\r\n\r\n", IN_CHUNKS),
        (CHUNKED + b"5 ;a=b\r\nhello\r\n0 ;c\r\n\r\n", IN_CHUNKS),
        (CHUNKED + b"5\r\nhello\r\n0 \r\nX: y\r\n\r\n", CHUNKED + END + b"X: y\r\n\r\n"),
        (
            CHUNKED + b"6\r\n\r\n5 \r\n\r\n8  \r\n5 \r\n0 \r\n\r\n0 \r\n\r\n",
            CHUNKED + b"6\r\n\r\n5 \r\n\r\n8\r\n5 \r\n0 \r\n\r\n0\r\n\r\n",
        ),
    ],
    "blanks around the parts of a chunk's extensions": [
        (CHUNKED + b"5; a=b\r\nhello\r\n0\r\n\r\n", IN_CHUNKS),
        (CHUNKED + b'5;a\t=\t"b c" ; d \r\nhello\r\n0\r\n\r\n', IN_CHUNKS),
        (CHUNKED + b"005\r\nhello\r\n0 ; a = b\r\n\r\n", IN_CHUNKS),
    ],
}
"""Responses, and what each of them means: the second one is valid in every word."""

REFUSED_HEADS: dict[str, list[bytes]] = {
    "white space before the first field": [
        OK + b" X: a\r\n" + LENGTH + b"\r\nhello",
        OK + b"\tX: a\r\n" + LENGTH + b"\r\nhello",
        OK.replace(b"\r", b"") + b" X: a\n" + LENGTH + b"\nhello",
    ],
    "a folded Content-Length or Transfer-Encoding": [
        OK + b"Content-Length:\r\n 5\r\n\r\nhello",
        OK + b"content-length: 5\n \n\nhello",
        OK + b"X: y\r\nContent-Length: 5\r\n \r\n\r\nhello",
        OK + b"Content-Length: 1\r\n 5\r\n\r\nhello",
        OK + b"Content-Length\r\n : 5\r\n\r\nhello",
        OK + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + END + b"\r\n",
        OK + b"Transfer-Encoding: gzip,\r\n\tchunked\r\n\r\n" + END + b"\r\n",
        OK + b"Transfer-Encoding: chunked\r\n , gzip\r\n\r\n" + END + b"\r\n",
    ],
    "CR without LF": [
        OK + b"X: a\rb\r\n" + LENGTH + b"\r\nhello",
        OK + b"X: a\r" + LENGTH + b"\r\nhello",
        OK + b"X: a\r\r\n" + LENGTH + b"\r\nhello",
        OK + b"X: a\r\n \rb\r\n" + LENGTH + b"\r\nhello",
        b"HTTP/1.1 200 OK\r" + LENGTH + b"\r\nhello",
    ],
    "NUL or another control character": [
        OK + b"X: a\0b\r\n" + LENGTH + b"\r\nhello",
        OK + b"X: a\n \0\n" + LENGTH + b"\r\nhello",
        OK + b"X: a\x01b\r\n" + LENGTH + b"\r\nhello",
        OK + b"X\0: a\r\n" + LENGTH + b"\r\nhello",
    ],
    "white space before the colon, or in the name": [
        OK + b"X : a\r\n" + LENGTH + b"\r\nhello",
        OK + b"Content-Length : 5\r\n\r\nhello",
        OK + b"X y: a\n" + LENGTH + b"\r\nhello",
        OK + b"X\r\n y: a\r\n" + LENGTH + b"\r\nhello",
    ],
    "a field without a name or a colon": [
        OK + b": a\r\n" + LENGTH + b"\r\nhello",
        OK + b"abc\r\n" + LENGTH + b"\r\nhello",
        OK + b"abc\n" + LENGTH + b"\nhello",
    ],
    "more than one Content-Length, or a list in it": [
        OK + LENGTH + LENGTH + b"\r\nhello",
        OK + LENGTH + b"Content-Length: 6\n\r\nhello",
        OK + b"Content-Length: 5, 5\r\n\r\nhello",
    ],
    "a Content-Length that is no number": [
        OK + b"Content-Length: +5\r\n\r\nhello",
        OK + b"Content-Length: 5 5\n\nhello",
        OK + b"Content-Length: 0x5\r\n\r\nhello",
        OK + b"Content-Length: \r\n\r\nhello",
        OK + b"Content-Length:\n\nhello",
    ],
    "Content-Length with Transfer-Encoding": [
        OK + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n" + END + b"\r\n",
        OK + b"Transfer-Encoding: chunked\n" + LENGTH + b"\n" + END + b"\r\n",
    ],
    "a Transfer-Encoding that ends in a tab or a comma": [
        OK + b"Transfer-Encoding: chunked\t\r\n\r\n" + END + b"\r\n",
        OK + b"Transfer-Encoding: chunked,\n\n" + END + b"\r\n",
    ],
    "a 1xx response with a Content-Length": [
        b"HTTP/1.1 103 Hints\r\nContent-Length: 5\r\n\r\n" + HELLO,
        b"HTTP/1.1 103 Hints\nContent-Length: 5\n\n" + HELLO,
    ],
    "another status line": [
        b"HTTP/1.1  200 OK\r\n" + LENGTH + b"\r\nhello",
        b" HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\nhello",
        b"http/1.1 200 OK\n" + LENGTH + b"\nhello",
        b"HTTP/1.2 200 OK\r\n" + LENGTH + b"\r\nhello",
        b"HTTP/1.1 099 OK\r\n" + LENGTH + b"\r\nhello",
        b"HTTP/1.1 20 OK\r\n" + LENGTH + b"\r\nhello",
        b"ICY 200 OK\r\n" + LENGTH + b"\r\nhello",
    ],
}
"""Responses that fail before the program gets one."""

REFUSED_BODIES: dict[str, list[bytes]] = {
    "LF alone in a chunked body, its trailers included": [
        CHUNKED + b"5\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5 \nhello\r\n0\r\n\r\n",
        CHUNKED + b"5;a\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5\r\nhello\n0\r\n\r\n",
        CHUNKED + b"5 \r\nhello\n0\r\n\r\n",
        CHUNKED + b"5\r\nhello\r\n0\n\r\n",
        CHUNKED + END + b"\n",
        CHUNKED + b"5 \r\nhello\r\n0\r\n\n",
        CHUNKED + END + b"X: a\n\r\n",
        CHUNKED + END + b"X: a\r\n\n",
        CHUNKED + END + b"X: a\n b\r\n\r\n",
        CHUNKED + END + b"X: a\r\n b\n\r\n",
        CHUNKED.replace(b"\r", b"") + END.replace(b"\r", b"") + b"\n",
    ],
    "a chunk's size that is no hexadecimal number": [
        CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"0 5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5 \r\nhello\r\n 0\r\n\r\n",
        CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5\x0b\r\nhello\r\n0\r\n\r\n",
    ],
    "a chunk without CRLF after its data": [
        CHUNKED + b"5\r\nhello0\r\n\r\n",
        CHUNKED + b"5 \r\nhello0\r\n\r\n",
        CHUNKED + b"5\r\nhelloo\r\n0\r\n\r\n",
    ],
    "a control character in a chunk's extension": [
        CHUNKED + b"5;a\0b\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5 ;a\rb\r\nhello\r\n0\r\n\r\n",
    ],
    "a trailer that is no field": [
        CHUNKED + END + b"abc\r\n\r\n",
        CHUNKED + END + b" X: a\r\n\r\n",
        CHUNKED + END + b"X: a\r\n\0b\r\n\r\n",
        CHUNKED + END + b"X: a\rb\r\n\r\n",
        CHUNKED + END + b"X : a\r\n b\r\n\r\n",
    ],
    "Content-Length in trailers": [
        CHUNKED + END + LENGTH + b"\r\n",
        CHUNKED + END + b"Content-Length:\r\n 5\r\n\r\n",
        CHUNKED + END + b"X: a\r\n b\r\n" + LENGTH + b"\r\n",
    ],
}
"""Responses that fail while the program reads the body."""
