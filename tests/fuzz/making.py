"""Responses that are valid or almost valid, random changes of bytes, and ways to split them."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from tests.body.packing import PACK

PIECES = [
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\0", b" ", b"\t", b":", b",", b";", b"\xff", b"\x80"),
    *(b"0\r\n\r\n", b"5\r\nhello\r\n", b"-1", b"+1", b"0x", b"99999999999999999999", b"A: b\r\n"),
    *(b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n"),
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"Content-Encoding: gzip\r\n"),
]
"""What a parser may stumble over."""
STATUSES = [200, 200, 200, 200, 201, 204, 206, 301, 304, 401, 404, 500, 100, 101, 103, 199, 999]
"""Statuses, the usual ones more often."""
FIELDS = [
    *(b"X: y", b"X:", b"A: \t b \t", b"Server: s", b"Connection: close", b"Connection: keep-alive"),
    *(b"Keep-Alive: timeout=5", b"Set-Cookie: a=b; Path=/", b"Set-Cookie: ;;=", b"Upgrade: h2c"),
    *(b"Content-Type: text/plain; charset=utf-8", b"Content-Type: ;;", b"Link: <http://[>; rel=x"),
    *(b'Content-Disposition: attachment; filename="a', b"Trailer: X", b"ETag: W/x", b"X: \xe9\xff"),
]
"""Fields, most of which a server may send."""


def mutated(rng: Random, data: bytes, times: int = 1, pieces: list[bytes] = PIECES) -> bytes:
    """The bytes with some random changes."""
    made = bytearray(data)
    for _ in range(times):
        at = rng.randrange(len(made) + 1)
        end = min(len(made), at + rng.choice([1, 1, 2, 5, 20]))
        match rng.randrange(7):
            case 0:
                made[at:end] = b""
            case 1:
                made[at:at] = made[at:end]
            case 2:
                made[at:at] = rng.choice(pieces)
            case 3:
                made[at:end] = rng.choice(pieces)
            case 4 if at < len(made):
                made[at] ^= 1 << rng.randrange(8)
            case 5 if at < len(made):
                made[at] = rng.randrange(256)
            case _:
                where = rng.randrange(len(made) + 1)
                made[where:where] = made[at:end]
    return bytes(made)


def cut(rng: Random, data: bytes, most: int = 6) -> list[bytes]:
    """The bytes in pieces: one, a few, or one per byte."""
    if len(data) < 400 and rng.random() < 0.05:
        return [data[at : at + 1] for at in range(len(data))]
    places = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(most)))
    return [data[start:end] for start, end in pairwise([0, *places, len(data)])]


def chunked(rng: Random, body: bytes) -> bytes:
    """The body in chunks, sometimes with extensions and trailers (RFC 9112 §7.1)."""
    made = b""
    for piece in filter(None, cut(rng, body)):
        extension = rng.choice([b"", b"", b"", b";a=b", b';a="b"', b";"])
        made += b"%x%b\r\n%b\r\n" % (len(piece), extension, piece)
    trailers = rng.choice([b"", b"", b"T: v\r\n", b"T: v\r\nU: \r\n"])
    return made + b"0\r\n" + trailers + b"\r\n"


def response(rng: Random, body: bytes) -> bytes:
    """A response with this body, encoded or not, framed in one way or, wrongly, in two."""
    head = b"HTTP/1.%d %d %b\r\n" % (
        rng.choice([1, 1, 1, 1, 0]),
        rng.choice(STATUSES),
        rng.choice([b"OK", b"", b"N\xc3\xb6 way"]),
    )
    fields = rng.sample(FIELDS, rng.randrange(4))
    if rng.random() < 0.3:
        coding = rng.choice([*PACK])
        body = PACK[coding](body)
        fields.append(b"Content-Encoding: " + coding.split()[-1].encode())
    length = b"Content-Length: %d" % len(body)
    match rng.randrange(8):
        case 0 | 1 | 2:
            fields.append(length)
        case 3 | 4 | 5:
            body = chunked(rng, body)
            fields.append(b"Transfer-Encoding: chunked")
        case 6:
            fields += [length, rng.choice([length, b"Transfer-Encoding: chunked"])]
        case _:
            pass  # until the connection ends
    rng.shuffle(fields)
    return head + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


def stream(rng: Random, body: bytes) -> bytes:
    """The bytes of a server for one request: mostly one response, mostly changed."""
    made = response(rng, body)
    if rng.random() < 0.1:
        made = rng.choice([b"HTTP/1.1 100 \r\n\r\n", b"HTTP/1.1 103 x\r\nA: b\r\n\r\n"]) + made
    if rng.random() < 0.1:
        made += rng.choice([b"x", b"\r\n", b"\0", response(rng, b"the one after"), made])
    if rng.random() < 0.6:
        made = mutated(rng, made, rng.choice([1, 1, 1, 2, 5]))
    if rng.random() < 0.1:
        made = made[: rng.randrange(len(made) + 1)]
    return made
