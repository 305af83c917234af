"""What is better and what is different than in aiohttp: the notes in ``docs/compat.md``.

``scripts/generate_compat.py`` compares both packages and puts these notes beside its results.
`UNEQUAL` explains the differences that it finds, by patterns. A test checks that each difference is
explained, and that each explanation still applies to one.
"""

from __future__ import annotations

SERVER_SIDE = {
    "GunicornUVLoopWebWorker": "runs aiohttp.web under gunicorn",
    "GunicornWebWorker": "runs aiohttp.web under gunicorn",
}

MODULES_NOT_HERE = {
    "compression_utils": "internal to aiohttp",
    "http_parser": "aiohttp's parsers",
    "pytest_plugin": "fixtures of pytest-aiohttp",
    "tcp_helpers": "internal to aiohttp",
    "web": "a server; `httptrace.web` has middlewares for servers",
    "worker": "runs aiohttp.web under gunicorn",
}

BETTER: dict[str, str | tuple[str, ...]] = {
    "Security": (
        "Digest credentials are sent only to their own origin. A redirect to another origin gets "
        "no credentials, cookies or proxy credentials.",
        "A compressed body that is read whole may decode to at most `max_decoded_size` bytes, "
        "256 MiB by default.",
        "`address_filter` can reject each address before the client connects to it.",
    ),
    "Timing": (
        "Every timeout error has `phase`, `limit` and `elapsed`.",
        "Limits for single phases: `pool`, `dns`, `tls`, `response_headers`.",
    ),
    "Connections": (
        "A connection can be reused as soon as the last byte of its response has arrived, even if "
        "the program has not read it.",
        "`connector.stats()` counts connections created, reused, closed by reason, and waits.",
    ),
    "Bodies": (
        "A gzip, br or zstd body that is incomplete raises `ClientPayloadError`.",
        "Stacked codings (`Content-Encoding: gzip, br`) are decoded.",
        "Server-sent events: `async for event in response.sse()`.",
    ),
    "BasicAuth": "Not deprecated: neither it nor `auth=` warns.",
    "BaseConnector": "`stats()`, `max_connection_age`; a `dialer` in a subclass opens connections.",
    "UnixConnector": "Relative redirects, and a `base_url`, of `unix://` URLs are resolved.",
    "ClientConnectorError": "The text names each address and why it failed.",
    "ClientResponse": (
        "`timeline`: where the time of the request went.",
        "`trailers`; `server_timing`; `sse()` for server-sent events.",
        "`links` has every relation of a link that has several.",
    ),
    "ClientSession": (
        "`observers` get every event; `propagate` sends the ids of the current request or job.",
        "A wrong parameter raises an error that names it before anything is sent.",
        "`trace_configs` and `observers` can be given to a single request too.",
    ),
    "ClientTimeout": "`pool`, `dns`, `tls` and `response_headers`; `replace()`.",
    "CookieJar": "Limits for number and size of cookies; `is_public_suffix` for a list of them.",
    "DigestAuthMiddleware": "SHA-512-256, `userhash`, and `nextnonce` of the server.",
    "StreamReader": (
        "A compressed body is decoded only as far as the program reads.",
        "If a body is incomplete, the bytes that arrived can be read before the error is raised.",
        "A cancelled read loses no bytes.",
        "`unread_data()` is not deprecated.",
    ),
    "TCPConnector": "`address_filter`; the DNS cache respects the TTL of answers.",
    "TraceConfig": (
        "A signal for every moment: sockets, TLS, proxies, bytes in and out, the end of each "
        "request; see [Events](events.md).",
        "Callbacks may be plain functions; aiohttp's own `TraceConfig` objects are accepted.",
    ),
}

