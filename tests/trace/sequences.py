"""The parts of expected sequences of events, by what happens in them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

START = ["request_start"]
DNS = ["dns_cache_miss", "dns_resolvehost_start", "dns_resolvehost_end"]
SOCKET = ["socket_connect_start", "socket_connect_end"]
TLS = ["tls_handshake_start", "tls_handshake_end"]
DIAL = ["connection_create_start", *SOCKET, "connection_create_end"]
FRESH = [*DIAL, "connection_acquired"]
REUSED = ["connection_reuseconn", "connection_acquired"]
SENT = ["request_headers_sent", "request_body_sent"]
UPLOADED = ["request_headers_sent", "request_chunk_sent", "request_body_sent"]
HEAD = ["response_first_byte", "response_headers_received"]
END = ["request_end"]
CHUNK = ["response_chunk_received"]
BODY_END = ["response_body_end"]
BODY = [*CHUNK, *BODY_END]
RELEASED = ["connection_released"]
CLOSED = ["connection_closed"]
FAILED = ["request_exception", "request_finish"]
FINISH = ["request_finish"]

ANSWERED = [*HEAD, *END, *BODY, *RELEASED, *FINISH]
"""A response with a body that is read whole."""
HOP = [*HEAD, "request_redirect", *BODY_END, *RELEASED]
"""A redirect without a body of its own."""


def together(names: Sequence[str]) -> list[str]:
    """The names, with consecutive pieces of a body as one: their number is not fixed."""
    pieces = {"response_chunk_received", "request_chunk_sent"}
    return [name for name, group in groupby(names) for _ in (range(1) if name in pieces else group)]
