"""What is better and what is different than in aiohttp: the words of ``docs/compat.md``.

``scripts/generate_compat.py`` compares both packages and puts these notes beside what it finds.
`UNEQUAL` explains, by patterns, each difference that the comparison finds; a test holds that
everything it finds is explained, and that everything explained is still so.
"""

from __future__ import annotations

SERVER_SIDE = {
    "GunicornUVLoopWebWorker": "runs aiohttp.web under gunicorn",
    "GunicornWebWorker": "runs aiohttp.web under gunicorn",
}

BETTER: dict[str, str | tuple[str, ...]] = {
    "Security": (
        "Digest credentials never answer another origin, and credentials, cookies and proxy "
        "credentials do not follow a redirect to one.",
        "A compressed body that is read whole may decode to `max_decoded_size` bytes at most, "
        "256 MiB unless the session says otherwise.",
        "`address_filter` can veto every address before it is dialled.",
    ),
    "Timing": (
        "Every timeout error has `phase`, `limit` and `elapsed`.",
        "Limits for single phases: `pool`, `dns`, `tls`, `response_headers`.",
    ),
    "Connections": (
        "A connection is free again when the last byte of its response has arrived, read or not.",
        "`connector.stats()` counts what was created, reused, closed and why, and who waits.",
    ),
    "Bodies": (
        "A body cut short in gzip, br or zstd raises `ClientPayloadError` instead of ending early.",
        "Stacked codings (`Content-Encoding: gzip, br`) are decoded.",
        "Server-sent events: `async for event in response.sse()`.",
    ),
    "BasicAuth": "Not deprecated: neither it nor `auth=` warns.",
    "BaseConnector": "`stats()`, `max_connection_age`; `dialer` makes the connections of your own.",
    "ClientConnectorError": "The text says for each address what went wrong with it.",
    "ClientResponse": (
        "`timeline`: where the time of the request went, always on.",
        "`trailers`; `sse()` for server-sent events.",
        "`links` keeps every relation of a link that has several.",
    ),
    "ClientSession": (
        "`observers` hear every moment; `propagate` sends the ids of the surrounding work along.",
        "Wrong parameters are refused by name before anything is sent.",
        "`trace_configs` and `observers` for one request as well.",
    ),
    "ClientTimeout": "`pool`, `dns`, `tls` and `response_headers`; `replace()`.",
    "CookieJar": "Caps on number and size of cookies; `is_public_suffix` for a list of them.",
    "DigestAuthMiddleware": "SHA-512-256 and `userhash`; the server's next nonce is used.",
    "StreamReader": (
        "Compressed bodies are decoded as they are read, no further.",
        "What came before a body breaks off can be read before the error is raised.",
        "A read that is cancelled loses nothing of the body.",
        "`unread_data()` is not deprecated.",
    ),
    "TCPConnector": "`address_filter`; DNS answers are kept no longer than their TTL.",
    "TraceConfig": (
        "A signal for every moment: sockets, TLS, proxies, bytes in and out, the end of each "
        "request; see [Events](events.md).",
        "Callbacks may be plain functions; aiohttp's own `TraceConfig` objects are understood.",
    ),
}