DIFFERENT: dict[str, str | tuple[str, ...]] = {
    "Security": (
        "A cookie with `Secure` from an http origin is rejected, as in RFC 6265bis, unless the "
        "origin is trusted (`treat_as_secure_origin`).",
        "The rules for the prefixes `__Host-` and `__Secure-` are enforced. A cookie for a whole "
        "top-level domain such as `com` is rejected.",
    ),
    "Timing": (
        "Timeouts are exact: `ceil_threshold` has no effect.",
        "`expect100=True` waits at most one second for the 100, then sends the body: many servers "
        "never respond.",
    ),
    "Connections": (
        "`limit` is a limit for open connections, so it counts idle ones too.",
        "A request on a reused connection that is dead is sent once more only if its method is "
        "idempotent and no byte of a response arrived (RFC 9110 §9.2.2). On a new connection it is "
        "not sent again, where aiohttp does.",
        "A request with `Connection: close` is the last on its connection (RFC 9112 §9.6).",
        "Connections are closed at once: `enable_cleanup_closed` and `ssl_shutdown_timeout` have "
        "no effect.",
    ),
    "Bodies": (
        "Text files that are not UTF-8 are sent in chunks; aiohttp gives them a wrong length.",
        "Sending a payload twice that can be sent once raises an error; aiohttp sends nothing.",
        "Names of multipart fields that are not ASCII are sent as UTF-8, as in browsers.",
        "If the source of a body raises OSError or TimeoutError, the request raises "
        "`ClientConnectionError`: the connection itself did not fail.",
        "A `Content-Length` header that does not match the body raises `ValueError`, or "
        "`ClientPayloadError` if only sending shows it. aiohttp truncates the body.",
    ),
    "AsyncIterablePayload": "Sending it a second time raises `ClientPayloadError`.",
    "ClientConnectorError": "Its text differs; its attributes are the same.",
    "ClientPayloadError": "Also raised for compressed bodies that are incomplete.",
    "ClientResponse": (
        "`close()` keeps the connection if the whole body has arrived.",
        "If the whole body has arrived, it can be read after `async with` and after `release()`.",
        "`get_encoding()` returns UTF-8 for every `+json` type, as for `application/json` (RFC "
        "8259). A malformed Content-Type is ignored.",
        "Reading after the session was closed raises `ClientConnectionError`; aiohttp may raise "
        "`RuntimeError`.",
        "A 101 that the request did not ask for raises `ClientResponseError`. After one that it "
        "asked for, the program gets the connection whatever the protocol is; in aiohttp only for "
        "`tcp` and `websocket`.",
        "`connection.protocol` is None until a 101.",
    ),
    "BaseConnector": (
        "The methods that libraries override to connect in their own way are called as in aiohttp; "
        "[Connectors](connectors.md#connectors-written-for-aiohttp) lists them. A connector that "
        "overrides another method that aiohttp calls raises `TypeError` when it is made.",
        "`allowed_protocol_schema_set` holds for redirects too.",
        "Of its private attributes, `_loop`, `_closed`, `_conns`, `_acquired`, `_limit`, "
        "`_limit_per_host`, `_force_close` and `_keepalive_timeout` can be read, and of a "
        "`TCPConnector` also `_family`, `_resolver`, `_ssl` and `_use_dns_cache`; assigning a "
        "private attribute of aiohttp's raises.",
    ),
    "ClientRequest": (
        "A `request_class` may override its constructor and `is_ssl`, or a program may patch them. "
        "One that overrides what aiohttp calls while it sends, such as `send` or `update_headers`, "
        "raises `TypeError`: use a middleware.",
    ),
    "ClientSession": (
        "`_request` and `_ws_connect` are called if they are replaced. Of its private attributes, "
        "`_connector`, `_cookie_jar`, `_default_headers`, `_default_auth`, `_timeout`, "
        "`_base_url`, `_raise_for_status`, `_resolve_charset` and `_trust_env` can be assigned; "
        "assigning another one raises.",
        "An object around a connector, which passes for one, may be assigned to `_connector`: its "
        "`connect` is called for each request of that session.",
        "`params=` as text is sent as it is, as aiohttp's documentation has it; aiohttp itself "
        "quotes its percent signs once more.",
        "A value of a wrong type raises `TypeError`; aiohttp raises `ValueError` for some.",
        "No warnings for large bodies of bytes, and for parameters that have no effect.",
    ),
    "ClientTimeout": "`ceil_threshold` is accepted and has no effect.",
    "ClientWebSocketResponse": (
        "The server's Close is answered with its own code, and after 30 seconds if nobody has "
        "received it. See [WebSockets](websockets.md) for more.",
        "`_conn` has the transport; its `protocol` is always None.",
    ),
    "CookieJar": (
        "Rejects `Secure` cookies from http, and cookies for a whole top-level domain.",
        "`Set-Cookie` is parsed as in RFC 6265bis: only a semicolon ends an attribute, and a name "
        "may contain a comma.",
        "All cookies that match a request are sent; aiohttp stops at 150 cookies or 8190 bytes.",
        "`save()` writes with mode 0600 and in its own format; `load()` reads aiohttp's too.",
        "In `cookies` and `host_only_cookies` the path of a whole site is `/`; in aiohttp it is "
        "empty.",
    ),
    "MultipartWriter": "A boundary that RFC 2046 does not allow is rejected.",
    "Payload": "aiohttp.web accepts only aiohttp's payloads as the body of a response.",
    "ServerTimeoutError": "When the limit for the whole request is reached, `TotalTimeoutError` is "
    "raised: a `TimeoutError`, which is what aiohttp raises.",
    "StreamReader": (
        "A line that is too long raises `ValueError` and stays in the stream.",
        "`wait_eof()` counts as a reader: it cannot wait while another task reads.",
    ),
    "TextIOPayload": "A UTF-8 file is sent with its line ends unchanged, any other in chunks.",
    "TraceConfig": (
        "`on_response_chunk_received` has each piece as it arrives, before content decoding and "
        "however the body is read; in aiohttp it has the decoded body, only for `read()`.",
        "If its `on_request_start` raises, its `on_request_exception` is called too.",
    ),
    "WSMsgType": "Equal to aiohttp's own in a program that uses aiohttp.web as well, but not "
    "identical: compare with `==`.",
}

_MADE_WITHIN = "only the session makes it; a subclass gets httptrace's arguments"
_PARTS = "a middleware gets the finished request: change `headers` and `method`, and the body with \
`update_body`"

UNEQUAL: dict[str, str] = {
    "BasicAuth*(encoding='latin1')": "`latin1` if it can encode every character, else `utf-8`",
    "*Connector.__enter__": "deprecated in aiohttp: use `async with`",
    "ClientRequest(url=required)": "a subclass may also pass on the one argument `call`",
    "ClientRequest.*": _PARTS,
    "ClientResponse(*)": "a program that makes one need not give them",
    "ClientResponse.start": "the response is made when its head has arrived",
    "ClientResponse.json(loads=*)": "None means `json.loads`",
    "*.ATTRS": "internal to aiohttp",
    "ClientSession(ws_response_class=*)": "None means `ClientWebSocketResponse`, which is \
imported with the first WebSocket",
    "ClientWebSocketResponse(*)": _MADE_WITHIN,
    "CookieJar.*TIME*": "constants of aiohttp's parser",
    "CookieJar.DATE_*": "constants of aiohttp's parser",
    "*DataQueue.set_exception(*)": "None means no cause",
    "DummyCookieJar.filter_cookies(*)": "the URL is optional",
    "Fingerprint.HASHFUNC_BY_DIGESTLEN": "internal to aiohttp; only SHA-256 is accepted",
    "StreamReader.set_exception(*)": "None means no cause",
}