DIFFERENT: dict[str, str | tuple[str, ...]] = {
    "Security": (
        "A cookie with `Secure` that comes over http is refused unless the origin is trusted "
        "(`treat_as_secure_origin`): RFC 6265bis has it so.",
        "Names `__Host-` and `__Secure-` are enforced, and a cookie for all of `com` is refused.",
    ),
    "Timing": (
        "Timeouts are exact: `ceil_threshold` changes nothing.",
        "`expect100=True` waits one second for the server's word and sends then: many servers "
        "never answer.",
    ),
    "Connections": (
        "`limit` counts idle connections too: what is open is what it bounds.",
        "A request on a reused connection that is dead is sent once more only if its method is "
        "idempotent and nothing of an answer came (RFC 9110 §9.2.2). On a new connection it is "
        "not sent again, where aiohttp does.",
        "A request with `Connection: close` is the last on its connection (RFC 9112 §9.6).",
        "Connections that are closed are aborted: `enable_cleanup_closed` and "
        "`ssl_shutdown_timeout` change nothing.",
    ),
    "Bodies": (
        "Text files that are not UTF-8 are sent in chunks; aiohttp gives them a wrong length.",
        "A payload that was used up raises when it is sent again, instead of sending nothing.",
        "Names of multipart fields that are not ASCII are sent as UTF-8, as browsers do.",
        "A body that raises OSError or TimeoutError gives `ClientConnectionError`: it is not the "
        "connection that failed.",
        "A `Content-Length` of your own must be that of the body: `ValueError`, or "
        "`ClientPayloadError` if that is seen only as it is sent. aiohttp cuts the body.",
    ),
    "AsyncIterablePayload": "Sent again after it was used up it raises `ClientPayloadError`.",
    "ClientConnectorError": "Its text is our own; attributes are the same.",
    "ClientPayloadError": "Also raised for compressed bodies that end early.",
    "ClientResponse": (
        "`close()` keeps the connection if the body has arrived whole.",
        "A body that has arrived whole can be read after `async with`, and once more after "
        "`release()`.",
        "`get_encoding()` takes every `+json` type for UTF-8 (RFC 8259), as `application/json`; "
        "a Content-Type that is malformed counts as none.",
        "Attributes other than `status` are read-only.",
        "Names of `headers` are written as they came; aiohttp writes those it knows its own way.",
        "Reading on after the session was closed raises `ClientConnectionError`, where aiohttp may "
        "have `RuntimeError`.",
        "After a 101 that is no WebSocket's `connection` is None: only WebSockets can be taken "
        "over.",
    ),
    "ClientSession": (
        "`params=` as text is sent as it stands, as aiohttp's documentation has it; aiohttp itself "
        "quotes its percent signs once more.",
        "A value of a wrong type is a `TypeError`; aiohttp has `ValueError` for some.",
        "No warnings of large bodies of bytes, and of parameters that change nothing.",
    ),
    "ClientTimeout": "`ceil_threshold` is kept for its signature alone.",
    "ClientWebSocketResponse": "The server's Close is answered with its own code, and after 30 "
    "seconds if nobody has received it. See [WebSockets](websockets.md) for more.",
    "CookieJar": (
        "Keeps no `Secure` cookie from http and none for a whole top-level domain.",
        "`Set-Cookie` is read as RFC 6265bis has it: attributes end at a semicolon alone, and "
        "there may be a comma in a name.",
        "All cookies that belong to a request are sent: aiohttp stops at 150, and at 8190 bytes.",
        "`save()` always writes with mode 0600, and in a form of its own; `load()` reads that of "
        "aiohttp too.",
        "In `cookies` and `host_only_cookies` the path of a whole site is `/`, where aiohttp has "
        "an empty one.",
    ),
    "MultipartWriter": "A boundary must be one that RFC 2046 allows.",
    "Payload": "aiohttp.web takes aiohttp's own payloads alone as the body of a response.",
    "ServerTimeoutError": "`TotalTimeoutError` tells that the limit for the whole request was "
    "reached; it is a `TimeoutError`, as aiohttp's plain one.",
    "StreamReader": (
        "A line that is too long is a `ValueError`, and is not taken.",
        "`wait_eof()` waits as a reader does: not while another task reads.",
    ),
    "TextIOPayload": "A UTF-8 file is sent with its line ends untouched, another one in chunks.",
    "TraceConfig": (
        "`on_response_chunk_received` tells each piece as it arrives, before content decoding and "
        "however the body is read; aiohttp tells the decoded body once, of `read()` alone.",
        "One whose `on_request_start` raises is told of the exception too.",
    ),
    "WSMsgType": "Equal to aiohttp's own in a program that uses aiohttp.web as well, but not "
    "identical: compare with `==`.",
}

_MADE_WITHIN = "made by the session alone; who subclasses it gets the arguments that ours is given"
_EVENT = "made where the moment happens; the attributes are the same"
_PARTS = "the request is put together before it is made known: change `headers`, `method` and the \
body by `update_body`"
_CONNECT = "private in all but name (it takes traces and timeouts): give `dialer` to a connector \
of your own"

UNEQUAL: dict[str, str] = {
    "BasicAuth*(encoding='latin1')": "`latin1` if it has every character, else `utf-8`",
    "*Connector.__enter__": "deprecated in aiohttp: use `async with`",
    "*Connector.connect": _CONNECT,
    "ClientRequest(*)": _MADE_WITHIN,
    "ClientRequest.*": _PARTS,
    "ClientResponse(*)": _MADE_WITHIN,
    "ClientResponse.start": "the response exists once its head is there",
    "ClientResponse.json(loads=*)": "None stands for `json.loads`",
    "*.ATTRS": "a list for aiohttp's own use",
    "ClientSession(ws_response_class=*)": "None stands for `ClientWebSocketResponse`, which is \
imported with the first WebSocket",
    "ClientWebSocketResponse(*)": _MADE_WITHIN,
    "CookieJar.*TIME*": "constants of aiohttp's parser",
    "CookieJar.DATE_*": "constants of aiohttp's parser",
    "*DataQueue.set_exception(*)": "None stands for no cause",
    "DummyCookieJar.filter_cookies(*)": "the URL may be left out",
    "Fingerprint.HASHFUNC_BY_DIGESTLEN": "a table for aiohttp's own use; SHA-256 alone is taken",
    "StreamReader.set_exception(*)": "None stands for no cause",
    "Trace*Params(*)": _EVENT,
}
